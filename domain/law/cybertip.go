package law

import (
	"fmt"
	"slices"

	"github.com/brdoproject/brdo/domain/problem"
)

// CyberTip are the rules of reports to NCMEC's CyberTipline: what the values of its schema
// are that a person or a table of ours chooses.
type CyberTip struct {
	Profile
	// Incidents are the types of incidents; their titles are the values of the schema.
	Incidents []Choice `json:"incidents"`
	// EscalationMax is the longest reason of an escalation, in bytes.
	EscalationMax int `json:"escalation_max"`
	// Services say which element describes an incident on a service of the report form
	// (the key): [WebPage] or [Chat].
	Services []Choice `json:"services"`
	// Industry is the id of the mapping whose class is sent as industryClassification.
	Industry string `json:"industry"`
}

// The elements of the schema that an incident can be described in here.
const (
	WebPage = "webPageIncident"
	Chat    = "chatImIncident"
)

// Incident returns the value of the schema; ok is false when there is no such type.
func (c *CyberTip) Incident(key string) (value string, ok bool) { return titleOf(c.Incidents, key) }

// Element returns the element for a service; ok is false when there is none.
func (c *CyberTip) Element(service string) (name string, ok bool) {
	return titleOf(c.Services, service)
}

func titleOf(choices []Choice, key string) (title string, ok bool) {
	at := slices.IndexFunc(choices, func(c Choice) bool { return c.Key == key })
	if at < 0 {
		return "", false
	}
	return choices[at].Title, true
}

func (c *CyberTip) validate() error {
	if c.EscalationMax < 1 {
		return problem.InvalidField("escalation_max", "is not positive", "")
	}
	for i, service := range c.Services {
		if service.Title != WebPage && service.Title != Chat {
			return problem.InvalidField(fmt.Sprintf("services[%d].title", i), "is no element that reports are written in here", "use "+WebPage+" or "+Chat)
		}
	}
	if err := validateChoices("services", c.Services); err != nil {
		return err
	}
	return validateChoices("incidents", c.Incidents)
}
