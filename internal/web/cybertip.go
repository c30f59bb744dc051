package web

import (
	"context"
	"slices"
	"strings"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/reports"
)

// chooseReportRecipient saves whom a report goes to.
func chooseReportRecipient(v *visit) error {
	text := func(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }
	var choice *report.CyberTip
	switch text("recipient") {
	case "centre":
	case cybertip.Recipient:
		choice = &report.CyberTip{Incident: text("incident"), Escalate: text("escalate"), Account: report.Disabled(text("account"))}
	default:
		return problem.InvalidField("recipient", "nobody was chosen", "choose whom the report goes to")
	}
	if err := v.s.options.Desks.Reports.Choose(v.r.Context(), v.actor, v.reportID(), choice, v.reason()); err != nil {
		return err
	}
	return v.backToReport("cybertip.chosen")
}

// sendReportAgain lets a report go on that waits for a person on its way to the CyberTipline.
func sendReportAgain(v *visit) error {
	if err := v.s.options.Desks.Reports.SendAgain(v.r.Context(), v.actor, v.reportID()); err != nil {
		return err
	}
	return v.backToReport("cybertip.goeson")
}

// sendsReports says whether the page offers to let a report go on.
func sendsReports(actor mandate.Actor) bool {
	return actor.Has(mandate.Analyst) || actor.Has(mandate.SecondLooker) || actor.Has(mandate.Supervisor)
}

// chosenTip is what a person chose before; empty when nobody did.
func chosenTip(v reports.View) report.CyberTip {
	if v.Report.Control.CyberTip == nil {
		return report.CyberTip{}
	}
	return *v.Report.Control.CyberTip
}

// outlined are the lines of a document; one that cannot be read shows that in their place.
func outlined(lines []cybertip.Line, err error) []cybertip.Line {
	if err != nil {
		return []cybertip.Line{{Path: []string{"?"}, Text: problem.From(err).Reason}}
	}
	return lines
}

// ownFields are what is moved or not sent and has no wording in the form.
var ownFields = []string{
	"provider", "users.billing", "users.last_login", "victims.billing", "victims.last_login", "control.batch", "control.client_ref", "control.files.classes", "control.files.labels",
}

// movedField names a field as the form words it, or in our own words.
func movedField(ctx context.Context, v reports.View, field string) string {
	if at := slices.IndexFunc(v.Form.Fields, func(f law.Field) bool { return f.Key == field }); at >= 0 {
		return v.Form.Fields[at].Wording
	}
	if slices.Contains(ownFields, field) {
		return t(ctx, "cybertip.field."+field)
	}
	return field
}
