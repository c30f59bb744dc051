package intake_test

import (
	"bytes"
	"fmt"
	"image/png"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// TestALookAlikeBringsNothingToPeople unless somebody asks for a look, or an equal digest is known;
// the answer says so, and the log counts it.
func TestALookAlikeBringsNothingToPeople(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		picture, err := png.Decode(bytes.NewReader(nodetest.Picture(2)))
		if err != nil {
			t.Fatal(err)
		}
		manager := n.Person("list-manager", mandate.ListManager)
		list := func(name string, benign bool, hash pdq.Hash) string {
			l, err := n.Lists.Create(t.Context(), manager, lists.NewList{Name: name, Source: "made by the test", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1, Benign: benign})
			if err == nil {
				_, err = n.Lists.Import(t.Context(), manager, l.ID, lists.Import{FileName: "list.csv", Content: strings.NewReader(fmt.Sprintf("pdq,category\n%s,training\n", hash)), Reason: "made by the test"})
			}
			if err != nil {
				t.Fatal(err)
			}
			return l.ID
		}
		look := pdq.FromImage(picture).Hash
		near := look
		near[3] ^= 0x0f
		list("Known", false, near)
		benign := list("Look-alikes", true, look)
		request, err := n.Lists.AskBenign(t.Context(), manager, benign, "a pattern of the test")
		if err == nil {
			err = n.Lists.ConfirmBenign(t.Context(), n.Person("list-manager-2", mandate.ListManager), benign, request)
		}
		if err != nil {
			t.Fatal(err)
		}
		found := n.Submit(t, nodetest.Submission(2, "user1"))
		if len(found.Matches) != 1 || found.Matches[0].SetAside == nil || found.Sighting != "" || !strings.Contains(found.Next, "set aside") {
			t.Fatalf("%+v", found)
		}
		if items, sightings := rows(t, n); items != 0 || sightings != 0 {
			t.Errorf("%d items, %d sightings", items, sightings)
		}
		lookup, err := n.Intake.Lookup(t.Context(), n.Uploads, []match.Hashes{{PDQ: &look}})
		if err != nil || len(lookup.Found[0].Matches) != 1 || lookup.Found[0].Matches[0].SetAside == nil {
			t.Errorf("looked up: %+v, %v", lookup, err)
		}
		if err := n.Ledger.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		counted := 0
		n.Look(t, func(tx *store.Tx) error {
			events, err := tx.LogEventsFrom(0, 1000)
			for _, event := range events {
				counted += strings.Count(string(event.Record), `"set_aside":1`)
			}
			return err
		})
		if counted != 2 {
			t.Errorf("the log counts it %d times", counted)
		}
		// Somebody flags it: a person looks, and sees what was set aside.
		flagged := nodetest.Submission(2, "user1")
		flagged.Flagged = true
		if found := n.Submit(t, flagged); found.Sighting == "" {
			t.Errorf("%+v", found)
		}
		if row, _ := n.Item(t, found.SHA256); row.Tier != "P1" {
			t.Errorf("its place is %s", row.Tier)
		}
		// An equal digest stands, whatever the picture looks like.
		n.List(t, "double", 2)
		found = n.Submit(t, nodetest.Submission(2, "user1"))
		if len(match.Standing(found.Matches)) != 1 || found.Matches[0].Kind != match.SHA256 || found.Sighting == "" {
			t.Errorf("%+v", found)
		}
	})
}
