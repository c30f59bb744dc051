package report

import (
	"fmt"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Feedback is the message by which those who have a report tell, by a closed
// list, of what use and quality it was. It holds no word of a person, so that
// nothing of a case can be told by it.
type Feedback struct {
	// Report is the recipient's name of the report.
	Report string `json:"report"`
	// Profile and Code are what is said.
	Profile law.Ref `json:"profile"`
	Code    string  `json:"code"`
	// By is what the organisation is whose person decided it.
	By string `json:"by"`
}

// FeedbackBy are those who may say something about a report.
var FeedbackBy = []string{"centre", "authority"}

// Check says whether a message says something of the closed list.
//
// Errors: Invalid with the field.
func (f Feedback) Check(rules *law.Routing) error {
	if f.By != FeedbackBy[0] && f.By != FeedbackBy[1] {
		return problem.InvalidField("message.by", "it is neither centre nor authority", "say whose person decided it")
	}
	if _, known := rules.FeedbackOf(f.Code); !known {
		return problem.InvalidField("message.code", fmt.Sprintf("it is not on the list of %s", rules.Ref()), "use a code of the profile")
	}
	return nil
}
