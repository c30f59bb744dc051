package peer_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/peer"
)

// keysOf makes the keys of a node that has no database.
func keysOf(t testing.TB, name string, kind mandate.OrganisationKind) peer.Keys {
	identity := newIdentity(t, name, kind)
	return peer.Keys{Self: peer.Node{Public: identity.Public(), Title: name, URL: "https://" + name}, Secrets: identity}
}

var sealedAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func headerTo(to peer.Keys) peer.Header {
	return peer.Header{
		ID: "one", Kind: mandate.EnvelopeReport, Type: "eu.brdo.report.submitted.v1", Schema: "report-1", Time: sealedAt, Subject: "report/1",
		Recipients: []string{to.Self.NodeID}, Purpose: mandate.PurposeReporting, LegalBasis: "demo@1", ReplyTo: "before", Priority: peer.Normal, Sequence: 7,
		Checkpoint: "none",
	}
}

func seal(t interface{ Fatal(...any) }, from, to peer.Keys, header peer.Header, text string) []byte {
	envelope, err := peer.Seal(from, to.Self, header, message{text})
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

func open(keys peer.Keys, from peer.Node, text []byte, now time.Time) (json.RawMessage, error) {
	e, err := peer.Parse(text)
	if err != nil {
		return nil, err
	}
	return peer.Open(keys, from, e, now)
}

// TestOnlyTheRecipientOpensWhatIsUnchanged: what was sealed to one node opens
// there and nowhere else, and not once a field of its header was changed.
func TestOnlyTheRecipientOpensWhatIsUnchanged(t *testing.T) {
	sender, a, b := keysOf(t, "sender.example", mandate.Provider), keysOf(t, "a.example", mandate.Centre), keysOf(t, "b.example", mandate.Centre)
	var fields []string
	var sample map[string]any
	if err := json.Unmarshal(seal(t, sender, a, headerTo(a), "message"), &sample); err != nil {
		t.Fatal(err)
	}
	for field := range sample {
		fields = append(fields, field)
	}
	slices.Sort(fields)
	if len(fields) != 18 {
		t.Fatalf("the envelope has the fields %v", fields)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		envelope := seal(t, sender, a, headerTo(a), text)
		got, err := open(a, sender.Self, envelope, sealedAt)
		var back message
		if err != nil || json.Unmarshal(got, &back) != nil || back.Text != strings.ToValidUTF8(text, "\ufffd") {
			t.Fatalf("got %s, %v", got, err)
		}
		if _, err := open(b, sender.Self, envelope, sealedAt); !problem.Is(err, problem.Denied) {
			t.Fatalf("another node: %v", err)
		}
		if _, err := open(a, b.Self, envelope, sealedAt); !problem.Is(err, problem.Denied) {
			t.Fatalf("from another node: %v", err)
		}
		var changed map[string]any
		if err := json.Unmarshal(envelope, &changed); err != nil {
			t.Fatal(err)
		}
		field := rapid.SampledFrom(fields).Draw(t, "field")
		switch value := changed[field].(type) {
		case string:
			switch {
			case field == "time":
				changed[field] = sealedAt.Add(-time.Duration(rapid.IntRange(1, 1_000_000).Draw(t, "earlier")) * time.Millisecond)
			case rapid.Bool().Draw(t, "shorten"):
				changed[field] = value[:len(value)-1]
			default:
				changed[field] = value + rapid.StringMatching(`[a-z]{1,5}`).Draw(t, "more")
			}
		case float64:
			changed[field] = int64(value) + rapid.Int64Range(1, 100).Draw(t, "more")
		case []any:
			changed[field] = rapid.SampledFrom([][]string{{}, {b.Self.NodeID}, {a.Self.NodeID, b.Self.NodeID}, {a.Self.NodeID, a.Self.NodeID}}).Draw(t, "recipients")
		}
		spoilt, err := json.Marshal(changed)
		if err != nil {
			t.Fatal(err)
		}
		for _, keys := range []peer.Keys{a, b} {
			if _, err := open(keys, sender.Self, spoilt, sealedAt); !problem.Is(err, problem.Denied) && !problem.Is(err, problem.Invalid) {
				t.Fatalf("%s changed to %v: %v", field, changed[field], err)
			}
		}
	})
}

