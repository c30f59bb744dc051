package keyring

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/postgrestest"
	"github.com/brdoproject/brdo/internal/racetest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func atNoon() time.Time { return noon }

func newNodeKey(t testing.TB) NodeKey {
	t.Helper()
	key, err := GenerateNodeKey(filepath.Join(t.TempDir(), "node.key"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newX25519NodeKey gives the kind of key that costs little to make and use.
func newX25519NodeKey(t testing.TB) NodeKey {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	key, err := parseNodeKey([]byte(identity.String()))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func openVault(t testing.TB, source string, node NodeKey) *Vault {
	t.Helper()
	vault, err := OpenVault(t.Context(), source, node, atNoon)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vault.Close() })
	return vault
}

// sealedFile encrypts content and returns header and body apart.
func sealedFile(t testing.TB, node NodeKey, content string) (header, body []byte) {
	t.Helper()
	var file bytes.Buffer
	writer, err := age.Encrypt(&file, node)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(writer, content); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	header, err = age.ExtractHeader(bytes.NewReader(file.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return header, file.Bytes()[len(header):]
}

func decrypted(t testing.TB, header, body []byte, node NodeKey) string {
	t.Helper()
	plain, err := age.Decrypt(io.MultiReader(bytes.NewReader(header), bytes.NewReader(body)), node)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func wantKind(t testing.TB, err error, kind problem.Kind) {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Fatalf("error %v, want a problem of kind %s", err, kind)
	}
}

func wantErased(t testing.TB, err error) {
	t.Helper()
	var erased *ErasedError
	if !errors.As(err, &erased) {
		t.Fatalf("error %v, want an *ErasedError", err)
	}
	if !erased.DestroyedAt.Equal(noon) {
		t.Fatalf("erased at %v, want %v", erased.DestroyedAt, noon)
	}
	wantKind(t, err, problem.NotFound)
}

// onBothEngines runs a test on SQLite and on PostgreSQL.
func onBothEngines(t *testing.T, test func(t *testing.T, source string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "keys.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, postgrestest.Start(t)) })
}

func TestVaultKeepsAndDestroysKeys(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		ctx, node := t.Context(), newNodeKey(t)
		vault := openVault(t, source, node)
		header, _ := sealedFile(t, node, "message 1")
		other, _ := sealedFile(t, node, "message 2")
		record := Record{ItemID: "item/1", Class: "report", Body: "sealed/item/1/a", Header: header}

		_, err := vault.Header(ctx, "item/1")
		wantKind(t, err, problem.NotFound)
		if errors.As(err, new(*ErasedError)) {
			t.Fatal("an unknown item is called erased")
		}
		if err := vault.Put(ctx, record); err != nil {
			t.Fatal(err)
		}
		if err := vault.Put(ctx, record); err != nil {
			t.Fatalf("putting the same record again: %v", err)
		}
		conflicting := record
		conflicting.Header = other
		wantKind(t, vault.Put(ctx, conflicting), problem.Conflict)
		if got, err := vault.Header(ctx, "item/1"); err != nil || !bytes.Equal(got, header) {
			t.Fatalf("header differs from what was put: %v", err)
		}
		if count, err := vault.Count(ctx); err != nil || !maps.Equal(count.Present, map[string]int64{"report": 1}) || count.Destroyed != 0 {
			t.Fatalf("count %+v, %v", count, err)
		}

		for range 2 {
			if err := vault.Destroy(ctx, "item/1"); err != nil {
				t.Fatal(err)
			}
			_, err = vault.Header(ctx, "item/1")
			wantErased(t, err)
		}
		wantErased(t, vault.Put(ctx, record))
		if got, err := vault.Record(ctx, "item/1"); err != nil || got.Header != nil || got.Body != record.Body || !got.Destroyed() {
			t.Fatalf("the record of a destroyed key is %+v, %v", got, err)
		}

		if err := vault.Destroy(ctx, "never/put"); err != nil {
			t.Fatal(err)
		}
		wantErased(t, vault.Put(ctx, Record{ItemID: "never/put", Class: "report", Body: "b", Header: other}))
		if count, err := vault.Count(ctx); err != nil || len(count.Present) != 0 || count.Destroyed != 2 {
			t.Fatalf("count %+v, %v", count, err)
		}
	})
}

func TestDestroyKeepsTheFirstTime(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		now := noon
		vault, err := OpenVault(t.Context(), source, newX25519NodeKey(t), func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		defer vault.Close()
		for range 2 {
			if err := vault.Destroy(t.Context(), "item"); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Hour)
		}
		_, err = vault.Header(t.Context(), "item")
		wantErased(t, err)
	})
}

func TestVaultRefusesWhatItCouldNotOpen(t *testing.T) {
	ctx, node := t.Context(), newNodeKey(t)
	vault := openVault(t, filepath.Join(t.TempDir(), "keys.db"), node)
	foreign, _ := sealedFile(t, newNodeKey(t), "message")
	header, _ := sealedFile(t, node, "message")
	flipped := bytes.Clone(header)
	flipped[len(flipped)/2] ^= 1

	wantKind(t, vault.Put(ctx, Record{ItemID: "a", Header: foreign}), problem.Unavailable)
	wantKind(t, vault.Put(ctx, Record{ItemID: "a", Header: flipped}), problem.Unavailable)
	wantKind(t, vault.Put(ctx, Record{ItemID: "a", Header: nil}), problem.Invalid)
	wantKind(t, vault.Put(ctx, Record{ItemID: "a", Header: make([]byte, maxHeader+1)}), problem.Invalid)
	wantKind(t, vault.Put(ctx, Record{ItemID: "../a", Header: header}), problem.Invalid)
	wantKind(t, vault.Destroy(ctx, ""), problem.Invalid)
	if count, err := vault.Count(ctx); err != nil || len(count.Present) != 0 || count.Destroyed != 0 {
		t.Fatalf("something was stored: %+v, %v", count, err)
	}
}

func TestCheckItemID(t *testing.T) {
	for _, id := range []string{"a", "0", "item/1", "a.b-c_d/e", strings.Repeat("a", 200)} {
		if err := CheckItemID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"", "A", "a b", "/a", "a/", "a//b", "a/../b", "a/.b", "a..b", ".a", "a\x00", "ä", "a+b", strings.Repeat("a", 201)} {
		if !problem.Is(CheckItemID(id), problem.Invalid) {
			t.Errorf("%q passes", id)
		}
	}
}

func TestUnwrapDetectsAnyChangedByte(t *testing.T) {
	ctx, node := t.Context(), newX25519NodeKey(t)
	path := filepath.Join(t.TempDir(), "keys.db")
	vault := openVault(t, path, node)
	header, _ := sealedFile(t, node, "message")
	if err := vault.Put(ctx, Record{ItemID: "item", Header: header}); err != nil {
		t.Fatal(err)
	}
	if _, fileKey, err := vault.Unwrap(ctx, "item"); err != nil || len(fileKey) != 16 {
		t.Fatalf("unwrapping: %d bytes, %v", len(fileKey), err)
	}
	for position := range header {
		changed := bytes.Clone(header)
		changed[position] ^= 1
		if _, err := vault.database.Exec(`UPDATE item_keys SET header = $1`, changed); err != nil {
			t.Fatal(err)
		}
		if _, _, err := vault.Unwrap(ctx, "item"); !problem.Is(err, problem.Internal) {
			t.Fatalf("byte %d changed: error %v, want damage", position, err)
		}
	}
}

func TestVaultBelongsToOneNodeKey(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		node := newX25519NodeKey(t)
		openVault(t, source, node).Close()
		_, err := OpenVault(t.Context(), source, newX25519NodeKey(t), atNoon)
		wantKind(t, err, problem.Conflict)
		openVault(t, source, node)
	})
}

