package web

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
