package triage

import (
	"context"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/store"
)

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
