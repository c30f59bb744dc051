package lists

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Correspond lets the desk deliver own lists to subscribers, follow lists of
// other organisations, and carry objections both ways.
func (d *Desk) Correspond(post *peer.Post) {
	d.post = post
	post.OnReceipt(mandate.EnvelopeList, d.receipted)
	post.OnEnvelope(mandate.EnvelopeList, peer.Handler{Action: mandate.EnvelopeReceive, Take: d.takeDelivery})
	post.OnEnvelope(mandate.EnvelopeFeedback, peer.Handler{Action: mandate.EnvelopeReceive, Take: d.takeFeedback})
}

// NewSubscription says to whom a list should be delivered.
type NewSubscription struct {
	// Subscriber is a node.
	Subscriber string
	// Basis names the order or legal basis under which it may have the list.
	Basis string
	Until time.Time
}

// Subscribe records that a person asks for an own list to be delivered to
// another organisation; another person releases it (see [Desk.Release]).
//
// Errors: Denied; Conflict for a list of others, or while that organisation has
// a subscription; Invalid for an unknown organisation, no basis or no end.
func (d *Desk) Subscribe(ctx context.Context, actor mandate.Actor, list string, n NewSubscription) (id string, err error) {
	id = store.NewID("subscription")
	err = d.ledger.Do(ctx, act(actor, mandate.ListEntryChange, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		head, err := tx.List(list)
		if err != nil {
			return err
		}
		nodes, err := d.subscribers(tx)
		if err != nil {
			return err
		}
		basis := strings.TrimSpace(n.Basis)
		switch {
		case !head.Own:
			return problem.New(problem.Conflict, "the list is not one of this organisation's own", "only own lists are delivered")
		case basis == "" || len(basis) > maxBasis:
			return problem.InvalidField("basis", "it is empty or longer than 200 bytes", "name the order or the legal basis")
		case !n.Until.After(tx.Now):
			return problem.InvalidField("until", "it does not lie in the future", "choose the day on which the order or basis ends")
		case !slices.ContainsFunc(nodes, func(k peer.Known) bool { return k.NodeID == n.Subscriber }):
			return problem.InvalidField("subscriber", "it is no organisation to which lists go", "choose one of the registry")
		}
		tx.Note("subscription", id)
		tx.Note("subscriber", n.Subscriber)
		return tx.InsertSubscription(store.SubscriptionRow{ID: id, ListID: list, Subscriber: n.Subscriber, Basis: basis, Until: n.Until, AskedBy: actor.ID, AskedAt: tx.Now}, tx.Now)
	})
	return id, err
}

// subscribers are the registered organisations that may have lists.
func (d *Desk) subscribers(tx *ledger.Tx) ([]peer.Known, error) {
	known, err := d.post.Known(tx.Tx, tx.Now)
	return slices.DeleteFunc(known, func(k peer.Known) bool { return k.Organisation == mandate.Oversight }), err
}

// Release lets a list go to the subscriber that another person asked for. What
// people make of the list from then on is delivered too.
//
// Errors: Denied for the person who asked; Conflict when it was released or
// ended; Expired.
func (d *Desk) Release(ctx context.Context, actor mandate.Actor, list, subscription string) error {
	release := act(actor, mandate.ListExport, mandate.PurposeListManagement, list)
	release.Find = func(tx *store.Tx) (access.Resource, error) {
		s, err := subscriptionOf(tx, list, subscription)
		return access.Resource{ID: list, Author: s.AskedBy}, err
	}
	return d.ledger.Do(ctx, release, func(tx *ledger.Tx) error {
		s, err := subscriptionOf(tx.Tx, list, subscription)
		switch {
		case err != nil:
			return err
		case s.ReleasedBy != "" || s.EndedBy != "":
			return problem.New(problem.Conflict, "it was released or ended already", "load the page again")
		case !tx.Now.Before(s.Until):
			return problem.New(problem.Expired, "its end has passed", "ask for another one")
		}
		s.ReleasedBy, s.ReleasedAt = actor.ID, tx.Now
		tx.Note("subscription", s.ID)
		tx.Note("subscriber", s.Subscriber)
		if err := tx.UpdateSubscription(s); err != nil {
			return err
		}
		return d.publish(tx, list)
	})
}

