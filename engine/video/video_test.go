package video_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
)

// film makes the frames of a video from the numbers of pictures, a frame each tenth of a second. Pictures of different
// numbers have unrelated hashes; a negative one is blank.
func film(pictures ...int) []video.Feature {
	frames := make([]video.Feature, len(pictures))
	for i, picture := range pictures {
		frames[i] = video.Feature{Frame: i, Quality: 100, Hash: hashOf(picture), Time: time.Duration(i) * 100 * time.Millisecond}
		if picture < 0 {
			frames[i].Quality = 10
		}
	}
	return frames
}

func hashOf(picture int) (h pdq.Hash) {
	random := rand.New(rand.NewPCG(uint64(picture), 17))
	for i := range h {
		h[i] = byte(random.Uint32())
	}
	return h
}

// flipped changes so many bits of a hash.
func flipped(h pdq.Hash, count int) pdq.Hash {
	for i := range count {
		h[i%32] ^= 1 << (i / 32)
	}
	return h
}

// sequence is the numbers from first to last.
func sequence(first, last int) (all []int) {
	for i := first; i <= last; i++ {
		all = append(all, i)
	}
	return all
}

func TestSharesOfEachOther(t *testing.T) {
	edge := film(1, 2)
	edge[0].Hash, edge[1].Hash = flipped(edge[0].Hash, 31), flipped(edge[1].Hash, 32)
	for _, c := range []struct {
		name          string
		query, target []video.Feature
		distinct      bool
		want          video.Comparison
	}{
		{"the same", film(1, 2, 3), film(1, 2, 3), false, video.Comparison{Query: video.Share{3, 3}, Target: video.Share{3, 3}}},
		{"nothing in common", film(1, 2), film(3), false, video.Comparison{Query: video.Share{2, 0}, Target: video.Share{1, 0}}},
		{"part of the other", film(2), film(1, 2, 3, 2), false, video.Comparison{Query: video.Share{1, 1}, Target: video.Share{4, 2}}},
		{"each frame counts", film(1, 1, 1, 2), film(1), false, video.Comparison{Query: video.Share{4, 3}, Target: video.Share{1, 1}}},
		{"each hash counts once", film(1, 1, 1, 2), film(1), true, video.Comparison{Query: video.Share{2, 1}, Target: video.Share{1, 1}}},
		{"31 bits match and 32 do not", edge, film(1, 2), false, video.Comparison{Query: video.Share{2, 1}, Target: video.Share{2, 1}}},
		{"blank frames are left out", film(1, -2, -2), film(1, -2), false, video.Comparison{Query: video.Share{1, 1}, Target: video.Share{1, 1}}},
		{"blank altogether", film(-1), film(1), false, video.Comparison{Query: video.Share{0, 0}, Target: video.Share{1, 0}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			options := video.Usual()
			options.Distinct = c.distinct
			got := video.Compare(c.query, c.target, options)
			if got.Query != c.want.Query || got.Target != c.want.Target {
				t.Errorf("query %v target %v, want %v and %v", got.Query, got.Target, c.want.Query, c.want.Target)
			}
		})
	}
}

// told is a range as "first-last=first-last", in frames.
func told(all []video.Range) string {
	var out []string
	for _, r := range all {
		out = append(out, fmt.Sprintf("%d-%d=%d-%d", r.Query.FirstFrame, r.Query.LastFrame, r.Target.FirstFrame, r.Target.LastFrame))
	}
	return strings.Join(out, " ")
}

func TestRanges(t *testing.T) {
	long := sequence(100, 199)
	for _, c := range []struct {
		name          string
		query, target []int
		want          string
	}{
		{"a clip in something longer", append(append(sequence(1, 30), long[20:60]...), sequence(50, 90)...), long, "30-69=20-59"},
		{"two clips in another order", append(append([]int{}, long[60:80]...), long[10:30]...), long, "0-19=60-79 20-39=10-29"},
		{"a clip that is repeated", append(append([]int{}, long[10:20]...), long[10:20]...), long, "0-9=10-19 10-19=10-19"},
		{"a short gap is bridged", append(append(append([]int{}, long[0:10]...), 1, 2, 3), long[13:20]...), long, "0-19=0-19"},
		{"a long one is not", append(append(append([]int{}, long[0:10]...), sequence(1, 30)...), long[40:50]...), long, "0-9=0-9 40-49=40-49"},
		{"a still picture", []int{7, 7, 7, 7}, []int{1, 7, 7, 7, 2}, "0-3=1-3"},
		{"nothing", []int{1}, long, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := video.Compare(film(c.query...), film(c.target...), video.Usual()).Ranges
			if told(got) != c.want {
				t.Errorf("%s, want %s", told(got), c.want)
			}
			for _, r := range got {
				if r.Query.From != time.Duration(r.Query.FirstFrame)*100*time.Millisecond || r.Target.To != time.Duration(r.Target.LastFrame)*100*time.Millisecond {
					t.Errorf("times of %+v", r)
				}
			}
		})
	}
}

