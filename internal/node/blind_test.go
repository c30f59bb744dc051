package node_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/node"
)

// onlyCard is a card without what differs between any two readings of it.
func onlyCard(t *testing.T, card triage.Card) string {
	t.Helper()
	card.Now, card.Workload, card.Station.Until = time.Time{}, item.Workload{}, time.Time{}
	text, err := json.Marshal(card)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestABlindCardHoldsNothingOfTheFirstDecision compares everything that the
// second person's page can be made of with what the first person got.
func TestABlindCardHoldsNothingOfTheFirstDecision(t *testing.T) {
	ctx := context.Background()
	w := demonstration(t)
	desk := w.Provider.Triage
	analyst, second := actor(t, w.Provider, mandate.Analyst), actor(t, w.Provider, mandate.SecondLooker)
	found, _ := detect(t, w, "blind-1", node.Reference(7))
	id := found.Files[0].SHA256
	must(t, "taking", desk.Take(ctx, analyst, id))
	first, err := desk.Card(ctx, analyst, id)
	must(t, "reading the card", err)
	if !first.Mine {
		t.Fatal("the analyst took the item and does not have it")
	}
	_, err = desk.View(ctx, analyst, id, triage.Look{Level: item.LevelFull})
	must(t, "viewing", err)
	must(t, "deciding", desk.Decide(ctx, analyst, id, triage.Verdict{
		Labels: map[string]string{"same-picture": "no", "picture": "pattern"}, Reason: "a remark of the first person",
	}))
	_, err = desk.GoOn(ctx, analyst)
	must(t, "going on", err)

	must(t, "taking", desk.Take(ctx, second, id))
	blind, err := desk.Card(ctx, second, id)
	must(t, "reading the card", err)
	if !blind.Mine {
		t.Fatal("the second person took the item and does not have it")
	}
	if got, want := onlyCard(t, blind), onlyCard(t, first); got != want {
		t.Errorf("the second person's card differs from the first person's:\n%s\n%s", got, want)
	}
	for _, secret := range []string{analyst.ID, "a remark", `"Outcome":"no`} {
		if strings.Contains(onlyCard(t, blind), secret) {
			t.Errorf("the blind card says %q", secret)
		}
	}
}
