package web

// eraseReceived erases, at the Centre, what a report says.
func eraseReceived(v *visit) error {
	if err := v.s.options.Desks.Routing.Erase(v.r.Context(), v.actor, v.receivedID(), v.reason()); err != nil {
		return err
	}
	return v.backToMatter("erasure.recorded")
}

// eraseReferral erases, at an authority, what a report says.
func eraseReferral(v *visit) error {
	if err := v.s.options.Desks.Routing.EraseReferral(v.r.Context(), v.actor, v.referralID(), v.reason()); err != nil {
		return err
	}
	return v.backToReferral("erasure.recorded")
}