func TestVaultRefusesAnotherFormat(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		node := newX25519NodeKey(t)
		vault := openVault(t, source, node)
		if _, err := vault.database.Exec(`UPDATE vault SET format = 99`); err != nil {
			t.Fatal(err)
		}
		vault.Close()
		_, err := OpenVault(t.Context(), source, node, atNoon)
		wantKind(t, err, problem.Invalid)
	})
}

func TestClosedVaultIsUnavailable(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		node := newX25519NodeKey(t)
		vault := openVault(t, source, node)
		vault.Close()
		header, _ := sealedFile(t, node, "message")
		_, err := vault.Header(t.Context(), "item")
		wantKind(t, err, problem.Unavailable)
		wantKind(t, vault.Put(t.Context(), Record{ItemID: "item", Header: header}), problem.Unavailable)
		wantKind(t, vault.Destroy(t.Context(), "item"), problem.Unavailable)
	})
}

// TestDestroyWinsAgainstConcurrentPut opens the vault twice, as two processes
// would, and lets one put and the other destroy the same items.
func TestDestroyWinsAgainstConcurrentPut(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		ctx, node := t.Context(), newX25519NodeKey(t)
		putting, destroying := openVault(t, source, node), openVault(t, source, node)
		header, _ := sealedFile(t, node, "message")
		for number := range 40 {
			id := fmt.Sprintf("item/%d", number)
			var both sync.WaitGroup
			both.Go(func() {
				err := putting.Put(ctx, Record{ItemID: id, Header: header})
				if err != nil && !errors.As(err, new(*ErasedError)) {
					t.Errorf("putting: %v", err)
				}
			})
			both.Go(func() {
				if err := destroying.Destroy(ctx, id); err != nil {
					t.Errorf("destroying: %v", err)
				}
			})
			both.Wait()
			var live int
			err := putting.database.QueryRow(`SELECT count(*) FROM item_keys WHERE item_id = $1 AND header = $2`, id, header).Scan(&live)
			if err != nil || live != 0 {
				t.Fatalf("%s: %d keys survive their destruction, %v", id, live, err)
			}
		}
	})
}

