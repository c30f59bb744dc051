package match_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/match"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// content is the digests of a short neutral text.
func content(number int) digest.Sum {
	sum, err := digest.Reader(strings.NewReader(fmt.Sprintf("message %d", number)))
	if err != nil {
		panic(err)
	}
	return sum
}

// code makes the hash of a number with some bits turned over.
func code(number, flips int) pdq.Hash {
	h := pdq.Hash(sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(number))))
	for bit := range flips {
		h[bit/8] ^= 1 << (bit % 8)
	}
	return h
}

// forms are those of a small picture: both are the same.
func forms(quality int, v pdq.Variants) pdq.Forms {
	one := pdq.Fingerprint{Result: pdq.Result{Hash: v[pdq.Original], Quality: quality}, Variants: v}
	return pdq.Forms{Full: one, Nearest: one}
}

// variants fills the orientations that are not asked about with hashes that lie far
// from all others.
func variants(at pdq.Variant, h pdq.Hash) pdq.Variants {
	var all pdq.Variants
	for v := range all {
		all[v] = code(1_000_000+v, 0)
	}
	all[at] = h
	return all
}

func apply(t testing.TB, x *match.Index, d match.Delta) {
	t.Helper()
	if err := x.Apply(d); err != nil {
		t.Fatal(err)
	}
}

func bytesOf(h pdq.Hash) []byte { return h[:] }

// TestTheOrderIsTheSameEveryTime also where lists share a name and entries an
// identifier.
func TestTheOrderIsTheSameEveryTime(t *testing.T) {
	x := match.New()
	for _, id := range []string{"list/c", "list/a", "list/d", "list/b", "list/e"} {
		x.PutList(match.List{ID: id, Name: "List", Radius: 31, Suspended: id > "list/c"})
		apply(t, x, match.Delta{List: id, To: 1, Put: []match.Entry{{ID: "entry/1", PDQ: bytesOf(code(1, 0))}, {ID: "entry/0", PDQ: bytesOf(code(1, 0))}}})
	}
	for range 20 {
		got := x.Query(match.Query{Digests: content(1), Forms: forms(100, variants(0, code(1, 0))), Decoded: true, Now: now})
		var order []string
		for _, m := range got.Matches {
			order = append(order, m.Entry+" "+m.List)
		}
		for _, s := range got.Skipped {
			order = append(order, s.List)
		}
		for _, l := range x.Lists() {
			order = append(order, l.ID)
		}
		const want = "entry/0 list/a,entry/1 list/a,entry/0 list/b,entry/1 list/b,entry/0 list/c,entry/1 list/c,list/d,list/e,list/a,list/b,list/c,list/d,list/e"
		if strings.Join(order, ",") != want {
			t.Fatalf("order %v", order)
		}
	}
}

func one(t testing.TB, l match.List) *match.Index {
	x := match.New()
	x.PutList(l)
	sum := content(1)
	apply(t, x, match.Delta{List: l.ID, To: 1, Put: []match.Entry{{ID: "entry/1", SHA256: sum.SHA256[:], PDQ: bytesOf(code(1, 0)), Category: "2"}}})
	return x
}

func TestClosedListsAreSkippedWithAReason(t *testing.T) {
	for _, c := range []struct {
		name   string
		list   match.List
		reason string
	}{
		{"open", match.List{}, ""},
		{"suspended", match.List{Suspended: true}, "the list is suspended"},
		{"not yet valid", match.List{ValidFrom: now.Add(time.Second)}, "the list is valid from 2026-03-01"},
		{"valid from now", match.List{ValidFrom: now}, ""},
		{"expired now", match.List{ValidUntil: now}, "the list was valid until 2026-03-01"},
		{"expires next", match.List{ValidUntil: now.Add(time.Second)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.list.ID, c.list.Name, c.list.Radius = "list/1", "List", 31
			got := one(t, c.list).Query(match.Query{Digests: content(1), Forms: forms(100, variants(0, code(1, 0))), Decoded: true, Now: now})
			if c.reason == "" && (len(got.Matches) != 1 || len(got.Skipped) != 0) {
				t.Errorf("an open list was not asked: %+v", got)
			}
			if c.reason != "" && (len(got.Matches) != 0 || len(got.Skipped) != 1 || got.Skipped[0] != match.Skipped{List: "list/1", Name: "List", Reason: c.reason}) {
				t.Errorf("got %+v, want nothing and the reason %q", got, c.reason)
			}
		})
	}
}

