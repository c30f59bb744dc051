package web

import (
	"context"
	"mime"
	"slices"
	"strings"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/desk/journey"
)

func (v *visit) journeys() *journey.Desk { return v.s.options.Desks.Journey }

// reportName is the name of a report that the request's path holds.
func (v *visit) reportName() string { return "report/" + v.r.PathValue("id") }

func showJourney(v *visit) error {
	j, err := v.journeys().Journey(v.r.Context(), v.actor, v.reportName())
	if err != nil {
		return err
	}
	return v.show(journeyPage(v.frame("journey.of", ""), j, v.actor, v.s.options.Overview))
}

// journeyProofs gives out the records of a journey with their proofs.
func journeyProofs(v *visit) error {
	bundle, err := v.journeys().Proofs(v.r.Context(), v.actor, v.reportName())
	if err != nil {
		return err
	}
	return v.file("journey-"+v.r.PathValue("id")+".jsonl", "application/jsonl", bundle)
}

func journeyReceipt(v *visit) error {
	text, err := v.journeys().Receipt(v.r.Context(), v.actor, v.reportName(), v.r.PathValue("envelope"))
	if err != nil {
		return err
	}
	return v.file("receipt-"+v.r.PathValue("envelope")+".jws", "application/jose", []byte(text))
}

// file gives out a file to be kept.
func (v *visit) file(name, kind string, content []byte) error {
	v.w.Header().Set("Content-Type", kind)
	v.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	_, err := v.w.Write(content)
	return err
}

// journeyPath is the page of the journey of a report.
func journeyPath(report string) string { return "/journey/" + strings.TrimPrefix(report, "report/") }

// placePath is the page of what a report is called here. Questions of other
// authorities stand on the page of all orders.
func placePath(place string) string {
	if strings.HasPrefix(place, "deconfliction/") {
		return "/orders"
	}
	return "/" + pathOf(place)
}

// followsReports says what the page offers to a person; the policy decides.
func followsReports(actor mandate.Actor) bool {
	return slices.ContainsFunc([]mandate.Role{mandate.Analyst, mandate.Supervisor, mandate.Investigator, mandate.Auditor}, actor.Has)
}

// didActions are the actions that have words of their own in a journey.
var didActions = []mandate.Action{
	mandate.ReportCompose, mandate.ReportAmend, mandate.ReportApprove, mandate.ReportSend, mandate.ReportTransmit, mandate.ReportReceive, mandate.ReportAssess, mandate.ReportRoute,
	mandate.ReportAsk, mandate.ReportAnswer, mandate.ReportRate, mandate.ReportRecall, mandate.ReportErase, mandate.ReportClaim, mandate.ReportEscalate,
	mandate.OutcomeRecord, mandate.NoticeRecord, mandate.NoticeHold, mandate.OrderRequest, mandate.DeconflictionAsk,
	mandate.DeconflictionAnswer, mandate.OrderIssue, mandate.OrderFollow, mandate.OrderReceive, mandate.OrderEvaluate, mandate.OrderExecute, mandate.OrderAnswer,
	mandate.OrderInform, mandate.OrderVerify, mandate.OrderEscalate, mandate.VoluntaryOpen, mandate.VoluntarySend, mandate.VoluntaryFollow, mandate.VoluntaryRecall, mandate.VoluntaryVerify,
	mandate.VoluntaryReceive, mandate.VoluntaryConsider, mandate.VoluntaryEscalate, mandate.AlarmLook, mandate.HoldRecord, mandate.EnvelopeReceive, mandate.EnvelopeDeliver, mandate.LogExport,
}

// didText says what an action is; one that a journey rarely has is named as the
// log names it.
func didText(ctx context.Context, action string) string {
	if slices.ContainsFunc(didActions, func(a mandate.Action) bool { return a.Name == action }) {
		return t(ctx, "journey.did."+action)
	}
	return action
}

// kindText names a kind of envelope. One of kind receipt follows up what was
// receipted before.
func kindText(ctx context.Context, kind string) string {
	if kind == string(mandate.EnvelopeReceipt) {
		return t(ctx, "journey.follow-up")
	}
	return worded(kind)
}

// worded writes a closed word as people read it.
func worded(word string) string { return strings.ReplaceAll(word, "-", " ") }
