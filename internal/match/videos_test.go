package match_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/match"
)

// clip is a video of one frame a second, whose pictures are of these numbers.
func clip(pictures ...int) (features []video.Feature) {
	for i, picture := range pictures {
		features = append(features, video.Feature{Frame: 25 * i, Quality: 100, Hash: code(picture, 0), Time: time.Duration(i) * time.Second})
	}
	return features
}

func sequence(from, to int) (all []int) {
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

// TestAPartOfAKnownVideo is found with its place in both, when the list wants no more.
func TestAPartOfAKnownVideo(t *testing.T) {
	upload := clip(append(sequence(1000, 1072), append(sequence(5, 33), sequence(2000, 2020)...)...)...) // 72 s of others, 28 s that are known, 20 s
	for _, c := range []struct {
		name          string
		known         []video.Feature
		upload, entry int
		want          string
	}{
		{"all of the entry", clip(sequence(5, 33)...), 50, 50, `00:01:12-00:01:39 of the video is 00:00:00-00:00:27 (23 % of its frames, 100 % of the known ones) of an entry of the list "clips" (verification: double, category 1); a person must decide`},
		{"a part of the entry", clip(sequence(0, 100)...), 50, 28, `00:01:12-00:01:39 of the video is 00:00:05-00:00:32 (23 % of its frames, 28 % of the known ones) of an entry`},
		{"too small a part", clip(sequence(0, 100)...), 50, 29, ""},
		{"enough of the upload", clip(sequence(0, 100)...), 23, 0, "23 % of its frames"},
		{"not enough of it", clip(sequence(0, 100)...), 24, 0, ""},
		{"videos are not asked for", clip(sequence(5, 33)...), 0, 0, ""},
		{"another video", clip(sequence(300, 330)...), 1, 1, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := match.New()
			x.PutList(match.List{ID: "l", Name: "clips", Radius: 31, VideoUpload: c.upload, VideoEntry: c.entry, Verification: "double"})
			apply(t, x, match.Delta{List: "l", To: 1, Put: []match.Entry{{ID: "e", Frames: c.known, Category: "1"}}})
			found := x.QueryVideo(match.VideoQuery{Digests: digest.Sum{Size: 1}, Frames: upload, Every: time.Second, Now: noon})
			if c.want == "" {
				if len(found.Matches) > 0 {
					t.Fatalf("%+v", found.Matches)
				}
				return
			}
			if len(found.Matches) != 1 || found.Matches[0].Kind != match.Frames || !strings.Contains(found.Matches[0].Explanation, c.want) {
				t.Fatalf("got %+v, want %s", found.Matches, c.want)
			}
			if part := found.Matches[0].Video.Parts; len(part) != 1 || part[0].UploadFrom != 72 || part[0].UploadTo != 99 || part[0].Frames != 28 {
				t.Errorf("%+v", part)
			}
			if asked := x.ComparesVideos(noon); asked != (c.upload+c.entry > 0) {
				t.Errorf("videos are worth decoding: %v", asked)
			}
			apply(t, x, match.Delta{List: "l", From: 1, To: 2, RemoveEntries: []string{"e"}})
			if left := x.QueryVideo(match.VideoQuery{Digests: digest.Sum{Size: 1}, Frames: upload, Now: noon}); len(left.Matches) > 0 || x.ComparesVideos(noon) {
				t.Errorf("a withdrawn entry is found: %+v", left.Matches)
			}
		})
	}
}

// TestVideosEqualComparingWithEveryEntry changes lists and videos at random, and wants
// every answer to be that of video.Compare with each entry that may be used.
func TestVideosEqualComparingWithEveryEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		pool := make([][]byte, 12)
		for i := range pool {
			pool[i] = randomBytes(r, 32)
		}
		x := match.New()
		lists, entries, versions := map[string]match.List{}, map[string]map[string]match.Entry{}, map[string]int64{}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			id := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "list")
			if lists[id].ID == "" || r.IntN(5) == 0 {
				list := match.List{ID: id, Name: "list " + id, Radius: 20 + r.IntN(20), VideoUpload: 10 * r.IntN(11), VideoEntry: 10 * r.IntN(11), Suspended: r.IntN(4) == 0}
				lists[id] = list
				if entries[id] == nil {
					entries[id] = map[string]match.Entry{}
				}
				x.PutList(list)
			}
			d := match.Delta{List: id, From: versions[id], To: versions[id] + 1}
			versions[id]++
			for range r.IntN(3) {
				gone := fmt.Sprint(r.IntN(6))
				d.RemoveEntries = append(d.RemoveEntries, gone)
				delete(entries[id], gone)
			}
			for range r.IntN(3) {
				e := match.Entry{ID: fmt.Sprint(r.IntN(6)), MD5: pool[r.IntN(12)][:16], Frames: videoOf(r, pool, r.IntN(8))}
				d.Put = append(d.Put, e)
				entries[id][e.ID] = e
			}
			if err := x.Apply(d); err != nil {
				t.Fatal(err)
			}
			q := match.VideoQuery{Digests: digest.Sum{Size: 1, MD5: [16]byte(pool[r.IntN(12)])}, Frames: videoOf(r, pool, r.IntN(8)), Now: noon}
			ways := [][]video.Feature{q.Frames}
			if r.IntN(2) == 0 {
				ways, q.Turned = orientations(r, pool, q.Frames)
			}
			got, want := map[string]string{}, map[string]string{}
			for _, m := range x.QueryVideo(q).Matches {
				got[m.List+"/"+m.Entry] = string(m.Kind)
				if m.Video != nil {
					got[m.List+"/"+m.Entry] = fmt.Sprintf("%s %.6f %.6f", m.Variant, m.Video.UploadPercent, m.Video.EntryPercent)
				}
			}
			for id, list := range lists {
				for _, e := range entries[id] {
					if list.Suspended {
						continue
					}
					if bytes.Equal(e.MD5, q.Digests.MD5[:]) {
						want[id+"/"+e.ID] = "md5"
						continue
					}
					most := 0
					for v, frames := range ways {
						c := video.Compare(frames, e.Frames, video.Options{Distance: list.Radius, Quality: pdq.MinimumQuality, Distinct: true})
						reached := list.VideoUpload > 0 && c.Query.Percent() >= float64(list.VideoUpload) || list.VideoEntry > 0 && c.Target.Percent() >= float64(list.VideoEntry)
						if reached && c.Query.Matched > most {
							most = c.Query.Matched
							want[id+"/"+e.ID] = fmt.Sprintf("%s %.6f %.6f", pdq.Variant(v), c.Query.Percent(), c.Target.Percent())
						}
					}
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
	})
}

