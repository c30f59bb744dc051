package web

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/reports"
)

func (v *visit) questionID() string { return "question/" + v.r.PathValue("question") }

// askReporter asks whoever reported for what a report lacks.
func askReporter(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return problem.InvalidField("form", "it cannot be read", "load the page again").Because(err)
	}
	if _, err := v.s.options.Desks.Routing.Ask(v.r.Context(), v.actor, v.receivedID(), v.r.PostForm["fields"]); err != nil {
		return err
	}
	return v.backToMatter("ask.sent")
}

// askThrough asks whoever reported through the Centre, at an authority.
func askThrough(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return problem.InvalidField("form", "it cannot be read", "load the page again").Because(err)
	}
	if _, err := v.s.options.Desks.Routing.AskThrough(v.r.Context(), v.actor, v.referralID(), v.r.PostForm["fields"]); err != nil {
		return err
	}
	return v.backToReferral("ask.sent")
}

func withdrawAsked(v *visit) error {
	if err := v.s.options.Desks.Routing.WithdrawQuestion(v.r.Context(), v.actor, v.referralID(), v.questionID(), v.reason()); err != nil {
		return err
	}
	return v.backToReferral("ask.taken")
}

func withdrawQuestion(v *visit) error {
	if err := v.s.options.Desks.Routing.WithdrawQuestion(v.r.Context(), v.actor, v.receivedID(), v.questionID(), v.reason()); err != nil {
		return err
	}
	return v.backToMatter("ask.taken")
}

// answering is the form in which people answer a question: what was typed and,
// when it was not sent, why.
type answering struct {
	Question string
	Typed    url.Values
	Refused  *problem.Error
}

// typed is what stands in an input.
func (a answering) typed(input string) string { return a.Typed.Get(input) }

// yes is a yes-or-no answer that was typed.
func (a answering) yes(input string) *bool {
	switch a.typed(input) {
	case "yes":
		return new(true)
	case "no":
		return new(false)
	}
	return nil
}

// of are the answers that were typed for one question; none for the others.
func (a answering) of(question string) answering {
	if a.Question != question {
		return answering{}
	}
	return a
}

// answerReport sends the answer to a question. One that is refused comes back as
// it was typed.
func answerReport(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return problem.InvalidField("form", "it cannot be read", "load the page again").Because(err)
	}
	form := answering{Question: v.questionID(), Typed: v.r.PostForm}
	supplement, err := form.supplement()
	if err == nil {
		err = v.s.options.Desks.Reports.Answer(v.r.Context(), v.actor, v.reportID(), form.Question, supplement)
	} else {
		err = v.s.options.Desks.Reports.Refused(v.r.Context(), v.actor, v.reportID(), err) // one event all the same
	}
	if err == nil {
		return v.backToReport("ask.answered")
	}
	if !problem.Is(err, problem.Invalid) {
		return err
	}
	view, failed := v.s.options.Desks.Reports.Report(v.r.Context(), v.actor, v.reportID())
	if failed != nil {
		return err
	}
	form.Refused = problem.From(err)
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(statuses[form.Refused.Kind])
	return v.show(reportPage(v.frame("report.title", "/reports"), view, answersOf(view.Report), form, v.actor, ""))
}

func approveAnswer(v *visit) error {
	if err := v.s.options.Desks.Reports.ApproveAnswer(v.r.Context(), v.actor, v.reportID(), v.questionID()); err != nil {
		return err
	}
	return v.backToReport("ask.approved")
}

func returnAnswer(v *visit) error {
	if err := v.s.options.Desks.Reports.ReturnAnswer(v.r.Context(), v.actor, v.reportID(), v.questionID(), v.reason()); err != nil {
		return err
	}
	return v.backToReport("ask.returned")
}

