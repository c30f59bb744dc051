package intake

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// stopped remembers where the end of a legal basis was noticed.
type stopped struct {
	mu sync.Mutex
	at map[[2]string]time.Time // by source and basis
}

func (s *stopped) since(source Source) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, found := s.at[[2]string{source.Name, source.LegalBasis.Ref().String()}]
	return at, found
}

// inForce returns nil while files of a source may be compared. What has ended
// does not begin again when the clock is set back: a person has to name
// another basis.
func (d *Desk) inForce(source Source) error {
	now := d.ledger.Now()
	if err := source.LegalBasis.Check(source.Service, now); err != nil {
		return err
	}
	if at, found := d.stopped.since(source); found {
		return &problem.Error{
			Kind: problem.Expired, Field: "legal_basis",
			Reason: fmt.Sprintf("%s had ended when detection stopped at %s; the clock, which says %s, was set back", source.LegalBasis.Name, at.Format(time.RFC3339), now.Format(time.RFC3339)),
			Remedy: "set the clock (NTP); detection stays stopped until a person sets another legal basis",
		}
	}
	return nil
}

// Ready says whether the actor may submit now, before anything of a large
// upload is read. It logs nothing: what follows is [Desk.Detect], which refuses
// for the same reason and logs it.
func (d *Desk) Ready(actor mandate.Actor) error {
	source, err := d.source(actor)
	if err != nil {
		return err
	}
	if err := d.inForce(source); err != nil {
		return err
	}
	return d.ledger.Permits(d.act(actor))
}

// Watch stops detection at each source whose legal basis has ended: it is
// written down once, as an act of the node itself. It learns what other
// processes of the node noticed, and returns what was new to everybody. It also
// writes down how much was compared and judges which entries flood. It is cheap, and meant to be called every second.
func (d *Desk) Watch(ctx context.Context) ([]BasisState, error) {
	known := map[[2]string]time.Time{}
	err := d.ledger.Peek(ctx, func(tx *store.Tx) error {
		clear(known)
		rows, err := tx.StoppedBases()
		for _, row := range rows {
			known[[2]string{row.Source, row.Basis}] = row.At
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("watching legal bases: %w", err)
	}
	var fresh []BasisState
	for _, source := range d.sources {
		name := source.LegalBasis.Ref().String()
		if _, found := known[[2]string{source.Name, name}]; found || !source.LegalBasis.Expired(d.ledger.Now()) {
			continue
		}
		act := ledger.Act{
			Actor: d.ledger.Itself(), Action: mandate.DetectionStop, Purpose: mandate.PurposeDetection,
			Basis: name, Resource: access.Resource{ID: "node", Source: source.Name},
		}
		first := false
		err := d.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
			tx.Note("source", source.Name)
			tx.Note("until", source.LegalBasis.Until)
			known[[2]string{source.Name, name}] = tx.Now
			err := tx.InsertStoppedBasis(store.StoppedBasis{Source: source.Name, Basis: name, At: tx.Now})
			first = err == nil
			return err
		})
		if err != nil && !problem.Is(err, problem.Conflict) { // another process was faster
			return fresh, fmt.Errorf("stopping detection at %s: %w", source.Name, err)
		}
		if first {
			fresh = append(fresh, d.state(source))
		}
	}
	d.stopped.mu.Lock()
	d.stopped.at = known
	d.stopped.mu.Unlock()
	return fresh, d.judge(ctx)
}

// Bases says how each source stands with its legal basis: what warnings are
// reached, or that it has ended.
func (d *Desk) Bases() []BasisState {
	var all []BasisState
	for _, source := range d.sources {
		all = append(all, d.state(source))
	}
	slices.SortFunc(all, func(a, b BasisState) int { return cmp.Compare(a.Source, b.Source) })
	return all
}

func (d *Desk) state(source Source) BasisState {
	state := BasisState{Source: source.Name, Basis: source.LegalBasis, Warnings: source.LegalBasis.Warnings(d.ledger.Now())}
	if err := d.inForce(source); err != nil {
		state.Stopped = problem.From(err).Reason
	}
	return state
}

// BasisState is how a source stands with its legal basis.
type BasisState struct {
	Source   string
	Basis    *law.LegalBasis
	Warnings []law.EndWarning
	// Stopped says why detection does not run; empty when it does.
	Stopped string
}