// TestComparisonAgainstEveryPair compares with the definition, frame by frame.
func TestComparisonAgainstEveryPair(t *testing.T) {
	pictures := rapid.SliceOfN(rapid.IntRange(-2, 6), 0, 40)
	rapid.Check(t, func(t *rapid.T) {
		query, target := film(pictures.Draw(t, "query")...), film(pictures.Draw(t, "target")...)
		for i := range query {
			query[i].Hash = flipped(query[i].Hash, rapid.IntRange(28, 34).Draw(t, "bits"))
		}
		got := video.Compare(query, target, video.Usual())
		share := func(of, in []video.Feature) (s video.Share) {
			for _, f := range of {
				if f.Quality < 50 {
					continue
				}
				s.Compared++
				for _, other := range in {
					if other.Quality >= 50 && f.Hash.Distance(other.Hash) <= 31 {
						s.Matched++
						break
					}
				}
			}
			return s
		}
		if got.Query != share(query, target) || got.Target != share(target, query) {
			t.Fatalf("%v %v, want %v %v", got.Query, got.Target, share(query, target), share(target, query))
		}
		inRanges, last := 0, -1
		for _, r := range got.Ranges {
			inRanges += r.Frames
			if r.Query.FirstFrame <= last || r.Query.LastFrame < r.Query.FirstFrame || r.Target.LastFrame < r.Target.FirstFrame {
				t.Fatalf("ranges %s", told(got.Ranges))
			}
			last = r.Query.LastFrame
		}
		if inRanges != got.Query.Matched {
			t.Fatalf("%d frames in ranges, %d matched", inRanges, got.Query.Matched)
		}
	})
}

func TestScenes(t *testing.T) {
	drift := film(1, 1, 1, 1)
	for i := range drift {
		drift[i].Hash = flipped(drift[i].Hash, 40*i)
	}
	for _, c := range []struct {
		name     string
		features []video.Feature
		most     int
		want     string
	}{
		{"no frame", nil, 0, ""},
		{"one scene", film(1, 1, 1), 0, "0-2:1"},
		{"cuts", film(1, 1, 1, 2, 3, 3, 3, 3), 0, "0-2:1 3-3:3 4-7:6"},
		{"the longest, in order", film(1, 1, 1, 2, 3, 3, 3, 3), 2, "0-2:1 4-7:6"},
		{"blank frames begin none", film(-1, 1, -2, 1, -3, 2), 0, "0-4:3 5-5:5"},
		{"a blank middle is not shown", film(1, -1, 1), 0, "0-2:2"},
		{"all blank", film(-1, -2), 0, "0-1:1"},
		{"slow movement", drift, 0, "0-1:1 2-3:3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, s := range video.Scenes(c.features, video.UsualCut, c.most) {
				got = append(got, fmt.Sprintf("%d-%d:%d", s.FirstFrame, s.LastFrame, s.Shown.Frame))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s, want %s", strings.Join(got, " "), c.want)
			}
		})
	}
}

func TestTextComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := film(rapid.SliceOfN(rapid.IntRange(-5, 5), 1, 20).Draw(t, "pictures")...)
		for i := range want {
			want[i].Time += time.Duration(rapid.IntRange(0, 99).Draw(t, "time")) * time.Millisecond
		}
		var text bytes.Buffer
		if err := video.Write(&text, want); err != nil {
			t.Fatal(err)
		}
		got, err := video.Read(&text, 0)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v, %v", got, err)
		}
	})
}