func TestRewrapMovesEveryKey(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	onBothEngines(t, func(t *testing.T, source string) {
		ctx := t.Context()
		keys := []NodeKey{newX25519NodeKey(t), newNodeKey(t), newX25519NodeKey(t)}
		vault := openVault(t, source, keys[0])
		bodies, headers := map[string][]byte{}, map[string][]byte{}
		const items = batch + 3
		for number := range items {
			id := fmt.Sprintf("item/%d", number)
			header, body := sealedFile(t, keys[0], id)
			if err := vault.Put(ctx, Record{ItemID: id, Class: "report", Header: header}); err != nil {
				t.Fatal(err)
			}
			bodies[id], headers[id] = body, header
		}
		if err := vault.Destroy(ctx, "item/7"); err != nil {
			t.Fatal(err)
		}
		wantKind(t, vault.Rewrap(ctx, keys[1], keys[2]), problem.Conflict)
		for step := range 2 {
			if err := vault.Rewrap(ctx, keys[step], keys[step+1]); err != nil {
				t.Fatal(err)
			}
			for _, id := range []string{"item/0", "item/6", "item/8", fmt.Sprintf("item/%d", items-1)} {
				header, err := vault.Header(ctx, id)
				if err != nil {
					t.Fatal(err)
				}
				if got := decrypted(t, header, bodies[id], keys[step+1]); got != id {
					t.Fatalf("%s decrypts to %q", id, got)
				}
				if _, err := age.DecryptHeader(header, keys[step]); err == nil {
					t.Fatalf("%s can still be opened with the old node key", id)
				}
			}
			_, err := vault.Header(ctx, "item/7")
			wantErased(t, err)
		}
		if vault.NodeKey().ID() != keys[2].ID() {
			t.Fatal("the vault still gives out an old node key")
		}
		wantKind(t, vault.Put(ctx, Record{ItemID: "new", Header: headers["item/0"]}), problem.Unavailable)
		vault.Close()
		_, err := OpenVault(ctx, source, keys[0], atNoon)
		wantKind(t, err, problem.Conflict)
		reopened := openVault(t, source, keys[2])
		if count, err := reopened.Count(ctx); err != nil || count.Present["report"] != items-1 || count.Destroyed != 1 {
			t.Fatalf("count %+v, %v", count, err)
		}
	})
}

