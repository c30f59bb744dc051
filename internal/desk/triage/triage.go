// Package triage is the review desk: the queue, the card, what is shown and for
// how long, decisions, the blind second look, and breaks.
//
// Text comes first; nothing of an item is shown before a person asks for it,
// and each time is recorded. The rules are those of domain/item, under the
// profiles that the item began with.
package triage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/store"
)

// Options of the desk; all are required.
type Options struct {
	Ledger  *ledger.Ledger
	Content *blob.Sealed
	Decoder *media.Service
	Law     *law.Library
	// Review holds the break rule in force; items keep the profile that they
	// began under.
	Review *law.Review
	// Reportable is the mapping whose class "yes" makes an item reportable.
	Reportable law.Ref
	// Secret draws the sample for second looks, so that nobody foresees it.
	Secret []byte
}

// Desk is where items are reviewed.
type Desk struct{ options Options }

// New makes the desk.
func New(options Options) *Desk { return &Desk{options} }

// Handle registers the desk's clocks with the job runner.
func (d *Desk) Handle(runner *job.Runner) {
	runner.Handle(sealJob, d.seal)
	runner.Handle(eraseJob, d.destroy)
}

// round is what a person of a role works on.
type round struct {
	state  item.State
	decide mandate.Action
	name   string
}

var (
	firstRound  = round{item.Open, mandate.ItemDecide, "first"}
	secondRound = round{item.AwaitingSecond, mandate.ItemSecondLook, "second"}
	thirdRound  = round{item.Adjudication, mandate.ItemAdjudicate, "adjudication"}
)

// roundsOf are the rounds that a person's roles let them work on.
func roundsOf(actor mandate.Actor) []round {
	var rounds []round
	if actor.Has(mandate.Supervisor) {
		rounds = append(rounds, thirdRound)
	}
	if actor.Has(mandate.SecondLooker) {
		rounds = append(rounds, secondRound)
	}
	if actor.Has(mandate.Analyst) {
		rounds = append(rounds, firstRound)
	}
	return rounds
}

func (d *Desk) act(actor mandate.Actor, action mandate.Action, id string) ledger.Act {
	return ledger.Act{Actor: actor, Action: action, Purpose: mandate.PurposeReview, Resource: access.Resource{ID: id}}
}

// assessed reads an item with the state of its assessment.
func assessed(tx *store.Tx, id string) (store.ItemRow, item.Assessment, error) {
	row, err := tx.Item(id)
	if err != nil {
		return row, item.Assessment{}, err
	}
	assessment, err := row.ReadAssessment()
	return row, assessment, err
}

// onItem is an act on one item, with what the rules need to know of it.
func (d *Desk) onItem(actor mandate.Actor, action mandate.Action, id string) ledger.Act {
	act := d.act(actor, action, id)
	act.Find = func(tx *store.Tx) (access.Resource, error) {
		row, assessment, err := assessed(tx, id)
		if err != nil {
			return access.Resource{ID: id}, err
		}
		resource := access.Resource{ID: id, FirstDecider: row.FirstDecider}
		if assessment.Claim != nil && assessment.Claim.Until.After(d.options.Ledger.Now()) {
			resource.Owner = assessment.Claim.Person
		}
		for _, decision := range []*item.Decision{assessment.First, assessment.Second, assessment.Third} {
			if decision != nil {
				resource.Deciders = append(resource.Deciders, decision.Person)
			}
		}
		return resource, nil
	}
	return act
}

// Entry is one line of the queue.
type Entry struct {
	ID        string
	Tier      string
	Score     float64
	Why       string
	State     item.State
	Received  time.Time
	Sightings int64
	// ReportQuality is how complete a report of it would be: another figure
	// than urgency.
	Mine bool
}

// Queue is what waits for a person.
type Queue struct {
	Entries []Entry
	Figures []store.QueueFigure
	// Reportable are decided items that no report tells of yet.
	Reportable []Entry
	Workload   item.Workload
	Now        time.Time
}