// EndSubscription stops delivering a list, with a reason, and tells the
// subscriber that its use has ended.
func (d *Desk) EndSubscription(ctx context.Context, actor mandate.Actor, list, subscription, why string) error {
	return d.ledger.Do(ctx, act(actor, mandate.ListEntryChange, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		if err := checkReason(why); err != nil {
			return err
		}
		s, err := subscriptionOf(tx.Tx, list, subscription)
		if err != nil {
			return err
		}
		if s.EndedBy != "" {
			return problem.New(problem.Conflict, "it was ended already", "load the page again")
		}
		s.EndedBy, s.EndedAt, s.EndReason = actor.ID, tx.Now, why
		tx.Note("subscription", s.ID)
		tx.Note("ended", true)
		if err := tx.UpdateSubscription(s); err != nil {
			return err
		}
		return d.publish(tx, list)
	})
}

func subscriptionOf(tx *store.Tx, list, id string) (store.SubscriptionRow, error) {
	s, err := tx.Subscription(id)
	if err == nil && s.ListID != list {
		err = store.NotFound("subscription", id)
	}
	return s, err
}

// Subscription is a subscription as people see it.
type Subscription struct {
	store.SubscriptionRow
	// Name is what the subscriber is called.
	Name string
}

// Sharing is how a list goes to others, or follows one of them.
type Sharing struct {
	List store.HashList
	// Address is what a subscriber names to follow an own list.
	Address string
	// Keeper is what the keeper of a followed list is called.
	Keeper        string
	Subscriptions []Subscription
	// Deliveries are those that wait for a receipt, then the latest.
	Deliveries []store.DeliveryRow
	Objections []Objected
	// Subscribers are to whom the list could go.
	Subscribers []peer.Known
	Now         time.Time
}

// Objected is an objection as people see it.
type Objected struct {
	store.ObjectionRow
	// Name is what the other organisation is called.
	Name  string
	Entry store.ListEntry
}

// shownShared is how many deliveries and objections are shown at once.
const shownShared = 50

// Sharing shows how a list goes to others, or follows one of them, with the
// objections to its entries.
func (d *Desk) Sharing(ctx context.Context, actor mandate.Actor, list string) (v Sharing, err error) {
	err = d.ledger.Read(ctx, act(actor, mandate.ListConsult, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		v = Sharing{Now: tx.Now}
		if v.List, err = tx.List(list); err != nil {
			return err
		}
		known, err := d.subscribers(tx)
		if err != nil {
			return err
		}
		names := map[string]string{}
		for _, k := range known {
			names[k.NodeID] = k.Title
		}
		v.Keeper = names[v.List.SourceNode]
		if v.List.Own {
			v.Address, v.Subscribers = Source{d.post.Self().NodeID, list}.String(), known
		}
		subscriptions, err := tx.Subscriptions(list)
		if err != nil {
			return err
		}
		for _, s := range subscriptions {
			v.Subscriptions = append(v.Subscriptions, Subscription{s, names[s.Subscriber]})
		}
		if v.Deliveries, err = tx.Deliveries(list, shownShared); err != nil {
			return err
		}
		objections, err := tx.Objections(list, shownShared)
		if err != nil {
			return err
		}
		for _, o := range objections {
			entry, err := tx.ListEntry(list, o.EntryID)
			if err != nil {
				return err
			}
			v.Objections = append(v.Objections, Objected{o, names[o.Peer], entry})
		}
		tx.Note("subscriptions", len(v.Subscriptions))
		tx.Note("objections", len(v.Objections))
		return nil
	})
	return v, err
}
