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
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

const (
	deliverJob   = "list.deliver"
	typeDelivery = "eu.brdo.list.delivered.v1"
	// perDelivery is how many entries travel in one envelope.
	perDelivery = 2000
	// framesPerDelivery is how many frames of videos travel in one; those of one entry at least.
	framesPerDelivery = hashlist.MaximumFrames
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

// publish lets this node and the subscribers follow a change.
func (d *Desk) publish(tx *ledger.Tx, list string) error {
	if err := d.changed(tx, list); err != nil {
		return err
	}
	subscriptions, err := tx.Subscriptions(list)
	if err != nil || len(subscriptions) == 0 {
		return err
	}
	_, err = job.Enqueue(tx.Tx, tx.Now, job.New{Kind: deliverJob, Payload: list, Priority: job.PriorityUrgent})
	return err
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
				due, _, err := d.due(tx, s.ID)
				more = due != nil
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
	node := d.ledger.Itself()
	return d.ledger.Do(ctx, act(node, mandate.ListExport, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		message, version, err := d.due(tx.Tx, subscription)
		if err != nil || message == nil {
			return err
		}
		var counts store.DeliveryRow
		if version > 0 {
			if err := fill(tx.Tx, message, &counts, version); err != nil {
				return err
			}
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
			s.Refused = problem.From(err).Reason // it is no organisation to exchange with any more
			return stopped(tx, s)
		case err != nil:
			return err
		}
		s.SentVersion, s.ToldUntil = message.To, message.Until
		if err := tx.UpdateSubscription(s); err != nil {
			return err
		}
		counts.Envelope, counts.Subscription, counts.From, counts.To, counts.SentAt = envelope, s.ID, message.From, message.To, tx.Now
		return tx.InsertDelivery(counts)
	})
}

// due is what a subscriber has to be sent now, without the entries, and the
// version of the list up to which they belong in it (0 for none); nil when it has
// everything.
func (d *Desk) due(tx *store.Tx, subscription string) (*Delivery, int64, error) {
	s, err := tx.Subscription(subscription)
	if err != nil {
		return nil, 0, err
	}
	head, err := tx.List(s.ListID)
	if err != nil {
		return nil, 0, err
	}
	now := d.ledger.Now()
	m := &Delivery{List: head.ID, Name: head.Name, Subscription: s.ID, Basis: s.Basis, From: s.SentVersion, To: s.SentVersion, Until: s.Until}
	stopped := s.EndedBy != "" || head.State != store.ListActive
	switch {
	case s.ReleasedBy == "" || s.Refused != "" || !now.Before(s.Until):
		return nil, 0, nil
	case stopped && !s.ToldUntil.After(now):
		return nil, 0, nil // it has nothing, or knows that it may not use it
	case stopped:
		m.Until = now
		return m, 0, nil
	case s.SentVersion >= head.Version && s.ToldUntil.Equal(s.Until):
		return nil, 0, nil
	}
	return m, head.Version, nil
}

// fill writes into a delivery what changed since the last one, up to a version.
// A subscriber that had no delivery yet needs no entry that holds no more; one
// that had an earlier subscription does.
func fill(tx *store.Tx, m *Delivery, counts *store.DeliveryRow, version int64) error {
	rows, err := tx.ListEntriesChanged(m.List, m.From+1, "", perDelivery)
	if err != nil {
		return err
	}
	m.To = version
	if fitting := store.Fitting(rows, framesPerDelivery); len(rows) == perDelivery || len(fitting) < len(rows) {
		// An own list changes one entry with each version, so none is cut in two.
		rows = fitting
		m.To = rows[len(rows)-1].ChangedVersion
	}
	fresh := m.From == 0
	if fresh {
		if fresh, err = neverDelivered(tx, m); err != nil {
			return err
		}
	}
	frames, err := tx.FramesOf(m.From+1, "", rows)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	writer := hashlist.NewJSONLinesDeltaWriter(&text)
	for _, r := range rows {
		if fresh && r.State != store.EntryActive {
			continue
		}
		entry, err := exported(r, frames[r.ID])
		if err == nil {
			err = writer.Write(entry)
		}
		if err != nil {
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
		if err := stopped(tx, s); err != nil {
			return err
		}
	}
	return tx.ReceiptDelivery(sent.ID, tx.Now, refused)
}

// stopped keeps why a subscriber gets no more of a list, and tells people.
func stopped(tx *ledger.Tx, s store.SubscriptionRow) error {
	if err := tx.UpdateSubscription(s); err != nil {
		return err
	}
	return tx.Alarm(s.ListID, "a subscriber gets no more of this list ("+s.ID+"): "+s.Refused)
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
	if err := d.changed(tx, list.ID); err != nil {
		return nil, err
	}
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
