// Package blobtest is the conformance suite of blob.Store: every driver must
// pass it, and nothing may rely on what it does not check.
package blobtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/blob"
)

// Conformance runs the suite; newStore must give an empty store at each call.
func Conformance(t *testing.T, newStore func(t *testing.T) blob.Store) {
	for _, check := range []struct {
		name string
		run  func(*testing.T, blob.Store)
	}{
		{"blobs come back as they were put", comesBack},
		{"reading at offsets", readsAt},
		{"putting again replaces", replaces},
		{"an open blob is not mixed with its replacement", notMixed},
		{"a failed put shows nothing", failedPut},
		{"a wrong size shows nothing", wrongSize},
		{"absent blobs", absent},
		{"deleting", deletes},
		{"listing", lists},
		{"keys are checked", checksKeys},
		{"concurrent writers", concurrent},
		{"a cancelled context", cancelled},
	} {
		t.Run(check.name, func(t *testing.T) { check.run(t, newStore(t)) })
	}
}

// Bytes gives size bytes that look random and depend on seed only.
func Bytes(seed uint64, size int) []byte {
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	content := make([]byte, size)
	_, _ = random.Read(content) // never fails
	return content
}

// Get reads a whole blob.
func Get(t *testing.T, store blob.Store, key string) []byte {
	t.Helper()
	content, err := store.Open(t.Context(), key)
	if err != nil {
		t.Fatalf("opening %s: %v", key, err)
	}
	defer content.Close()
	all, err := io.ReadAll(content)
	if err != nil {
		t.Fatalf("reading %s: %v", key, err)
	}
	if int64(len(all)) != content.Size() {
		t.Fatalf("%s has %d bytes and says %d", key, len(all), content.Size())
	}
	return all
}

func put(t *testing.T, store blob.Store, key string, content []byte) {
	t.Helper()
	if err := store.Put(t.Context(), key, bytes.NewReader(content), int64(len(content))); err != nil {
		t.Fatalf("putting %s: %v", key, err)
	}
}

func wantKind(t *testing.T, err error, kind problem.Kind) {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Fatalf("error %v, want a problem of kind %s", err, kind)
	}
}

func wantAbsent(t *testing.T, store blob.Store, key string) {
	t.Helper()
	_, err := store.Stat(t.Context(), key)
	wantKind(t, err, problem.NotFound)
	_, err = store.Open(t.Context(), key)
	wantKind(t, err, problem.NotFound)
	if keys := listed(t, store, ""); slices.Contains(keys, key) {
		t.Fatalf("%s is listed", key)
	}
}

func listed(t *testing.T, store blob.Store, prefix string) []string {
	t.Helper()
	var keys []string
	err := store.List(t.Context(), prefix, func(info blob.Info) error {
		keys = append(keys, info.Key)
		return nil
	})
	if err != nil {
		t.Fatalf("listing: %v", err)
	}
	slices.Sort(keys)
	return keys
}

func comesBack(t *testing.T, store blob.Store) {
	// 17 MiB is more than one part of a multipart upload.
	for _, size := range []int{0, 1, 65535, 65536, 65537, 1 << 20, 17 << 20} {
		content := Bytes(uint64(size), size)
		for announced, key := range map[int64]string{int64(size): "known", -1: "unknown"} {
			key = fmt.Sprintf("%s/%d", key, size)
			// A plain reader: neither seekable nor writable to.
			if err := store.Put(t.Context(), key, iotest.OneByteReader(bytes.NewReader(content[:min(size, 4096)])), int64(min(size, 4096))); err != nil {
				t.Fatal(err)
			}
			if err := store.Put(t.Context(), key, struct{ io.Reader }{bytes.NewReader(content)}, announced); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(Get(t, store, key), content) {
				t.Fatalf("%s does not come back", key)
			}
			info, err := store.Stat(t.Context(), key)
			if err != nil || info.Size != int64(size) || info.Key != key || info.Modified.IsZero() {
				t.Fatalf("%s is described as %+v, %v", key, info, err)
			}
		}
	}
}