// queueLength is how many entries a page of the queue shows.
const queueLength = 50

// Queue returns what waits for the person, the most urgent first.
func (d *Desk) Queue(ctx context.Context, actor mandate.Actor) (Queue, error) {
	var q Queue
	err := d.options.Ledger.Read(ctx, d.act(actor, mandate.QueueConsult, ""), func(tx *ledger.Tx) (err error) {
		q = Queue{Now: tx.Now}
		if q.Workload, _, err = d.workload(tx, actor.ID); err != nil {
			return err
		}
		if q.Figures, err = tx.QueueFigures(string(item.Open), string(item.AwaitingSecond), string(item.Adjudication)); err != nil {
			return err
		}
		for _, r := range roundsOf(actor) {
			rows, err := tx.Queue(string(r.state), actor.ID, tx.Now, queueLength)
			if err != nil {
				return err
			}
			for _, row := range rows {
				if offerable(row, actor.ID, tx.Now) {
					q.Entries = append(q.Entries, entryOf(row, actor.ID, tx.Now))
				}
			}
		}
		slices.SortStableFunc(q.Entries, func(a, b Entry) int {
			return item.Compare(queued(a), queued(b))
		})
		q.Entries = q.Entries[:min(len(q.Entries), queueLength)]
		if actor.Has(mandate.Analyst) {
			decided, err := tx.DecidedItems(string(item.Reportable), queueLength)
			if err != nil {
				return err
			}
			for _, row := range decided {
				q.Reportable = append(q.Reportable, entryOf(row, actor.ID, tx.Now))
			}
		}
		tx.Note("entries", len(q.Entries))
		return nil
	})
	return q, err
}

func queued(e Entry) item.Queued {
	return item.Queued{ID: item.ID(e.ID), Place: item.Place{Tier: e.Tier, Score: e.Score}, Since: e.Received}
}

func offerable(row store.ItemRow, person string, now time.Time) bool {
	assessment, err := row.ReadAssessment()
	return err == nil && assessment.Offerable(person, now)
}

func entryOf(row store.ItemRow, person string, now time.Time) Entry {
	return Entry{
		ID: row.ID, Tier: row.Tier, Score: row.Score, Why: row.Why, State: item.State(row.State), Received: row.ReceivedAt, Sightings: row.Sightings,
		Mine: row.ClaimedBy == person && row.ClaimedUntil.After(now),
	}
}

// errOnBreak refuses work during a break; another person can take what is urgent.
func errOnBreak(until, now time.Time) error {
	return &problem.Error{Kind: problem.Unavailable, Reason: "your break lasts until " + until.Format("15:04") + " UTC", Remedy: "nobody can shorten it; another person takes what is urgent", RetryAfter: until.Sub(now)}
}

// Take puts an item into a person's hands for a time. An earlier decision of
// the person that could still be taken back becomes final by it.
//
// Errors: Denied; Conflict when it does not wait, or no longer, for somebody of
// the person's roles; Unavailable during a break.
func (d *Desk) Take(ctx context.Context, actor mandate.Actor, id string) error {
	return d.options.Ledger.Do(ctx, d.onItem(actor, mandate.ItemTake, id), func(tx *ledger.Tx) error {
		workload, _, err := d.workload(tx, actor.ID)
		if err != nil {
			return err
		}
		if workload.Lock.Locked(tx.Now) {
			return errOnBreak(workload.Lock.Until, tx.Now)
		}
		row, err := tx.Item(id)
		if err != nil {
			return err
		}
		// Between the queue and the taking a colleague may have decided: then it
		// waits for people of another role, and must not be held back from them.
		if !slices.ContainsFunc(roundsOf(actor), func(r round) bool { return string(r.state) == row.State }) {
			return store.Changed("item")
		}
		if err := d.sealLast(tx, actor.ID, id); err != nil {
			return err
		}
		return d.change(tx, id, item.Event{Kind: item.Take, Person: actor.ID}, nil)
	})
}

