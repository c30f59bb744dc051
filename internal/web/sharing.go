package web

import (
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/lists"
)

// showSharing shows how a list goes to others or follows one of them, and the
// objections to its entries.
func showSharing(v *visit) error {
	found, err := v.s.options.Desks.Lists.Sharing(v.r.Context(), v.actor, v.listID())
	if err != nil {
		return err
	}
	return v.show(sharingPage(v.frame("sharing.title", "/lists"), found, v.actor.ID, v.takeDone()))
}

func (v *visit) backToSharing(key string) error {
	return v.done("/lists/"+v.r.PathValue("id")+"/sharing", key)
}

func subscribe(v *visit) error {
	day, err := time.Parse(time.DateOnly, v.r.PostFormValue("until"))
	if err != nil {
		return problem.InvalidField("until", "it is no date", "choose a day")
	}
	_, err = v.s.options.Desks.Lists.Subscribe(v.r.Context(), v.actor, v.listID(), lists.NewSubscription{
		Subscriber: v.r.PostFormValue("subscriber"), Basis: v.r.PostFormValue("basis"), Until: day.AddDate(0, 0, 1),
	})
	if err != nil {
		return err
	}
	return v.backToSharing("sharing.asked")
}

func (v *visit) subscriptionID() string { return "subscription/" + v.r.PathValue("subscription") }

func releaseSubscription(v *visit) error {
	if err := v.s.options.Desks.Lists.Release(v.r.Context(), v.actor, v.listID(), v.subscriptionID()); err != nil {
		return err
	}
	return v.backToSharing("sharing.released")
}

func endSubscription(v *visit) error {
	if err := v.s.options.Desks.Lists.EndSubscription(v.r.Context(), v.actor, v.listID(), v.subscriptionID(), v.reason()); err != nil {
		return err
	}
	return v.backToSharing("sharing.ended")
}

// objectEntry records that a person disagrees with an entry of a list that this
// one follows.
func objectEntry(v *visit) error {
	if _, err := v.s.options.Desks.Lists.Object(v.r.Context(), v.actor, v.listID(), "entry/"+v.r.PathValue("entry"), v.reason()); err != nil {
		return err
	}
	return v.backToSharing("objection.made")
}

func answerObjection(v *visit) error {
	id := "objection/" + v.r.PathValue("objection")
	if err := v.s.options.Desks.Lists.AnswerObjection(v.r.Context(), v.actor, v.listID(), id, v.r.PostFormValue("answer"), v.reason()); err != nil {
		return err
	}
	return v.backToSharing("objection.answered")
}

// last is the part of an identifier behind its kind.
func last(id string) string { return id[strings.Index(id, "/")+1:] }

// subscriberOf is what the subscriber of a delivery is called.
func subscriberOf(v lists.Sharing, subscription string) string {
	for _, s := range v.Subscriptions {
		if s.ID == subscription {
			return s.Name
		}
	}
	return shortRef(subscription)
}
