package peer_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/peer"
)

// first reads a file that the first version wrote.
func first(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "v1.0", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// firstKeys are the keys that the first version wrote with. They are copied,
// because a repository cannot keep the modes that key files must have.
func firstKeys(t testing.TB, name string) peer.Keys {
	t.Helper()
	folder := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join("testdata", "v1.0", name))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(folder, file.Name()), first(t, filepath.Join(name, file.Name())), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	identity, err := keyring.OpenIdentity(folder)
	if err != nil {
		t.Fatal(err)
	}
	node, err := peer.ParseNode(first(t, name+".json"))
	if err != nil || node.NodeID != identity.Public().NodeID {
		t.Fatal(node, err)
	}
	return peer.Keys{Self: node, Secrets: identity}
}

// TestTheFirstVersionIsStillRead opens what the first version wrote.
func TestTheFirstVersionIsStillRead(t *testing.T) {
	sender, recipient := firstKeys(t, "sender"), firstKeys(t, "recipient")
	if sender.Self.Country != "" || sender.Self.Speaks != "" {
		t.Errorf("%+v", sender.Self)
	}
	text := first(t, "envelope.json")
	e, err := peer.Parse(text)
	if err != nil || e.Version != "" {
		t.Fatal(e.Version, err)
	}
	message, err := peer.Open(recipient, sender.Self, e, sealedAt)
	if err != nil || string(message) != `{"text":"message 17"}` {
		t.Fatalf("%s, %v", message, err)
	}
	for name, want := range map[string]peer.Receipt{
		"received": {Status: peer.Received}, "rejected": {Status: peer.Rejected, Reason: "there is no such form", Field: "profile"},
	} {
		receipt, err := peer.OpenReceipt(string(first(t, "receipt-"+name+".jws")), recipient.Self, sender.Self.NodeID, e.ID, peer.Digest(text))
		if err != nil || receipt.Status != want.Status || receipt.Reason != want.Reason || receipt.Field != want.Field || !receipt.At.Equal(sealedAt) {
			t.Errorf("%s: %+v, %v", name, receipt, err)
		}
	}
	document, err := sender.Self.Document()
	if err != nil || string(document) != string(first(t, "sender.json")) {
		t.Errorf("the description is written otherwise: %s, %v", document, err)
	}
}

// firstHeader is the header as the first version knew it.
type firstHeader struct {
	SpecVersion string               `json:"specversion"`
	ID          string               `json:"id"`
	Source      string               `json:"source"`
	Kind        mandate.EnvelopeKind `json:"kind"`
	Type        string               `json:"type"`
	Time        time.Time            `json:"time"`
	Subject     string               `json:"subject"`
	ContentType string               `json:"datacontenttype"`
	Schema      string               `json:"dataschema"`
	Recipients  []string             `json:"recipients"`
	Purpose     mandate.Purpose      `json:"purpose"`
	LegalBasis  string               `json:"legalbasis"`
	ReplyTo     string               `json:"replyto,omitempty"`
	Priority    peer.Priority        `json:"priority"`
	Sequence    int64                `json:"sequence"`
	Checkpoint  string               `json:"checkpoint,omitempty"`
}

