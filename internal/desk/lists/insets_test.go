package lists_test

import (
	"bytes"
	"fmt"
	goimage "image"
	"image/png"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// TestCroppedCopiesOfDecidedItems are found by an own list that asks for it, after a start from the
// saved index, by whoever takes its export, and only there.
func TestCroppedCopiesOfDecidedItems(t *testing.T) {
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		ctx, mona, nils := t.Context(), n.Person("mona", mandate.ListManager), n.Person("nils", mandate.ListManager)
		create := func(name string, isOwn, insets bool) string {
			l, err := n.Lists.Create(ctx, mona, lists.NewList{
				Name: name, Source: "people here", Scheme: "demo-training-match@1", Verification: "double", LegalBasis: nodetest.Basis, Radius: -1, Own: isOwn, Insets: insets,
			})
			must(t, err)
			return l.ID
		}
		without, with := own(t, n), create("with insets", true, true)
		id := twice(t, n, 1, nodetest.Yes)
		for _, list := range []string{without, with} {
			proposal, _, err := n.Lists.Propose(ctx, mona, list, id, "known since today")
			must(t, err)
			_, err = n.Lists.Confirm(ctx, nils, list, proposal)
			must(t, err)
		}

		// A crop of 15 %, of a pattern so fine that it has more insets than others.
		picture, err := png.Decode(bytes.NewReader(nodetest.Picture(1)))
		must(t, err)
		var cropped bytes.Buffer
		must(t, png.Encode(&cropped, pdq.Part(picture, goimage.Rect(7, 6, 89, 74))))
		found := n.Submit(t, intake.Submission{Files: []intake.Upload{{Name: "cropped.png", Content: bytes.NewReader(cropped.Bytes())}}}).Matches
		if len(found) != 1 || found[0].List != with || len(found[0].Transformations) != 1 || found[0].Transformations[0] != "inset 14.3 %" {
			t.Fatalf("%+v", found)
		}

		folder := t.TempDir()
		must(t, n.Index.Save(folder))
		opened, err := match.Open(folder)
		must(t, err)
		hash := pdq.FromImage(pdq.Part(picture, goimage.Rect(7, 6, 89, 74))).Hash
		if again := opened.Lookup(match.Hashes{PDQ: &hash}, n.Clock.Now()).Matches; len(again) != 1 || again[0].List != with {
			t.Errorf("after a start: %+v", again)
		}

		export := func(format hashlist.Format) *bytes.Buffer {
			request, err := n.Lists.RequestExport(ctx, mona, with, "for a partner")
			must(t, err)
			var out bytes.Buffer
			_, err = n.Lists.Export(ctx, nils, with, request, format, 0, 0, &out)
			must(t, err)
			return &out
		}
		for _, c := range []struct {
			format hashlist.Format
			insets bool
		}{{hashlist.JSONLines, false}, {hashlist.JSONLines, true}, {hashlist.CSV, true}} {
			out, insets := export(c.format), c.insets
			taken := create(fmt.Sprint("taken from ", c), false, insets)
			_, err := n.Lists.Import(ctx, mona, taken, lists.Import{FileName: "list.jsonl", Content: bytes.NewReader(out.Bytes()), Reason: "from a partner"})
			must(t, err)
			hit := false
			for _, m := range n.Index.Lookup(match.Hashes{PDQ: &hash}, n.Clock.Now()).Matches {
				hit = hit || m.List == taken
			}
			if hit != insets {
				t.Errorf("taken from %s with insets %v: matched %v", c.format, insets, hit)
			}
		}

		// What people withdraw does not match by a part either.
		must(t, n.Lists.ChangeEntry(ctx, mona, with, entryOf(t, n, with, id).ID, store.EntryWithdrawn, "a mistake"))
		for _, m := range n.Index.Lookup(match.Hashes{PDQ: &hash}, n.Clock.Now()).Matches {
			if m.List == with {
				t.Errorf("withdrawn: %+v", m)
			}
		}
		must(t, n.Lists.ChangeEntry(ctx, mona, without, entryOf(t, n, without, id).ID, store.EntryWithdrawn, "a mistake"))
		must(t, n.Triage.Erase(ctx, n.Supervisor(), id, "the period has ended"))
		n.Look(t, func(tx *store.Tx) error {
			left, err := tx.ItemInsets(id)
			if len(left) > 0 {
				t.Errorf("%d insets are left of what was erased", len(left))
			}
			return err
		})
	})
}