func TestRead(t *testing.T) {
	hash := hashOf(1).String()
	for _, c := range []struct{ text, want string }{
		{"0,100," + hash + ",0.000\n", ""},
		{"0,100," + hash + ",0\r\n30,0," + strings.ToUpper(hash) + ",1.000123,more,fields\r\n", ""},
		{"", "no frame"},
		{"\n", "line 1: 1 fields"},
		{"0,100," + hash + "\n", "line 1: 3 fields"},
		{"x,100," + hash + ",0\n", "line 1: frame number"},
		{"-1,100," + hash + ",0\n", "line 1: frame number"},
		{"0,101," + hash + ",0\n", "line 1: quality"},
		{"0,100," + hash[1:] + ",0\n", "line 1: reading a PDQ hash"},
		{"0,100," + hash + ",-1\n", "line 1: time"},
		{"0,100," + hash + ",1e3\n", "line 1: time"},
		{"0,100," + hash + ",1.x\n", "line 1: time"},
		{"1,100," + hash + ",0\n1,100," + hash + ",0\n", "line 2: frame 1"},
		{"1,100," + hash + ",1\n2,100," + hash + ",0\n", "line 2: frame 2"},
		{"0,1," + hash + ",0\n1,1," + hash + ",0\n2,1," + hash + ",0\n", "line 3: more than 2"},
		{"0,100," + hash + ",0" + strings.Repeat("0", 300), "after line 0"},
	} {
		_, err := video.Read(strings.NewReader(c.text), 2)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.60q: %v, want %q", c.text, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("0,100," + hashOf(1).String() + ",0.000\n30,7," + hashOf(2).String() + ",1.033333\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := video.Read(strings.NewReader(text), 100)
		if err != nil {
			return
		}
		var written bytes.Buffer
		if err := video.Write(&written, first); err != nil {
			t.Fatal(err)
		}
		again, err := video.Read(&written, 100)
		if err != nil || len(again) != len(first) {
			t.Fatalf("%q: %v", text, err)
		}
		for i := range first {
			if first[i].Hash != again[i].Hash || first[i].Frame != again[i].Frame || first[i].Quality != again[i].Quality {
				t.Fatalf("%v became %v", first[i], again[i])
			}
		}
	})
}

// What is packed or written into one line comes back, to the millisecond.
func FuzzPacked(f *testing.F) {
	f.Add(video.Pack(film(1, 2, 3)), video.Inline(film(1, 2, 3)))
	f.Fuzz(func(t *testing.T, packed []byte, line string) {
		if features, err := video.Unpack(packed); err == nil {
			if again := video.Pack(features); !bytes.Equal(again, packed) {
				t.Fatalf("%x became %x", packed, again)
			}
		}
		if features, err := video.ParseInline(line, 100); err == nil {
			for i := range features {
				features[i].Time = features[i].Time.Round(time.Millisecond)
			}
			again, err := video.ParseInline(video.Inline(features), 100)
			if err != nil || !reflect.DeepEqual(again, features) {
				t.Fatalf("%q: %v, %v, want %v", line, err, again, features)
			}
			if last := features[len(features)-1]; last.Time.Milliseconds() <= math.MaxUint32 {
				if again, err := video.Unpack(video.Pack(features)); err != nil || !reflect.DeepEqual(again, features) {
					t.Fatalf("%q: %v, %v, want %v", line, err, again, features)
				}
			}
		}
	})
}

// Turned hashes come back with those of the frames, and of as many frames only.
func TestPackedTurned(t *testing.T) {
	features := film(1, 2, 3)
	turned := make([]pdq.Variants, len(features))
	for i, f := range features {
		for v := range turned[i] {
			turned[i][v] = f.Hash
			turned[i][v][0] += byte(v)
		}
	}
	packed := video.PackTurned(turned)
	if again, err := video.UnpackTurned(packed, features); err != nil || !reflect.DeepEqual(again, turned) {
		t.Errorf("%v became %v, %v", turned, again, err)
	}
	for _, wrong := range [][]byte{nil, packed[1:], packed[:len(packed)-224]} {
		if _, err := video.UnpackTurned(wrong, features); err == nil {
			t.Errorf("%d bytes are taken for three frames", len(wrong))
		}
	}
}

func BenchmarkCompare(b *testing.B) {
	query, target := film(sequence(0, 2999)...), film(sequence(1500, 4499)...)
	for b.Loop() {
		video.Compare(query, target, video.Usual())
	}
}