// orientations makes up hashes of a video's frames turned and mirrored; the first are those that it has.
func orientations(r *rand.Rand, pool [][]byte, frames []video.Feature) (ways [][]video.Feature, turned []pdq.Variants) {
	turned = make([]pdq.Variants, len(frames))
	for v := range len(pdq.Variants{}) {
		way := slices.Clone(frames)
		for i, other := range videoOf(r, pool, len(frames)) {
			if v > 0 {
				way[i].Hash = other.Hash
			}
			turned[i][v] = way[i].Hash
		}
		ways = append(ways, way)
	}
	return ways, turned
}

// TestATurnedVideo is found in the orientation in which most of it is alike, and as it is when that is as much.
func TestATurnedVideo(t *testing.T) {
	x := match.New()
	x.PutList(match.List{ID: "l", Name: "clips", Radius: 31, VideoUpload: 50, Verification: "double"})
	apply(t, x, match.Delta{List: "l", To: 1, Put: []match.Entry{{ID: "e", Frames: clip(sequence(0, 10)...)}}})
	for name, c := range map[string]struct {
		asIs, turned []video.Feature
		want         string
	}{
		"turned":           {clip(sequence(100, 110)...), clip(sequence(0, 10)...), "turned or mirrored (rotate90), 00:00:00-00:00:09 of the video is 00:00:00-00:00:09 (100 % of its frames"},
		"more of it":       {clip(append(sequence(0, 6), sequence(100, 104)...)...), clip(append(sequence(0, 7), sequence(100, 103)...)...), "turned or mirrored (rotate90), 00:00:00-00:00:06 of"},
		"as much of it":    {clip(sequence(0, 10)...), clip(sequence(0, 10)...), "00:00:00-00:00:09 of the video is"},
		"a half of each":   {clip(append(sequence(0, 4), sequence(100, 106)...)...), clip(append(sequence(100, 106), sequence(0, 4)...)...), ""},
		"another, however": {clip(sequence(100, 110)...), clip(sequence(200, 210)...), ""},
	} {
		turned := make([]pdq.Variants, len(c.asIs))
		for i := range turned {
			for v := range turned[i] {
				turned[i][v] = code(1000*v+i, 0)
			}
			turned[i][pdq.Original], turned[i][pdq.Rotate90] = c.asIs[i].Hash, c.turned[i].Hash
		}
		q := match.VideoQuery{Digests: digest.Sum{Size: 1}, Frames: c.asIs, Turned: turned, Every: time.Second, Now: noon}
		found := x.QueryVideo(q).Matches
		if len(found) == 0 && c.want == "" {
			continue
		}
		if len(found) != 1 || c.want == "" || !strings.HasPrefix(found[0].Explanation, c.want) {
			t.Errorf("%s: %+v, want %q", name, found, c.want)
			continue
		}
		if named, is := strings.HasPrefix(c.want, "turned"), len(found[0].Transformations) == 1 && found[0].Transformations[0] == "rotate90" && found[0].Variant == "rotate90"; named != is {
			t.Errorf("%s: %q, %v", name, found[0].Variant, found[0].Transformations)
		}
	}
}

// TestVideosThatCannotBeUsed have no frame that may be compared.
func TestVideosThatCannotBeUsed(t *testing.T) {
	x := match.New()
	if found := x.QueryVideo(match.VideoQuery{Digests: digest.Empty(), Now: noon}); found.Unhashable != "the file is empty" {
		t.Errorf("%+v", found)
	}
	plain := clip(1, 2)
	for i := range plain {
		plain[i].Quality = 49
	}
	if found := x.QueryVideo(match.VideoQuery{Digests: digest.Sum{Size: 1}, Frames: plain, Now: noon}); !strings.Contains(found.Unhashable, "too plain") {
		t.Errorf("%+v", found)
	}
}
