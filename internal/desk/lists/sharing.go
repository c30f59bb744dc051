package lists

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
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

const (
	deliverJob   = "list.deliver"
	typeDelivery = "eu.brdo.list.delivered.v1"
	// perDelivery is how many entries travel in one envelope.
	perDelivery = 2000
	// maxBasis is the longest name of an order or basis, in bytes.
	maxBasis = 200
)

// Delivery is the message by which a list or what changed of it goes to a
// subscriber. Deliveries of one subscription follow each other without a gap.
type Delivery struct {
	// List and Name are those of the sender.
	List string `json:"list"`
	Name string `json:"name"`
	// Subscription names the ground, Basis says it.
	Subscription string `json:"subscription"`
	Basis        string `json:"basis"`
	// From and To are versions of the list; From is 0 in the first delivery.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// Until is when the subscriber has to stop using the list; in the past when
	// the subscription ended or the list is suspended.
	Until time.Time `json:"until"`
	// Changes are entries as JSON Lines, each with its state.
	Changes string `json:"changes,omitempty"`
}

// publish lets this node's index and the subscribers follow a change.
func (d *Desk) publish(tx *ledger.Tx, list string) error {
	tx.AfterCommit(d.follow)
	subscriptions, err := tx.Subscriptions(list)
	if err != nil || len(subscriptions) == 0 {
		return err
	}
	_, err = job.Enqueue(tx.Tx, tx.Now, job.New{Kind: deliverJob, Payload: list, Priority: job.PriorityUrgent})
	return err
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

// deliver sends to each subscriber what it does not have yet. What goes was
// confirmed by two people, to whom two people released it. It may run more than
// once, and several of it at once: each step takes the subscription as it is.
func (d *Desk) deliver(ctx context.Context, running *job.Running) error {
	var list string
	if err := running.Payload(&list); err != nil {
		return err
	}
	var subscriptions []store.SubscriptionRow
	err := d.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		subscriptions, err = tx.Subscriptions(list)
		return err
	})
	if err != nil {
		return err
	}
	var failed []error
	for _, s := range subscriptions {
		for more := s.ReleasedBy != "" && s.Refused == ""; more; {
			err := d.ledger.Peek(ctx, func(tx *store.Tx) error {
				next, _, err := d.next(tx, s.ID)
				more = next != nil
				return err
			})
			if err == nil && more {
				err = d.step(ctx, list, s.ID)
			}
			if err != nil {
				failed, more = append(failed, fmt.Errorf("delivering list %s: %w", list, err)), false
			}
		}
	}
	return errors.Join(failed...)
}

// step sends one envelope of a subscription.
func (d *Desk) step(ctx context.Context, list, subscription string) error {
	node := mandate.Actor{Kind: mandate.Node, ID: "node", Organisation: d.ledger.NodeKind()}
	return d.ledger.Do(ctx, act(node, mandate.ListExport, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		message, counts, err := d.next(tx.Tx, subscription)
		if err != nil || message == nil {
			return err
		}
		s, err := tx.Subscription(subscription)
		if err != nil {
			return err
		}
		tx.Note("subscription", s.ID)
		tx.Note("after", message.From)
		tx.Note("until", message.To)
		tx.Note("entries", counts.Entries)
		priority := peer.Normal
		if counts.Stopped > 0 {
			priority = peer.Urgent
		}
		envelope, err := d.post.Send(tx, peer.Message{
			Recipient: s.Subscriber, Kind: mandate.EnvelopeList, Type: typeDelivery, Schema: "list-1", Subject: s.ID, Purpose: mandate.PurposeListManagement,
			LegalBasis: s.Basis, Priority: priority, Pursued: true, Body: message,
		})
		switch {
		case problem.Is(err, problem.Denied), problem.Is(err, problem.Expired), problem.Is(err, problem.NotFound):
			s.Refused = problem.From(err).Reason // it is no organisation to exchange with any more; a person sees it
			return tx.UpdateSubscription(s)
		case err != nil:
			return err
		}
		s.SentVersion, s.ToldUntil = message.To, message.Until
		if err := tx.UpdateSubscription(s); err != nil {
			return err
		}
		counts.Envelope, counts.Subscription, counts.SentAt = envelope, s.ID, tx.Now
		return tx.InsertDelivery(counts)
	})
}

// next is what a subscriber has to be sent now; nil when it has everything.
func (d *Desk) next(tx *store.Tx, subscription string) (*Delivery, store.DeliveryRow, error) {
	var counts store.DeliveryRow
	s, err := tx.Subscription(subscription)
	if err != nil {
		return nil, counts, err
	}
	head, err := tx.List(s.ListID)
	if err != nil {
		return nil, counts, err
	}
	now := d.ledger.Now()
	m := &Delivery{List: head.ID, Name: head.Name, Subscription: s.ID, Basis: s.Basis, From: s.SentVersion, To: s.SentVersion, Until: s.Until}
	stopped := s.EndedBy != "" || head.State != store.ListActive
	switch {
	case s.ReleasedBy == "" || s.Refused != "" || !now.Before(s.Until):
		return nil, counts, nil
	case stopped && !s.ToldUntil.After(now):
		return nil, counts, nil // it has nothing, or knows that it may not use it
	case stopped:
		m.Until = now
	case s.SentVersion >= head.Version && s.ToldUntil.Equal(s.Until):
		return nil, counts, nil
	default:
		if err := d.fill(tx, m, &counts, head.Version); err != nil {
			return nil, counts, err
		}
	}
	counts.From, counts.To = m.From, m.To
	return m, counts, nil
}

