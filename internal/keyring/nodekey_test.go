package keyring

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/problem"
)

func TestNodeKeyIsWrittenAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.key")
	made, err := GenerateNodeKey(path)
	if err != nil {
		t.Fatal(err)
	}
	read, err := LoadNodeKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if made.ID() != read.ID() || !strings.HasPrefix(made.ID(), "nodekey/") {
		t.Fatalf("ids %q and %q", made.ID(), read.ID())
	}
	header, body := sealedFile(t, made, "message")
	if got := decrypted(t, header, body, read); got != "message" {
		t.Fatalf("decrypts to %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = GenerateNodeKey(path)
	wantKind(t, err, problem.Conflict)
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Fatal("an existing node key was overwritten")
	}
}

func TestNodeKeyFileMustBePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.key")
	if _, err := GenerateNodeKey(path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644, 0o610, 0o601} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadNodeKey(path)
		wantKind(t, err, problem.Denied)
		if !strings.Contains(problem.From(err).Remedy, "chmod 600") {
			t.Fatalf("the remedy does not say what to run: %v", err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadNodeKey(path); err != nil {
		t.Fatal(err)
	}
	_, err := LoadNodeKey(path + "-absent")
	wantKind(t, err, problem.NotFound)
	_, err = LoadNodeKey(filepath.Dir(path))
	wantKind(t, err, problem.Invalid)
}

func TestNodeKeyParsing(t *testing.T) {
	native, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"X25519":                native.String(),
		"hybrid":                hybrid.String(),
		"comments, blanks, CRs": "# made today\r\n\r\n" + native.String() + "\r\n",
	} {
		if _, err := parseNodeKey([]byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"empty":           "",
		"comment only":    "# nothing",
		"two keys":        native.String() + "\n" + hybrid.String(),
		"changed letter":  strings.Replace(native.String(), native.String()[20:21], "B", 1) + "B",
		"a recipient":     native.Recipient().String(),
		"cut short":       hybrid.String()[:40],
		"another program": "-----BEGIN OPENSSH PRIVATE KEY-----",
	} {
		_, err := parseNodeKey([]byte(text))
		if !problem.Is(err, problem.Invalid) {
			t.Errorf("%s: error %v, want a problem", name, err)
		}
		for _, line := range strings.Fields(text) {
			if len(line) > 20 && strings.Contains(err.Error(), line[:20]) {
				t.Errorf("%s: the error repeats the secret", name)
			}
		}
	}
}

// TestRewrappedHeaderOpensItsBody uses stanzas of every shape that the age
// format knows, bodies that end at a line's end included.
func TestRewrappedHeaderOpensItsBody(t *testing.T) {
	first := newX25519NodeKey(t)
	header, body := sealedFile(t, first, "message")
	rapid.Check(t, func(r *rapid.T) {
		key := stanzaKey{
			kind:      rapid.StringMatching(`[!-~]{1,20}`).Draw(r, "kind"),
			arguments: rapid.SliceOfN(rapid.StringMatching(`[!-~]{1,60}`), 0, 4).Draw(r, "arguments"),
			padding:   rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(r, "padding"),
		}
		rewrapped, err := rewrapHeader(header, first, key)
		if err != nil {
			r.Fatal(err)
		}
		if got := decrypted(t, rewrapped, body, key); got != "message" {
			r.Fatalf("decrypts to %q", got)
		}
	})
}

// stanzaKey is a NodeKey as a key service would be one: it makes stanzas of its
// own kind. It hides nothing, which this test does not need.
type stanzaKey struct {
	kind      string
	arguments []string
	padding   []byte
}

func (k stanzaKey) ID() string { return "nodekey/stanza" }

func (k stanzaKey) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	return []*age.Stanza{{Type: k.kind, Args: k.arguments, Body: append(k.padding[:len(k.padding):len(k.padding)], fileKey...)}}, nil
}

func (k stanzaKey) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	return stanzas[0].Body[len(k.padding):], nil
}

func FuzzParseNodeKey(f *testing.F) {
	identity, err := age.GenerateHybridIdentity()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(identity.String()))
	f.Add([]byte("# comment\n" + identity.String() + "\n\n"))
	f.Add([]byte("AGE-SECRET-KEY-1"))
	f.Add([]byte{0, '\n', 0xff})
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := parseNodeKey(text)
		if (key == nil) == (err == nil) {
			t.Fatal("want either a key or an error")
		}
		if err != nil && !problem.Is(err, problem.Invalid) {
			t.Fatalf("error %v is no problem", err)
		}
	})
}
