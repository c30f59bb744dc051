package triage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
)

// Card is what is known of an item in words. On a blind second look it holds
// nothing of the first decision, not even that there was one.
type Card struct {
	store.Item
	Scheme    *law.Scheme
	Keys      []law.KeyBinding
	Sightings []Sighting
	Count     int64
	// Again are the entries that lists learnt of the item after it came here.
	Again []Again
	// Mine is set when the reader has the item; Station is then what they may
	// know of the assessment.
	Mine    bool
	Station item.Station
	// Settles is set when the reader settles a disagreement: both decisions.
	Settles       bool
	First, Second item.Decision
	// Decision is set only once it is final.
	Decision *item.Decision
	// Reopened are the times that people had the item looked at again, with
	// their reasons; empty until a decision is final.
	Reopened  []item.Decision
	Inherited int
	// Case is set for a person of an authority whose open report refers to the
	// item: they may look at it without taking it, and do not assess it.
	Case bool
	// RemovedBy are the orders by which the item was removed here; empty until a
	// decision is final, so that nobody is led by them.
	RemovedBy []store.OrderRow
	// Received is set when another organisation's report refers to the item.
	Received bool
	CanUndo  bool
	// MayCompare: the reader may ask which items here show the same scene. Scenes are the
	// reader's questions, and those of others too once a decision is final.
	MayCompare bool
	Scenes     []SceneSearch
	Workload   item.Workload
	Now        time.Time
}

// Sighting is one occurrence on the card.
type Sighting struct {
	ID, Source string
	At         time.Time
	// Basis is the legal basis that it was detected under, or the form that it was
	// reported by; Until is when the basis ends.
	Basis string
	Until time.Time
	Evidence
	Matches    []match.Match
	Inherited  string
	ReportedIn string
}

// Again is that a list learnt of an item after it came here.
type Again struct {
	At time.Time
	match.Match
}

// maxAgain is how many a card lists.
const maxAgain = 20

func againOn(c *Card, tx *ledger.Tx, id string) error {
	rows, err := tx.FoundAgain(id, maxAgain)
	for _, row := range rows {
		a := Again{At: row.At}
		if err := json.Unmarshal(row.Found, &a.Match); err != nil {
			return fmt.Errorf("reading what was found again of %s: %w", id, err)
		}
		c.Again = append(c.Again, a)
	}
	return err
}

// Evidence is what the source knew, as intake keeps it.
type Evidence struct {
	item.Context
	FileName string       `json:"file_name"`
	Signals  []law.Signal `json:"signals,omitempty"`
}

// shownSightings is how many occurrences a card lists.
const shownSightings = 20

// Card returns an item in words.
func (d *Desk) Card(ctx context.Context, actor mandate.Actor, id string) (Card, error) {
	var c Card
	err := d.options.Ledger.Read(ctx, d.onItem(actor, mandate.ItemConsult, id), func(tx *ledger.Tx) error {
		row, err := tx.Item(id)
		if err != nil {
			return err
		}
		scheme, review, err := d.profiles(row)
		if err != nil {
			return err
		}
		c = Card{Item: row.Item, Scheme: scheme, Keys: review.Keys[scheme.ID], Count: row.Sightings, Now: tx.Now}
		if c.Workload, _, err = d.workload(tx, actor.ID); err != nil {
			return err
		}
		if err := d.assessmentOn(&c, row, actor.ID, tx.Now); err != nil {
			return err
		}
		if c.Decision != nil {
			if c.Reopened, err = reopened(tx.Tx, id); err != nil {
				return err
			}
			if c.RemovedBy, err = tx.RemovedByOrder(id); err != nil {
				return err
			}
		}
		if d.investigates(actor) {
			if err := openCase(tx.Tx, id); err != nil {
				return err
			}
			c.Case = true
		}
		if err := againOn(&c, tx, id); err != nil {
			return err
		}
		if err := d.scenesOn(&c, tx, id, actor.ID); err != nil {
			return err
		}
		return d.sightingsOn(&c, tx, id)
	})
	return c, err
}

func (d *Desk) assessmentOn(c *Card, row store.ItemRow, person string, now time.Time) error {
	assessment, err := row.ReadAssessment()
	if err != nil {
		return err
	}
	if station, err := assessment.StationFor(person); err == nil {
		c.Mine, c.Station = true, station
	}
	if assessment.State == item.Adjudication {
		if first, second, err := assessment.Disagreement(person); err == nil {
			c.Settles, c.First, c.Second = true, first, second
		}
	}
	if final, ok := assessment.Final(); ok {
		c.Decision = &final
	}
	last := assessment.Last()
	c.CanUndo = last != nil && last.Person == person && !assessment.Sealed && assessment.SealAt.After(now)
	return nil
}

func (d *Desk) sightingsOn(c *Card, tx *ledger.Tx, id string) error {
	rows, err := tx.Sightings(id, shownSightings)
	if err != nil {
		return err
	}
	for _, row := range rows {
		s := Sighting{ID: row.ID, Source: row.Source, At: row.At, Inherited: row.Inherited, ReportedIn: row.ReportedIn}
		if err := json.Unmarshal(row.Context, &s.Evidence); err != nil {
			return fmt.Errorf("reading sighting %s: %w", row.ID, err)
		}
		if err := json.Unmarshal(row.Matches, &s.Matches); err != nil {
			return fmt.Errorf("reading the matches of %s: %w", row.ID, err)
		}
		ref, err := law.ParseRef(row.LegalBasis)
		if err != nil {
			return err
		}
		if received(row) {
			c.Received = true
			form, err := d.options.Law.ReportForm(ref)
			if err != nil {
				return err
			}
			s.Basis = form.Title
		} else {
			basis, err := d.options.Law.LegalBasis(ref)
			if err != nil {
				return err
			}
			s.Basis, s.Until = basis.Name, basis.Until
		}
		if c.Decision == nil {
			// What followed from a decision tells what it was. While people look a
			// second time or anew, they must not know.
			s.Inherited, s.ReportedIn = "", ""
		}
		if s.Inherited != "" {
			c.Inherited++
		}
		c.Sightings = append(c.Sightings, s)
	}
	return nil
}
