package triage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

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
	proposals, err := tx.ProposalsOfItem(row.ID)
	if err != nil {
		return item.Event{}, err
	}
	if len(proposals) > 0 { // people look anew at what an entry of a list rests on, or is to rest on
		triggers = append(triggers, law.TriggerNewListEntry)
	}
	if review.SecondLook.Sampled(d.options.Secret, row.ID) {
		triggers = append(triggers, law.TriggerSample)
	}
	return item.Event{
		Kind: item.Decide, Person: actor.ID, Decision: store.NewID("decision"), Facts: facts, Classes: classes,
		Outcome: item.OutcomeOf(classes, d.options.Reportable), Triggers: triggers, Reason: verdict.Reason,
	}, nil
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
