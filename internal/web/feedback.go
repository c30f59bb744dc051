package web

import (
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/routing"
)

// rateReport tells whoever reported what the Centre says of a report.
func rateReport(v *visit) error {
	if err := v.s.options.Desks.Routing.Rate(v.r.Context(), v.actor, v.receivedID(), v.field("code")); err != nil {
		return err
	}
	return v.backToMatter("feedback.told")
}

// rateReferral tells what an authority says of a report.
func rateReferral(v *visit) error {
	if err := v.s.options.Desks.Routing.RateReferral(v.r.Context(), v.actor, v.referralID(), v.field("code")); err != nil {
		return err
	}
	return v.backToReferral("feedback.told")
}

func remarksOf(all []routing.Said) (shown []remark) {
	for _, s := range all {
		shown = append(shown, remark{s.At, s.By, s.Reason})
	}
	return shown
}

func remarksAbout(all []reports.Said) (shown []remark) {
	for _, s := range all {
		shown = append(shown, remark{s.At, s.By, s.Reason})
	}
	return shown
}