// TestARecipientCannotPassItOn: even who may decrypt an envelope cannot address
// the signed content to a third party.
func TestARecipientCannotPassItOn(t *testing.T) {
	sender, a, b := keysOf(t, "sender.example", mandate.Provider), keysOf(t, "a.example", mandate.Centre), keysOf(t, "b.example", mandate.Authority)
	e, err := peer.Parse(seal(t, sender, a, headerTo(a), "message"))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := jose.ParseEncryptedCompact(e.Data, []jose.KeyAlgorithm{jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := a.Secrets.DecryptEnvelope(sealed)
	if err != nil {
		t.Fatal(err)
	}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: b.Self.EncryptionKey.Key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := encrypter.Encrypt(signed)
	if err != nil {
		t.Fatal(err)
	}
	if e.Data, err = again.CompactSerialize(); err != nil {
		t.Fatal(err)
	}
	e.Recipients = []string{b.Self.NodeID}
	_, err = peer.Open(b, sender.Self, e, sealedAt)
	if p := problem.From(err); p == nil || p.Kind != problem.Denied || !strings.Contains(p.Reason, "not the one that was signed") {
		t.Errorf("%v", err)
	}
}

func TestSealAndOpenRefuse(t *testing.T) {
	sender, a, b := keysOf(t, "sender.example", mandate.Provider), keysOf(t, "a.example", mandate.Centre), keysOf(t, "b.example", mandate.Centre)
	refused := func(what, field string, err error, kind problem.Kind) {
		t.Helper()
		if p := problem.From(err); p == nil || p.Kind != kind || p.Field != field || p.Reason == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, recipients := range map[string][]string{"nobody": nil, "somebody else": {b.Self.NodeID}, "two": {a.Self.NodeID, b.Self.NodeID}} {
		header := headerTo(a)
		header.Recipients = recipients
		_, err := peer.Seal(sender, a.Self, header, message{})
		refused(what, "recipients", err, problem.Invalid)
	}
	_, err := peer.Seal(sender, a.Self, headerTo(a), message{strings.Repeat("a", peer.MaxEnvelope)})
	refused("too large", "message", err, problem.Invalid)
	long := headerTo(a)
	long.LegalBasis = strings.Repeat("s", 201)
	_, err = peer.Seal(sender, a.Self, long, message{})
	refused("a header that the recipient would refuse", "envelope.legalbasis", err, problem.Invalid)
	_, err = peer.Parse(make([]byte, peer.MaxEnvelope+1))
	refused("too large", "envelope", err, problem.Invalid)

	good := seal(t, sender, a, headerTo(a), "message")
	for field, value := range map[string]any{
		"specversion": "2.0", "id": "", "source": "", "kind": "gossip", "purpose": "curiosity", "sequence": 0, "subject": strings.Repeat("s", 201),
		"legalbasis": strings.Repeat("s", 201), "replyto": strings.Repeat("s", 201), "checkpoint": strings.Repeat("s", 9000), "time": "0001-01-01T00:00:00Z",
	} {
		var e map[string]any
		if err := json.Unmarshal(good, &e); err != nil {
			t.Fatal(err)
		}
		e[field] = value
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		_, err = peer.Parse(text)
		refused(field, "envelope."+field, err, problem.Invalid)
	}
	_, err = peer.Parse([]byte(strings.Replace(string(good), fmt.Sprintf(`"recipients":[%q]`, a.Self.NodeID), `"recipients":[]`, 1)))
	refused("no recipients", "recipients", err, problem.Invalid)

	_, err = open(a, sender.Self, good, sealedAt.Add(-5*time.Minute-time.Second))
	refused("from the future", "envelope.time", err, problem.Invalid)
	if _, err := open(a, sender.Self, good, sealedAt.Add(-5*time.Minute)); err != nil {
		t.Errorf("five minutes ahead: %v", err)
	}
	if _, err := open(a, sender.Self, good, sealedAt.AddDate(0, 2, 0)); err != nil {
		t.Errorf("an envelope that waited for two months: %v", err)
	}
	_, err = open(a, b.Self, good, sealedAt)
	refused("brought by another node", "envelope.source", err, problem.Denied)
	_, err = open(b, sender.Self, good, sealedAt)
	refused("brought to another node", "envelope.recipients", err, problem.Denied)
	e, err := peer.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	e.Data = "nonsense"
	_, err = peer.Open(a, sender.Self, e, sealedAt)
	refused("data", "envelope.data", err, problem.Invalid)
	other, err := peer.Parse(seal(t, sender, b, headerTo(b), "message"))
	if err != nil {
		t.Fatal(err)
	}
	e.Data = other.Data
	_, err = peer.Open(a, sender.Self, e, sealedAt)
	refused("data for another", "envelope.data", err, problem.Denied)
	forged := seal(t, peer.Keys{Self: sender.Self, Secrets: b.Secrets}, a, headerTo(a), "message")
	_, err = open(a, sender.Self, forged, sealedAt)
	refused("another's signature", "envelope.data", err, problem.Denied)
}

func TestNodeDescriptions(t *testing.T) {
	a := keysOf(t, "a.example", mandate.Centre)
	text, err := a.Self.Document()
	if err != nil {
		t.Fatal(err)
	}
	back, err := peer.ParseNode(text)
	if err != nil || back.NodeID != a.Self.NodeID || back.URL != a.Self.URL || back.Title != a.Self.Title {
		t.Fatalf("%+v, %v", back, err)
	}
	for _, address := range []string{"", "a.example", "ftp://a.example", "https://", "https://a.example/path", "https://a.example?query", "https://name@a.example", "https://a.example#part"} {
		_, err := peer.ParseNode([]byte(strings.Replace(string(text), `"https://a.example"`, fmt.Sprintf("%q", address), 1)))
		if p := problem.From(err); p == nil || p.Field != "peer.url" {
			t.Errorf("%q: %v", address, err)
		}
	}
	if _, err := peer.ParseNode(make([]byte, 33<<10)); !problem.Is(err, problem.Invalid) {
		t.Errorf("too large: %v", err)
	}
	b := keysOf(t, "b.example", mandate.Centre)
	if _, err := peer.ParseNode([]byte(strings.Replace(string(text), a.Self.NodeID, b.Self.NodeID, 1))); !problem.Is(err, problem.Invalid) {
		t.Errorf("another's name: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	sender, a := keysOf(f, "sender.example", mandate.Provider), keysOf(f, "a.example", mandate.Centre)
	good := seal(f, sender, a, headerTo(a), "message")
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"specversion":"1.0","recipients":[null],"time":"x"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := peer.Parse(text)
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Errorf("%v", err)
			}
			return
		}
		if len(e.Recipients) == 0 || e.ID == "" || e.Sequence <= 0 {
			t.Errorf("accepted %+v", e.Header)
		}
		if _, err := peer.Open(a, sender.Self, e, sealedAt); err != nil && !problem.Is(err, problem.Denied) && !problem.Is(err, problem.Invalid) {
			t.Errorf("opening: %v", err)
		}
	})
}

func FuzzParseNode(f *testing.F) {
	text, err := keysOf(f, "a.example", mandate.Centre).Self.Document()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"node":null,"url":"https://a.example"}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := peer.ParseNode(text)
		if err != nil {
			return
		}
		again, err := n.Document()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := peer.ParseNode(again); err != nil || back.NodeID != n.NodeID || back.URL != n.URL || back.Title != n.Title {
			t.Errorf("%+v became %+v: %v", n, back, err)
		}
	})
}

func FuzzOpenReceipt(f *testing.F) {
	a := keysOf(f, "a.example", mandate.Centre)
	good, err := peer.SignReceipt(a, peer.Receipt{Source: "node/x", ID: "one", Digest: "d", At: sealedAt, Status: peer.Received})
	if err != nil {
		f.Fatal(err)
	}
	if _, err := peer.OpenReceipt(good, a.Self, "node/x", "one", "d"); err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-2])
	f.Add("a.b.c")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		receipt, err := peer.OpenReceipt(text, a.Self, "node/x", "one", "d")
		if err == nil && (receipt.ID != "one" || receipt.By != a.Self.NodeID || !receipt.At.Equal(sealedAt) || receipt.Status != peer.Received) {
			t.Errorf("accepted %+v", receipt)
		}
	})
}
