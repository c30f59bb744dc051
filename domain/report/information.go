package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/form"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// maxWords is the longest text that a person adds to what a user is told, in bytes.
const maxWords = 4000

// Information is what the user concerned by a report is told (Article 12(2)):
// the main content of the report, how the provider became aware, what followed
// as far as it knows, and the possibilities of redress. It names no person:
// neither another user, nor a child, nor whoever flagged anything.
type Information struct {
	Report     string    `json:"report"`
	Profile    law.Ref   `json:"profile"`
	Provider   Provider  `json:"provider"`
	Service    []string  `json:"service,omitempty"`
	ReportedAt time.Time `json:"reported_at"`
	// Types and Awareness are the titles that the form has for them.
	Types     []string `json:"types"`
	Awareness string   `json:"awareness"`
	// Places are addresses of the user's own material. They stay empty when the
	// report names several users, because they may be another one's.
	Places []string `json:"places,omitempty"`
	Words
}

// Words are what a person says to the user.
type Words struct {
	// FollowUp is what followed the report, as far as the provider knows.
	FollowUp string `json:"follow_up,omitempty"`
	// Redress are the possibilities of redress beside the complaint to the
	// Coordinating Authority, which the form names itself.
	Redress string `json:"redress"`
}

// Check reports what is wrong with the words: Invalid, naming the field.
func (w Words) Check() error {
	if len(form.Lines(w.Redress)) == 0 {
		return problem.InvalidField("redress", "is missing", "say where the user can complain or sue; Article 12(2) asks for it")
	}
	for name, text := range map[string]string{"follow_up": w.FollowUp, "redress": w.Redress} {
		if err := problem.TooLong(name, text, maxWords); err != nil {
			return err
		}
	}
	return nil
}

// Information prepares what a user is told about the report.
func (r Report) Information(profile *law.ReportForm, words Words) Information {
	i := Information{
		Report: r.ID, Profile: r.Profile, Provider: r.Form.Provider, ReportedAt: r.Form.IssuedAt,
		Service:   form.Lines(title(profile.Services, r.Form.Service.Type), r.Form.Service.Info),
		Awareness: title(profile.Awareness, r.Form.Awareness.Channel), Words: words,
	}
	for _, key := range r.Form.Types {
		i.Types = append(i.Types, title(profile.Types, key))
	}
	if len(r.Form.Users) == 1 {
		i.Places = form.Lines(r.Form.Service.URL)
	}
	return i
}

// FollowUp are the sentences of the form that say what followed the report, for a
// person to begin with.
func (r Report) FollowUp(profile *law.ReportForm, state State, takenBack bool) string {
	sentences := []string{profile.FollowUp.Sent}
	if state == Rejected {
		sentences = append(sentences, profile.FollowUp.Unfounded)
	}
	if takenBack {
		sentences = append(sentences, profile.FollowUp.TakenBack)
	}
	if removed := r.Form.Removed; removed != nil && *removed {
		sentences = append(sentences, profile.FollowUp.Removed)
	}
	return strings.Join(sentences, "\n")
}

// title is how the form calls a choice; one that it does not know keeps its key.
func title(choices []law.Choice, key string) string {
	for _, choice := range choices {
		if choice.Key == key {
			return choice.Title
		}
	}
	return key
}

// Sheet fills the information into its template, with the SHA-256 of its bytes.
func (i Information) Sheet(profile *law.ReportForm) (form.Form, error) {
	filled, err := form.Fill(profile.Information, profile.Profile, profile.Language, i.values, nil)
	if err != nil {
		return form.Form{}, err
	}
	text, err := json.Marshal(i)
	if err != nil {
		return form.Form{}, fmt.Errorf("writing what a user is told: %w", err)
	}
	sum := sha256.Sum256(text)
	filled.Document, filled.Digest = i.Report, hex.EncodeToString(sum[:])
	return filled, nil
}

// values gives the fields by the keys of the template.
func (i Information) values(key string) ([]string, bool) {
	switch key {
	case "provider.name":
		return form.Lines(i.Provider.Name), true
	case "provider.contact_point":
		return form.Lines(i.Provider.ContactPoint), true
	case "provider.contact_info":
		return form.Lines(i.Provider.ContactInfo), true
	case "service":
		return i.Service, true
	case "reported_at":
		return form.Lines(form.Moment(i.ReportedAt)), true
	case "types":
		return i.Types, true
	case "awareness":
		return form.Lines(i.Awareness), true
	case "places":
		return i.Places, true
	case "follow_up":
		return form.Lines(i.FollowUp), true
	case "redress":
		return form.Lines(i.Redress), true
	}
	return nil, false
}
