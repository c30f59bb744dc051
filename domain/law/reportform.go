package law

import (
	"fmt"

	"github.com/brdoproject/brdo/domain/problem"
)

// ReportForm is the template of a provider's report and the clocks that begin
// with it, for example Annex III and Articles 12, 13, 22 and 48 of
// COM(2022) 209.
type ReportForm struct {
	Profile
	// Language is that of the wording, as a code of ISO 639-1.
	Language string `json:"language"`
	// Scope is the rule that says when a report is due, and when not.
	Scope        Rule          `json:"scope"`
	Fields       []Field       `json:"fields"`
	Types        []Choice      `json:"types"`
	Services     []Choice      `json:"services"`
	Awareness    []Choice      `json:"awareness"`
	Completeness []Requirement `json:"completeness"`
	// Advice are fields that the template does not require but whose absence
	// makes a report much less useful.
	Advice []Advice   `json:"advice"`
	Clocks FormClocks `json:"clocks"`
	// Information is what a user concerned by a report is told, FollowUp the
	// sentences that a person may begin with to say what followed.
	Information Template `json:"information"`
	FollowUp    FollowUp `json:"follow_up"`
	// Recipients say which control fields go out with the form, by recipient.
	Recipients []Recipient `json:"recipients"`
	Defects    []Defect    `json:"defects"`
}

// FollowUp are sentences about what followed a report, in the form's language.
type FollowUp struct {
	Sent      string `json:"sent"`
	Unfounded string `json:"unfounded"`
	TakenBack string `json:"taken_back"`
	Removed   string `json:"removed"`
}

// Rule is a rule in words with its citation.
type Rule struct {
	Text    string `json:"text"`
	Article string `json:"article"`
}

// Presence says whether a field of the template must be filled.
type Presence string

const (
	Required       Presence = "required"
	WhereAvailable Presence = "where-available"
	WhereRelevant  Presence = "where-relevant"
)

// Field is one field of the printed template.
type Field struct {
	// Key is the JSON path of the field in the report.
	Key string `json:"key"`
	// Item is the number in the printed template ("S1", "5").
	Item string `json:"item"`
	// Wording is the printed wording, shortened.
	Wording  string   `json:"wording"`
	Article  string   `json:"article"`
	Type     string   `json:"type"`
	Presence Presence `json:"presence"`
	// Attachments is true where the template says "attach data as necessary".
	Attachments bool `json:"attachments,omitempty"`
}

// Requirement is one point that makes a report complete.
type Requirement struct {
	Article string `json:"article"`
	Field   string `json:"field"`
	// All of these keys, and at least one of Any, must be filled.
	All []string `json:"all,omitempty"`
	Any []string `json:"any,omitempty"`
	// OnlyTypes limits the point to reports of these types; empty means all.
	OnlyTypes []string `json:"only_types,omitempty"`
	Weight    int      `json:"weight"`
	Reason    string   `json:"reason"`
	Remedy    string   `json:"remedy"`
}

// Advice is a warning about an empty field that lowers no score.
type Advice struct {
	Field   string `json:"field"`
	Article string `json:"article"`
	Reason  string `json:"reason"`
	Remedy  string `json:"remedy"`
}

// Clock is a period of law with its citation and what it runs from.
type Clock struct {
	Length  Period `json:"length"`
	From    string `json:"from"`
	Article string `json:"article"`
}

// FormClocks are the periods that begin with a report.
type FormClocks struct {
	// UserNotice is how long the provider waits for a hold before it informs.
	UserNotice Clock `json:"user_notice"`
	// HoldMax is the longest that informing the user may be held back.
	HoldMax Clock `json:"hold_max"`
	// RetentionMax is the longest that the provider may keep the data.
	RetentionMax Clock `json:"retention_max"`
}

// Recipient is a kind of receiver and the control fields that it may get.
type Recipient struct {
	Key     string   `json:"key"`
	Control []string `json:"control"`
	Reason  string   `json:"reason"`
}

// Defect is an error of the source, shown and never silently corrected.
type Defect struct {
	Article string `json:"article"`
	Printed string `json:"printed"`
	Meant   string `json:"meant"`
}

