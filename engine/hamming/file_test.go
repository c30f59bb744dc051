package hamming

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

// tiny has tables that fit into the corpus of a fuzzer.
var tiny = &design{number: 98, bands: cuts(repeat(8, 32)...), following: 16}

func init() { designs = append(designs, uneven, tiny) }

// changed makes an index of some design with two parts, dead rows in both, and rows
// in no part, alive and dead.
func changed(t testing.TB, seed uint64, d *design, rows int) (*Index, map[uint32]Code) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 21))
	entries := sample(r, rows, int(seed%4))
	x, err := buildAs(list(entries), d)
	if err != nil {
		t.Fatal(err)
	}
	ids := list(entries)
	slices.SortFunc(ids, func(a, b Entry) int { return int(a.ID) - int(b.ID) })
	change := func(fresh uint32) {
		for i := range uint32(rows / 10) {
			gone := ids[r.IntN(len(ids))].ID
			x.Remove(gone)
			delete(entries, gone)
			for _, id := range []uint32{fresh + i, ids[r.IntN(len(ids))].ID} {
				entries[id] = randomCode(r)
				x.Add(id, entries[id])
			}
		}
	}
	change(1_000_000)
	earlier := x.current.Load()
	merged := earlier.build(1)
	x.mutex.Lock()
	x.current.Store(x.carryOver(earlier, 1, merged))
	x.mutex.Unlock()
	change(2_000_000)
	if now := x.current.Load(); len(now.parts) != 2 || now.parts[0].dead.used == 0 || now.delta.len() == 0 {
		t.Fatalf("%d parts, %d in the delta", len(now.parts), now.delta.len())
	}
	return x, entries
}

func written(t testing.TB, x *Index) (path string, digest Digest) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "codes")
	s := x.Snapshot()
	if err := s.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path, s.Digest()
}

// TestFileKeepsEverything writes an index, opens it, changes it, and compares with
// brute force all the while.
func TestFileKeepsEverything(t *testing.T) {
	for seed, d := range []*design{scanned, tiny, uneven, narrow} {
		x, entries := changed(t, uint64(seed), d, 2000)
		if groups := x.current.Load().parts[0].shape.groups; groups != seed/3 {
			t.Fatalf("data %d has %d groups", seed, groups)
		}
		path, digest := written(t, x)
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("the file has mode %v, %v", info.Mode(), err)
		}
		opened, err := Open(path, digest)
		if err != nil {
			t.Fatal(err)
		}
		if again := opened.Snapshot().Digest(); again != digest {
			t.Fatal("what was opened has another digest than what was written")
		}
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		check := func() {
			for _, e := range list(entries)[:8] {
				checkSearch(t, opened, entries, flipped(r, e.Code, r.IntN(40)), r.IntN(65))
			}
		}
		check()
		for _, e := range list(entries)[:500] {
			if !opened.Remove(e.ID) {
				t.Fatalf("id %d is not there", e.ID)
			}
			delete(entries, e.ID)
			entries[e.ID+1] = randomCode(r)
			opened.Add(e.ID+1, entries[e.ID+1])
		}
		check()
		opened.mutex.Lock()
		opened.merging = make(chan struct{})
		opened.mutex.Unlock()
		opened.merge(opened.current.Load(), 0)
		check()
		if rebuilt := mustBuild(t, entries).Snapshot().Digest(); rebuilt != opened.Snapshot().Digest() {
			t.Fatal("the same entries have another digest when they came in another way")
		}
	}
}

// TestFilesThatCannotBeUsed says of each what is wrong.
func TestFilesThatCannotBeUsed(t *testing.T) {
	x, _ := changed(t, 1, tiny, 300)
	path, digest := written(t, x)
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fault := func(content []byte, want Digest) Fault {
		other := filepath.Join(t.TempDir(), "other")
		if err := os.WriteFile(other, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(other, want)
		var wrong *FileError
		if err != nil && !errors.As(err, &wrong) {
			t.Fatalf("got %v, want a FileError", err)
		}
		if wrong == nil {
			return ""
		}
		return wrong.Fault
	}
	if got := fault(sound, digest); got != "" {
		t.Fatalf("a sound file is %s", got)
	}
	if got := fault(sound, Digest{}); got != Stale {
		t.Errorf("a file of other entries is %q", got)
	}
	for _, at := range []int{0, 15, 17, 30, 60, 200, pageSize - 1, pageSize, pageSize + 100, len(sound) / 2, len(sound) - 1} {
		content := slices.Clone(sound)
		content[at] ^= 4
		want := Damaged
		if at == 17 {
			want = OtherVersion
		}
		if got := fault(content, digest); got != want {
			t.Errorf("with byte %d of %d changed it is %q, want %q", at, len(sound), got, want)
		}
	}
	for _, size := range []int{0, 10, pageSize, pageSize + 1, len(sound) - 1} {
		if got := fault(sound[:size], digest); got != Damaged {
			t.Errorf("the first %d bytes are %q", size, got)
		}
	}
	if got := fault(append(slices.Clone(sound), 0), digest); got != Damaged {
		t.Errorf("with a byte more it is %q", got)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), digest); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
}