// GoOn makes the person's latest decision final and takes the next item that
// waits for them; the identifier is empty when nothing does.
func (d *Desk) GoOn(ctx context.Context, actor mandate.Actor) (string, error) {
	next := ""
	err := d.options.Ledger.Peek(ctx, func(tx *store.Tx) error {
		for _, r := range roundsOf(actor) {
			rows, err := tx.Queue(string(r.state), actor.ID, d.options.Ledger.Now(), queueLength)
			if err != nil {
				return err
			}
			for _, row := range rows {
				if offerable(row, actor.ID, d.options.Ledger.Now()) {
					next = row.ID
					return nil
				}
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if next != "" {
		return next, d.Take(ctx, actor, next)
	}
	return "", d.options.Ledger.Do(ctx, d.act(actor, mandate.ItemTake, ""), func(tx *ledger.Tx) error {
		tx.Note("nothing_waits", true)
		return d.sealLast(tx, actor.ID, "")
	})
}

// change applies an event to an item's state machine and does what follows.
func (d *Desk) change(tx *ledger.Tx, id string, event item.Event, also func(item.Assessment) error) error {
	row, before, err := assessed(tx.Tx, id)
	if err != nil {
		return err
	}
	after, effects, err := before.Apply(event, tx.Now)
	if err != nil {
		return err
	}
	if err := row.SetAssessment(after); err != nil {
		return err
	}
	for _, effect := range effects {
		if err := d.effect(tx, &row, effect); err != nil {
			return err
		}
	}
	if err := tx.UpdateItem(row); err != nil {
		return err
	}
	if also != nil {
		return also(after)
	}
	return nil
}

const (
	sealJob  = "item.seal"
	eraseJob = "item.erase"
)

// reference is the payload of the desk's jobs.
type reference struct {
	Item string    `json:"item"`
	At   time.Time `json:"at"`
}

func (d *Desk) effect(tx *ledger.Tx, row *store.ItemRow, effect item.Effect) error {
	switch effect.Kind {
	case item.SealAt:
		_, err := job.Enqueue(tx.Tx, tx.Now, job.New{Kind: sealJob, Payload: reference{row.ID, effect.At}, RunAt: effect.At})
		return err
	case item.RaiseUrgent:
		row.Tier, row.Why = "P0", "a reviewer sees signs of present danger"
	case item.DestroyKey:
		row.Content = store.ContentErased
		_, err := job.Enqueue(tx.Tx, tx.Now, job.New{Kind: eraseJob, Payload: reference{Item: row.ID}, UniqueKey: row.ID})
		return err
	}
	// Claims run out by themselves when the queue is read; the other effects
	// are states that the row shows.
	return nil
}

// sealLast makes the person's latest decision final when they go on.
func (d *Desk) sealLast(tx *ledger.Tx, person, going string) error {
	last, err := tx.LastDecision(person, tx.Now.Add(-24*time.Hour))
	if err != nil || last == "" || last == going {
		return err
	}
	_, assessment, err := assessed(tx.Tx, last)
	if err != nil {
		return err
	}
	// Meanwhile the item may have been erased, or a colleague may have decided
	// on it, who alone ends the time to take that decision back.
	if decision := assessment.Last(); assessment.State == item.Erased || assessment.Sealed || decision == nil || decision.Person != person {
		return nil
	}
	return d.change(tx, last, item.Event{Kind: item.Seal}, nil)
}

func (d *Desk) node() mandate.Actor {
	return mandate.Actor{Kind: mandate.Node, ID: "node", Organisation: d.options.Ledger.NodeKind()}
}

// seal makes a decision final when the time to take it back is over.
func (d *Desk) seal(ctx context.Context, running *job.Running) error {
	var at reference
	if err := running.Payload(&at); err != nil {
		return err
	}
	act := ledger.Act{Actor: d.node(), Action: mandate.ItemSeal, Purpose: mandate.PurposeReview, Resource: access.Resource{ID: at.Item}}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		_, assessment, err := assessed(tx.Tx, at.Item)
		if err != nil {
			return err
		}
		// The decision may have been taken back, or made anew with a later clock.
		if assessment.Last() != nil && !assessment.Sealed && !assessment.SealAt.After(tx.Now) {
			if err := d.change(tx, at.Item, item.Event{Kind: item.Seal}, nil); err != nil {
				return err
			}
		}
		return running.Complete(tx.Tx)
	})
}

// destroy destroys the key of an erased item.
func (d *Desk) destroy(ctx context.Context, running *job.Running) error {
	var at reference
	if err := running.Payload(&at); err != nil {
		return err
	}
	if err := d.options.Content.Erase(ctx, at.Item); err != nil {
		return fmt.Errorf("erasing item %s: %w", at.Item, err)
	}
	return nil
}

// Erase ends an item's content for good, with a reason.
func (d *Desk) Erase(ctx context.Context, actor mandate.Actor, id, reason string) error {
	act := d.onItem(actor, mandate.ItemErase, id)
	act.Purpose = mandate.PurposeRetention
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		return d.change(tx, id, item.Event{Kind: item.Erase, Person: actor.ID, Decision: store.NewID("decision"), Reason: reason}, nil)
	})
}