func (f *ReportForm) validate() error {
	if f.Scope.Text == "" || f.Scope.Article == "" {
		return problem.InvalidField("scope", "lacks its text or its article", "")
	}
	if len(f.Language) != 2 {
		return problem.InvalidField("language", "is no code of two letters", `give the language of the wording, for example "en"`)
	}
	if len(f.Fields) == 0 {
		return problem.InvalidField("fields", "is empty", "list every field of the template")
	}
	if err := f.Information.check("information", []string{TemplateUserInformation}); err != nil {
		return err
	}
	if f.FollowUp.Sent == "" || f.FollowUp.Unfounded == "" || f.FollowUp.TakenBack == "" || f.FollowUp.Removed == "" {
		return problem.InvalidField("follow_up", "lacks a sentence", "say what followed a report that was sent, unfounded, taken back, and whose material was removed")
	}
	seen := map[string]bool{}
	for index, field := range f.Fields {
		at := fmt.Sprintf("fields[%d]", index)
		switch {
		case field.Key == "" || field.Wording == "" || field.Type == "" || field.Item == "":
			return problem.InvalidField(at, "lacks its key, item, wording or type", "")
		case field.Article == "":
			return problem.InvalidField(at+".article", "is missing", "cite the article or the annex")
		case seen[field.Key]:
			return problem.InvalidField(at+".key", fmt.Sprintf("%q is there twice", field.Key), "")
		case field.Presence != Required && field.Presence != WhereAvailable && field.Presence != WhereRelevant:
			return problem.InvalidField(at+".presence", fmt.Sprintf("%q is not known", field.Presence), "use required, where-available or where-relevant")
		}
		seen[field.Key] = true
	}
	for _, list := range []struct {
		name    string
		choices []Choice
	}{{"types", f.Types}, {"services", f.Services}, {"awareness", f.Awareness}} {
		if err := validateChoices(list.name, list.choices); err != nil {
			return err
		}
	}
	if len(f.Completeness) == 0 {
		return problem.InvalidField("completeness", "is empty", "")
	}
	for index, point := range f.Completeness {
		at := fmt.Sprintf("completeness[%d]", index)
		if point.Article == "" || point.Field == "" || point.Reason == "" || point.Remedy == "" {
			return problem.InvalidField(at, "lacks its article, field, reason or remedy", "")
		}
		if point.Weight < 1 || point.Weight > 100 {
			return problem.InvalidField(at+".weight", "must be 1 to 100", "")
		}
		if len(point.All)+len(point.Any) == 0 {
			return problem.InvalidField(at, "names no key that fills it", "give all or any")
		}
		for _, key := range append(append([]string{}, point.All...), point.Any...) {
			if !seen[key] {
				return problem.InvalidField(at, fmt.Sprintf("names the key %q, which is no field of the form", key), "")
			}
		}
		for _, key := range point.OnlyTypes {
			if !f.HasType(key) {
				return problem.InvalidField(at+".only_types", fmt.Sprintf("%q is no type of the form", key), "")
			}
		}
	}
	for index, advice := range f.Advice {
		if !seen[advice.Field] || advice.Reason == "" {
			return problem.InvalidField(fmt.Sprintf("advice[%d]", index), "lacks its reason or names no field of the form", "")
		}
	}
	for _, clock := range []struct {
		name string
		Clock
	}{{"user_notice", f.Clocks.UserNotice}, {"hold_max", f.Clocks.HoldMax}, {"retention_max", f.Clocks.RetentionMax}} {
		if clock.Length.IsZero() || clock.Article == "" || clock.From == "" {
			return problem.InvalidField("clocks."+clock.name, "lacks its length, its start or its article", "")
		}
	}
	return nil
}

// HasType reports whether key is a type of the form.
func (f *ReportForm) HasType(key string) bool { return hasChoice(f.Types, key) }

// HasService reports whether key is a service type of the form.
func (f *ReportForm) HasService(key string) bool { return hasChoice(f.Services, key) }

// HasAwareness reports whether key is an awareness channel of the form.
func (f *ReportForm) HasAwareness(key string) bool { return hasChoice(f.Awareness, key) }

func hasChoice(choices []Choice, key string) bool {
	for _, choice := range choices {
		if choice.Key == key {
			return true
		}
	}
	return false
}
