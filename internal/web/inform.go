package web

import (
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/print"
)

func prepareInformation(v *visit) error {
	words := report.Words{FollowUp: v.field("follow_up"), Redress: v.field("redress")}
	if err := v.s.options.Desks.Reports.Prepare(v.r.Context(), v.actor, v.reportID(), words); err != nil {
		return err
	}
	return v.done("/reports/"+v.r.PathValue("id")+"/information", "inform.prepared")
}

func showInformation(v *visit) error {
	sheet, notice, err := v.s.options.Desks.Reports.Sheet(v.r.Context(), v.actor, v.reportID())
	if err != nil {
		return err
	}
	return v.show(informationPage(v.frame("inform.title", "/reports"), v.reportID(), sheet, notice, v.takeDone()))
}

func printInformation(v *visit) error {
	sheet, notice, err := v.s.options.Desks.Reports.Sheet(v.r.Context(), v.actor, v.reportID())
	if err != nil {
		return err
	}
	file, err := print.PDF(sheet, notice.DueSince)
	if err != nil {
		return err
	}
	return v.pdf("information", file)
}

func recordInformed(v *visit) error {
	if err := v.s.options.Desks.Reports.Informed(v.r.Context(), v.actor, v.reportID()); err != nil {
		return err
	}
	return v.backToReport("inform.told")
}

func recordNobody(v *visit) error {
	if err := v.s.options.Desks.Reports.NobodyToInform(v.r.Context(), v.actor, v.reportID(), v.reason()); err != nil {
		return err
	}
	return v.backToReport("inform.nobody.done")
}
