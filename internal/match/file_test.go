package match_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hamming"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/match"
)

// filled makes an index whose entries share digests, words and names, and that has
// forgotten a list and entries.
func filled(t testing.TB, seed uint64, count int) (x *match.Index, ask []match.Query) {
	r := rand.New(rand.NewPCG(seed, 5))
	x = match.New()
	pool := make([][]byte, max(4, count/2))
	for i := range pool {
		pool[i] = randomBytes(r, 32)
	}
	for n, id := range []string{"list/a", "list/gone", "list/b"} {
		x.PutList(match.List{ID: id, Name: id, Radius: 31, VideoUpload: 30, VideoEntry: 60, Verification: "double", Suspended: n == 2 && seed%3 == 0})
		var put []match.Entry
		for i := range count {
			name := fmt.Sprintf("entry/%08x-0000-4000-8000-%012x", i, n)
			if i%5 == 0 {
				name = fmt.Sprint("odd ", i)
			}
			e := match.Entry{ID: name, Category: fmt.Sprint(i % 7), Verification: "double"}
			e.SHA256, e.SHA1, e.MD5 = pool[r.IntN(len(pool))], pool[r.IntN(len(pool))][:20], pool[r.IntN(len(pool))][:16]
			if i%3 > 0 {
				e.PDQ = turned(r, pool[r.IntN(len(pool))], r.IntN(8))
				for n := range r.IntN(3) {
					e.Insets = append(e.Insets, pdq.Inset{Tenths: 25 * (n + 1), Hash: pdq.Hash(turned(r, pool[r.IntN(len(pool))], r.IntN(8)))})
				}
			}
			if i%4 == 0 {
				e.Frames = videoOf(r, pool, 1+r.IntN(5))
			}
			put = append(put, e)
		}
		apply(t, x, match.Delta{List: id, To: 1, At: noon, Put: put})
		apply(t, x, match.Delta{List: id, From: 1, To: 2, At: noon.Add(time.Hour), RemoveEntries: []string{put[r.IntN(count)].ID, put[r.IntN(count)].ID}})
	}
	x.RemoveList("list/gone")
	for range 40 {
		q := match.Query{Digests: digest.Sum{Size: 1, SHA256: [32]byte(pool[r.IntN(len(pool))]), SHA1: [20]byte(pool[r.IntN(len(pool))]), MD5: [16]byte(pool[r.IntN(len(pool))])}, Forms: forms(100, pdq.Variants{}), Decoded: true, Now: noon}
		for v := range q.Forms.Full.Variants {
			q.Forms.Full.Variants[v] = pdq.Hash(turned(r, pool[r.IntN(len(pool))], r.IntN(20)))
		}
		ask = append(ask, q)
	}
	return x, ask
}

// videoOf is a video of frames that are like those of the pool, one a second.
func videoOf(r *rand.Rand, pool [][]byte, frames int) (features []video.Feature) {
	for i := range frames {
		features = append(features, video.Feature{Frame: 25 * i, Quality: 49 + r.IntN(3), Hash: pdq.Hash(turned(r, pool[r.IntN(len(pool))], r.IntN(12))), Time: time.Duration(i) * time.Second})
	}
	return features
}

// asVideo asks with the orientations of a query for the frames of a video.
func asVideo(q match.Query) match.VideoQuery {
	v := match.VideoQuery{Digests: q.Digests, Every: time.Second, Now: q.Now}
	for i, hash := range q.Forms.Full.Variants {
		v.Frames = append(v.Frames, video.Feature{Frame: i, Quality: 100, Hash: hash, Time: time.Duration(i) * time.Second})
	}
	return v
}

