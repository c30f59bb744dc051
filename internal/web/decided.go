package web

import "strings"

// showDecided shows what could become an entry of an own list, and what was
// proposed.
func showDecided(v *visit) error {
	found, err := v.s.options.Desks.Lists.Decided(v.r.Context(), v.actor, v.listID())
	if err != nil {
		return err
	}
	return v.show(decidedPage(v.frame("decided.title", "/lists"), found, v.actor.ID, v.takeDone()))
}

func (v *visit) backToDecided(key string) error {
	return v.done("/lists/"+v.r.PathValue("id")+"/decided", key)
}

func proposeEntry(v *visit) error {
	_, second, err := v.s.options.Desks.Lists.Propose(v.r.Context(), v.actor, v.listID(), strings.TrimSpace(v.r.PostFormValue("item")), v.reason())
	if err != nil {
		return err
	}
	if second {
		return v.backToDecided("decided.proposed.second")
	}
	return v.backToDecided("decided.proposed")
}

func (v *visit) proposalID() string { return "proposal/" + v.r.PathValue("proposal") }

func confirmProposal(v *visit) error {
	if _, err := v.s.options.Desks.Lists.Confirm(v.r.Context(), v.actor, v.listID(), v.proposalID()); err != nil {
		return err
	}
	return v.backToDecided("decided.confirmed")
}

func refuseProposal(v *visit) error {
	if err := v.s.options.Desks.Lists.Refuse(v.r.Context(), v.actor, v.listID(), v.proposalID(), v.reason()); err != nil {
		return err
	}
	return v.backToDecided("decided.refused")
}