// TestTheFirstVersionReadsToday applies the rules by which the first version
// parsed, opened and compared to what is written today.
func TestTheFirstVersionReadsToday(t *testing.T) {
	sender, recipient := firstKeys(t, "sender"), firstKeys(t, "recipient")
	sender.Self.Country, sender.Self.Speaks = "SI", peer.Version
	text := seal(t, sender, recipient, headerTo(recipient), "message 17")
	var outside struct {
		firstHeader
		Data string `json:"data"`
	}
	if err := json.Unmarshal(text, &outside); err != nil {
		t.Fatal(err)
	}
	kinds := []mandate.EnvelopeKind{"report", "receipt", "claim", "outcome", "question", "answer", "hold", "list", "correction", "recall", "erasure"}
	if outside.SpecVersion != "1.0" || len(outside.Recipients) != 1 || outside.ID == "" || len(outside.ID) > 100 || !slices.Contains(kinds, outside.Kind) || outside.Sequence <= 0 || outside.Time.IsZero() {
		t.Fatalf("refused: %+v", outside.firstHeader)
	}
	sealed, err := jose.ParseEncryptedCompact(outside.Data, []jose.KeyAlgorithm{jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		t.Fatal(err)
	}
	compact, err := recipient.Secrets.DecryptEnvelope(sealed)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(string(compact), []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		t.Fatal(err)
	}
	content, err := signed.Verify(sender.Self.SigningKey.Key)
	if err != nil {
		t.Fatal(err)
	}
	var inside struct {
		Header  firstHeader     `json:"header"`
		Message json.RawMessage `json:"message"`
	}
	if err := json.Unmarshal(content, &inside); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(inside.Header)
	b, _ := json.Marshal(outside.firstHeader)
	if string(a) != string(b) || string(inside.Message) != `{"text":"message 17"}` {
		t.Errorf("%s\n%s", a, b)
	}
	document, err := sender.Self.Document()
	if err != nil {
		t.Fatal(err)
	}
	var description struct { // as the first version read it
		Node  json.RawMessage `json:"node"`
		Title string          `json:"title"`
		URL   string          `json:"url"`
	}
	if err := json.Unmarshal(document, &description); err != nil || description.URL != sender.Self.URL {
		t.Fatal(err)
	}
	old := first(t, filepath.Join("sender", "public.json"))
	var x, y any
	if json.Unmarshal(description.Node, &x) != nil || json.Unmarshal(old, &y) != nil {
		t.Fatal("the node's part cannot be read")
	}
	one, _ := json.Marshal(x)
	two, _ := json.Marshal(y)
	if string(one) != string(two) { // the first version refused members that it did not know there
		t.Errorf("the node's part has changed: %s", one)
	}
}

// TestLaterVersions: what a later version adds is tolerated when it was signed.
func TestLaterVersions(t *testing.T) {
	sender, recipient := firstKeys(t, "sender"), firstKeys(t, "recipient")
	text := peer.SealLater(t.Fatal, sender, recipient.Self, headerTo(recipient), map[string]any{"brdoversion": "1.9", "colour": "blue", "size": 12})
	if _, err := open(recipient, sender.Self, text, sealedAt); err != nil {
		t.Fatalf("a later version: %v", err)
	}
	for from, to := range map[string]string{`"colour":"blue"`: `"colour":"red"`, `"size":12`: `"size":13`, `"colour":"blue",`: ``, `"brdoversion":"1.9"`: `"brdoversion":"1.8"`, `"size":12,`: `"size":12,"more":true,`} {
		changed := strings.Replace(string(text), from, to, 1)
		if changed == string(text) {
			t.Fatalf("the envelope has no %s: %s", from, text)
		}
		if _, err := open(recipient, sender.Self, []byte(changed), sealedAt); !problem.Is(err, problem.Denied) {
			t.Errorf("%s changed to %s: %v", from, to, err)
		}
	}
	for _, version := range []string{"2.0", "1", "1.", "1.x", "1.1111", "01.1", " 1.1"} {
		text := peer.SealLater(t.Fatal, sender, recipient.Self, headerTo(recipient), map[string]any{"brdoversion": version})
		if _, err := open(recipient, sender.Self, text, sealedAt); !problem.Is(err, problem.Invalid) || problem.From(err).Field != "envelope.brdoversion" {
			t.Errorf("version %q: %v", version, err)
		}
	}
	for _, country := range []string{"Si", "SVN", "XX", "EU", "12", "S"} {
		node := sender.Self
		node.Country = country
		document, err := node.Document()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := peer.ParseNode(document); problem.From(err) == nil || problem.From(err).Field != "peer.country" {
			t.Errorf("country %s: %v", country, err)
		}
	}
}
