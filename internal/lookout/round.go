package lookout

import (
	"context"
	"fmt"

	"github.com/brdoproject/brdo/domain/watch"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/ledger"
)

// Node is what a round is signed with that a machine made.
const Node = "node"

// Known is an item as rows tell of it: SHA-256 and PDQ in hexadecimal, each empty
// when it is not known. Without a radius pictures are not compared.
func Known(sha256, hash string, radius int) (Item, error) {
	item := Item{SHA256: sha256, Radius: radius}
	if hash == "" || radius <= 0 {
		return item, nil
	}
	parsed, err := pdq.Parse(hash)
	if err != nil {
		return item, fmt.Errorf("reading the digest of an item: %w", err)
	}
	item.PDQ = &parsed
	return item, nil
}

// Round looks once at each of some addresses, for the items that were there, and
// returns the checks of a [watch.Round].
//
// Errors: those of [Lookout.Look].
func (l *Lookout) Round(ctx context.Context, places []string, items map[string][]Item) ([]watch.Check, error) {
	var checks []watch.Check
	for _, place := range places {
		sight, err := l.Look(ctx, place, items[place]...)
		if err != nil {
			return nil, fmt.Errorf("looking at an address: %w", err)
		}
		checks = append(checks, watch.Check{Place: place, Finding: sight.Outcome.Finding(), Reason: sight.Reason, Outcome: string(sight.Outcome)})
	}
	return checks, nil
}

// Tell notes what a round saw in its event, and asks people to compare what only
// they can tell apart.
func Tell(tx *ledger.Tx, subject string, checks []watch.Check) error {
	for i, check := range checks {
		tx.Note(fmt.Sprintf("place_%d", i+1), check.Outcome)
		if check.Outcome != string(Alike) {
			continue
		}
		if err := tx.Alarm(subject, "compare what is served now with the item: "+check.Reason+" ("+check.Place+")"); err != nil {
			return err
		}
	}
	return nil
}
