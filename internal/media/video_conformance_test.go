package media

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/racetest"
)

const clips = "../../../shared/vectors/pdq"

// TestClipsOfTheReference hashes the clips of vPDQ's reference and compares each frame with its hashes, and all pairs with what its
// program says of them. The tolerances are upstream's (vpdq/python/tests): the same frames, those of quality 50 and more within 31 bits.
// Six short clips are hashed, and all of them with BRDO_CLIPS=all.
func TestClipsOfTheReference(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: hashing thousands of frames is too slow under the race detector; it is run without it")
	}
	service := startPlaying(t, Options{Children: 4})
	paths, err := filepath.Glob(filepath.Join(clips, "video", "*.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		requireAll(t, "conformance vectors not present at "+clips)
	}
	made, turned := map[string][]video.Feature{}, map[string][]pdq.Variants{}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".mp4") + ".txt"
		want := readFeatures(t, filepath.Join(clips, "vpdq-hashes", name))
		if len(want) > 210 && os.Getenv("BRDO_CLIPS") != "all" {
			continue
		}
		found := service.videoFile(t, path, VideoRequest{Turned: true})
		if found.Status != StatusOK || found.Read != 1 {
			t.Errorf("%s: %s %s", path, found.Status, found.Detail)
		}
		made[name], turned[name] = found.Features, found.Turned
		if len(want) != len(found.Features) {
			t.Errorf("%s: %d frames, want %d", name, len(found.Features), len(want))
			continue
		}
		worst, sum, compared := 0, 0, 0
		for i, f := range found.Features {
			if f.Frame != want[i].Frame || (f.Time-want[i].Time).Abs() > time.Millisecond {
				t.Fatalf("%s: frame %d at %s, want %d at %s", name, f.Frame, f.Time, want[i].Frame, want[i].Time)
			}
			if want[i].Quality < pdq.MinimumQuality {
				continue
			}
			distance := f.Hash.Distance(want[i].Hash)
			worst, sum, compared = max(worst, distance), sum+distance, compared+1
			if distance > 31 {
				t.Errorf("%s: frame %d differs in %d bits", name, i, distance)
			}
		}
		t.Logf("%s: %d frames, %.1f bits off on average, %d at most", name, len(want), float64(sum)/float64(max(compared, 1)), worst)
	}
	file, err := os.Open(filepath.Join(clips, "tables", "vpdq-pairs-d31-q50-expected.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	pairs, worst := 0, 0.0
	for _, row := range rows[1:] {
		query, target := made[row[0]], made[row[1]]
		if query == nil || target == nil {
			continue // not hashed; two of its clips cannot be had
		}
		pairs++
		got := video.Compare(query, target, video.Usual())
		for column, share := range map[int]video.Share{2: got.Query, 3: got.Target} {
			want, err := strconv.ParseFloat(row[column], 64)
			if err != nil {
				t.Fatal(err)
			}
			off := math.Abs(share.Percent() - want)
			if worst = max(worst, off); off > 2 {
				t.Errorf("%s in %s: %.2f %%, want %.2f", row[0], row[1], share.Percent(), want)
			}
		}
	}
	t.Logf("%d pairs, at most %.2f points off", pairs, worst)
	different := 0
	for query, features := range made {
		for v := pdq.Rotate90; v <= pdq.FlipMinus1; v++ {
			way := slices.Clone(features)
			for i := range way {
				way[i].Hash = turned[query][i][v]
			}
			for target, known := range made {
				subject, _, _ := strings.Cut(query, "-")
				if strings.HasPrefix(target, subject) {
					continue
				}
				different++
				if got := video.Compare(way, known, video.Usual()); got.Query.Matched > 0 {
					t.Errorf("%s turned (%s) in %s: %d frames", query, v, target, got.Query.Matched)
				}
			}
		}
	}
	t.Logf("%d turned clips beside others: none is like them", different)
	if pairs < 25 {
		t.Errorf("only %d pairs", pairs)
	}
}

func readFeatures(t testing.TB, path string) []video.Feature {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	features, err := video.Read(file, 0)
	if err != nil {
		t.Fatal(err)
	}
	return features
}
