package lists

import (
	"context"
	"regexp"
	"slices"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

const (
	typeObjected = "eu.brdo.list.objected.v1"
	typeAnswered = "eu.brdo.list.objection-answered.v1"
)

// Objection is the message by which a subscriber's person disagrees with an
// entry of a list.
type Objection struct {
	ID string `json:"id"`
	// List is the keeper's name of it, Identity the entry's strongest digest.
	List     string `json:"list"`
	Identity string `json:"identity"`
	Reason   string `json:"reason"`
}

// ObjectionAnswer is the message by which the keeper says what a person decided.
type ObjectionAnswer struct {
	ID string `json:"id"`
	// Answer is kept, suspended or withdrawn.
	Answer string `json:"answer"`
	Reason string `json:"reason"`
}

// Answers are what a person can decide about an objection.
var Answers = []string{store.AnswerKept, store.AnswerSuspended, store.AnswerWithdrawn}

// Object records that a person disagrees with an entry of a list that this one
// follows, and tells its keeper, who decides. The entry goes on here unless
// people here stop it (see [Desk.ChangeEntry]). It returns the objection's id.
//
// Errors: Denied; NotFound; Conflict for a list that follows nobody, or while
// an objection to the entry waits for its answer; Invalid without a reason.
func (d *Desk) Object(ctx context.Context, actor mandate.Actor, list, entry, why string) (id string, err error) {
	id = store.NewID("objection")
	err = d.ledger.Do(ctx, act(actor, mandate.ListEntryChange, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		if err := checkReason(why); err != nil {
			return err
		}
		head, err := tx.List(list)
		if err != nil {
			return err
		}
		if head.SourceNode == "" {
			return problem.New(problem.Conflict, "this list follows no other organisation's", "suspend or withdraw the entry yourself")
		}
		if _, is := exchanged(head); is {
			return problem.New(problem.Conflict, "an exchange takes no objections", "suspend or withdraw the entry; if the exchange takes votes, approve one when people have decided")
		}
		row, err := tx.ListEntry(list, entry)
		if err != nil {
			return err
		}
		open, err := tx.OpenObjections(list)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(open, func(o store.ObjectionRow) bool { return o.EntryID == entry }) {
			return problem.New(problem.Conflict, "an objection to this entry waits for its answer", "wait for it")
		}
		tx.Note("entry", entry)
		tx.Note("objection", id)
		envelope, err := d.feedback(tx, head.SourceNode, typeObjected, id, "", Objection{ID: id, List: head.SourceList, Identity: row.Identity, Reason: why})
		if err != nil {
			return err
		}
		return tx.InsertObjection(store.ObjectionRow{ID: id, ListID: list, EntryID: entry, Peer: head.SourceNode, MadeHere: true, MadeBy: actor.ID, MadeAt: tx.Now, Reason: why, Envelope: envelope})
	})
	return id, err
}

// feedback sends an objection or its answer.
func (d *Desk) feedback(tx *ledger.Tx, to, kind, subject, replyTo string, body any) (string, error) {
	return d.post.Send(tx, peer.Message{
		Recipient: to, Kind: mandate.EnvelopeFeedback, Type: kind, Schema: "list-1", Subject: subject, Purpose: mandate.PurposeListManagement,
		LegalBasis: "COM(2022) 209 Articles 36 and 44", ReplyTo: replyTo, Pursued: true, Body: body,
	})
}

// AnswerObjection records what a person decides about a subscriber's objection,
// with a reason: the entry is kept, suspended or withdrawn. Every subscriber
// follows that, and the one that objected gets the answer.
//
// Errors: Denied; NotFound; Conflict when it was answered; Invalid.
func (d *Desk) AnswerObjection(ctx context.Context, actor mandate.Actor, list, objection, answer, why string) error {
	return d.ledger.Do(ctx, act(actor, mandate.ListEntryChange, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		if err := checkReason(why); err != nil {
			return err
		}
		if !slices.Contains(Answers, answer) {
			return problem.InvalidField("answer", "there is no such answer", "use kept, suspended or withdrawn")
		}
		o, found, err := tx.Objection(objection)
		switch {
		case err != nil:
			return err
		case !found || o.ListID != list || o.MadeHere:
			return store.NotFound("objection", objection)
		case o.Answer != "":
			return problem.New(problem.Conflict, "it was answered already", "load the page again")
		}
		entry, err := tx.ListEntry(list, o.EntryID)
		if err != nil {
			return err
		}
		if answer != store.AnswerKept && entry.State != answer { // an answer names the state that follows
			if err := d.changeEntry(tx, actor, list, entry.ID, answer, why); err != nil {
				return err
			}
		}
		o.Answer, o.AnswerReason, o.AnsweredBy, o.AnsweredAt = answer, why, actor.ID, tx.Now
		if err := tx.AnswerObjection(o); err != nil {
			return err
		}
		tx.Note("objection", o.ID)
		tx.Note("answer", answer)
		_, err = d.feedback(tx, o.Peer, typeAnswered, o.ID, o.Envelope, ObjectionAnswer{ID: o.ID, Answer: answer, Reason: why})
		return err
	})
}

// objectionID is the form of an objection's name; another node makes it up.
var objectionID = regexp.MustCompile(`^objection/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// takeFeedback takes in an objection at the list's keeper, and its answer at the
// subscriber.
func (d *Desk) takeFeedback(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	switch opened.Type {
	case typeObjected:
		return nil, d.takeObjection(tx, from, opened)
	case typeAnswered:
		return nil, d.takeAnswer(tx, from, opened)
	}
	return nil, problem.InvalidField("envelope.type", "this node does not know it", "see docs/lists.md")
}

func (d *Desk) takeObjection(tx *ledger.Tx, from peer.Node, opened peer.Opened) error {
	m, err := peer.ReadMessage[Objection](opened.Message, "docs/lists.md")
	if err != nil {
		return err
	}
	if !objectionID.MatchString(m.ID) || len(m.Identity) > 100 || checkReason(m.Reason) != nil {
		return problem.InvalidField("message", "its name, the entry or the reason is missing or too long", "see docs/lists.md")
	}
	subscriptions, err := tx.Subscriptions(m.List)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(subscriptions, func(s store.SubscriptionRow) bool { return s.Subscriber == from.NodeID && !s.ToldUntil.IsZero() }) {
		return problem.InvalidField("message.list", "this organisation has no such list from here", "name a list that is delivered to it")
	}
	entry, err := tx.ListEntryByIdentity(m.List, m.Identity)
	if problem.Is(err, problem.NotFound) {
		return problem.InvalidField("message.identity", "the list has no such entry", "name an entry by its strongest digest")
	}
	if err != nil {
		return err
	}
	_, found, err := tx.Objection(m.ID)
	if err != nil {
		return err
	}
	if found {
		return problem.InvalidField("message.id", "another objection has this name", "give each its own")
	}
	tx.Note("list", m.List)
	tx.Note("entry", entry.ID)
	tx.Note("objection", m.ID)
	return tx.InsertObjection(store.ObjectionRow{ID: m.ID, ListID: m.List, EntryID: entry.ID, Peer: from.NodeID, MadeBy: from.NodeID, MadeAt: tx.Now, Reason: m.Reason, Envelope: opened.ID})
}

func (d *Desk) takeAnswer(tx *ledger.Tx, from peer.Node, opened peer.Opened) error {
	m, err := peer.ReadMessage[ObjectionAnswer](opened.Message, "docs/lists.md")
	if err != nil {
		return err
	}
	if !slices.Contains(Answers, m.Answer) || checkReason(m.Reason) != nil {
		return problem.InvalidField("message", "the answer or its reason is missing or too long", "see docs/lists.md")
	}
	o, found, err := tx.Objection(m.ID)
	if err != nil {
		return err
	}
	if !found || !o.MadeHere || o.Peer != from.NodeID || o.Answer != "" {
		return problem.InvalidField("message.id", "nobody here waits for this answer", "answer an objection once")
	}
	o.Answer, o.AnswerReason, o.AnsweredBy, o.AnsweredAt = m.Answer, m.Reason, from.NodeID, tx.Now
	tx.Note("objection", o.ID)
	tx.Note("answer", m.Answer)
	return tx.AnswerObjection(o)
}