// Verdict is what a person decides.
type Verdict struct {
	// Labels are the facts, by key.
	Labels map[string]string
	Reason string
}

// Decide records a person's decision: the first one, the blind second one, or
// the one that settles a disagreement, as the item's state asks for.
func (d *Desk) Decide(ctx context.Context, actor mandate.Actor, id string, verdict Verdict) error {
	r, err := d.roundOf(ctx, actor, id)
	if err != nil {
		return err
	}
	return d.options.Ledger.Do(ctx, d.onItem(actor, r.decide, id), func(tx *ledger.Tx) error {
		row, err := tx.Item(id)
		if err != nil {
			return err
		}
		if row.State != string(r.state) {
			return store.Changed("item")
		}
		event, err := d.judge(tx, row, actor, verdict)
		if err != nil {
			return err
		}
		if err := tx.EndExposuresOf(actor.ID, tx.Now); err != nil {
			return err
		}
		return d.change(tx, id, event, func(after item.Assessment) error {
			body, err := json.Marshal(after.Last())
			if err != nil {
				return fmt.Errorf("writing a decision: %w", err)
			}
			tx.Note("round", r.name)
			tx.Note("decision", event.Decision)
			tx.Note("outcome", event.Outcome)
			tx.Note("level", after.Last().Level.String())
			tx.Note("state", after.State)
			return tx.InsertDecision(store.DecisionRow{
				ID: event.Decision, ItemID: id, Person: actor.ID, Round: r.name, Body: body, Outcome: string(event.Outcome), At: tx.Now, Event: tx.EventID(),
			})
		})
	})
}

// roundOf finds which action a decision would be, before the door: the action
// is what the policy judges. A wrong guess cannot pass, because the state is
// checked again inside.
func (d *Desk) roundOf(ctx context.Context, actor mandate.Actor, id string) (round, error) {
	var state item.State
	err := d.options.Ledger.Peek(ctx, func(tx *store.Tx) error {
		row, err := tx.Item(id)
		state = item.State(row.State)
		return err
	})
	if err != nil {
		return round{}, err
	}
	for _, r := range []round{firstRound, secondRound, thirdRound} {
		if r.state == state {
			return r, nil
		}
	}
	return round{}, problem.New(problem.Conflict, "the item is decided already", "take the next one")
}