// TestWhatWasDoneToThePictureIsNamed for each way to look at it, with how far the match can be
// relied on.
func TestWhatWasDoneToThePictureIsNamed(t *testing.T) {
	x := one(t, match.List{ID: "list/1", Name: "List", Radius: 40})
	far := forms(100, variants(0, code(7, 0)))
	trimmed := func(f pdq.Forms) pdq.Trimmed {
		return pdq.Trimmed{Rectangle: image.Rect(1, 1, 50, 50), Forms: f}
	}
	turned := forms(100, variants(pdq.Rotate90, code(1, 10)))
	for _, c := range []struct {
		name            string
		q               match.Query
		distance        int
		transformations []string
		confidence      string
		explanation     string
	}{
		{"as it is", match.Query{Forms: forms(100, variants(0, code(1, 31)))}, 31, nil, "near", "PDQ differs in 31 of 256 bits (near) from"},
		{"turned", match.Query{Forms: turned}, 10, []string{"rotate90"}, "very near", "turned or mirrored (rotate90), PDQ differs in 10 of 256 bits (very near) from"},
		{"inverted", match.Query{Forms: forms(100, variants(0, code(1, 11))).Inverted()}, 11, []string{"inverted"}, "near", "with its colours inverted, PDQ differs in 11"},
		{"trimmed", match.Query{Forms: far, Trimmed: trimmed(forms(100, variants(0, code(1, 32))))}, 32, []string{"trimmed"}, "loose", "without its borders, PDQ differs in 32 of 256 bits (loose) from"},
		{"all", match.Query{Forms: far, Trimmed: trimmed(turned.Inverted())}, 10, []string{"trimmed", "rotate90", "inverted"}, "very near",
			"without its borders, turned or mirrored (rotate90), with its colours inverted, PDQ differs in 10"},
		{"what was done least", match.Query{Forms: forms(100, variants(0, code(1, 5))), Trimmed: trimmed(forms(100, variants(0, code(1, 5))))}, 5, nil, "very near", "PDQ differs in 5"},
		{"what is nearest", match.Query{Forms: forms(100, variants(0, code(1, 6))), Trimmed: trimmed(forms(100, variants(0, code(1, 5))))}, 5, []string{"trimmed"}, "very near", "without its borders, PDQ differs in 5"},
		{"too plain with its borders", match.Query{Forms: forms(10, variants(0, code(1, 0))), Trimmed: trimmed(forms(100, variants(0, code(1, 5))))}, 5, []string{"trimmed"}, "very near", "without"},
		{"the same file", match.Query{Digests: content(1), Forms: turned}, 0, nil, "same file", "SHA-256 equal to an entry"},
	} {
		if c.q.Digests == (digest.Sum{}) {
			c.q.Digests = content(2)
		}
		c.q.Decoded, c.q.Now = true, now
		got := x.Query(c.q)
		if len(got.Matches) != 1 || got.Unhashable != "" {
			t.Errorf("%s: %+v", c.name, got)
			continue
		}
		m := got.Matches[0]
		if m.Distance != c.distance || !slices.Equal(m.Transformations, c.transformations) || m.Confidence != c.confidence || !strings.HasPrefix(m.Explanation, c.explanation) {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
	apply(t, x, match.Delta{List: "list/1", From: 1, To: 2, Put: []match.Entry{{ID: "entry/1", PDQ: bytesOf(code(9, 0)), Insets: []pdq.Inset{{Tenths: 75, Hash: code(8, 0)}}}}})
	cropped := forms(100, variants(pdq.FlipX, code(8, 3)))
	if got := x.Query(match.Query{Digests: content(2), Forms: cropped, Decoded: true, Now: now}).Matches; len(got) != 1 || got[0].Distance != 3 || !slices.Equal(got[0].Transformations, []string{"flipX", "inset 7.5 %"}) ||
		!strings.HasPrefix(got[0].Explanation, "turned or mirrored (flipX), like the middle of the entry's picture (inset 7.5 %), PDQ differs in 3") {
		t.Errorf("cropped: %+v", got)
	}
	apply(t, x, match.Delta{List: "list/1", From: 2, To: 3, Put: []match.Entry{{ID: "entry/1", PDQ: bytesOf(code(1, 0))}}})
	if got := x.Query(match.Query{Digests: content(2), Forms: cropped, Decoded: true, Now: now}).Matches; len(got) != 0 {
		t.Errorf("the entry has no insets any more: %+v", got)
	}
	if got := x.Counts(); got.PDQ != 1 {
		t.Errorf("%+v", got)
	}
	plain := match.Query{Digests: content(2), Forms: forms(10, variants(0, code(1, 0))), Trimmed: trimmed(forms(49, variants(0, code(1, 0)))), Decoded: true, Now: now}
	if got := x.Query(plain); len(got.Matches) != 0 || got.Unhashable == "" {
		t.Errorf("too plain in every way: %+v", got)
	}
}

func TestTheEmptyFileMatchesNothing(t *testing.T) {
	x := one(t, match.List{ID: "list/1", Radius: 64})
	empty := digest.Empty()
	apply(t, x, match.Delta{List: "list/1", From: 1, To: 2, Put: []match.Entry{{ID: "entry/2", MD5: empty.MD5[:], SHA1: empty.SHA1[:], SHA256: empty.SHA256[:]}}})
	got := x.Query(match.Query{Digests: empty, Forms: forms(100, variants(0, code(1, 0))), Decoded: true, Now: now})
	if len(got.Matches) != 0 || got.Unhashable != "the file is empty" {
		t.Errorf("the empty file: %+v", got)
	}
}

func TestWhatCannotBeComparedIsSaid(t *testing.T) {
	x := one(t, match.List{ID: "list/1", Radius: 64})
	for _, c := range []struct {
		name    string
		decoded bool
		quality int
		want    string
		found   int
	}{
		{"good", true, pdq.MinimumQuality, "", 1},
		{"plain", true, pdq.MinimumQuality - 1, "the picture has quality 49, below 50: too plain to be compared", 0},
		{"broken", false, 100, "the picture could not be decoded", 0},
	} {
		got := x.Query(match.Query{Digests: content(2), Forms: forms(c.quality, variants(0, code(1, 3))), Decoded: c.decoded, Now: now})
		if got.Unhashable != c.want || len(got.Matches) != c.found {
			t.Errorf("%s: %+v", c.name, got)
		}
		exact := x.Query(match.Query{Digests: content(1), Decoded: c.decoded, Forms: forms(c.quality, pdq.Variants{}), Now: now})
		if len(exact.Matches) != 1 || exact.Matches[0].Kind != match.SHA256 {
			t.Errorf("%s: the exact digest was not asked: %+v", c.name, exact)
		}
	}
}

// A list may hold either form: the nearer one counts, and is named.
func TestBothFormsAreAsked(t *testing.T) {
	x := one(t, match.List{ID: "list/1", Name: "list 1", Radius: 31})
	for _, c := range []struct {
		full, nearest, quality int
		want                   string
	}{
		{3, 9, 100, "pdq 3"}, {9, 3, 100, "pdq_nn512 3"}, {40, 31, 100, "pdq_nn512 31"}, {40, 32, 100, ""}, {31, 40, 100, "pdq 31"},
		{40, 3, pdq.MinimumQuality - 1, ""},
	} {
		asked := forms(100, variants(0, code(1, c.full)))
		asked.Nearest = forms(c.quality, variants(5, code(1, c.nearest))).Nearest
		got := ""
		for _, m := range x.Query(match.Query{Digests: content(2), Forms: asked, Decoded: true, Now: now}).Matches {
			got += fmt.Sprintf("%s %d", m.Form, m.Distance)
		}
		if got != c.want {
			t.Errorf("%+v: found %q", c, got)
		}
	}
}

func TestEachListHasItsOwnRadiusAndEveryOrientationIsAsked(t *testing.T) {
	x := match.New()
	for i, radius := range []int{0, 10, 31} {
		id := fmt.Sprintf("list/%d", i)
		x.PutList(match.List{ID: id, Name: id, Radius: radius})
		apply(t, x, match.Delta{List: id, To: 1, Put: []match.Entry{{ID: "entry/1", PDQ: bytesOf(code(1, 0))}}})
	}
	for v := range len(pdq.Variants{}) {
		for _, c := range []struct{ flips, found int }{{0, 3}, {1, 2}, {10, 2}, {11, 1}, {31, 1}, {32, 0}} {
			got := x.Query(match.Query{Digests: content(9), Forms: forms(100, variants(pdq.Variant(v), code(1, c.flips))), Decoded: true, Now: now})
			if len(got.Matches) != c.found {
				t.Errorf("%v, %d bits: %d matches, want %d", pdq.Variant(v), c.flips, len(got.Matches), c.found)
			}
			for _, m := range got.Matches {
				if m.Variant != pdq.Variant(v).String() || m.Distance != c.flips || m.Distance > m.Radius || !strings.Contains(m.Explanation, "a person must decide") {
					t.Errorf("%v, %d bits: %+v", pdq.Variant(v), c.flips, m)
				}
			}
		}
	}
}

func TestGapsAreRefusedAndChangeNothing(t *testing.T) {
	x := one(t, match.List{ID: "list/1", Name: "List"})
	for _, from := range []int64{0, 2} {
		err := x.Apply(match.Delta{List: "list/1", From: from, To: 9, RemoveEntries: []string{"entry/1"}})
		if !errors.Is(err, match.ErrGap) {
			t.Errorf("from %d: %v", from, err)
		}
	}
	if err := x.Apply(match.Delta{List: "list/none"}); !problem.Is(err, problem.NotFound) {
		t.Errorf("an unknown list: %v", err)
	}
	if got := x.Query(match.Query{Digests: content(1), Now: now}); len(got.Matches) != 1 || got.Matches[0].ListVersion != 1 {
		t.Errorf("a refused change had an effect: %+v", got)
	}
	x.PutList(match.List{ID: "list/1", Name: "New name", Version: 77})
	if l := x.Lists()[0]; l.Version != 1 || l.Name != "New name" {
		t.Errorf("describing a list anew gave %+v", l)
	}
	x.RemoveList("list/1")
	if got := x.Query(match.Query{Digests: content(1), Forms: forms(100, variants(0, code(1, 0))), Decoded: true, Now: now}); len(got.Matches) != 0 || x.Len() != 0 || len(x.Lists()) != 0 {
		t.Errorf("after the list was removed: %+v", got)
	}
}

func TestOneEntryTwiceInAChangeCountsOnce(t *testing.T) {
	x := match.New()
	x.PutList(match.List{ID: "list/1", Radius: 5})
	apply(t, x, match.Delta{List: "list/1", To: 1, Put: []match.Entry{{ID: "entry/1", PDQ: bytesOf(code(1, 0))}, {ID: "entry/1", PDQ: bytesOf(code(2, 0))}}})
	ask := func(number int) int {
		return len(x.Query(match.Query{Digests: content(5), Forms: forms(100, variants(0, code(number, 0))), Decoded: true, Now: now}).Matches)
	}
	if x.Len() != 1 || ask(1) != 0 || ask(2) != 1 {
		t.Errorf("%d entries, %d of the first row, %d of the second", x.Len(), ask(1), ask(2))
	}
}

// TestConcurrentChangesAndQueries: a query sees a list before or after a
// change, never in the middle of it. Run with -race.
func TestConcurrentChangesAndQueries(t *testing.T) {
	x := match.New()
	x.PutList(match.List{ID: "list/1", Name: "List", Radius: 31})
	sum := content(1)
	var group sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got := x.Query(match.Query{Digests: sum, Forms: forms(100, variants(3, code(1, 0))), Decoded: true, Now: now})
				if n := len(got.Matches); n != 0 && n != 2 {
					t.Errorf("a query saw %d of 2 entries", n)
					return
				}
				x.Lists()
				x.Len()
			}
		})
	}
	for version := range int64(400) {
		d := match.Delta{List: "list/1", From: version, To: version + 1, RemoveEntries: []string{"entry/1", "entry/2"}}
		if version%2 == 0 {
			d = match.Delta{List: "list/1", From: version, To: version + 1, Put: []match.Entry{{ID: "entry/1", SHA256: sum.SHA256[:]}, {ID: "entry/2", PDQ: bytesOf(code(1, 7))}}}
		}
		apply(t, x, d)
	}
	close(stop)
	group.Wait()
}

