package scene_test

import (
	"flag"
	"fmt"
	"image"
	_ "image/png"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/scene"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/vectortest"
)

var update = flag.Bool("update", false, "write the table of docs/robustness.md anew")

// picture is all that methods may ask of a picture.
type picture struct {
	name   string
	hashes pdq.Fingerprint
	// trimmed are the hashes without borders, and insets those of the middle.
	trimmed pdq.Trimmed
	insets  []pdq.Inset
	scene   scene.Features
}

func seen(name string, img image.Image) *picture {
	forms, trimmed := pdq.ComputeTrimmed(img)
	return &picture{name, forms.Full, trimmed, pdq.ComputeInsets(img), scene.Describe(img)}
}

// nodeFinds reports whether a node finds a known hash when it is asked about a picture.
func nodeFinds(asked *picture, known pdq.Hash) bool {
	for _, form := range []pdq.Fingerprint{asked.hashes, asked.trimmed.Forms.Full} {
		for _, hash := range form.Variants {
			if form.Quality >= pdq.MinimumQuality && min(hash.Distance(known), hash.Inverted().Distance(known)) <= radius {
				return true
			}
		}
	}
	return false
}

// method is a column of the table: whether it finds a known picture when it is asked about another.
type method struct {
	name  string
	finds func(asked, known *picture) bool
}

const (
	plainPDQ   = "plain PDQ"
	node       = "node"
	nodeInsets = "node, insets"
	together   = "all"
	radius     = 31
)

// methods are the columns of the table. The first is what everybody has; the last is added by all: what any of them finds.
var methods = []method{
	{plainPDQ, func(asked, known *picture) bool { return asked.hashes.Hash.Distance(known.hashes.Hash) <= radius }},
	{"8 orientations", func(asked, known *picture) bool {
		for _, hash := range asked.hashes.Variants {
			if hash.Distance(known.hashes.Hash) <= radius {
				return true
			}
		}
		return false
	}},
	{node, func(asked, known *picture) bool { return nodeFinds(asked, known.hashes.Hash) }},
	{nodeInsets, func(asked, known *picture) bool {
		for _, inset := range known.insets {
			if nodeFinds(asked, inset.Hash) {
				return true
			}
		}
		return nodeFinds(asked, known.hashes.Hash)
	}},
	{"scene", func(asked, known *picture) bool { return scene.Compare(asked.scene, known.scene).Found }},
}

// demanded is the least share in percent that all methods together find.
var demanded = map[string]int{
	"inverted": 90, "10 % cut off one side": 80, "caption": 95, "turned by 5°": 80,
	"mirrored": 90, "turned by 90°": 90, "turned by 180°": 90, "border of 2 %": 90, "border of 5 %": 90, "letterbox of 5 %": 90, "letterbox of 12 %": 90, "screenshot": 90,
	"cropped by 1 %": 90, "cropped by 2 %": 90, "cropped by 3 %": 90, "cropped by 4 %": 90, "cropped by 5 %": 90, "cropped by 7.5 %": 90, "cropped by 10 %": 90,
	"cropped by 12.5 %": 90, "cropped by 17.5 %": 90, "cropped by 20 %": 90,
	"box over 1 %": 90, "box over 4 %": 90, "box over 10 %": 90, "quarter of a collage": 80,
}

// demandedOfHashes is the least share in percent that hashes alone find, by column.
var demandedOfHashes = map[string]map[string]int{
	node: {
		"mirrored": 100, "turned by 90°": 100, "turned by 180°": 100, "inverted": 100, "screenshot": 90,
		"border of 2 %": 100, "border of 5 %": 100, "letterbox of 5 %": 100, "letterbox of 12 %": 100,
	},
	nodeInsets: {
		"cropped by 1 %": 90, "cropped by 2 %": 90, "cropped by 3 %": 90, "cropped by 4 %": 90, "cropped by 5 %": 90, "cropped by 7.5 %": 90,
		"cropped by 10 %": 90, "cropped by 12.5 %": 90, "cropped by 17.5 %": 90, "cropped by 20 %": 90,
	},
}

// photos of the conformance vectors: of each scene one, and none with people.
var photos = []string{
	"pdq/pdq-images/bridge-mods/aaa-orig.jpg", "pdq/pdq-images/reg-test-input/exif-rotn/exif-rotn-1.jpg", "pdq/pdq-images/reg-test-input/pen-and-coaster.png",
	"pdq/pdq-images/reg-test-input/labelme-subset/q0122.jpg", "pdq/pdq-images/reg-test-input/labelme-subset/q0746.jpg",
	"pdq/pdq-images/reg-test-input/labelme-subset/q1050.jpg", "pdq/pdq-images/reg-test-input/labelme-subset/q2821.jpg",
	"forensics/photos/P01.jpg", "forensics/photos/P02.jpg", "forensics/photos/P03.jpg", "forensics/photos/P04.jpg", "forensics/photos/P05.jpg",
	"forensics/photos/P07.jpg", "forensics/photos/P08.jpg",
}

// longest is the side to which photos are brought first, so that the table costs seconds.
const longest = 640