// judge validates the facts, derives the classes and says what may ask for a
// second look.
func (d *Desk) judge(tx *ledger.Tx, row store.ItemRow, actor mandate.Actor, verdict Verdict) (item.Event, error) {
	scheme, review, err := d.profiles(row)
	if err != nil {
		return item.Event{}, err
	}
	facts := item.FactSet{Scheme: scheme.Ref(), Labels: verdict.Labels}
	if found := facts.Validate(scheme); len(found) > 0 {
		return item.Event{}, found[0]
	}
	classes := item.Derive(facts, d.options.Law.MappingsOf(scheme.Ref()))
	sightings, err := tx.Sightings(row.ID, 100)
	if err != nil {
		return item.Event{}, err
	}
	var triggers []law.Trigger
	for _, sighting := range sightings {
		var evidence item.Context
		if err := json.Unmarshal(sighting.Context, &evidence); err != nil {
			return item.Event{}, fmt.Errorf("reading sighting %s: %w", sighting.ID, err)
		}
		if slices.ContainsFunc(evidence.Users, report.Person.Identifies) {
			triggers = append(triggers, law.TriggerNamesPerson)
			break
		}
	}
	if review.SecondLook.Sampled(d.options.Secret, row.ID) {
		triggers = append(triggers, law.TriggerSample)
	}
	return item.Event{
		Kind: item.Decide, Person: actor.ID, Decision: store.NewID("decision"), Facts: facts, Classes: classes,
		Outcome: item.OutcomeOf(classes, d.options.Reportable), Triggers: triggers, Reason: verdict.Reason,
	}, nil
}

func (d *Desk) profiles(row store.ItemRow) (*law.Scheme, *law.Review, error) {
	schemeRef, err := law.ParseRef(row.Scheme)
	if err != nil {
		return nil, nil, err
	}
	scheme, err := d.options.Law.Scheme(schemeRef)
	if err != nil {
		return nil, nil, err
	}
	reviewRef, err := law.ParseRef(row.Review)
	if err != nil {
		return nil, nil, err
	}
	review, err := d.options.Law.Review(reviewRef)
	return scheme, review, err
}

// Pass hands an item on to others; no reason is asked and none is recorded.
func (d *Desk) Pass(ctx context.Context, actor mandate.Actor, id string) error {
	return d.options.Ledger.Do(ctx, d.onItem(actor, mandate.ItemPass, id), func(tx *ledger.Tx) error {
		if err := tx.EndExposuresOf(actor.ID, tx.Now); err != nil {
			return err
		}
		if err := tx.InsertPass(id, actor.ID, tx.Now); err != nil {
			return err
		}
		return d.change(tx, id, item.Event{Kind: item.Pass, Person: actor.ID}, nil)
	})
}

// Escalate says that the person sees signs of present danger: the item becomes
// the most urgent there is.
func (d *Desk) Escalate(ctx context.Context, actor mandate.Actor, id string) error {
	return d.options.Ledger.Do(ctx, d.onItem(actor, mandate.ItemTake, id), func(tx *ledger.Tx) error {
		tx.Note("escalated", true)
		return d.change(tx, id, item.Event{Kind: item.Escalate, Person: actor.ID}, nil)
	})
}

// Undo takes the person's own decision back, until it is final.
func (d *Desk) Undo(ctx context.Context, actor mandate.Actor, id string) error {
	var action mandate.Action
	err := d.options.Ledger.Peek(ctx, func(tx *store.Tx) error {
		_, assessment, err := assessed(tx, id)
		switch {
		case err != nil:
			return err
		case assessment.Third != nil:
			action = mandate.ItemAdjudicate
		case assessment.Second != nil:
			action = mandate.ItemSecondLook
		default:
			action = mandate.ItemDecide
		}
		return nil
	})
	if err != nil {
		return err
	}
	act := d.act(actor, action, id)
	act.Resource.FirstDecider, act.Resource.Deciders = "-", []string{"-"} // taking back is the decider's own; the state machine checks whose it is
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		_, before, err := assessed(tx.Tx, id)
		if err != nil {
			return err
		}
		if last := before.Last(); last != nil {
			if err := tx.UndoDecision(last.ID, tx.Now); err != nil {
				return err
			}
			tx.Note("undone", last.ID)
		}
		return d.change(tx, id, item.Event{Kind: item.Undo, Person: actor.ID}, nil)
	})
}