// TestGroupsThatCannotBeUsed are refused though the checksums are right.
func TestGroupsThatCannotBeUsed(t *testing.T) {
	x, _ := changed(t, 3, tiny, 700)
	p := x.current.Load().parts[0]
	if p.shape.groups != 1 {
		t.Fatalf("%d groups", p.shape.groups)
	}
	path, digest := written(t, x)
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var h header
	if _, err := binary.Decode(sound, binary.LittleEndian, &h); err != nil {
		t.Fatal(err)
	}
	start := uintptr(unsafe.Pointer(unsafe.SliceData(p.memory.bytes)))
	in := func(words []uint32, at int) uint64 {
		return h.Segments[0].At + uint64(uintptr(unsafe.Pointer(unsafe.SliceData(words)))-start) + 4*uint64(at)
	}
	// Groups and members come after the magic, the version, the parts, the size, the digest, a count and four more.
	const groups, members = 88, 96
	for _, c := range []struct {
		name string
		at   uint64
		word uint32
		want string
	}{
		{"nothing changed", groups, 1, ""},
		{"the first ring begins late", in(p.groups.rings, 0), 1, "a group does not fit the rows"},
		{"a ring ends before it begins", in(p.groups.rings, 9), 1 << 20, "a group does not fit the rows"},
		{"the last ring ends late", in(p.groups.rings, reach+1), p.groups.rings[reach+1] + 1, "a group does not fit the rows"},
		{"a member is no row", in(p.groups.positions, 3), uint32(p.len()), "a group does not fit the rows"},
		{"too many groups", groups, groupLimit + 1, "a part has an impossible shape"},
		{"members of no group", groups, 0, "a part has an impossible shape"},
		{"more members than rows", members, uint32(p.len()) + 1, "a part has an impossible shape"},
		{"fewer members", members, 7, "a part has not the size of its rows"},
	} {
		content := slices.Clone(sound)
		binary.LittleEndian.PutUint32(content[c.at:], c.word)
		sealAgain(content)
		other := filepath.Join(t.TempDir(), "other")
		if err := os.WriteFile(other, content, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(other, digest)
		var wrong *FileError
		if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &wrong) || wrong.Fault != Damaged || wrong.Detail != c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestWritingLeavesNothingBehind: neither a failure nor a success leaves a file
// besides the one named, and a failure leaves that as it was.
func TestWritingLeavesNothingBehind(t *testing.T) {
	x, _ := changed(t, 2, tiny, 300)
	path, digest := written(t, x)
	folder := filepath.Dir(path)
	if err := x.Snapshot().WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "occupied"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := x.Snapshot().WriteFile(filepath.Join(folder, "occupied")); err == nil {
		t.Fatal("a folder was written over")
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	if _, err := Open(path, digest); err != nil {
		t.Fatal(err)
	}
}

// TestSnapshotsDoNotChange while the index does, from a file or not.
func TestSnapshotsDoNotChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		entries := sample(r, rapid.IntRange(0, 300).Draw(t, "rows"), rapid.IntRange(0, 3).Draw(t, "shape"))
		x, err := buildAs(list(entries), tiny)
		if err != nil {
			t.Fatal(err)
		}
		before := x.Snapshot()
		for id := range entries {
			x.Remove(id)
			x.Add(id/2, randomCode(r))
		}
		folder, err := os.MkdirTemp("", "hamming-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(folder)
		path := filepath.Join(folder, "codes")
		if err := before.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		opened, err := Open(path, before.Digest())
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			checkSearch(t, opened, entries, randomCode(r), rapid.IntRange(0, 256).Draw(t, "radius"))
		}
	})
}

// sealAgain makes the checksums of a changed file right, as far as it has a header.
func sealAgain(content []byte) {
	var h header
	if len(content) < pageSize {
		return
	}
	if _, err := binary.Decode(content, binary.LittleEndian, &h); err != nil {
		return
	}
	copy(h.Magic[:], fileMagic)
	h.Version, h.Size = fileVersion, uint64(len(content))
	if h.SumsAt >= pageSize && h.SumsAt <= h.Size {
		sums := content[h.SumsAt:]
		for i := 0; 4*i+4 <= len(sums); i++ {
			from := uint64(pageSize + i*sumStretch)
			if from < h.SumsAt {
				binary.LittleEndian.PutUint32(sums[4*i:], crc32.Checksum(content[from:min(from+sumStretch, h.SumsAt)], castagnoli))
			}
		}
		h.SumsSum = crc32.Checksum(sums, castagnoli)
	}
	copy(content, h.sealed())
}

// FuzzOpen reads files whose checksums are right, whatever else they hold: either
// they are refused, or everything can be done with the index.
func FuzzOpen(f *testing.F) {
	for _, c := range []struct {
		seed   uint64
		design *design
		rows   int
	}{{0, tiny, 40}, {1, scanned, 40}, {3, tiny, 600}} { // the last one has a group
		x, _ := changed(f, c.seed, c.design, c.rows)
		path, _ := written(f, x)
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content, uint32(pageSize+5), byte(7))
		f.Add(content, uint32(70), byte(1))
		f.Add(content, uint32(len(content)/2), byte(0))
	}
	folder := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte, at uint32, with byte) {
		if len(content) == 0 || len(content) > 1<<20 {
			return
		}
		content = slices.Clone(content)
		content[at%uint32(len(content))] ^= with
		sealAgain(content)
		// A new file each time: the one before may still be mapped, and whoever reads a
		// mapped file that was shortened is killed.
		path := filepath.Join(folder, "fuzz")
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var h header
		if len(content) >= pageSize {
			if _, err := binary.Decode(content, binary.LittleEndian, &h); err != nil {
				t.Fatal(err)
			}
		}
		x, err := Open(path, h.Digest)
		if err != nil {
			return
		}
		r := rand.New(rand.NewPCG(1, 1))
		for _, radius := range []int{0, 31, 47, 64, 256} {
			for _, hit := range x.Search(randomCode(r), radius, nil) {
				x.Code(hit.ID)
			}
		}
		for _, hit := range x.Search(Code{}, 256, nil) {
			x.Remove(hit.ID)
			x.Add(hit.ID+1, Code{1})
		}
		x.Snapshot().Digest()
		x.current.Load().build(0)
		x.Wait() // what a merge meets belongs to this input
	})
}
