package web

import (
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/internal/desk/routing"
	"github.com/brdoproject/brdo/internal/store"
)

func showReceived(v *visit) error {
	overview, err := v.s.options.Desks.Routing.Overview(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.show(receivedPage(v.frame("received.title", "/received"), overview))
}

func (v *visit) receivedID() string { return "received/" + v.r.PathValue("id") }

func showReceivedReport(v *visit) error {
	matter, err := v.s.options.Desks.Routing.Matter(v.r.Context(), v.actor, v.receivedID())
	if err != nil {
		return err
	}
	return v.show(matterPage(v.frame("received.one", "/received"), matter, v.actor, v.takeDone()))
}

func (v *visit) backToMatter(key string) error { return v.done("/"+v.receivedID(), key) }

// reason is the field of that name without spaces around it.
func (v *visit) reason() string { return strings.TrimSpace(v.r.PostFormValue("reason")) }

func foundReport(v *visit) error {
	urgent := v.answer("urgent")
	if urgent == nil {
		return problem.InvalidField("urgent", "is not answered", "say whether the Centre finds it urgent (Article 48(4))")
	}
	if err := v.s.options.Desks.Routing.Found(v.r.Context(), v.actor, v.receivedID(), *urgent); err != nil {
		return err
	}
	return v.backToMatter("matter.assessed")
}

func callUnfounded(v *visit) error {
	if err := v.s.options.Desks.Routing.CallUnfounded(v.r.Context(), v.actor, v.receivedID(), v.reason()); err != nil {
		return err
	}
	return v.backToMatter("matter.assessed")
}

func secondUnfounded(v *visit) error {
	agrees := v.answer("agrees")
	if agrees == nil {
		return problem.InvalidField("agrees", "is not answered", "say yes or no")
	}
	if err := v.s.options.Desks.Routing.Second(v.r.Context(), v.actor, v.receivedID(), *agrees); err != nil {
		return err
	}
	return v.backToMatter("matter.assessed")
}

func routeReport(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return problem.InvalidField("form", "it cannot be read", "load the page again").Because(err)
	}
	direction := routing.Direction{To: v.r.PostForm["to"], ThirdStates: strings.Fields(strings.ToUpper(strings.ReplaceAll(v.r.PostFormValue("third_states"), ",", " "))), Reason: v.reason()}
	if err := v.s.options.Desks.Routing.Route(v.r.Context(), v.actor, v.receivedID(), direction); err != nil {
		return err
	}
	return v.backToMatter("matter.routed")
}

func showReferrals(v *visit) error {
	all, err := v.s.options.Desks.Routing.Referrals(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.show(referralsPage(v.frame("referrals.title", "/referrals"), all))
}

func (v *visit) referralID() string { return "referral/" + v.r.PathValue("id") }

func showReferral(v *visit) error {
	r, err := v.s.options.Desks.Routing.Referral(v.r.Context(), v.actor, v.referralID())
	if err != nil {
		return err
	}
	return v.show(referralPage(v.frame("referral.one", "/referrals"), r, v.actor, v.takeDone()))
}

func (v *visit) backToReferral(key string) error {
	return v.done("/referrals/"+v.r.PathValue("id"), key)
}

func claimReferral(v *visit) error {
	if err := v.s.options.Desks.Routing.Claim(v.r.Context(), v.actor, v.referralID()); err != nil {
		return err
	}
	return v.backToReferral("referral.claimed")
}

func declineReferral(v *visit) error {
	if err := v.s.options.Desks.Routing.Decline(v.r.Context(), v.actor, v.referralID(), v.reason()); err != nil {
		return err
	}
	return v.backToReferral("referral.declined")
}

func releaseReferral(v *visit) error {
	if err := v.s.options.Desks.Routing.Release(v.r.Context(), v.actor, v.referralID(), v.reason()); err != nil {
		return err
	}
	return v.backToReferral("referral.released")
}

func finishReferral(v *visit) error {
	if err := v.s.options.Desks.Routing.Finish(v.r.Context(), v.actor, v.referralID(), v.r.PostFormValue("outcome")); err != nil {
		return err
	}
	return v.backToReferral("referral.finished")
}

func preferLead(v *visit) error {
	if err := v.s.options.Desks.Routing.PreferLead(v.r.Context(), v.actor, v.referralID(), v.r.PostFormValue("lead")); err != nil {
		return err
	}
	return v.backToReferral("referral.lead.said")
}

func askToWait(v *visit) error {
	day, err := time.Parse(time.DateOnly, v.r.PostFormValue("until"))
	if err != nil {
		return problem.InvalidField("until", "is no date", "write it as 2026-12-31")
	}
	if err := v.s.options.Desks.Routing.Wait(v.r.Context(), v.actor, v.referralID(), day.AddDate(0, 0, 1), v.reason()); err != nil {
		return err
	}
	return v.backToReferral("referral.hold.asked")
}

// assessItem records what an authority's person found about one item.
func assessItem(v *visit) error {
	confirmed := v.answer("confirmed")
	if confirmed == nil {
		return problem.InvalidField("confirmed", "is not answered", "say whether the item was confirmed")
	}
	if err := v.s.options.Desks.Routing.AssessItem(v.r.Context(), v.actor, v.referralID(), v.r.PostFormValue("item"), *confirmed, v.reason()); err != nil {
		return err
	}
	return v.backToReferral("finding.recorded")
}

// nameOf is what a node is called; its id where nobody knows.
func nameOf(names map[string]string, id string) string {
	if name := names[id]; name != "" {
		return name
	}
	return shortRef(id)
}

// likelyIn reports whether a State is among the likely ones.
func likelyIn(likely []referral.Likely, country string) bool {
	return slices.ContainsFunc(likely, func(l referral.Likely) bool { return l.Country == country })
}

// mayAssess reports whether a person's roles let them assess; the policy decides.
func mayAssess(actor mandate.Actor) bool {
	return actor.Has(mandate.Analyst) || actor.Has(mandate.Supervisor)
}

// sentState is how an envelope fares, as one word.
func sentState(e store.EnvelopeOut) string {
	switch {
	case e.Status != "":
		return e.Status
	case e.State == store.EnvelopeAnswered:
		return "received"
	}
	return "waiting"
}