// TestRewrapIsAllOrNothing has one key that cannot be unwrapped.
func TestRewrapIsAllOrNothing(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		ctx, old := t.Context(), newX25519NodeKey(t)
		vault := openVault(t, source, old)
		header, body := sealedFile(t, old, "message")
		for _, id := range []string{"a", "b"} {
			if err := vault.Put(ctx, Record{ItemID: id, Header: header}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := vault.database.Exec(`UPDATE item_keys SET header = $1 WHERE item_id = 'b'`, []byte("not a header")); err != nil {
			t.Fatal(err)
		}
		if err := vault.Rewrap(ctx, old, newX25519NodeKey(t)); err == nil {
			t.Fatal("a damaged key was passed over")
		}
		vault.Close()
		kept, err := openVault(t, source, old).Header(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		if got := decrypted(t, kept, body, old); got != "message" {
			t.Fatalf("decrypts to %q", got)
		}
	})
}

// TestOtherProcessNoticesRewrap has two vaults on one database.
func TestOtherProcessNoticesRewrap(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		ctx, old := t.Context(), newX25519NodeKey(t)
		rotating, stale := openVault(t, source, old), openVault(t, source, old)
		header, _ := sealedFile(t, old, "message")
		if err := stale.Put(ctx, Record{ItemID: "before", Header: header}); err != nil {
			t.Fatal(err)
		}
		if err := rotating.Rewrap(ctx, old, newX25519NodeKey(t)); err != nil {
			t.Fatal(err)
		}
		wantKind(t, stale.Put(ctx, Record{ItemID: "after", Header: header}), problem.Conflict)
		_, _, err := stale.Unwrap(ctx, "before")
		wantKind(t, err, problem.Conflict)
		wantKind(t, stale.CopyTo(ctx, filepath.Join(t.TempDir(), "copy.db")), problem.Conflict)
		wantKind(t, stale.Rewrap(ctx, old, newX25519NodeKey(t)), problem.Conflict)
	})
}

func TestCopyIsCurrentAndRestores(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		ctx, node := t.Context(), newX25519NodeKey(t)
		vault := openVault(t, source, node)
		header, _ := sealedFile(t, node, "message")
		const items = batch + 2
		for number := range items {
			if err := vault.Put(ctx, Record{ItemID: fmt.Sprintf("item/%d", number), Class: "report", Body: "b", Header: header}); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(t.TempDir(), "copy.db")
		if err := os.WriteFile(path+".draft", []byte("left by a killed process"), 0o600); err != nil {
			t.Fatal(err)
		}
		for destroyed := range 3 {
			if err := vault.CopyTo(ctx, path); err != nil {
				t.Fatal(err)
			}
			copied := openVault(t, path, node)
			count, err := copied.Count(ctx)
			if err != nil || count.Present["report"] != int64(items-destroyed) || count.Destroyed != int64(destroyed) {
				t.Fatalf("the copy has %+v after %d erasures, %v", count, destroyed, err)
			}
			if err := copied.Close(); err != nil {
				t.Fatal(err)
			}
			if err := vault.Destroy(ctx, fmt.Sprintf("item/%d", destroyed)); err != nil {
				t.Fatal(err)
			}
		}
		if err := vault.Destroy(ctx, "never/put"); err != nil {
			t.Fatal(err)
		}
		if err := vault.CopyTo(ctx, path); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("mode of the copy is %v, %v", info.Mode(), err)
		}
		if left, _ := filepath.Glob(path + "?*"); len(left) != 0 {
			t.Fatalf("left beside the copy: %v", left)
		}

		wantKind(t, vault.Restore(ctx, path), problem.Conflict)
		onBothEngines(t, func(t *testing.T, target string) {
			restored := openVault(t, target, node)
			wantKind(t, restored.Restore(ctx, path+"-absent"), problem.NotFound)
			if err := restored.Restore(ctx, path); err != nil {
				t.Fatal(err)
			}
			for id, erased := range map[string]bool{"item/0": true, "item/3": false, "never/put": true, fmt.Sprintf("item/%d", items-1): false} {
				got, err := restored.Header(ctx, id)
				if erased {
					wantErased(t, err)
				} else if err != nil || !bytes.Equal(got, header) {
					t.Fatalf("%s: %v", id, err)
				}
			}
		})
	})
}