// supplement reads what was typed. Which fields were asked for, and whether each
// has its answer, is the desk's matter.
//
// Errors: Invalid for a line of addresses that cannot be read.
func (a answering) supplement() (s report.Supplement, err error) {
	value := func(key string) string { return strings.TrimSpace(a.typed("value." + key)) }
	entry := func(key string) []report.Entry {
		if value(key) == "" {
			return nil
		}
		return []report.Entry{{Nature: report.Fact, Name: "answer to a question", Text: value(key)}}
	}
	person := func(key string) []report.Person {
		p := report.Person{Username: value(key + ".username"), Email: value(key + ".email"), Phone: value(key + ".phone"), Other: report.PersonOther{UID: value(key + ".uid")}}
		if !p.Identifies() {
			return nil
		}
		return []report.Person{p}
	}
	s.Values = report.Form{
		Provider: report.Provider{Name: value("provider.name"), LegalRep: value("provider.legal_rep"), ContactPoint: value("provider.contact_point"), ContactInfo: value("provider.contact_info")},
		Urgent:   a.yes("value.urgent"), Types: a.Typed["value.types"], Content: entry("content"), OtherData: entry("other_data"), Extra: entry("extra"),
		Users: person("users"), Victims: person("victims"), Removed: a.yes("value.removed"), LegalBasis: value("legal_basis"),
		Geo:          report.Geo{Other: value("geo.other")},
		Service:      report.Service{Type: value("service.type"), Info: value("service.info"), URL: value("service.url")},
		Awareness:    report.Awareness{Channel: value("awareness.channel"), Details: value("awareness.details")},
		ThirdCountry: report.ThirdCountry{Reported: a.yes("value.third_country.reported"), Name: value("third_country.name"), Ref: value("third_country.ref")},
		UserDecision: report.UserDecision{Taken: a.yes("value.user_decision.taken"), Details: value("user_decision.details")},
	}
	for _, key := range []string{"geo.ip_events", "geo.ip_events.port"} {
		events, err := typedAddresses(key, value(key))
		if err != nil {
			return s, err
		}
		s.Values.Geo.IPEvents = append(s.Values.Geo.IPEvents, events...)
	}
	// Who names the authority or the decision says yes by that.
	if s.Values.ThirdCountry.Reported == nil && s.Values.ThirdCountry != (report.ThirdCountry{}) {
		s.Values.ThirdCountry.Reported = new(true)
	}
	if s.Values.UserDecision.Taken == nil && s.Values.UserDecision.Details != "" {
		s.Values.UserDecision.Taken = new(true)
	}
	for input, typed := range a.Typed {
		key, is := strings.CutPrefix(input, "without.")
		if why := strings.TrimSpace(strings.Join(typed, " ")); is && why != "" {
			s.NotHeld = append(s.NotHeld, report.NotHeld{Field: key, Reason: why})
		}
	}
	slices.SortFunc(s.NotHeld, func(x, y report.NotHeld) int { return strings.Compare(x.Field, y.Field) })
	return s, nil
}

// typedAddresses reads one use of an address a line: the address, and where they
// are known its port and its time (RFC 3339).
func typedAddresses(key, text string) (all []report.IPEvent, err error) {
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		refused := problem.InvalidField("values."+key, fmt.Sprintf("line %d is no use of an address", i+1), "write it as 192.0.2.7 40000 2026-03-01T12:00:00Z")
		event := report.IPEvent{IP: words[0]}
		if _, err := netip.ParseAddr(event.IP); err != nil || len(words) > 3 {
			return nil, refused.Because(err)
		}
		for _, word := range words[1:] {
			if at, err := time.Parse(time.RFC3339, word); err == nil && event.At.IsZero() {
				event.At, event.TZ = at, at.Format("Z07:00")
			} else if port, err := strconv.Atoi(word); err == nil && event.Port == 0 {
				event.Port = port
			} else {
				return nil, refused.Because(err)
			}
		}
		all = append(all, event)
	}
	return all, nil
}

// answerable says whether the page offers to answer a question.
func answerable(q reports.Question, actor mandate.Actor) bool {
	return q.Value.State == report.QuestionOpen && (actor.Has(mandate.Analyst) || actor.Has(mandate.Supervisor))
}

// approvable says whether the page offers to approve the answer to a question.
func approvable(q reports.Question, actor mandate.Actor) bool {
	return q.Value.State == report.QuestionSecond && q.Value.Author != actor.ID && (actor.Has(mandate.SecondLooker) || actor.Has(mandate.Supervisor))
}

// fieldOf is a field of a form; one that it does not have has its key only.
func fieldOf(form *law.ReportForm, key string) law.Field {
	for _, field := range form.Fields {
		if field.Key == key {
			return field
		}
	}
	return law.Field{Key: key, Wording: key, Type: "text"}
}

// choicesOf are the choices of a field of a form, by its type.
func choicesOf(form *law.ReportForm, field law.Field) []law.Choice {
	_, of, _ := strings.Cut(field.Type, ":")
	return map[string][]law.Choice{"types": form.Types, "services": form.Services, "awareness": form.Awareness}[of]
}

// others are the askable fields that a report does not lack.
func others(form *law.ReportForm, lacking []law.Field) []law.Field {
	return slices.DeleteFunc(report.Askable(form), func(f law.Field) bool {
		return slices.ContainsFunc(lacking, func(l law.Field) bool { return l.Key == f.Key })
	})
}

// answered are the fields of a question with what was answered.
func answered(q report.Question, form *law.ReportForm) (rows []sectionRow) {
	if q.Supplement == nil {
		return nil
	}
	values := fieldLines(q.Supplement.Values)
	for _, key := range q.Fields {
		row := sectionRow{Label: fieldOf(form, key).Wording, Lines: values[key]}
		for _, n := range q.Supplement.NotHeld {
			if n.Field == key {
				row.Lines = []string{"not held: " + n.Reason}
			}
		}
		if key == "geo.ip_events.port" && len(row.Lines) > 0 && len(q.Supplement.Values.Geo.IPEvents) > 0 {
			row.Lines = values["geo.ip_events"]
		}
		rows = append(rows, row)
	}
	return rows
}

// questionPath is where a question about a report is answered.
func questionPath(q reports.Question) string {
	return "/" + pathOf(q.Row.Subject) + "/questions/" + strings.TrimPrefix(q.Row.ID, "question/")
}