func open(t testing.TB, path string) *image.NRGBA {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	img, _, err := image.Decode(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	p := pixels(img)
	if side := max(p.Rect.Dx(), p.Rect.Dy()); side > longest {
		p = resized(float64(longest)/float64(side), float64(longest)/float64(side))(t, p)
	}
	return p
}

// tally counts for each method.
type tally struct {
	asked int
	found []int
}

func (c *tally) add(asked, known *picture) {
	if c.found == nil {
		c.found = make([]int, len(methods)+1)
	}
	c.asked++
	any := false
	for i, m := range methods {
		if m.finds(asked, known) {
			c.found[i]++
			any = true
		}
	}
	if any {
		c.found[len(methods)]++
	}
}

func (c *tally) join(other tally) {
	c.asked += other.asked
	if c.found == nil {
		c.found = make([]int, len(methods)+1)
	}
	for i, found := range other.found {
		c.found[i] += found
	}
}

func (c tally) percent(i int) int { return 100 * c.found[i] / c.asked }

// TestRobustness edits photos in all ways of the table, asks each method for the original, and for all others, which it must not find. The table
// stands in docs/robustness.md. BRDO_ROBUSTNESS_PHOTOS names a folder of photos to be measured instead, without the file.
func TestRobustness(t *testing.T) {
	racetest.Skip(t, "what it shares is guarded by one lock, and it computes for long")
	var paths []string
	own := os.Getenv("BRDO_ROBUSTNESS_PHOTOS")
	if own != "" {
		var err error
		if paths, err = filepath.Glob(filepath.Join(own, "*.*")); err != nil || len(paths) == 0 {
			t.Fatalf("no photos in %s: %v", own, err)
		}
	} else {
		folders := map[string]string{"pdq": vectortest.Folder(t, "pdq"), "forensics": vectortest.Folder(t, "forensics")}
		for _, photo := range photos {
			folder, rest, _ := strings.Cut(photo, "/")
			paths = append(paths, filepath.Join(folders[folder], rest))
		}
	}
	var originals []*image.NRGBA
	var known []*picture
	for _, path := range paths {
		img := open(t, path)
		p := seen(path, img)
		if p.hashes.Quality < pdq.MinimumQuality {
			if own == "" {
				t.Errorf("%s has quality %d", path, p.hashes.Quality)
			}
			continue
		}
		originals, known = append(originals, img), append(known, p)
	}
	// Others that must not be found, so that there are enough pairs.
	others := known
	for seed := range uint64(6) {
		name := fmt.Sprintf("generated %d", seed)
		others = append(others, seen(name, generated(200+seed, 640, 480)))
	}

	var guard sync.Mutex
	rows, unrelated := make([]tally, len(edits)), tally{}
	jobs := make(chan [2]int)
	var group sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for job := range jobs {
				photo, row := job[0], job[1]
				asked := seen(edits[row].name, edits[row].apply(t, originals[photo]))
				var right, wrong tally
				right.add(asked, known[photo])
				for _, other := range others {
					if other == known[photo] {
						continue
					}
					before := wrong
					before.found = append([]int(nil), wrong.found...)
					wrong.add(asked, other)
					if wrong.found[len(methods)] > 0 && (before.found == nil || wrong.found[len(methods)] > before.found[len(methods)]) {
						t.Errorf("%s, %s, is taken for %s: %+v", known[photo].name, asked.name, other.name, scene.Compare(asked.scene, other.scene))
					}
				}
				guard.Lock()
				rows[row].join(right)
				unrelated.join(wrong)
				guard.Unlock()
			}
		})
	}
	for photo := range originals {
		for row := range edits {
			jobs <- [2]int{photo, row}
		}
	}
	close(jobs)
	group.Wait()

	for i, e := range edits {
		ours, plain := rows[i].percent(len(methods)), rows[i].percent(0)
		if ours < plain || own == "" && ours < demanded[e.name] {
			t.Errorf("%s: %d %% found, plain PDQ %d %%, demanded %d %%", e.name, ours, plain, demanded[e.name])
		}
	}
	for name := range demanded {
		if !hasEdit(name) {
			t.Errorf("%q is demanded and not made", name)
		}
	}
	for column, shares := range demandedOfHashes {
		at := slices.IndexFunc(methods, func(m method) bool { return m.name == column })
		for name, least := range shares {
			if row := slices.IndexFunc(edits, func(e edit) bool { return e.name == name }); row < 0 {
				t.Errorf("%q is demanded and not made", name)
			} else if found := rows[row].percent(at); own == "" && found < least {
				t.Errorf("%s: %s finds %d %%, demanded are %d %%", name, column, found, least)
			}
		}
	}
	if unrelated.asked < 10_000 {
		t.Errorf("only %d unrelated pairs", unrelated.asked)
	}
	text := table(rows, unrelated, len(originals))
	if own != "" {
		t.Logf("%s\n%s", own, text)
		return
	}
	checkDocument(t, text)
}

func hasEdit(name string) bool {
	for _, e := range edits {
		if e.name == name {
			return true
		}
	}
	return false
}

func table(rows []tally, unrelated tally, photos int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%% of %d photos |", photos)
	for _, m := range methods {
		fmt.Fprintf(&b, " %s |", m.name)
	}
	fmt.Fprintf(&b, " %s |\n|---|%s\n", together, strings.Repeat("---:|", len(methods)+1))
	line := func(name string, value func(i int) int) {
		fmt.Fprintf(&b, "| %s |", name)
		for i := range len(methods) + 1 {
			fmt.Fprintf(&b, " %d |", value(i))
		}
		b.WriteString("\n")
	}
	for i, e := range edits {
		line(e.name, rows[i].percent)
	}
	line(fmt.Sprintf("**wrong among %d unrelated pairs**", unrelated.asked), func(i int) int { return unrelated.found[i] })
	return "| " + b.String()
}

const (
	document = "../../docs/robustness.md"
	begin    = "<!-- written by the test: begin -->\n"
	end      = "<!-- written by the test: end -->\n"
)

func checkDocument(t *testing.T, text string) {
	t.Helper()
	file, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(file), begin)
	was, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table", document)
	}
	if was == text {
		return
	}
	if !*update {
		t.Errorf("%s says otherwise; -update writes it anew. Now:\n%s", document, text)
		return
	}
	if err := os.WriteFile(document, []byte(before+begin+text+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
