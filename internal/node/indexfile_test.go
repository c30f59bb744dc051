package node_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
)

// TestSavedIndex starts a node again and again: with what it saved, after a byte of
// that changed, and after its database was put back to an earlier day. It always
// matches what its rows say, and says when it could not use what was saved.
func TestSavedIndex(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	must(t, "making the data folder", os.MkdirAll(data, 0o700))
	var told bytes.Buffer
	open := func(wantTold string) *nodetest.Node {
		t.Helper()
		told.Reset()
		n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Data: data, Log: slog.New(slog.NewTextHandler(&told, nil))})
		if got := told.String(); wantTold == "" && strings.Contains(got, "match index") || !strings.Contains(got, wantTold) {
			t.Fatalf("the operator is told %q, want %q", got, wantTold)
		}
		return n
	}
	hash := func(number int) (h pdq.Hash) {
		r := rand.New(rand.NewPCG(uint64(number), 1))
		for i := range h {
			h[i] = byte(r.Uint32())
		}
		return h
	}
	add := func(n *nodetest.Node, list string, from, count int) {
		t.Helper()
		var rows strings.Builder
		rows.WriteString("pdq,category\n")
		for number := range count {
			h := hash(from + number)
			rows.WriteString(hex.EncodeToString(h[:]) + ",training\n")
		}
		_, err := n.Lists.Import(t.Context(), n.Person("list-manager", mandate.ListManager), list, lists.Import{FileName: "list.csv", Content: strings.NewReader(rows.String()), Reason: "made by the test"})
		must(t, "importing", err)
	}
	check := func(n *nodetest.Node, entries int, known ...int) {
		t.Helper()
		if n.Index.Len() != entries {
			t.Fatalf("the index has %d entries, want %d", n.Index.Len(), entries)
		}
		for i, number := range known {
			h := hash(number)
			h[i%32] ^= 3
			q := match.Query{Digests: digest.Sum{Size: 1}, Decoded: true, Now: n.Clock.Now()}
			q.Forms.Full.Quality = 100
			for v := range q.Forms.Full.Variants {
				q.Forms.Full.Variants[v] = h
			}
			if got := n.Index.Query(q).Matches; len(got) != 1 || got[0].Distance != 2 {
				t.Fatalf("hash %d: %v", number, got)
			}
		}
	}
	files := filepath.Join(data, "index")
	doctor := func(n *nodetest.Node) (f node.Finding) {
		for _, one := range node.Examine(t.Context(), n.Config, n.Clock.Now()) {
			if one.What == "match index" {
				f = one
			}
		}
		return f
	}

	n := open("")
	list := n.List(t, "double", 1)
	add(n, list, 0, 1500)
	if f := doctor(n); f.What != "" {
		t.Fatalf("before anything was saved: %+v", f)
	}
	must(t, "saving", n.SaveIndex())
	saved, err := os.ReadFile(filepath.Join(files, "codes"))
	must(t, "reading what was saved", err)
	add(n, list, 5000, 20)
	must(t, "saving", n.SaveIndex())
	if again, err := os.ReadFile(filepath.Join(files, "codes")); err != nil || !bytes.Equal(again, saved) {
		t.Fatalf("20 changes were saved at once, %v", err)
	}
	must(t, "closing", n.Close())

	n = open("")
	check(n, 1521, 3, 1499, 5000, 5019)
	if n.Index.Unsaved() != 20 {
		t.Fatalf("%d entries were read from the rows, want 20", n.Index.Unsaved())
	}
	if f := doctor(n); f.Health != node.Well || !strings.Contains(f.Found, "1501 entries") {
		t.Fatalf("%+v", f)
	}
	must(t, "closing", n.Close())

	for _, name := range []string{"codes", "entries"} {
		content, err := os.ReadFile(filepath.Join(files, name))
		must(t, "reading", err)
		content[len(content)/2] ^= 16
		must(t, "changing a byte", os.WriteFile(filepath.Join(files, name), content, 0o600))
		if f := doctor(n); f.Health != node.Warning || !strings.Contains(f.Found, "damaged") {
			t.Fatalf("%+v", f)
		}
		n = open("the saved match index cannot be used; all lists are read from the database instead")
		if !strings.Contains(told.String(), "damaged") {
			t.Fatalf("the operator is not told why: %s", told.String())
		}
		check(n, 1521, 3, 1499, 5000)
		must(t, "saving", n.SaveIndex())
		must(t, "closing", n.Close())
		n = open("")
		check(n, 1521, 3, 1499, 5000)
		if n.Index.Unsaved() != 0 {
			t.Fatalf("%d entries were read from the rows, want none", n.Index.Unsaved())
		}
		must(t, "closing", n.Close())
	}

	// A day later entries are added and saved; then the database of before is put back,
	// and others are added.
	rows := filepath.Join(data, "brdo.db")
	before, err := os.ReadFile(rows)
	must(t, "reading the rows", err)
	n = open("")
	n.Clock.Add(24 * 60 * 60e9)
	add(n, list, 7000, 1200)
	running, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "listening", err)
	go func() { ended <- n.Run(running, listener) }()
	eventually(t, "the running node saves its index", func() (bool, error) { return n.Index.Unsaved() == 0, nil })
	stop()
	must(t, "running", <-ended)
	must(t, "closing", n.Close())
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(rows + suffix); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	must(t, "putting the rows back", os.WriteFile(rows, before, 0o600))
	n = open(fmt.Sprintf("lists=[%s]", list))
	check(n, 1521, 3, 5000)
	n.Clock.Add(25 * 60 * 60e9)
	add(n, list, 9000, 10)
	must(t, "closing", n.Close())
	n = open(fmt.Sprintf("lists=[%s]", list)) // now of the same version, with other entries
	check(n, 1531, 3, 9000, 9009)
	must(t, "closing", n.Close())
}