// fill writes into a delivery what changed since the last one, up to a version.
// A subscriber that had no delivery yet needs no entry that holds no more; one
// that had an earlier subscription does.
func (d *Desk) fill(tx *store.Tx, m *Delivery, counts *store.DeliveryRow, version int64) error {
	rows, err := tx.ListEntriesChanged(m.List, m.From+1, "", perDelivery)
	if err != nil {
		return err
	}
	m.To = version
	if len(rows) == perDelivery {
		// An own list changes one entry with each version, so none is cut in two.
		m.To = rows[len(rows)-1].ChangedVersion
	}
	fresh := m.From == 0
	if fresh {
		if fresh, err = neverDelivered(tx, m); err != nil {
			return err
		}
	}
	var text bytes.Buffer
	writer := hashlist.NewJSONLinesDeltaWriter(&text)
	for _, r := range rows {
		if fresh && r.State != store.EntryActive {
			continue
		}
		if err := writer.Write(exported(r)); err != nil {
			return fmt.Errorf("writing entry %s: %w", r.ID, err)
		}
		counts.Entries++
		if r.State != store.EntryActive {
			counts.Stopped++
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	m.Changes = text.String()
	return nil
}

// neverDelivered says that the subscriber has nothing of the list from before.
func neverDelivered(tx *store.Tx, m *Delivery) (bool, error) {
	s, err := tx.Subscription(m.Subscription)
	if err != nil {
		return false, err
	}
	all, err := tx.Subscriptions(m.List)
	return !slices.ContainsFunc(all, func(other store.SubscriptionRow) bool {
		return other.ID != s.ID && other.Subscriber == s.Subscriber && !other.ToldUntil.IsZero()
	}), err
}

// receipted notes the subscriber's receipt. Whoever refuses a delivery gets no
// more of the list until people have looked at it.
func (d *Desk) receipted(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	if receipt.Status != peer.Received && receipt.Status != peer.Rejected {
		return nil
	}
	refused := ""
	if receipt.Status == peer.Rejected {
		refused = receipt.Reason
		s, err := tx.Subscription(sent.Subject)
		if err != nil {
			return err
		}
		s.Refused = refused
		if err := tx.UpdateSubscription(s); err != nil {
			return err
		}
	}
	return tx.ReceiptDelivery(sent.ID, tx.Now, refused)
}

// takeDelivery takes in what the keeper of a list delivers, where a person here
// made a list that follows it.
func (d *Desk) takeDelivery(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	var m Delivery
	if err := json.Unmarshal(opened.Message, &m); err != nil {
		return nil, problem.InvalidField("message", "it cannot be read", "see docs/lists.md").Because(err)
	}
	if m.List == "" || m.Subscription == "" || len(m.Subscription) > 100 || m.From < 0 || m.To < m.From || m.Until.IsZero() {
		return nil, problem.InvalidField("message", "list, subscription, versions or end are missing", "see docs/lists.md")
	}
	list, found, err := tx.ListFollowing(from.NodeID, m.List)
	switch {
	case err != nil:
		return nil, err
	case !found:
		// No rejection: a person may make the list after the first delivery.
		return nil, problem.New(problem.Unavailable, "nobody here follows this list yet", "a list manager makes a list that follows it; this is tried again")
	}
	if apply, err := inTurn(list, m); err != nil || !apply {
		tx.Note("overtaken", err == nil)
		return nil, err
	}
	version, err := tx.NextListVersion(list.ID)
	if err != nil {
		return nil, err
	}
	var result Imported
	if m.Changes != "" {
		in := Import{Content: strings.NewReader(m.Changes), Options: hashlist.Options{Format: hashlist.JSONLines}, Reason: "delivered by " + from.Title}
		// A person here subscribed, so the source may stop and bring back what it stopped.
		if err := take(tx, list, version, in, nil, &result); err != nil {
			return nil, err
		}
		if result.RefusedCount > 0 {
			return nil, problem.InvalidField("message.changes", fmt.Sprintf("line %d: %s", result.Refused[0].Line, result.Refused[0].Reason), "send entries with a usable digest")
		}
	}
	tx.Note("list", list.ID)
	tx.Note("version", version)
	tx.Note("added", result.Added)
	tx.Note("changed", result.Changed)
	tx.Note("held", result.Held)
	if err := tx.FollowList(list.ID, m.Subscription, m.To, m.Until); err != nil {
		return nil, err
	}
	tx.AfterCommit(d.follow)
	return nil, tx.InsertListVersion(store.ListVersion{
		ListID: list.ID, Version: version, At: tx.Now, By: "peer/" + strings.TrimPrefix(from.NodeID, "node/"), Reason: "delivered by " + from.Title,
		FileName: spanOf(m.From, m.To), FileSHA256: result.SHA256, Format: result.Format, Added: result.Added, Changed: result.Changed,
	})
}

// inTurn says whether a delivery is the next one. One that came too early is not
// receipted, so it comes again; one that was overtaken changes nothing.
func inTurn(list store.HashList, m Delivery) (bool, error) {
	early := problem.New(problem.Unavailable, "an earlier delivery of the list has not arrived", "send that one first; this one is tried again")
	switch {
	case m.Subscription < list.SourceSubscription: // identifiers are in the order of time
		return false, nil
	case m.Subscription > list.SourceSubscription:
		if m.From > 0 {
			return false, early
		}
		return true, nil
	case m.From > list.SourceVersion:
		return false, early
	}
	return m.To >= list.SourceVersion, nil
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
