package video_test

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/vectortest"
)

// TestPairsOfTheReference compares all pairs of the reference's videos with what its program says of them: to the hundredth
// counting each frame, as it does, and within three points counting each hash once.
func TestPairsOfTheReference(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: one goroutine, and ten times slower under the race detector; it is run without it")
	}
	directory := vectortest.Folder(t, "pdq")
	file, err := os.Open(filepath.Join(directory, "tables", "vpdq-pairs-d31-q50-expected.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string][]video.Feature{}
	frames := func(name string) []video.Feature {
		if known[name] == nil {
			text, err := os.Open(filepath.Join(directory, "vpdq-hashes", name))
			if err != nil {
				t.Fatal(err)
			}
			defer text.Close()
			if known[name], err = video.Read(text, 0); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		return known[name]
	}
	for distinct, allowed := range map[bool]float64{false: 0.0051, true: 3} {
		options := video.Usual()
		options.Distinct = distinct
		worst := 0.0
		for _, row := range rows[1:] {
			got := video.Compare(frames(row[0]), frames(row[1]), options)
			for column, share := range map[int]video.Share{2: got.Query, 3: got.Target} {
				want, err := strconv.ParseFloat(row[column], 64)
				if err != nil {
					t.Fatal(err)
				}
				off := math.Abs(share.Percent() - want)
				worst = max(worst, off)
				if off > allowed {
					t.Errorf("%s in %s: %.2f %%, want %.2f", row[0], row[1], share.Percent(), want)
				}
			}
		}
		t.Logf("%d pairs of %d videos, each hash once %v: at most %.3f points off", len(rows)-1, len(known), distinct, worst)
	}
	if len(rows) != 1+256 || len(known) != 16 {
		t.Fatalf("%d rows of %d videos", len(rows), len(known))
	}
}
