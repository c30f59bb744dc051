package blob_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/blob/blobtest"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/postgrestest"
	"github.com/brdoproject/brdo/internal/racetest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// later lies after every body that a test stores.
var later = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// node is one node's sealed content: files, vault and keys in a directory.
type node struct {
	directory string
	store     *blob.Files
	key       keyring.NodeKey
	vault     *keyring.Vault
	sealed    *blob.Sealed
}

func newNode(t testing.TB) *node {
	t.Helper()
	directory := t.TempDir()
	key, err := keyring.GenerateNodeKey(filepath.Join(directory, "node.key"))
	if err != nil {
		t.Fatal(err)
	}
	return openNode(t, directory, key)
}

func openNode(t testing.TB, directory string, key keyring.NodeKey) *node {
	t.Helper()
	opened := &node{directory: directory, store: openFiles(t, filepath.Join(directory, "blobs")), key: key}
	opened.vault = openVault(t, filepath.Join(directory, "keys.db"), key)
	opened.sealed = blob.NewSealed(opened.store, opened.vault)
	return opened
}

func openVault(t testing.TB, source string, key keyring.NodeKey) *keyring.Vault {
	t.Helper()
	vault, err := keyring.OpenVault(context.Background(), source, key, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vault.Close() })
	return vault
}

func (n *node) seal(t testing.TB, itemID string, content []byte) {
	t.Helper()
	digest, err := n.sealed.Seal(t.Context(), itemID, "report", bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if digest.Size != int64(len(content)) || digest.SHA256 != sha256.Sum256(content) {
		t.Fatalf("sealing %d bytes reports %+v", len(content), digest)
	}
}

// read reads an item both ways; an error of either is the error.
func (n *node) read(ctx context.Context, itemID string) ([]byte, error) {
	content, err := n.sealed.Open(ctx, itemID)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	streamed, err := io.ReadAll(content)
	if err != nil {
		return nil, err
	}
	ranged, err := io.ReadAll(io.NewSectionReader(content, 0, content.Size()))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(streamed, ranged) {
		return nil, errors.New("streamed and ranged reading differ")
	}
	return streamed, nil
}

func (n *node) wantContent(t testing.TB, itemID string, want []byte) {
	t.Helper()
	got, err := n.read(t.Context(), itemID)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s opens as %d other bytes", itemID, len(got))
	}
}

func (n *node) wantErased(t testing.TB, itemID string) {
	t.Helper()
	if _, err := n.read(t.Context(), itemID); !errors.As(err, new(*keyring.ErasedError)) {
		t.Fatalf("opening %s: error %v, want that it was erased", itemID, err)
	}
}

func (n *node) bodies(t testing.TB, prefix string) []string {
	t.Helper()
	var keys []string
	if err := n.store.List(t.Context(), prefix, func(info blob.Info) error { keys = append(keys, info.Key); return nil }); err != nil {
		t.Fatal(err)
	}
	return keys
}

