package pdq_test

import (
	"bufio"
	"encoding/json"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/vectortest"
)

// expectation is one row of the reference's results.
type expectation struct {
	File        string `json:"file"`
	ExactPNG    string `json:"exact_png"`
	Hash        pdq.Hash
	Quality     int
	FullHash    pdq.Hash            `json:"fullres_hash"`
	FullQuality int                 `json:"fullres_quality"`
	Dihedral    map[string]pdq.Hash `json:"dihedral"`
}

var dihedral = map[string]pdq.Variant{
	"orig": pdq.Original, "r090": pdq.Rotate90, "r180": pdq.Rotate180, "r270": pdq.Rotate270,
	"flpx": pdq.FlipX, "flpy": pdq.FlipY, "flpp": pdq.FlipPlus1, "flpm": pdq.FlipMinus1,
}

func expectations(t *testing.T, file string) []expectation {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []expectation
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var e expectation
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func decode(t *testing.T, file string) image.Image {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatalf("decoding %s: %v", file, err)
	}
	return img
}

func TestExactPixelsGiveTheReferenceHash(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	directory := vectortest.Folder(t, "pdq")
	all := expectations(t, filepath.Join(directory, "pdq-expected-cpp-reference.jsonl"))
	if len(all) != 66 {
		t.Fatalf("%d expectations, want 66", len(all))
	}
	checkExact(t, directory, all)
}

// The product's own fixtures, generated geometry, keep the test from being
// empty where the conformance vectors are not present.
func TestGeneratedPicturesGiveTheReferenceHash(t *testing.T) {
	all := expectations(t, "testdata/expected.jsonl")
	if len(all) < 15 {
		t.Fatalf("only %d fixtures", len(all))
	}
	checkExact(t, "testdata", all)
}

func checkExact(t *testing.T, directory string, all []expectation) {
	t.Helper()
	for _, e := range all {
		img := decode(t, filepath.Join(directory, e.ExactPNG))
		got := pdq.Compute(img)
		if got.Hash != e.Hash || got.Quality != e.Quality {
			t.Errorf("%s: distance %d, quality %d want %d", e.ExactPNG, got.Hash.Distance(e.Hash), got.Quality, e.Quality)
		}
		if len(e.Dihedral) != 8 {
			t.Fatalf("%s: %d dihedral hashes", e.File, len(e.Dihedral))
		}
		variants := pdq.ReferenceVariants(img)
		for name, want := range e.Dihedral {
			if d := variants[dihedral[name]].Distance(want); d > 0 {
				t.Errorf("%s: %s differs in %d bits", e.ExactPNG, name, d)
			}
		}
	}
}

func TestPhotosGiveTheFullResolutionHash(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: one goroutine, and ten times slower under the race detector; it is run without it")
	}
	directory := vectortest.Folder(t, "pdq")
	// Chroma clamping and another inverse transform move these two.
	wider := map[string]int{"q0122.jpg": 10, "q0746.jpg": 10}
	photos := 0
	worst := 0
	for _, e := range expectations(t, filepath.Join(directory, "pdq-expected-cpp-reference.jsonl")) {
		extension := strings.ToLower(filepath.Ext(e.File))
		if e.FullQuality < 80 || !strings.HasPrefix(e.File, "pdq-images/") || (extension != ".jpg" && extension != ".png") {
			continue
		}
		photos++
		got := pdq.FromImage(decode(t, filepath.Join(directory, e.File)))
		allowed := 2
		if more, found := wider[filepath.Base(e.File)]; found {
			allowed = more
		}
		distance := got.Hash.Distance(e.FullHash)
		if distance > allowed {
			t.Errorf("%s: distance %d, at most %d allowed", e.File, distance, allowed)
		}
		if d := got.Quality - e.FullQuality; d < -1 || d > 1 {
			t.Errorf("%s: quality %d, want %d", e.File, got.Quality, e.FullQuality)
		}
		if allowed == 2 {
			worst = max(worst, distance)
		}
	}
	t.Logf("%d photos of quality 80 and more, at most %d bits from the reference", photos, worst)
	if photos < 25 {
		t.Fatalf("only %d photos", photos)
	}
}