func TestVaultFilesArePrivate(t *testing.T) {
	directory := t.TempDir()
	node := newX25519NodeKey(t)
	vault := openVault(t, filepath.Join(directory, "keys.db"), node)
	header, _ := sealedFile(t, node, "message")
	if err := vault.Put(t.Context(), Record{ItemID: "item", Header: header}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(directory, "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("want database and log, found %v, %v", files, err)
	}
	for _, path := range files {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
}

func TestSQLiteSettings(t *testing.T) {
	vault := openVault(t, filepath.Join(t.TempDir(), "odd name?#%20.db"), newX25519NodeKey(t))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "secure_delete": "1", "temp_store": "2"} {
		var got string
		if err := vault.database.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q, %v", pragma, got, want, err)
		}
	}
}

// TestDestroyedKeysLeaveNoTrace does random work on a vault file and searches
// all of its files, and its copy, for the bytes of every destroyed key.
func TestDestroyedKeysLeaveNoTrace(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	nodes := []NodeKey{newNodeKey(t), newX25519NodeKey(t)}
	rapid.Check(t, func(r *rapid.T) {
		directory, err := os.MkdirTemp("", "vault")
		if err != nil {
			r.Fatal(err)
		}
		defer os.RemoveAll(directory)
		ctx := context.Background()
		current := 0
		vault, err := OpenVault(ctx, filepath.Join(directory, "keys.db"), nodes[current], atNoon)
		if err != nil {
			r.Fatal(err)
		}
		defer vault.Close()
		put := 0
		var live []string
		destroyed := map[string][]byte{}
		for step := range rapid.IntRange(1, 60).Draw(r, "steps") {
			switch action := rapid.IntRange(0, 9).Draw(r, "action"); {
			case action == 9 && step%7 == 0:
				if err := vault.Rewrap(ctx, nodes[current], nodes[1-current]); err != nil {
					r.Fatal(err)
				}
				current = 1 - current
			case action == 8:
				if err := vault.CopyTo(ctx, filepath.Join(directory, "copy.db")); err != nil {
					r.Fatal(err)
				}
			case action < 5 || len(live) == 0:
				id := fmt.Sprintf("%d/%s", put, rapid.StringMatching(`[a-z0-9]{1,60}`).Draw(r, "id"))
				header, _ := sealedFile(t, nodes[current], "message")
				if err := vault.Put(ctx, Record{ItemID: id, Class: "report", Body: id, Header: header}); err != nil {
					r.Fatal(err)
				}
				put++
				live = append(live, id)
			default:
				chosen := rapid.IntRange(0, len(live)-1).Draw(r, "victim")
				id := live[chosen]
				header, err := vault.Header(ctx, id)
				if err != nil {
					r.Fatal(err)
				}
				if err := vault.Destroy(ctx, id); err != nil {
					r.Fatal(err)
				}
				destroyed[id] = header
				live = append(live[:chosen], live[chosen+1:]...)
				searchFiles(r, directory, "keys.db*", destroyed)
			}
		}
		if err := vault.CopyTo(ctx, filepath.Join(directory, "copy.db")); err != nil {
			r.Fatal(err)
		}
		if err := vault.Compact(ctx); err != nil {
			r.Fatal(err)
		}
		searchFiles(r, directory, "*", destroyed)
		for _, id := range live {
			if _, _, err := vault.Unwrap(ctx, id); err != nil {
				r.Fatalf("a surviving key is lost: %v", err)
			}
		}
	})
}

