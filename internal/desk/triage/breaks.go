package triage

import (
	"context"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// errOnBreak refuses work during a break; another person can take what is urgent.
func errOnBreak(until, now time.Time) error {
	return &problem.Error{Kind: problem.Unavailable, Reason: "your break lasts until " + until.Format("15:04") + " UTC", Remedy: "nobody can shorten it; another person takes what is urgent", RetryAfter: until.Sub(now)}
}

// openView is how long a view without an end is taken to have lasted.
const openView = 2 * time.Minute

// workload computes a person's exposure of today and the break that follows.
func (d *Desk) workload(tx *ledger.Tx, person string) (item.Workload, law.Breaks, error) {
	breaks, err := d.breaks(tx, person)
	if err != nil {
		return item.Workload{}, law.Breaks{}, err
	}
	day := tx.Now.Truncate(24 * time.Hour)
	rows, err := tx.ExposuresOfPerson(person, day)
	if err != nil {
		return item.Workload{}, breaks, err
	}
	var exposures []item.Exposure
	for _, row := range rows {
		level, err := item.ParseLevel(row.Level)
		if err != nil {
			return item.Workload{}, breaks, err
		}
		until := row.Until
		if until.IsZero() {
			until = row.From.Add(min(openView, tx.Now.Sub(row.From)))
		}
		exposures = append(exposures, item.Exposure{Person: person, Item: item.ID(row.ItemID), Level: level, From: row.From, Until: until})
	}
	from, until, err := tx.Lock(person)
	if err != nil {
		return item.Workload{}, breaks, err
	}
	return item.BreakLock(breaks, exposures, item.Lock{From: from, Until: until}), breaks, nil
}

// breaks is the rule for a person: their own, else the one for everybody, else
// the profile's.
func (d *Desk) breaks(tx *ledger.Tx, person string) (law.Breaks, error) {
	rule := d.options.Review.Breaks
	rows, err := tx.Breaks()
	for _, row := range rows { // the rule for everybody, with an empty name, comes first
		if row.Person == "" || row.Person == person {
			rule.Limit, rule.LockMinutes = row.Limit, row.LockMinutes
		}
	}
	return rule, err
}

// Wellbeing is what a person sees of their own day, and what became of their work.
type Wellbeing struct {
	Workload item.Workload
	Rule     law.Breaks
	ByLevel  map[string]int
	Outcomes []store.Outcome
	Now      time.Time
}

// Wellbeing returns the person's own exposure and the outcomes of their work;
// nobody else can ask for it.
func (d *Desk) Wellbeing(ctx context.Context, actor mandate.Actor) (Wellbeing, error) {
	act := ledger.Act{Actor: actor, Action: mandate.WellbeingOwn, Purpose: mandate.PurposeStaffProtection, Resource: access.Resource{ID: actor.ID, Owner: actor.ID}}
	var w Wellbeing
	err := d.options.Ledger.Read(ctx, act, func(tx *ledger.Tx) (err error) {
		w = Wellbeing{Now: tx.Now, ByLevel: map[string]int{}}
		if w.Workload, w.Rule, err = d.workload(tx, actor.ID); err != nil {
			return err
		}
		rows, err := tx.ExposuresOfPerson(actor.ID, tx.Now.Truncate(24*time.Hour))
		if err != nil {
			return err
		}
		for _, row := range rows {
			w.ByLevel[row.Level]++
		}
		w.Outcomes, err = tx.OutcomesFor(actor.ID, 50)
		return err
	})
	return w, err
}

// SetBreak sets the break rule for everybody. A break that is running stays as
// it is.
func (d *Desk) SetBreak(ctx context.Context, actor mandate.Actor, limit, minutes int) error {
	act := ledger.Act{Actor: actor, Action: mandate.BreakSet, Purpose: mandate.PurposeStaffProtection}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if limit < 1 || limit > 10_000 || minutes < 1 || minutes > 480 {
			return problem.InvalidField("limit", "the limit is 1 to 10000 points and the break 1 to 480 minutes", "a rule without a break would be none")
		}
		tx.Note("limit", limit)
		tx.Note("minutes", minutes)
		return tx.PutBreak(store.BreakRow{Limit: limit, LockMinutes: minutes, SetBy: actor.ID, SetAt: tx.Now})
	})
}