func readsAt(t *testing.T, store blob.Store) {
	content := Bytes(1, 200_000)
	put(t, store, "key", content)
	open, err := store.Open(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	for _, span := range [][2]int{{0, 1}, {0, 200_000}, {199_999, 1}, {65_536, 65_536}, {7, 0}} {
		got := make([]byte, span[1])
		if n, err := open.ReadAt(got, int64(span[0])); n != span[1] || (err != nil && err != io.EOF) {
			t.Fatalf("reading %v: %d, %v", span, n, err)
		}
		if !bytes.Equal(got, content[span[0]:span[0]+span[1]]) {
			t.Fatalf("reading %v gives other bytes", span)
		}
	}
	got := make([]byte, 10)
	if n, err := open.ReadAt(got, 199_995); n != 5 || err != io.EOF || !bytes.Equal(got[:5], content[199_995:]) {
		t.Fatalf("reading across the end: %d, %v", n, err)
	}
	if n, err := open.ReadAt(got, 200_000); n != 0 || err != io.EOF {
		t.Fatalf("reading at the end: %d, %v", n, err)
	}
	if _, err := open.ReadAt(got, -1); err == nil {
		t.Fatal("reading at a negative offset")
	}
	var readers sync.WaitGroup
	for start := range 8 {
		readers.Go(func() {
			part := make([]byte, 20_000)
			if _, err := open.ReadAt(part, int64(start)*20_000); err != nil || !bytes.Equal(part, content[start*20_000:(start+1)*20_000]) {
				t.Errorf("concurrent reading at %d: %v", start*20_000, err)
			}
		})
	}
	readers.Wait()
	// Reading through is not affected by reading at.
	if all, err := io.ReadAll(open); err != nil || !bytes.Equal(all, content) {
		t.Fatalf("reading through gives %d bytes, %v", len(all), err)
	}
}

func replaces(t *testing.T, store blob.Store) {
	for _, content := range [][]byte{Bytes(1, 1000), Bytes(2, 10), Bytes(2, 10), Bytes(3, 5000)} {
		put(t, store, "key", content)
		if !bytes.Equal(Get(t, store, "key"), content) {
			t.Fatal("the replaced blob does not come back")
		}
	}
}

func notMixed(t *testing.T, store blob.Store) {
	before, after := Bytes(1, 300_000), Bytes(2, 300_000)
	put(t, store, "key", before)
	open, err := store.Open(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	put(t, store, "key", after)
	got, err := io.ReadAll(open)
	if err != nil && !problem.Is(err, problem.Conflict) {
		t.Fatalf("error %v, want none or a conflict", err)
	}
	if err == nil && !bytes.Equal(got, before) {
		t.Fatal("the blob that was opened is not the one that was read")
	}
}

func failedPut(t *testing.T, store blob.Store) {
	broken := errors.New("the source broke")
	source := func() io.Reader { return io.MultiReader(bytes.NewReader(Bytes(1, 100_000)), iotest.ErrReader(broken)) }
	for _, size := range []int64{200_000, -1} {
		if err := store.Put(t.Context(), "fresh", source(), size); err == nil {
			t.Fatal("a broken source is no error")
		}
		wantAbsent(t, store, "fresh")
	}
	kept := Bytes(2, 1000)
	put(t, store, "present", kept)
	if err := store.Put(t.Context(), "present", source(), 200_000); err == nil {
		t.Fatal("a broken source is no error")
	}
	if !bytes.Equal(Get(t, store, "present"), kept) {
		t.Fatal("a failed put changed the blob that was there")
	}
}

func wrongSize(t *testing.T, store blob.Store) {
	for _, announced := range []int64{0, 999, 1001} {
		err := store.Put(t.Context(), "key", struct{ io.Reader }{bytes.NewReader(Bytes(1, 1000))}, announced)
		wantKind(t, err, problem.Invalid)
		wantAbsent(t, store, "key")
	}
}

func absent(t *testing.T, store blob.Store) {
	wantAbsent(t, store, "key")
	put(t, store, "key/below", []byte("content"))
	wantAbsent(t, store, "key")
	wantAbsent(t, store, "key/belo")
}

func deletes(t *testing.T, store blob.Store) {
	put(t, store, "key", []byte("content"))
	put(t, store, "key2", []byte("content"))
	for range 2 {
		if err := store.Delete(t.Context(), "key"); err != nil {
			t.Fatal(err)
		}
		wantAbsent(t, store, "key")
	}
	Get(t, store, "key2")
}

func lists(t *testing.T, store blob.Store) {
	if keys := listed(t, store, ""); len(keys) != 0 {
		t.Fatalf("an empty store lists %v", keys)
	}
	want := []string{"a", "a.b", "a/b", "a/b/c", "a_b-c", "b/a"}
	for index, key := range want {
		put(t, store, key, make([]byte, index))
	}
	for prefix, expected := range map[string][]string{
		"": want, "a": want[:5], "a/": want[2:4], "a/b": want[2:4], "a/b/": want[3:4], "b/a": want[5:], "c": nil, "a.": want[1:2],
	} {
		if keys := listed(t, store, prefix); !slices.Equal(keys, expected) {
			t.Errorf("prefix %q lists %v, want %v", prefix, keys, expected)
		}
	}
	err := store.List(t.Context(), "", func(info blob.Info) error {
		if index := slices.Index(want, info.Key); info.Size != int64(index) || info.Modified.IsZero() {
			t.Errorf("listed as %+v, want %d bytes", info, index)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	enough, visited := errors.New("enough"), 0
	err = store.List(t.Context(), "", func(blob.Info) error { visited++; return enough })
	if !errors.Is(err, enough) || visited != 1 {
		t.Fatalf("stopping the listing: %v after %d", err, visited)
	}
}

func checksKeys(t *testing.T, store blob.Store) {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/.b", ".a", "A", "a b", "a\\b", "a+b", "a%2fb", "a\x00b", "ä", strings.Repeat("a", 241),
	} {
		wantKind(t, store.Put(t.Context(), key, strings.NewReader("x"), 1), problem.Invalid)
		_, err := store.Open(t.Context(), key)
		wantKind(t, err, problem.Invalid)
		_, err = store.Stat(t.Context(), key)
		wantKind(t, err, problem.Invalid)
		wantKind(t, store.Delete(t.Context(), key), problem.Invalid)
	}
	wantKind(t, store.List(t.Context(), "A", func(blob.Info) error { return nil }), problem.Invalid)
	for _, key := range []string{"a", "0/1.2_3-4", "-", "_", strings.Repeat("a", 240), strings.Repeat("a/", 119) + "a"} {
		put(t, store, key, []byte(key))
		if got := Get(t, store, key); string(got) != key {
			t.Fatalf("%s does not come back", key)
		}
	}
}

func concurrent(t *testing.T, store blob.Store) {
	contents := [][]byte{Bytes(1, 100_000), Bytes(2, 100_000), Bytes(3, 50_000)}
	var writers sync.WaitGroup
	for _, content := range contents {
		for number := range 3 {
			writers.Go(func() {
				for _, key := range []string{"shared", fmt.Sprintf("own/%d-%d", len(content), number)} {
					if err := store.Put(t.Context(), key, bytes.NewReader(content), int64(len(content))); err != nil {
						t.Errorf("putting %s: %v", key, err)
					}
				}
			})
		}
	}
	writers.Wait()
	got := Get(t, store, "shared")
	if !slices.ContainsFunc(contents, func(content []byte) bool { return bytes.Equal(content, got) }) {
		t.Fatal("the blob is a mixture of what was written")
	}
}

func cancelled(t *testing.T, store blob.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := store.Put(ctx, "key", strings.NewReader("content"), 7); err == nil {
		t.Fatal("putting in a cancelled context is no error")
	}
	wantAbsent(t, store, "key")
}
