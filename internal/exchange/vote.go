package exchange

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
)

// Voter is a [Source] that takes votes about its records: a member says that a fingerprint
// is right or wrong. A later vote about the same fingerprint takes the place of the earlier
// one, so that the same vote sent twice counts once.
type Voter interface {
	// VoteReasons are those that a negative vote about a kind of digest can give.
	//
	// Errors: those of [Source].
	VoteReasons(ctx context.Context, kind hashlist.Kind) ([]Reason, error)
	// Vote says what the organisation holds of a record.
	//
	// Errors: those of [Source]; Conflict when the exchange does not take it, whenever it
	// is sent.
	Vote(ctx context.Context, v Vote) error
}

// Reason is one reason of negative votes, in the exchange's words.
type Reason struct{ GUID, Name string }

// Vote is one vote.
type Vote struct {
	// Record is the [Change.Key] of the record, Kind the digest that is voted on.
	Record string
	Kind   hashlist.Kind
	// Affirmative: it is right; else Reason is the GUID of why it is wrong.
	Affirmative bool
	Reason      string
}

// maxReasons is how many reasons an exchange may name.
const maxReasons = 200

// ncmecFingerprint is what NCMEC calls a kind of digest.
func ncmecFingerprint(kind hashlist.Kind) string {
	return strings.ReplaceAll(strings.ToUpper(kind.String()), "-", "")
}

// VoteReasons asks for /v2/feedback/{type}/reasons, see [Voter].
func (s *NCMECSource) VoteReasons(ctx context.Context, kind hashlist.Kind) ([]Reason, error) {
	text, err := s.say(ctx, http.MethodGet, "/v2/feedback/"+ncmecFingerprint(kind)+"/reasons", nil)
	if err != nil {
		return nil, err
	}
	return parseReasons(text)
}

// parseReasons reads the reasons of an exchange.
//
// Errors: Unavailable.
func parseReasons(text []byte) ([]Reason, error) {
	var answer struct {
		XMLName xml.Name
		Reasons []struct {
			GUID string `xml:"guid,attr"`
			Name string `xml:"name,attr"`
		} `xml:"reason"`
	}
	if err := parseXML(text, &answer); err != nil {
		return nil, err
	}
	if answer.XMLName.Local != "availableFeedbackReasons" || len(answer.Reasons) > maxReasons {
		return nil, odd("it holds no reasons of votes, or too many")
	}
	seen := map[string]bool{}
	var all []Reason
	for _, r := range answer.Reasons {
		reason := Reason{GUID: strings.TrimSpace(r.GUID), Name: shorten(r.Name)}
		if !isKey(reason.GUID) || reason.Name == "" || seen[reason.GUID] {
			return nil, odd("a reason has no identifier or no name, or stands twice")
		}
		seen[reason.GUID] = true
		all = append(all, reason)
	}
	return all, nil
}

// feedbackSubmission is the body of a vote.
type feedbackSubmission struct {
	XMLName     xml.Name  `xml:"https://hashsharing.ncmec.org/hashsharing/v2 feedbackSubmission"`
	Affirmative *struct{} `xml:"affirmative"`
	Negative    *struct {
		GUIDs []string `xml:"reasonIds>guid"`
	} `xml:"negative"`
}

// Vote puts /v2/entries/{member}/{entry}/{type}/feedback, see [Voter]. What is answered
// beside 200 is not documented, and not read.
func (s *NCMECSource) Vote(ctx context.Context, v Vote) error {
	member, entry, found := strings.Cut(v.Record, "/")
	if !found || (v.Kind != hashlist.MD5 && v.Kind != hashlist.SHA1) || v.Affirmative != (v.Reason == "") {
		return problem.New(problem.Conflict, "the exchange takes no vote of this form", "vote on an MD5 or SHA-1, with a reason where it is wrong")
	}
	body := feedbackSubmission{}
	if v.Affirmative {
		body.Affirmative = &struct{}{}
	} else {
		body.Negative = &struct {
			GUIDs []string `xml:"reasonIds>guid"`
		}{[]string{v.Reason}}
	}
	text, err := xml.Marshal(body)
	if err != nil {
		return err
	}
	_, err = s.say(ctx, http.MethodPut, "/v2/entries/"+url.PathEscape(member)+"/"+url.PathEscape(entry)+"/"+ncmecFingerprint(v.Kind)+"/feedback", append([]byte(xml.Header), text...))
	if err != nil && declined(err) {
		known := problem.From(err)
		return problem.New(problem.Conflict, known.Reason, "see whether the exchange still holds the entry; ask those who run it").Because(err)
	}
	return err
}

// say sends something small to the exchange.
func (s *NCMECSource) say(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	user, password, err := s.Credentials.pair(":", "user:password")
	if err != nil {
		return nil, err
	}
	return say(ctx, s.Through, shortPatience, maxShort, method, strings.TrimSuffix(s.Base, "/")+path, body, func(r *http.Request) {
		r.SetBasicAuth(user, password)
		r.Header.Set("Accept", "application/xml")
		if body != nil {
			r.Header.Set("Content-Type", "application/xml; charset=utf-8")
		}
	})
}