func (n *node) compare(t testing.TB, settled time.Time) []blob.Finding {
	t.Helper()
	var findings []blob.Finding
	err := n.sealed.Compare(t.Context(), settled, func(finding blob.Finding) error { findings = append(findings, finding); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

// bodyFile is the path of an item's one body.
func (n *node) bodyFile(t testing.TB, itemID string) string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(n.directory, "blobs", "objects"), func(path string, entry os.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(entry.Name(), "sealed+"+strings.ReplaceAll(itemID, "/", "+")+"+") {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) != 1 {
		t.Fatalf("bodies of %s: %v, %v", itemID, found, err)
	}
	return found[0]
}

func TestSealedContentComesBack(t *testing.T) {
	n := newNode(t)
	for _, size := range []int{0, 1, 65535, 65536, 65537, 131072, 1 << 20} {
		content := blobtest.Bytes(uint64(size), size)
		id := fmt.Sprintf("item/%d", size)
		n.seal(t, id, content)
		n.wantContent(t, id, content)
		if raw, err := os.ReadFile(n.bodyFile(t, id)); err != nil || size >= 32 && bytes.Contains(raw, content[:32]) {
			t.Fatalf("the body of %d bytes holds the content in clear, %v", size, err)
		}
	}
	if findings := n.compare(t, later); len(findings) != 0 {
		t.Fatalf("comparing a sound node finds %v", findings)
	}
}

func TestSealedReadsAnySpan(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	n := newNode(t)
	content := blobtest.Bytes(7, 200_001)
	n.seal(t, "item", content)
	open, err := n.sealed.Open(t.Context(), "item")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	rapid.Check(t, func(r *rapid.T) {
		start := rapid.IntRange(0, len(content)+10).Draw(r, "start")
		length := rapid.IntRange(1, 150_000).Draw(r, "length")
		want := content[min(start, len(content)):min(start+length, len(content))]
		got := make([]byte, length)
		read, err := open.ReadAt(got, int64(start))
		if !bytes.Equal(got[:read], want) || (read < length) != (err == io.EOF) && err != nil {
			r.Fatalf("reading %d bytes at %d gives %d, %v", length, start, read, err)
		}
		if read < length && err == nil {
			r.Fatalf("a short read at %d is no error", start)
		}
	})
	if err := iotest.TestReader(io.NewSectionReader(open, 0, open.Size()), content); err != nil {
		t.Fatal(err)
	}
}

func TestSealingAgain(t *testing.T) {
	n := newNode(t)
	content := blobtest.Bytes(1, 100_000)
	n.seal(t, "item", content)
	n.seal(t, "item", content)
	_, err := n.sealed.Seal(t.Context(), "item", "report", bytes.NewReader(content[1:]))
	wantKind(t, err, problem.Conflict)
	n.wantContent(t, "item", content)
	if bodies := n.bodies(t, ""); len(bodies) != 1 {
		t.Fatalf("the store holds %v", bodies)
	}
	_, err = n.sealed.Seal(t.Context(), "../item", "report", bytes.NewReader(content))
	wantKind(t, err, problem.Invalid)
	_, err = n.sealed.Open(t.Context(), "unknown")
	wantKind(t, err, problem.NotFound)
}

func TestBrokenSourceSealsNothing(t *testing.T) {
	n := newNode(t)
	broken := errors.New("the source broke")
	_, err := n.sealed.Seal(t.Context(), "item", "report", io.MultiReader(bytes.NewReader(make([]byte, 100_000)), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Fatalf("error %v, want that the source broke", err)
	}
	_, err = n.sealed.Open(t.Context(), "item")
	wantKind(t, err, problem.NotFound)
	if bodies := n.bodies(t, ""); len(bodies) != 0 {
		t.Fatalf("the store holds %v", bodies)
	}
}

func TestConcurrentSealersOfOneItem(t *testing.T) {
	n := newNode(t)
	content := blobtest.Bytes(1, 100_000)
	var sealers sync.WaitGroup
	for range 6 {
		sealers.Go(func() {
			if _, err := n.sealed.Seal(t.Context(), "item", "report", bytes.NewReader(content)); err != nil {
				t.Errorf("sealing: %v", err)
			}
		})
	}
	sealers.Wait()
	n.wantContent(t, "item", content)
	if bodies := n.bodies(t, ""); len(bodies) != 1 {
		t.Fatalf("the store holds %v", bodies)
	}
}

// TestEraseDuringSeal erases an item when its content is half read.
func TestEraseDuringSeal(t *testing.T) {
	n := newNode(t)
	content := blobtest.Bytes(1, 300_000)
	half := &hook{r: bytes.NewReader(content), at: 150_000, run: func() {
		if err := n.sealed.Erase(t.Context(), "item"); err != nil {
			t.Error(err)
		}
	}}
	_, err := n.sealed.Seal(t.Context(), "item", "report", half)
	if !errors.As(err, new(*keyring.ErasedError)) {
		t.Fatalf("error %v, want that the item was erased", err)
	}
	n.wantErased(t, "item")
	if bodies := n.bodies(t, ""); len(bodies) != 0 {
		t.Fatalf("the store holds %v", bodies)
	}
}

// TestRotationDuringSeal rotates the node key when the content is half read.
func TestRotationDuringSeal(t *testing.T) {
	n := newNode(t)
	next, err := keyring.GenerateNodeKey(filepath.Join(n.directory, "next.key"))
	if err != nil {
		t.Fatal(err)
	}
	before := blobtest.Bytes(1, 1000)
	n.seal(t, "before", before)
	content := blobtest.Bytes(2, 300_000)
	half := &hook{r: bytes.NewReader(content), at: 150_000, run: func() {
		if err := n.vault.Rewrap(t.Context(), n.key, next); err != nil {
			t.Error(err)
		}
	}}
	_, err = n.sealed.Seal(t.Context(), "item", "report", half)
	wantKind(t, err, problem.Unavailable)
	n.seal(t, "item", content)
	n.wantContent(t, "item", content)
	n.wantContent(t, "before", before)
	if findings := n.compare(t, later); len(findings) != 0 {
		t.Fatalf("comparing finds %v", findings)
	}
}

// hook runs something once, when at bytes have been read.
type hook struct {
	r   io.Reader
	at  int
	run func()
}

func (h *hook) Read(p []byte) (int, error) {
	n, err := h.r.Read(p[:min(len(p), 10_000)])
	if h.at -= n; h.at <= 0 && h.run != nil {
		h.run()
		h.run = nil
	}
	return n, err
}

// TestErasedStaysErasedWhenBackupsReturn is FR-12: it restores an old backup of
// the data beside the current vault, and beside the vault's current copy.
func TestErasedStaysErasedWhenBackupsReturn(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			n := newNode(t)
			if engine == "postgres" {
				n.vault = openVault(t, postgrestest.Start(t), n.key)
				n.sealed = blob.NewSealed(n.store, n.vault)
			}
			erased, kept := blobtest.Bytes(1, 150_000), blobtest.Bytes(2, 150_000)
			n.seal(t, "erased", erased)
			n.seal(t, "kept", kept)
			header, err := n.vault.Header(t.Context(), "erased")
			if err != nil {
				t.Fatal(err)
			}
			copyPath := filepath.Join(n.directory, "vault-copy.db")
			if err := n.vault.CopyTo(t.Context(), copyPath); err != nil {
				t.Fatal(err)
			}
			backup := filepath.Join(t.TempDir(), "backup")
			if err := os.CopyFS(backup, os.DirFS(filepath.Join(n.directory, "blobs"))); err != nil {
				t.Fatal(err)
			}

			for range 2 {
				if err := n.sealed.Erase(t.Context(), "erased"); err != nil {
					t.Fatal(err)
				}
			}
			if err := n.vault.CopyTo(t.Context(), copyPath); err != nil {
				t.Fatal(err)
			}
			n.wantErased(t, "erased")
			if bodies := n.bodies(t, "sealed/erased/"); len(bodies) != 0 {
				t.Fatalf("the body is still there: %v", bodies)
			}

			restored := filepath.Join(t.TempDir(), "restored")
			if err := os.CopyFS(filepath.Join(restored, "blobs"), os.DirFS(backup)); err != nil {
				t.Fatal(err)
			}
			for _, vault := range []*keyring.Vault{n.vault, openVault(t, copyPath, n.key)} {
				store := openFiles(t, filepath.Join(restored, "blobs"))
				again := &node{directory: restored, store: store, vault: vault, sealed: blob.NewSealed(store, vault)}
				if len(again.bodies(t, "sealed/erased/")) != 1 {
					t.Fatal("the backup did not hold the body: the test shows nothing")
				}
				again.wantErased(t, "erased")
				again.wantContent(t, "kept", kept)
				findings := again.compare(t, later)
				if len(findings) != 1 || findings[0].Kind != blob.BodyOfErased || findings[0].ItemID != "erased" {
					t.Fatalf("comparing finds %v", findings)
				}
			}

			files, err := filepath.Glob(filepath.Join(n.directory, "*.db*"))
			if err != nil || len(files) == 0 {
				t.Fatalf("no vault files: %v", err)
			}
			for _, path := range files {
				raw, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				for start := 0; start+40 <= len(header); start += 40 {
					// The first 40 bytes are the same in every header.
					if start > 0 && bytes.Contains(raw, header[start:start+40]) {
						t.Fatalf("%s still holds part of the destroyed key", filepath.Base(path))
					}
				}
			}
		})
	}
}

// TestDamageIsDetected changes, cuts, lengthens and exchanges bodies at random.
func TestDamageIsDetected(t *testing.T) {
	n := newNode(t)
	content := blobtest.Bytes(1, 200_000)
	n.seal(t, "item", content)
	n.seal(t, "other", content)
	path, other := n.bodyFile(t, "item"), n.bodyFile(t, "other")
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	const chunk, nonce = 65536 + 16, 16
	rapid.Check(t, func(r *rapid.T) {
		body := bytes.Clone(sound)
		switch rapid.SampledFrom([]string{"flip", "cut", "append", "exchange chunks", "zero sector", "foreign body"}).Draw(r, "damage") {
		case "flip":
			body[rapid.IntRange(0, len(body)-1).Draw(r, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(r, "bit")
		case "cut":
			body = body[:rapid.IntRange(0, len(body)-1).Draw(r, "length")]
		case "append":
			body = append(body, rapid.SliceOfN(rapid.Byte(), 1, 100_000).Draw(r, "more")...)
		case "exchange chunks":
			copy(body[nonce:], sound[nonce+chunk:nonce+2*chunk])
			copy(body[nonce+chunk:], sound[nonce:nonce+chunk])
		case "zero sector":
			start := rapid.IntRange(0, len(body)/512-1).Draw(r, "sector") * 512
			clear(body[start : start+512])
		case "foreign body":
			body = foreign
		}
		if err := os.WriteFile(path, body, 0o600); err != nil {
			r.Fatal(err)
		}
		if _, err := n.read(context.Background(), "item"); !problem.Is(err, problem.Internal) {
			r.Fatalf("error %v, want damage", err)
		}
	})
	// A cut at a chunk's end leaves only whole chunks behind.
	for _, length := range []int{0, nonce, nonce + chunk, nonce + 2*chunk, nonce + 3*chunk} {
		if err := os.WriteFile(path, sound[:length], 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := n.sealed.Open(t.Context(), "item")
		wantKind(t, err, problem.Internal)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err = n.sealed.Open(t.Context(), "item")
	wantKind(t, err, problem.Internal)
	n.wantContent(t, "other", content)
	if findings := n.compare(t, later); len(findings) != 1 || findings[0].Kind != blob.KeyWithoutBody || findings[0].ItemID != "item" {
		t.Fatalf("comparing finds %v", findings)
	}
	// A backup of the data brings it back, because its key is still there.
	if err := os.WriteFile(path, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	n.wantContent(t, "item", content)
}

func TestComparingReportsAndChangesNothing(t *testing.T) {
	n := newNode(t)
	content := blobtest.Bytes(1, 1000)
	n.seal(t, "sound/1", content)
	for _, key := range []string{"sealed/unknown/item/00", "sealed/sound/1/left-by-a-crash", "sealed/odd"} {
		if err := n.store.Put(t.Context(), key, bytes.NewReader(content), 1000); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.store.Put(t.Context(), "elsewhere/blob", bytes.NewReader(content), 1000); err != nil {
		t.Fatal(err)
	}
	want := map[string]blob.Finding{
		"sealed/unknown/item/00":         {Kind: blob.BodyWithoutKey, ItemID: "unknown/item", Body: "sealed/unknown/item/00"},
		"sealed/sound/1/left-by-a-crash": {Kind: blob.BodyWithoutKey, ItemID: "sound/1", Body: "sealed/sound/1/left-by-a-crash"},
		"sealed/odd":                     {Kind: blob.BodyWithoutKey, ItemID: "odd", Body: "sealed/odd"},
	}
	before := len(n.bodies(t, ""))
	for range 2 {
		findings := n.compare(t, later)
		if len(findings) != len(want) {
			t.Fatalf("comparing finds %v", findings)
		}
		for _, finding := range findings {
			if finding != want[finding.Body] {
				t.Fatalf("comparing finds %+v, want %+v", finding, want[finding.Body])
			}
		}
	}
	if findings := n.compare(t, noon.AddDate(-50, 0, 0)); len(findings) != 0 {
		t.Fatalf("comparing does not pass over what is new: %v", findings)
	}
	if after := len(n.bodies(t, "")); after != before {
		t.Fatalf("comparing changed %d blobs to %d", before, after)
	}
	stop := errors.New("enough")
	if err := n.sealed.Compare(t.Context(), later, func(blob.Finding) error { return stop }); !errors.Is(err, stop) {
		t.Fatalf("error %v, want the one of the report", err)
	}
}

// interrupted is a store that stops answering at a given call, as when the
// process is killed there.
type interrupted struct {
	blob.Store
	failing string
}

var errInterrupted = errors.New("interrupted")

func (i *interrupted) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if i.failing == "before put" {
		return errInterrupted
	}
	err := i.Store.Put(ctx, key, r, size)
	if i.failing == "after put" && err == nil {
		return errInterrupted
	}
	return err
}

func (i *interrupted) Delete(ctx context.Context, key string) error {
	if i.failing == "before delete" {
		return errInterrupted
	}
	err := i.Store.Delete(ctx, key)
	if i.failing == "after delete" && err == nil {
		return errInterrupted
	}
	return err
}

func TestInterruptedWorkIsDoneAgain(t *testing.T) {
	content := blobtest.Bytes(1, 100_000)
	for _, failing := range []string{"before put", "after put"} {
		n := newNode(t)
		_, err := blob.NewSealed(&interrupted{n.store, failing}, n.vault).Seal(t.Context(), "item", "report", bytes.NewReader(content))
		if !errors.Is(err, errInterrupted) {
			t.Fatalf("%s: error %v", failing, err)
		}
		_, err = n.sealed.Open(t.Context(), "item")
		wantKind(t, err, problem.NotFound)
		n.seal(t, "item", content)
		n.wantContent(t, "item", content)
		for _, finding := range n.compare(t, later) {
			if finding.Kind != blob.BodyWithoutKey {
				t.Fatalf("%s: comparing finds %v", failing, finding)
			}
		}
	}
	for _, failing := range []string{"before delete", "after delete"} {
		n := newNode(t)
		n.seal(t, "item", content)
		err := blob.NewSealed(&interrupted{n.store, failing}, n.vault).Erase(t.Context(), "item")
		if !errors.Is(err, errInterrupted) || !strings.Contains(err.Error(), "key is destroyed") {
			t.Fatalf("%s: error %v", failing, err)
		}
		n.wantErased(t, "item")
		findings := n.compare(t, later)
		if failing == "before delete" && (len(findings) != 1 || findings[0].Kind != blob.BodyOfErased) {
			t.Fatalf("%s: comparing finds %v", failing, findings)
		}
		if err := n.sealed.Erase(t.Context(), "item"); err != nil {
			t.Fatal(err)
		}
		if findings := n.compare(t, later); len(findings) != 0 || len(n.bodies(t, "")) != 0 {
			t.Fatalf("%s: erasing again leaves %v", failing, findings)
		}
	}
}

// TestSealSurvivesKill has a child seal items and erase every third, each step
// acknowledged on its standard output, and kills it in the midst of work.
func TestSealSurvivesKill(t *testing.T) {
	if directory := os.Getenv("BRDO_SEALTEST_DIRECTORY"); directory != "" {
		key, err := keyring.LoadNodeKey(filepath.Join(directory, "node.key"))
		if err != nil {
			t.Fatal(err)
		}
		n := openNode(t, directory, key)
		for number := uint64(0); ; number++ {
			id := fmt.Sprintf("item/%d", number)
			n.seal(t, id, selfDescribing(number))
			fmt.Printf("sealed %d\n", number)
			if number%3 == 0 {
				if err := n.sealed.Erase(t.Context(), id); err != nil {
					t.Fatal(err)
				}
				fmt.Printf("erased %d\n", number)
			}
		}
	}
	for round := range 5 {
		directory := t.TempDir()
		key, err := keyring.GenerateNodeKey(filepath.Join(directory, "node.key"))
		if err != nil {
			t.Fatal(err)
		}
		child := exec.Command(os.Args[0], "-test.run=^TestSealSurvivesKill$")
		child.Env = append(os.Environ(), "BRDO_SEALTEST_DIRECTORY="+directory)
		output, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		steps := 0
		sealed, erased := map[uint64]bool{}, map[uint64]bool{}
		for lines := bufio.NewScanner(output); lines.Scan(); {
			verb, rest, _ := strings.Cut(lines.Text(), " ")
			number, err := strconv.ParseUint(rest, 10, 64)
			if err != nil {
				continue // what the testing package prints
			}
			switch verb {
			case "sealed":
				sealed[number] = true
			case "erased":
				erased[number] = true
			}
			if steps++; steps == 5+3*round {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // reports the kill
		if steps == 0 {
			t.Fatal("the child did nothing")
		}
		n := openNode(t, directory, key)
		last := uint64(len(sealed)) - 1
		for number := range sealed {
			id := fmt.Sprintf("item/%d", number)
			got, err := n.read(t.Context(), id)
			isErased := errors.As(err, new(*keyring.ErasedError))
			switch {
			case erased[number] && !isErased:
				t.Fatalf("%s was erased and opens: %v", id, err)
			case erased[number], isErased && number == last && number%3 == 0:
			case err != nil || !bytes.Equal(got, selfDescribing(number)):
				t.Fatalf("acknowledged %s is lost: %v", id, err)
			}
		}
		for _, finding := range n.compare(t, later) {
			if finding.Kind == blob.KeyWithoutBody {
				t.Fatalf("a crash lost a body: %+v", finding)
			}
		}
	}
}

func BenchmarkSealed(b *testing.B) {
	n := newNode(b)
	item := 0
	for _, size := range []int{64 << 10, 16 << 20} {
		content := blobtest.Bytes(1, size)
		name := fmt.Sprintf("%dKiB", size>>10)
		var id string
		b.Run("seal/"+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				item++
				id = fmt.Sprintf("item/%d", item)
				if _, err := n.sealed.Seal(b.Context(), id, "report", bytes.NewReader(content)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("open/"+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				open, err := n.sealed.Open(b.Context(), id)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, open); err != nil {
					b.Fatal(err)
				}
				if err := open.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
