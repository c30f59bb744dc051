package match

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
)

// window is a list whose version v holds the entries from 10 v on, a fixed number of
// them; an entry has a near hash of its own and one of a hundred MD5.
type window struct {
	t       *testing.T
	index   *Index
	held    int
	version int64
}

func (w *window) entry(i int) Entry {
	sum := sha256.Sum256(fmt.Append(nil, i))
	shared := sha256.Sum256(fmt.Append(nil, "shared", i%100))
	return Entry{
		ID: fmt.Sprint(i), PDQ: sum[:], SHA256: sum[:], MD5: shared[:16],
		Frames: []video.Feature{{Quality: 100, Hash: sum}, {Frame: 1, Quality: 100, Hash: shared}},
	}
}

func openWindow(t *testing.T, held int) *window {
	w := &window{t: t, index: New(), held: held}
	w.index.PutList(List{ID: "l", Name: "l", VideoUpload: 100})
	d := Delta{List: "l", To: 1}
	for i := range held {
		d.Put = append(d.Put, w.entry(10+i))
	}
	if err := w.index.Apply(d); err != nil {
		t.Fatal(err)
	}
	w.version = 1
	return w
}

func (w *window) move() {
	d := Delta{List: "l", From: w.version, To: w.version + 1}
	for i := range 10 {
		d.RemoveEntries = append(d.RemoveEntries, fmt.Sprint(int(w.version)*10+i))
		d.Put = append(d.Put, w.entry(int(w.version)*10+w.held+i))
	}
	if err := w.index.Apply(d); err != nil {
		w.t.Error(err)
	}
	w.version++
}

// check wants an opened index to be the one of its version.
func (w *window) check(opened *Index) {
	w.t.Helper()
	version := int(opened.Lists()[0].Version)
	if opened.Len() != w.held {
		w.t.Fatalf("version %d has %d entries, want %d", version, opened.Len(), w.held)
	}
	found := 0
	for shared := range 100 {
		e := w.entry(shared)
		for _, m := range opened.Query(Query{Digests: digest.Sum{Size: 1, MD5: [16]byte(e.MD5)}, Now: time.Unix(0, 0)}).Matches {
			var i int
			if _, err := fmt.Sscan(m.Entry, &i); err != nil || i%100 != shared || i < 10*version || i >= 10*version+w.held {
				w.t.Fatalf("version %d has the entry %s under the digest %d", version, m.Entry, shared)
			}
			found++
		}
	}
	if found != w.held {
		w.t.Fatalf("version %d: %d entries are found, want %d", version, found, w.held)
	}
	for _, i := range []int{10*version - 1, 10 * version, 10*version + w.held - 1, 10*version + w.held} {
		e := w.entry(i)
		q := Query{Digests: digest.Sum{Size: 1, SHA256: [32]byte(e.SHA256)}, Decoded: true, Now: time.Unix(0, 0)}
		q.Forms.Full.Quality = 100
		for v := range q.Forms.Full.Variants {
			q.Forms.Full.Variants[v] = pdq.Hash(e.PDQ)
		}
		want := 0
		if i >= 10*version && i < 10*version+w.held {
			want = 1
		}
		if got := len(opened.Query(q).Matches); got != want {
			w.t.Fatalf("version %d, entry %d is found %d times, want %d", version, i, got, want)
		}
		if got := len(opened.QueryVideo(VideoQuery{Digests: digest.Sum{Size: 1}, Frames: e.Frames, Now: q.Now}).Matches); got != want {
			w.t.Fatalf("version %d, entry %d is found %d times by its frames, want %d", version, i, got, want)
		}
	}
}

// meddler moves the window while it is written.
type meddler struct {
	*os.File
	*window
	times int
}

func (m *meddler) Write(p []byte) (int, error) {
	for range 30 {
		m.move()
	}
	m.times++
	return m.File.Write(p)
}

// TestRowsThatChangeWhileOthersAreSaved changes entries at every step of the writing:
// what is opened is the index of one moment.
func TestRowsThatChangeWhileOthersAreSaved(t *testing.T) {
	w := openWindow(t, 25_000)
	folder := t.TempDir()
	file, err := os.Create(filepath.Join(folder, entriesFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	videos, err := os.Create(filepath.Join(folder, videosFile))
	if err != nil {
		t.Fatal(err)
	}
	defer videos.Close()
	m := &meddler{File: file, window: w}
	codes, _, err := w.index.write(m, videos)
	if err != nil {
		t.Fatal(err)
	}
	if err := codes.WriteFile(filepath.Join(folder, codesFile)); err != nil {
		t.Fatal(err)
	}
	opened, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	if m.times < 3 || opened.Lists()[0].Version == 1 {
		t.Fatalf("%d steps, version %d: the test changes nothing while it is written", m.times, opened.Lists()[0].Version)
	}
	w.check(opened)
}

// TestSavingWhileListsChange saves again and again while another goroutine changes
// entries.
func TestSavingWhileListsChange(t *testing.T) {
	w := openWindow(t, 5000)
	folder := t.TempDir()
	var writer sync.WaitGroup
	done := make(chan struct{})
	writer.Go(func() {
		defer close(done)
		for range 300 {
			w.move()
		}
	})
	for busy, saves := true, 0; busy || saves < 2; saves++ {
		select {
		case <-done:
			busy = false
		default:
		}
		if err := w.index.Save(folder); err != nil {
			t.Fatal(err)
		}
		opened, err := Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		w.check(opened)
	}
	writer.Wait()
}

// FuzzVideos reads files of videos under the digest that they should have.
func FuzzVideos(f *testing.F) {
	w := New()
	w.PutList(List{ID: "l", Name: "l", VideoUpload: 1})
	d := Delta{List: "l", To: 1}
	for i := range 3 {
		d.Put = append(d.Put, Entry{ID: fmt.Sprint(i), Frames: []video.Feature{{Quality: 100, Hash: pdq.Hash{byte(i)}}}})
	}
	if err := w.Apply(d); err != nil {
		f.Fatal(err)
	}
	var sound bytes.Buffer
	if _, err := writeVideos(&sound, w.videos.of); err != nil {
		f.Fatal(err)
	}
	f.Add(sound.Bytes())
	f.Add(sound.Bytes()[:len(sound.Bytes())-1])
	f.Fuzz(func(t *testing.T, content []byte) {
		x := &Index{rows: w.rows, videos: newVideos()}
		err := x.readVideos(bytes.NewReader(content))
		if err != nil && !errors.As(err, new(impossible)) {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		var again bytes.Buffer
		if _, err := writeVideos(&again, x.videos.of); err != nil || len(again.Bytes()) != len(content) {
			t.Fatalf("%d bytes of %d, %v", again.Len(), len(content), err)
		}
	})
}
