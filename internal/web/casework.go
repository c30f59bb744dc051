package web

import (
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

func showReports(v *visit) error {
	before, _ := time.Parse(time.RFC3339Nano, v.r.URL.Query().Get("before"))
	found, err := v.s.options.Desks.Reports.Reports(v.r.Context(), v.actor, before, 50)
	if err != nil {
		return err
	}
	return v.show(reportsPage(v.frame("reports.title", "/reports"), found, v.takeDone()))
}

func composeReport(v *visit) error {
	id, err := v.s.options.Desks.Reports.Compose(v.r.Context(), v.actor, v.r.PostFormValue("item"), v.r.PostFormValue("sighting"))
	if err != nil {
		return err
	}
	return v.done("/"+strings.Replace(id, "report/", "reports/", 1), "report.composed")
}

func (v *visit) reportID() string { return "report/" + v.r.PathValue("id") }

func (v *visit) backToReport(key string) error {
	return v.done("/reports/"+v.r.PathValue("id"), key)
}

func showReport(v *visit) error {
	view, err := v.s.options.Desks.Reports.Report(v.r.Context(), v.actor, v.reportID())
	if err != nil {
		return err
	}
	return v.show(reportPage(v.frame("report.title", "/reports"), view, answersOf(view.Report), answering{}, v.actor, v.takeDone()))
}

// answer reads a yes-or-no question; nothing chosen stays unanswered.
func (v *visit) answer(name string) *bool {
	switch v.r.PostFormValue(name) {
	case "yes":
		return new(true)
	case "no":
		return new(false)
	}
	return nil
}

func submitReport(v *visit) error {
	if err := v.s.options.Desks.Reports.Submit(v.r.Context(), v.actor, v.reportID()); err != nil {
		return err
	}
	return v.backToReport("report.submitted")
}

func approveReport(v *visit) error {
	if err := v.s.options.Desks.Reports.Approve(v.r.Context(), v.actor, v.reportID()); err != nil {
		return err
	}
	return v.backToReport("report.approved")
}

func returnReport(v *visit) error {
	if err := v.s.options.Desks.Reports.Return(v.r.Context(), v.actor, v.reportID(), strings.TrimSpace(v.r.PostFormValue("reason"))); err != nil {
		return err
	}
	return v.backToReport("report.returned")
}

func withdrawReport(v *visit) error {
	if err := v.s.options.Desks.Reports.Withdraw(v.r.Context(), v.actor, v.reportID(), strings.TrimSpace(v.r.PostFormValue("reason"))); err != nil {
		return err
	}
	return v.backToReport("report.withdrawn")
}

// takeReportBack recalls a delivered report, or asks to erase it everywhere.
func takeReportBack(v *visit) error {
	erase := v.answer("erase")
	if erase == nil {
		return problem.InvalidField("erase", "is not answered", "say whether it shall be erased everywhere, or only taken back")
	}
	if err := v.s.options.Desks.Reports.TakeBack(v.r.Context(), v.actor, v.reportID(), *erase, v.reason()); err != nil {
		return err
	}
	return v.backToReport("report.recalled")
}

var errNoFile = problem.InvalidField("file", "no file was chosen", "choose the file to import")