func answers(t testing.TB, x *match.Index, ask []match.Query) string {
	t.Helper()
	var all []match.Result
	for _, q := range ask {
		all = append(all, x.Query(q), x.QueryVideo(asVideo(q)))
	}
	text, err := json.Marshal([]any{all, x.Lists(), x.Len(), x.Counts()})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSavedIndexAnswersAlike, also after both were changed in the same way.
func TestSavedIndexAnswersAlike(t *testing.T) {
	for seed := range uint64(6) {
		x, ask := filled(t, seed, 60)
		folder := filepath.Join(t.TempDir(), "index")
		if x.Unsaved() == 0 {
			t.Fatal("nothing is unsaved before it is saved")
		}
		if err := x.Save(folder); err != nil {
			t.Fatal(err)
		}
		opened, err := match.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		if x.Unsaved() != 0 || opened.Unsaved() != 0 {
			t.Fatalf("unsaved: %d and %d", x.Unsaved(), opened.Unsaved())
		}
		if got, want := answers(t, opened, ask), answers(t, x, ask); got != want {
			t.Fatalf("seed %d: got %s, want %s", seed, got, want)
		}
		r := rand.New(rand.NewPCG(seed, 6))
		for version := int64(2); version < 30; version++ {
			d := match.Delta{List: "list/a", From: version, To: version + 1, At: noon}
			for range 3 {
				d.RemoveEntries = append(d.RemoveEntries, fmt.Sprint("odd ", 5*r.IntN(12)), fmt.Sprintf("entry/%08x-0000-4000-8000-%012x", r.IntN(60), 0))
				q := ask[r.IntN(len(ask))]
				d.Put = append(d.Put, match.Entry{ID: fmt.Sprint("odd ", 5*r.IntN(14)), SHA256: q.Digests.SHA256[:], MD5: q.Digests.MD5[:], PDQ: q.Forms.Full.Variants[3][:], Insets: []pdq.Inset{{Tenths: 75, Hash: q.Forms.Full.Variants[4]}}, Category: "new", Frames: videoOf(r, [][]byte{q.Forms.Full.Variants[2][:], q.Forms.Full.Variants[5][:]}, r.IntN(3))})
			}
			apply(t, x, d)
			apply(t, opened, d)
		}
		if got, want := answers(t, opened, ask), answers(t, x, ask); got != want {
			t.Fatalf("seed %d, after changes: got %s, want %s", seed, got, want)
		}
		if err := opened.Save(folder); err != nil {
			t.Fatal(err)
		}
		again, err := match.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := answers(t, again, ask), answers(t, x, ask); got != want {
			t.Fatalf("seed %d, saved again: got %s, want %s", seed, got, want)
		}
		if files, err := os.ReadDir(folder); err != nil || len(files) != 3 {
			t.Fatalf("%v, %v", files, err)
		}
	}
}

// TestSavedFilesThatCannotBeUsed changes, cuts and mixes saved files.
func TestSavedFilesThatCannotBeUsed(t *testing.T) {
	x, _ := filled(t, 1, 40)
	folder := t.TempDir()
	if _, err := match.Open(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("an empty folder: %v", err)
	}
	if err := x.Save(folder); err != nil {
		t.Fatal(err)
	}
	other, _ := filled(t, 2, 40)
	otherFolder := t.TempDir()
	if err := other.Save(otherFolder); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"entries", "codes", "videos"} {
		sound, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := os.ReadFile(filepath.Join(otherFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		flip := func(at int) []byte {
			content := slices.Clone(sound)
			content[at] ^= 1
			return content
		}
		for _, c := range []struct {
			what    string
			content []byte
			fault   hamming.Fault
		}{
			{"first byte", flip(0), hamming.Damaged},
			{"version", flip(16), hamming.OtherVersion},
			{"middle", flip(len(sound) / 2), hamming.Damaged},
			{"last byte", flip(len(sound) - 1), hamming.Damaged},
			{"cut", sound[:len(sound)-1], hamming.Damaged},
			{"empty", nil, hamming.Damaged},
			{"of another index", foreign, hamming.Stale},
		} {
			if name == "videos" {
				c.fault = hamming.Damaged // its digest is another
			}
			path := filepath.Join(folder, name)
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := match.Open(folder)
			var wrong *hamming.FileError
			if !errors.As(err, &wrong) || wrong.Fault != c.fault {
				t.Errorf("%s of %s: got %v, want %s", c.what, name, err, c.fault)
			}
			if err := os.WriteFile(path, sound, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Remove(filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
		_, err = match.Open(folder)
		var wrong *hamming.FileError
		if missing := errors.Is(err, fs.ErrNotExist); missing != (name == "entries") || !missing && !errors.As(err, &wrong) {
			t.Errorf("without %s: %v", name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// FuzzOpen reads files whose checksum is right, whatever else they hold: either they
// are refused, or questions and changes come to an end.
func FuzzOpen(f *testing.F) {
	x, ask := filled(f, 1, 12)
	folder := f.TempDir()
	if err := x.Save(folder); err != nil {
		f.Fatal(err)
	}
	path := filepath.Join(folder, "entries")
	sound, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sound, uint32(30), byte(1))
	f.Add(sound, uint32(128), byte(1))
	f.Add(sound, uint32(len(sound)-40), byte(1))
	f.Fuzz(func(t *testing.T, content []byte, at uint32, with byte) {
		if len(content) < 24 || len(content) > 1<<16 {
			return
		}
		content = slices.Clone(content)
		content[at%uint32(len(content))] ^= with
		end := len(content) - 4
		binary.LittleEndian.PutUint32(content[end:], crc32.Checksum(content[:end], crc32.MakeTable(crc32.Castagnoli)))
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := match.Open(folder)
		if err != nil {
			return
		}
		for _, q := range ask {
			opened.Query(q)
			opened.QueryVideo(asVideo(q))
		}
		for _, l := range opened.Lists() {
			opened.RemoveList(l.ID)
		}
		if opened.Len() != 0 {
			t.Fatalf("%d entries are left", opened.Len())
		}
	})
}

// TestSavedIndexIsTheIndex of any lists.
func TestSavedIndexIsTheIndex(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x, ask := filled(t, rapid.Uint64().Draw(rt, "seed"), rapid.IntRange(1, 30).Draw(rt, "count"))
		folder, err := os.MkdirTemp("", "match-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(folder)
		if err := x.Save(folder); err != nil {
			rt.Fatal(err)
		}
		opened, err := match.Open(folder)
		if err != nil {
			rt.Fatal(err)
		}
		if got, want := answers(t, opened, ask[:5]), answers(t, x, ask[:5]); got != want {
			rt.Fatalf("got %s, want %s", got, want)
		}
	})
}
