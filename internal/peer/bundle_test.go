package peer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

func (n *node) export(t testing.TB, to *node) []byte {
	t.Helper()
	text, _, _, err := n.Export(t.Context(), to.Self().NodeID)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (n *node) load(t testing.TB, text []byte) peer.Imported {
	t.Helper()
	done, err := n.Import(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// TestEnvelopesAreCarriedInAFile: out in one file, receipts back in another, a
// follow-up the other way; each file twice.
func TestEnvelopesAreCarriedInAFile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		provider := newNode(t, s, "node.provider.example", mandate.Provider)
		centre := newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)
		provider.meet(t, centre)
		centre.meet(t, provider)
		var ids []string
		for i := range 3 {
			ids = append(ids, provider.mustSend(t, centre, fmt.Sprintf("message %d", i)))
		}
		out := provider.export(t, centre)
		if strings.Contains(string(out), "message 1") {
			t.Error("it is carried in the clear")
		}
		var replies [][]byte
		for range 2 {
			done := centre.load(t, out)
			if done.Taken != 3 || done.Refused != 0 || done.From.NodeID != provider.Self().NodeID {
				t.Fatalf("%+v", done)
			}
			replies = append(replies, done.Reply)
		}
		if taken, _ := centre.effects(); len(centre.events(t, mandate.ReportReceive)) != 6 || taken != 3 {
			t.Errorf("%d taken", taken)
		}
		if done := provider.load(t, replies[1]); done.Answered != 3 || done.Known+done.Wrong != 0 || len(done.Reply) != 0 {
			t.Errorf("%+v", done)
		}
		if done := provider.load(t, replies[0]); done.Known != 3 || done.Answered != 0 {
			t.Errorf("the second time: %+v", done)
		}
		if _, receipts := provider.effects(); receipts != 3 || provider.out(t, ids[2]).State != store.EnvelopeAnswered {
			t.Errorf("%d receipts", receipts)
		}
		if _, _, _, err := provider.Export(t.Context(), centre.Self().NodeID); !problem.Is(err, problem.NotFound) {
			t.Errorf("nothing waits: %v", err)
		}
		if err := centre.answer(t, provider, ids[0], peer.Accepted, ""); err != nil {
			t.Fatal(err)
		}
		back := provider.load(t, centre.export(t, provider))
		if want := []peer.Status{peer.Received, peer.Received, peer.Received, peer.Accepted}; !slices.Equal(provider.statuses(), want) {
			t.Errorf("%v", provider.statuses())
		}
		if done := centre.load(t, back.Reply); done.Answered != 1 {
			t.Errorf("%+v", done)
		}
	})
}

// TestForgedBundles: for another node, by a stranger, by a revoked node, changed,
// of another kind; and receipts of what was sent to others.
func TestForgedBundles(t *testing.T) {
	provider, centre := two(t)
	stranger := newNode(t, storetest.SQLite(t), "node.stranger.example", mandate.Hotline)
	stranger.meet(t, centre)
	stranger.meet(t, provider)
	provider.meet(t, stranger)
	provider.mustSend(t, centre, "message 17")
	good := provider.export(t, centre)
	stranger.mustSend(t, centre, "message 18")
	receipt, err := peer.SignReceipt(provider.keys, peer.Receipt{Source: provider.Self().NodeID, Status: peer.Received})
	if err != nil {
		t.Fatal(err)
	}
	dot := strings.LastIndexByte(string(good), '.')
	for name, c := range map[string]struct {
		at   *node
		text []byte
		kind problem.Kind
	}{
		"for another node":  {stranger, good, problem.Denied},
		"by a stranger":     {centre, stranger.export(t, centre), problem.Denied},
		"another signature": {centre, append(slices.Clone(good[:dot+1]), []byte(strings.Repeat("A", 86))...), problem.Denied},
		"a receipt":         {centre, []byte(receipt), problem.Denied},
		"half":              {centre, good[:len(good)/2], problem.Invalid},
		"nothing":           {centre, nil, problem.Invalid},
		"too large":         {centre, make([]byte, peer.MaxBundle+1), problem.Invalid},
	} {
		if _, err := c.at.Import(t.Context(), c.text); !problem.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if taken, _ := centre.effects(); taken != 0 {
		t.Errorf("%d took effect", taken)
	}
	// The stranger carries the genuine reply as its own: signed by it, receipts of the Centre.
	reply := centre.load(t, good).Reply
	if _, err := stranger.Import(t.Context(), reply); !problem.Is(err, problem.Denied) {
		t.Errorf("the reply at another node: %v", err)
	}
	forged := peer.Resign(t.Fatal, stranger.Post, reply)
	if done := provider.load(t, forged); done.Answered != 0 || done.Wrong != 1 {
		t.Errorf("receipts for others: %+v", done)
	}
	if done := provider.load(t, reply); done.Answered != 1 {
		t.Errorf("%+v", done)
	}
	revoked := entryOf(t, provider)
	revoked.Revoked = &peer.Revocation{At: time.Now(), Reason: "its key was stolen"}
	centre.mustPublish(t, revoked)
	if _, err := centre.Import(t.Context(), good); !problem.Is(err, problem.Denied) {
		t.Errorf("a revoked node: %v", err)
	}
}

// TestABundleHoldsWhatFits: what does not fit goes into the next file.
func TestABundleHoldsWhatFits(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: encoding many megabytes is slow under the race detector, which sees the same code on small files; run without it")
	}
	provider, centre := two(t)
	for range 6 {
		provider.mustSend(t, centre, strings.Repeat("a", 3<<20))
	}
	text, count, left, err := provider.Export(t.Context(), centre.Self().NodeID)
	if err != nil || count+left != 6 || count == 0 || left == 0 || len(text) > peer.MaxBundle {
		t.Fatalf("%d in the file of %d bytes, %d left, %v", count, len(text), left, err)
	}
	provider.load(t, centre.load(t, text).Reply)
	text, count, left, err = provider.Export(t.Context(), centre.Self().NodeID)
	if err != nil || left != 0 {
		t.Fatalf("%d in the second, %d left, %v", count, left, err)
	}
	provider.load(t, centre.load(t, text).Reply)
	if taken, _ := centre.effects(); taken != 6 {
		t.Errorf("%d of 6 arrived", taken)
	}
}

func FuzzReadBundle(f *testing.F) {
	sender := keysOf(f, "sender.example", mandate.Provider)
	good := peer.SignBundle(f.Fatal, sender, `{"from":"node/a","to":"node/b","envelopes":["{}"],"receipts":[{"id":"one"}]}`)
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("a.b.c"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, _, err := peer.ReadBundle(text); err != nil && !problem.Is(err, problem.Invalid) {
			t.Errorf("%v", err)
		}
	})
}
