package peer_test

import (
	"slices"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// analyst is a person at the node who works on what came in.
func (n *node) assess(t testing.TB, change func(tx *ledger.Tx) error) error {
	t.Helper()
	analyst := mandate.Actor{Kind: mandate.Person, ID: "person/2", Roles: []mandate.Role{mandate.Analyst}, Organisation: n.ledger.NodeKind()}
	act := ledger.Act{Actor: analyst, Action: mandate.ReportAssess, Purpose: mandate.PurposeAssessment, Resource: access.Resource{ID: "report/1"}}
	return n.ledger.Do(t.Context(), act, change)
}

func (n *node) answer(t testing.TB, from *node, id string, status peer.Status, reason string) error {
	t.Helper()
	return n.assess(t, func(tx *ledger.Tx) error {
		return n.Answer(tx, peer.Origin{Source: from.Self().NodeID, ID: id}, status, reason)
	})
}

func (n *node) statuses() (all []peer.Status) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, receipt := range n.receipts {
		all = append(all, receipt.Status)
	}
	return all
}

func TestStatusesFollowEachOther(t *testing.T) {
	all := []peer.Status{peer.Received, peer.Rejected, peer.Accepted, peer.Forwarded, peer.Closed, "maybe", ""}
	allowed := map[[2]peer.Status]bool{
		{"", peer.Accepted}: true, {"", peer.Rejected}: true, {peer.Received, peer.Accepted}: true, {peer.Received, peer.Rejected}: true,
		{peer.Accepted, peer.Forwarded}: true, {peer.Accepted, peer.Closed}: true, {peer.Forwarded, peer.Forwarded}: true, {peer.Forwarded, peer.Closed}: true,
	}
	for _, from := range all {
		for _, to := range all {
			err := from.Next(to, "a reason")
			if (err == nil) != allowed[[2]peer.Status{from, to}] {
				t.Errorf("%q to %q: %v", from, to, err)
			}
		}
	}
	for _, to := range []peer.Status{peer.Rejected, peer.Closed} {
		from := map[peer.Status]peer.Status{peer.Rejected: peer.Received, peer.Closed: peer.Accepted}[to]
		if err := from.Next(to, ""); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s without a reason: %v", to, err)
		}
	}
}

// TestTheSenderLearnsWhatBecomesOfIt: every step reaches the sender's desk, once.
func TestTheSenderLearnsWhatBecomesOfIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		provider := newNode(t, s, "node.provider.example", mandate.Provider)
		centre := newNode(t, storetest.SQLite(t), "node.centre.example", mandate.Centre)
		provider.meet(t, centre)
		centre.meet(t, provider)
		id := provider.mustSend(t, centre, "message 17")
		provider.drain(t)
		for _, step := range []struct {
			status peer.Status
			reason string
		}{{peer.Accepted, ""}, {peer.Forwarded, ""}, {peer.Closed, "outcome: no further action"}} {
			if err := centre.answer(t, provider, id, step.status, step.reason); err != nil {
				t.Fatal(err)
			}
			centre.drain(t)
			if sent := provider.out(t, id); sent.Status != string(step.status) || sent.StatusReason != step.reason {
				t.Errorf("after %s the sender knows %s, %q", step.status, sent.Status, sent.StatusReason)
			}
		}
		if want := []peer.Status{peer.Received, peer.Accepted, peer.Forwarded, peer.Closed}; !slices.Equal(provider.statuses(), want) {
			t.Errorf("the desk was told %v", provider.statuses())
		}
		if err := centre.answer(t, provider, id, peer.Accepted, ""); !problem.Is(err, problem.Conflict) {
			t.Errorf("after the end: %v", err)
		}
		if err := centre.answer(t, provider, "another", peer.Accepted, ""); !problem.Is(err, problem.NotFound) {
			t.Errorf("an envelope that never came: %v", err)
		}
	})
}

// TestFollowUpsInAnyOrder: whatever order they arrive in, the sender ends with
// the highest status and never goes back.
func TestFollowUpsInAnyOrder(t *testing.T) {
	provider, centre := two(t)
	id := provider.mustSend(t, centre, "message 17")
	provider.drain(t)
	for _, step := range []peer.Status{peer.Accepted, peer.Forwarded, peer.Closed} {
		if err := centre.answer(t, provider, id, step, "done"); err != nil {
			t.Fatal(err)
		}
	}
	var waiting []store.EnvelopeOut
	centre.read(t, func(tx *store.Tx) (err error) { waiting, err = tx.EnvelopesWaiting(10); return err })
	for _, number := range []int{1, 2, 0, 1} { // forwarded, closed, accepted, and forwarded once more
		if _, err := provider.Receive(t.Context(), centre.Self(), waiting[number].Body); err != nil {
			t.Fatal(err)
		}
	}
	if want := []peer.Status{peer.Received, peer.Forwarded, peer.Closed}; !slices.Equal(provider.statuses(), want) {
		t.Errorf("the desk was told %v, want %v", provider.statuses(), want)
	}
	if sent := provider.out(t, id); sent.Status != string(peer.Closed) {
		t.Errorf("%+v", sent)
	}
}