// BenchmarkQueryOfPDQ asks a list that has a PDQ in every entry.
func BenchmarkQueryOfPDQ(b *testing.B) {
	const size = 100_000
	x := match.New()
	x.PutList(match.List{ID: "list/1", Name: "List", Radius: 31})
	random := rand.New(rand.NewPCG(1, 2))
	var put []match.Entry
	for i := range size {
		var h pdq.Hash
		for at := 0; at < len(h); at += 8 {
			binary.LittleEndian.PutUint64(h[at:], random.Uint64())
		}
		sum := content(i)
		put = append(put, match.Entry{ID: fmt.Sprintf("entry/%d", i), MD5: sum.MD5[:], SHA256: sum.SHA256[:], PDQ: h[:]})
	}
	apply(b, x, match.Delta{List: "list/1", To: 1, Put: put})
	q := match.Query{Digests: content(size + 1), Forms: forms(100, variants(0, code(7, 0))), Decoded: true, Now: now}
	b.ReportAllocs()
	for b.Loop() {
		x.Query(q)
	}
}

// TestLookupFindsWhatAQueryFinds by hashes alone, and nothing by those of the empty
// file or by zeros, also when a list has them.
func TestLookupFindsWhatAQueryFinds(t *testing.T) {
	x, sum, empty := match.New(), content(1), digest.Empty()
	x.PutList(match.List{ID: "list/1", Name: "List", Radius: 4})
	x.PutList(match.List{ID: "list/2", Name: "Wider", Radius: 31}) // the search goes as far as the widest
	apply(t, x, match.Delta{List: "list/1", To: 1, Put: []match.Entry{
		{ID: "entry/1", SHA256: sum.SHA256[:], SHA1: sum.SHA1[:], MD5: sum.MD5[:]}, {ID: "entry/2", PDQ: bytesOf(code(1, 0))}, {ID: "entry/3", MD5: empty.MD5[:]},
	}})
	hash := func(flips int) *pdq.Hash { h := code(1, flips); return &h }
	for _, c := range []struct {
		name   string
		hashes match.Hashes
		want   string
	}{
		{"SHA-256", match.Hashes{SHA256: sum.SHA256}, "entry/1 sha256 0"},
		{"SHA-1", match.Hashes{SHA1: sum.SHA1}, "entry/1 sha1 0"},
		{"MD5", match.Hashes{MD5: sum.MD5}, "entry/1 md5 0"},
		{"the strongest of an entry", match.Hashes{MD5: sum.MD5, SHA256: sum.SHA256}, "entry/1 sha256 0"},
		{"both entries", match.Hashes{MD5: sum.MD5, PDQ: hash(3)}, "entry/1 md5 0,entry/2 pdq 3"},
		{"at the radius", match.Hashes{PDQ: hash(4)}, "entry/2 pdq 4"},
		{"beyond the radius", match.Hashes{PDQ: hash(5)}, ""},
		{"the empty file", match.Hashes{MD5: empty.MD5, SHA1: empty.SHA1, SHA256: empty.SHA256}, ""},
		{"nothing", match.Hashes{}, ""},
	} {
		var got []string
		for _, m := range x.Lookup(c.hashes, now).Matches {
			got = append(got, fmt.Sprint(m.Entry, " ", m.Kind, " ", m.Distance))
		}
		if strings.Join(got, ",") != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if got := x.Counts(); got != (match.Counts{PDQ: 1, MD5: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestAFirstLookAsksWithAMargin(t *testing.T) {
	x := match.New()
	x.PutList(match.List{ID: "list/a", Name: "List", Radius: 31})
	apply(t, x, match.Delta{List: "list/a", To: 1, Put: []match.Entry{{ID: "entry/near", PDQ: bytesOf(code(1, 0))}}})
	for _, test := range []struct{ away, margin, want int }{{31, 0, 1}, {32, 0, 0}, {32, 1, 1}, {47, 15, 0}, {47, 16, 1}} {
		found := x.Query(match.Query{Digests: content(9), Forms: forms(100, variants(pdq.Rotate90, code(1, test.away))), Decoded: true, Margin: test.margin, Now: now})
		if len(found.Matches) != test.want {
			t.Errorf("%d bits away, margin %d: %d matches, want %d", test.away, test.margin, len(found.Matches), test.want)
		}
	}
	for _, test := range []struct{ full, nearest, margin, want int }{{51, 47, 16, 1}, {47, 51, 16, 1}, {60, 47, 16, 1}, {51, 48, 16, 0}, {33, 31, 0, 1}, {33, 32, 0, 0}} {
		both := forms(100, variants(pdq.Rotate90, code(1, test.full)))
		both.Nearest.Variants = variants(pdq.Rotate90, code(1, test.nearest))
		found := x.Query(match.Query{Digests: content(9), Forms: both, Decoded: true, Margin: test.margin, Now: now})
		if len(found.Matches) < test.want || test.margin == 0 && len(found.Matches) > test.want {
			t.Errorf("forms %d and %d bits away, margin %d: %d matches, want %d", test.full, test.nearest, test.margin, len(found.Matches), test.want)
		}
	}
	if !x.Screens(16) {
		t.Error("a first look does not pay with one entry")
	}
}