// searchFiles looks for the tail of each header, in which every byte belongs to
// that header alone: the end of the wrapped key and the MAC.
func searchFiles(r *rapid.T, directory, pattern string, destroyed map[string][]byte) {
	paths, err := filepath.Glob(filepath.Join(directory, pattern))
	if err != nil || len(paths) == 0 {
		r.Fatalf("no files to search: %v", err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			r.Fatal(err)
		}
		for id, header := range destroyed {
			if bytes.Contains(content, header[len(header)-40:]) {
				r.Fatalf("%s holds the destroyed key of %s", filepath.Base(path), id)
			}
		}
	}
}

// TestSearchFindsLivingKeys shows that the search above would see a key.
func TestSearchFindsLivingKeys(t *testing.T) {
	path, node := filepath.Join(t.TempDir(), "keys.db"), newNodeKey(t)
	vault := openVault(t, path, node)
	header, _ := sealedFile(t, node, "message")
	if err := vault.Put(t.Context(), Record{ItemID: "item", Header: header}); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(path + "-wal")
	if err != nil || !bytes.Contains(log, header[len(header)-40:]) {
		t.Fatalf("the living key is not in the write-ahead log: %v", err)
	}
}

func TestDestroySaysWhenALogCannotBeCleared(t *testing.T) {
	t.Parallel() // waits for five seconds
	path, node := filepath.Join(t.TempDir(), "keys.db"), newX25519NodeKey(t)
	vault := openVault(t, path, node)
	header, _ := sealedFile(t, node, "message")
	if err := vault.Put(t.Context(), Record{ItemID: "item", Header: header}); err != nil {
		t.Fatal(err)
	}
	reader, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	reading, err := reader.Begin()
	if err != nil {
		t.Fatal(err)
	}
	var items int
	if err := reading.QueryRow(`SELECT count(*) FROM item_keys`).Scan(&items); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.database.Exec(`PRAGMA busy_timeout = 1`); err != nil {
		t.Fatal(err)
	}
	wantKind(t, vault.Destroy(t.Context(), "item"), problem.Unavailable)
	if _, err := vault.Header(t.Context(), "item"); !errors.As(err, new(*ErasedError)) {
		t.Fatalf("the key can still be read: %v", err)
	}
	if err := reading.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := vault.Destroy(t.Context(), "item"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() != 0 {
		t.Fatalf("the log has %d bytes left, %v", info.Size(), err)
	}
}

func BenchmarkVault(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			source := filepath.Join(b.TempDir(), "keys.db")
			if engine == "postgres" {
				source = postgrestest.Start(b)
			}
			node := newNodeKey(b)
			vault := openVault(b, source, node)
			header, _ := sealedFile(b, node, "message")
			put := 0
			b.Run("put", func(b *testing.B) {
				for b.Loop() {
					if err := vault.Put(b.Context(), Record{ItemID: fmt.Sprintf("item/%d", put), Header: header}); err != nil {
						b.Fatal(err)
					}
					put++
				}
			})
			b.Run("unwrap", func(b *testing.B) {
				for b.Loop() {
					if _, _, err := vault.Unwrap(b.Context(), "item/0"); err != nil {
						b.Fatal(err)
					}
				}
			})
			destroyed := 0
			b.Run("destroy", func(b *testing.B) {
				for b.Loop() {
					if err := vault.Destroy(b.Context(), fmt.Sprintf("item/%d", destroyed)); err != nil {
						b.Fatal(err)
					}
					destroyed++
				}
			})
		})
	}
}