// TestForgedFollowUps: nobody says anything of an envelope but who received it,
// of exactly those bytes, and nobody goes back on a rejection.
func TestForgedFollowUps(t *testing.T) {
	provider, centre := two(t)
	other := newNode(t, storetest.SQLite(t), "node.authority.example", mandate.Authority)
	provider.meet(t, other)
	id := provider.mustSend(t, centre, "message 17")
	provider.drain(t)
	digest := provider.out(t, id).Digest
	sequence := int64(0)
	say := func(from *node, reply string, message map[string]any) error {
		t.Helper()
		sequence++
		header := from.header(provider, store.NewID(""), sequence)
		header.Kind, header.Type, header.ReplyTo = mandate.EnvelopeReceipt, "eu.brdo.receipt.followed-up.v1", reply
		text, err := peer.Seal(from.keys, provider.Self(), header, message)
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := provider.Receive(t.Context(), from.Self(), text)
		if err != nil {
			t.Fatal(err)
		}
		opened, err := peer.OpenReceipt(receipt, provider.Self(), from.Self().NodeID, header.ID, peer.Digest(text))
		if err != nil {
			t.Fatal(err)
		}
		if opened.Status == peer.Rejected {
			return problem.InvalidField(opened.Field, opened.Reason, "")
		}
		return nil
	}
	good := map[string]any{"id": id, "digest": digest, "status": "closed", "reason": "done"}
	with := func(key string, value any) map[string]any {
		changed := map[string]any{}
		for k, v := range good {
			changed[k] = v
		}
		changed[key] = value
		return changed
	}
	for name, c := range map[string]struct {
		from    *node
		reply   string
		message map[string]any
	}{
		"by another node":        {other, id, good},
		"of other bytes":         {centre, id, with("digest", peer.Digest(nil))},
		"of another envelope":    {centre, id, with("id", "another")},
		"in reply to another":    {centre, "another", good},
		"with no status":         {centre, id, with("status", "")},
		"that it was received":   {centre, id, with("status", "received")},
		"with an odd status":     {centre, id, with("status", "maybe")},
		"with a long reason":     {centre, id, with("reason", string(make([]byte, 2000)))},
		"with another type":      {centre, id, with("id", 7)},
		"that says far too much": {centre, id, with("downstream", make([]map[string]string, 101))},
	} {
		if err := say(c.from, c.reply, c.message); !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if sent := provider.out(t, id); sent.Status != string(peer.Received) || len(provider.statuses()) != 1 {
		t.Fatalf("a forgery had an effect: %+v", sent)
	}
	if err := say(centre, id, with("status", "rejected")); err != nil {
		t.Fatal(err)
	}
	if err := say(centre, id, with("status", "accepted")); !problem.Is(err, problem.Invalid) {
		t.Errorf("accepted after it was rejected: %v", err)
	}
	if sent := provider.out(t, id); sent.Status != string(peer.Rejected) {
		t.Errorf("%+v", sent)
	}
}

// TestANodeOfTheFirstVersionIsNotTold: it would refuse what it does not know, and
// the envelope would wait for ever.
func TestANodeOfTheFirstVersionIsNotTold(t *testing.T) {
	provider, centre := two(t)
	old := provider.Self()
	old.Speaks, old.Country = "", ""
	if err := centre.Register(t.Context(), centre.operator(), old); err != nil {
		t.Fatal(err)
	}
	id := provider.mustSend(t, centre, "message 17")
	provider.drain(t)
	if err := centre.answer(t, provider, id, peer.Accepted, ""); err != nil {
		t.Fatal(err)
	}
	centre.read(t, func(tx *store.Tx) error {
		waiting, err := tx.EnvelopesWaiting(10)
		row, _, other := tx.EnvelopeIn(provider.Self().NodeID, id)
		if len(waiting) != 0 || row.Status != string(peer.Accepted) {
			t.Errorf("%d waiting, %s", len(waiting), row.Status)
		}
		if err == nil {
			err = other
		}
		return err
	})
	events := centre.events(t, mandate.ReportAssess)
	if len(events) != 1 || events[0].Detail["not_told"] != provider.Self().NodeID {
		t.Errorf("%+v", events)
	}
}
