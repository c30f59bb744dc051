package web

import (
	"strings"

	"github.com/a-h/templ"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/reports"
)

// amending is the form in which people answer what only they can: what it holds
// and, when it was not saved, why.
type amending struct {
	reports.Answers
	Reason  string
	Refused *problem.Error
}

// answersOf is the form with what a report says already.
func answersOf(r report.Report) amending {
	f := r.Form
	return amending{Answers: reports.Answers{
		Urgent: f.Urgent, Removed: f.Removed, ThirdCountry: f.ThirdCountry, UserDecision: f.UserDecision, Details: f.Awareness.Details, Extra: extraOf(r),
	}}
}

// typed reads the form as it was sent.
func (v *visit) typed() amending {
	text := func(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }
	return amending{Answers: reports.Answers{
		Urgent: v.answer("urgent"), Removed: v.answer("removed"),
		ThirdCountry: report.ThirdCountry{Reported: v.answer("third_country"), Name: text("third_country_name"), Ref: text("third_country_ref")},
		UserDecision: report.UserDecision{Taken: v.answer("user_decision"), Details: text("user_decision_details")},
		Details:      text("details"), Extra: text("extra"),
	}, Reason: text("reason")}
}

// amendReport saves answers. Those that are refused come back as they were
// typed, with the reason beside the field.
func amendReport(v *visit) error {
	form := v.typed()
	err := v.s.options.Desks.Reports.Amend(v.r.Context(), v.actor, v.reportID(), form.Answers, form.Reason)
	if err == nil {
		return v.backToReport("report.amended")
	}
	if !problem.Is(err, problem.Invalid) && !problem.Is(err, problem.Conflict) {
		return err
	}
	view, failed := v.s.options.Desks.Reports.Report(v.r.Context(), v.actor, v.reportID())
	if failed != nil || !amendable(view, v.actor) {
		return err
	}
	form.Refused = problem.From(err)
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(statuses[form.Refused.Kind])
	return v.show(reportPage(v.frame("report.title", "/reports"), view, form, answering{}, v.actor, ""))
}

// amendable says whether the page offers to change a report.
func amendable(v reports.View, actor mandate.Actor) bool {
	switch v.Life.State {
	case report.Draft, report.AwaitingSecondLook, report.Approved, report.Rejected:
		return actor.Has(mandate.Analyst) || actor.Has(mandate.Supervisor)
	}
	return false
}

// refusedInputs are the inputs beside which the refusal of a field stands.
var refusedInputs = []struct{ field, input string }{
	{"form.third_country.ref", "third_country_ref"}, {"form.third_country", "third_country_name"}, {"form.user_decision", "user_decision_details"},
	{"form.awareness.details", "details"}, {"form.extra", "extra"}, {"reason", "reason"},
}

// refusedAt is the input that was refused; empty when it was none of them.
func (a amending) refusedAt() string {
	if a.Refused == nil {
		return ""
	}
	for _, place := range refusedInputs {
		if strings.HasPrefix(a.Refused.Field, place.field) {
			return place.input
		}
	}
	return ""
}

// mark are the attributes of an input that was refused: it says so, and has the
// focus.
func (a amending) mark(input string) templ.Attributes {
	if a.refusedAt() != input {
		return nil
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": "refusal", "autofocus": true}
}
