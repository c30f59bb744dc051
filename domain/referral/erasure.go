package referral

// BarsErasure says why the Centre may not erase what a report says now; empty
// when the report is at its end. Until then somebody acts on it, and what they
// act on stays.
func (m Matter) BarsErasure() string {
	switch {
	case len(m.Claimants()) > 0:
		return "authorities act on the report"
	case m.State.Open():
		return "the report has not ended: somebody is responsible for it"
	}
	return ""
}

// BarsErasure says why an authority may not erase what a report says now; empty
// when this authority is not asked to act on it and does not.
func (r Referral) BarsErasure() string {
	switch {
	case r.Standing == StandingOffered:
		return "the report is offered to this authority: claim or decline it first"
	case r.Standing == StandingClaimed, r.Standing == StandingReleasing, r.Standing == StandingFinishing:
		return "this authority acts on the report"
	}
	return ""
}
