package match

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/hamming"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
)

// Frames is the kind of a match of videos, by the hashes of their frames. It is the
// weakest: videos share openings, and pictures that stand still.
const Frames Kind = "frames"

// videos holds the frames of entries. Their hashes are apart from those of pictures:
// a picture is not compared with the frames of videos, nor a frame with pictures.
type videos struct {
	codes *hamming.Index
	// of is each video by the number of its row, row the number of the row of each
	// code, by the code's number less one.
	of   map[uint32]*film
	row  []uint32
	free []uint32
}

// film is a video as the index keeps it, never changed: 41 bytes a frame, and the
// numbers of its codes. Each hash that is good enough to be compared is one code,
// however many frames have it.
type film struct {
	packed []byte
	codes  []uint32
}

func newVideos() *videos {
	return &videos{codes: hamming.New(), of: map[uint32]*film{}}
}

// put files the video of a row and collects its codes.
func (v *videos) put(number uint32, packed []byte, features []video.Feature, codes []hamming.Entry) []hamming.Entry {
	f := &film{packed: packed}
	for _, code := range distinct(features) {
		f.codes = append(f.codes, v.take(number))
		codes = append(codes, hamming.Entry{ID: f.codes[len(f.codes)-1], Code: code})
	}
	v.of[number] = f
	return codes
}

func (v *videos) take(row uint32) uint32 {
	if last := len(v.free) - 1; last >= 0 {
		number := v.free[last]
		v.free = v.free[:last]
		v.row[number-1] = row
		return number
	}
	v.row = append(v.row, row)
	return uint32(len(v.row))
}

// drop removes the video of a row, if it has one, and collects its codes.
func (v *videos) drop(number uint32, codes []uint32) []uint32 {
	f := v.of[number]
	if f == nil {
		return codes
	}
	delete(v.of, number)
	v.free = append(v.free, f.codes...)
	return append(codes, f.codes...)
}

// distinct are the hashes of frames that are good enough to be compared, each once,
// in the order of the video.
func distinct(features []video.Feature) []hamming.Code {
	known := map[hamming.Code]bool{}
	var codes []hamming.Code
	for _, f := range features {
		code := hamming.FromBytes(f.Hash)
		if f.Quality >= pdq.MinimumQuality && !known[code] {
			known[code] = true
			codes = append(codes, code)
		}
	}
	return codes
}

// VideoQuery asks for one video.
type VideoQuery struct {
	Digests digest.Sum
	// Frames are those of the video that were hashed, in order, and Every the time
	// between two of them.
	Frames []video.Feature
	Every  time.Duration
	// Turned are the hashes of the frames in all orientations, in their order; without them
	// the video is compared as it is only.
	Turned []pdq.Variants
	Now    time.Time
}

// in is the frames in an orientation.
func (q *VideoQuery) in(v pdq.Variant) []video.Feature {
	if v == pdq.Original {
		return q.Frames
	}
	turned := slices.Clone(q.Frames)
	for i := range turned {
		turned[i].Hash = q.Turned[i][v]
	}
	return turned
}

// VideoMatch says how much of an upload and of an entry is in the other, and where.
type VideoMatch struct {
	// UploadPercent and EntryPercent count each hash once, as vPDQ does.
	UploadPercent float64 `json:"upload_percent"`
	EntryPercent  float64 `json:"entry_percent"`
	// Parts are what runs alike, in the order of the upload; MoreParts counts those
	// beyond the first [MaximumParts].
	Parts     []Part `json:"parts"`
	MoreParts int    `json:"more_parts,omitempty"`
}

// Part is a part of an upload that runs as a part of an entry does. Times are seconds
// from the beginning of each, of the first and of the last frame alike.
type Part struct {
	UploadFrom float64 `json:"upload_from"`
	UploadTo   float64 `json:"upload_to"`
	EntryFrom  float64 `json:"entry_from"`
	EntryTo    float64 `json:"entry_to"`
	// Frames is how many frames of the upload are alike in it.
	Frames int `json:"frames"`
}

// MaximumParts is how many parts of one match are told.
const MaximumParts = 100

// ComparesVideos reports whether a list that may be used now knows videos by their
// frames: whether it is worth decoding one.
func (x *Index) ComparesVideos(now time.Time) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	held := map[uint32]bool{}
	for number := range x.videos.of {
		list := x.rows.at(number).list
		if held[list] {
			continue
		}
		held[list] = true
		if l := x.rows.lists[list]; l.Closed(now) == "" && l.VideoUpload+l.VideoEntry > 0 {
			return true
		}
	}
	return false
}

// QueryVideo returns all entries that match a video, by digests or, under the rules of
// each list, by frames: see [List.VideoUpload]. Frames are alike within the list's
// radius, all of them in one of the orientations that the query has: of several that
// reach what the list wants, the one in which most of them are alike.
//
// A long video has thousands of frames, so the index is free for others in between. An
// entry that changes meanwhile is not found by its frames.
func (x *Index) QueryVideo(q VideoQuery) Result {
	if q.Digests.IsEmpty() {
		return x.Query(Query{Digests: q.Digests, Now: q.Now})
	}
	tallies := x.tally(&q)
	type place struct{ list, entry string }
	alike := map[place]*VideoMatch{}
	ways := map[*VideoMatch]*tally{}
	x.mu.RLock()
	result := x.answer(q.Now, func(open map[uint32]*List, found finder) string {
		x.equal([exactKinds][]byte{q.Digests.SHA256[:], q.Digests.SHA1[:], q.Digests.MD5[:]}, found)
		if !video.Detailed(q.Frames) {
			return fmt.Sprintf("no frame of the video has quality %d: too plain to be compared", pdq.MinimumQuality)
		}
		for _, each := range tallies {
			var best *tally
			for _, t := range each {
				list := open[x.rows.at(t.row).list]
				if x.videos.of[t.row] != t.film || list == nil || !(reaches(t.query, t.asked, list.VideoUpload) || reaches(len(t.entry), len(t.film.codes), list.VideoEntry)) {
					continue
				}
				if best == nil || t.query > best.query {
					best = t
				}
			}
			if best == nil {
				continue
			}
			m := &VideoMatch{}
			alike[place{open[x.rows.at(best.row).list].ID, x.rows.id(best.row)}], ways[m] = m, best
			found(best.row, Frames, (best.distances+best.query/2)/best.query, seen{variant: best.variant})
		}
		return ""
	})
	x.mu.RUnlock()
	for i := range result.Matches {
		if m := &result.Matches[i]; m.Kind == Frames {
			m.Video = alike[place{m.List, m.Entry}]
			way := ways[m.Video]
			m.Video.compare(q.in(way.variant), way.film, m.Radius, q.Every)
			m.Explanation = m.Video.explain() + m.Explanation
			if names, words := (seen{variant: way.variant}).transformations(); len(names) > 0 {
				m.Transformations, m.Explanation = names, words[0]+", "+m.Explanation
			}
		}
	}
	return result
}

// tally is how many hashes of a query, in one orientation, are in the video of a row, how
// many of that in the query, and the sum of the distances of the former.
type tally struct {
	film                          *film
	variant                       pdq.Variant
	row                           uint32
	asked, query, distances, last int
	entry                         map[uint32]struct{}
}

// atOnce is how many frames are searched for while the index is held.
const atOnce = 64

// tally searches for the frames of a query in the lists that may be used. Of each video that
// has some, there is a tally for each orientation in which it has, in their order.
func (x *Index) tally(q *VideoQuery) map[*film][]*tally {
	tallies := map[*film][]*tally{}
	var hits []hamming.Hit
	search := func(variant pdq.Variant, asked []hamming.Code, number int) {
		open := map[uint32]*List{}
		for _, list := range x.lists {
			if l := x.rows.lists[list]; l.Closed(q.Now) == "" {
				open[list] = l
			}
		}
		for i := number; i < min(number+atOnce, len(asked)); i++ {
			hits = x.videos.codes.Search(asked[i], widest(open), hits[:0])
			slices.SortFunc(hits, func(a, b hamming.Hit) int { return cmp.Compare(a.Distance, b.Distance) })
			for _, hit := range hits {
				row := x.videos.row[hit.ID-1]
				if list := open[x.rows.at(row).list]; list == nil || hit.Distance > list.Radius {
					continue
				}
				f := x.videos.of[row]
				each := tallies[f]
				if len(each) == 0 || each[len(each)-1].variant != variant {
					each = append(each, &tally{film: f, variant: variant, row: row, asked: len(asked), last: -1, entry: map[uint32]struct{}{}})
					tallies[f] = each
				}
				t := each[len(each)-1]
				t.entry[hit.ID] = struct{}{}
				if t.last != i { // the nearest comes first
					t.last = i
					t.query++
					t.distances += hit.Distance
				}
			}
		}
	}
	for v := pdq.Original; v == pdq.Original || q.Turned != nil && int(v) < len(pdq.Variants{}); v++ {
		asked := distinct(q.in(v))
		for number := 0; number < len(asked); number += atOnce {
			x.mu.RLock()
			if x.videos.codes.Len() > 0 {
				search(v, asked, number)
			}
			x.mu.RUnlock()
		}
	}
	return tallies
}

// reaches reports whether a share is what a list wants; 0 wants nothing, and is never
// reached.
func reaches(matched, of, percent int) bool { return percent > 0 && 100*matched >= percent*of }

// compare tells where a video and one of a list are alike.
func (m *VideoMatch) compare(frames []video.Feature, f *film, radius int, every time.Duration) {
	known, err := video.Unpack(f.packed)
	if err != nil {
		panic(err) // it was packed here, or checked when it was read
	}
	options := video.Usual()
	options.Distance, options.Distinct, options.Gap = radius, true, max(options.Gap, 2*every)
	compared := video.Compare(frames, known, options)
	m.UploadPercent, m.EntryPercent, m.Parts = compared.Query.Percent(), compared.Target.Percent(), []Part{}
	for i, r := range compared.Ranges {
		if i == MaximumParts {
			m.MoreParts = len(compared.Ranges) - i
			break
		}
		m.Parts = append(m.Parts, Part{
			UploadFrom: r.Query.From.Seconds(), UploadTo: r.Query.To.Seconds(), EntryFrom: r.Target.From.Seconds(), EntryTo: r.Target.To.Seconds(), Frames: r.Frames,
		})
	}
}

// shownParts is how many parts stand in an explanation.
const shownParts = 3

// explain is the beginning of the explanation.
func (m *VideoMatch) explain() string {
	var text strings.Builder
	for i, p := range m.Parts {
		if i == shownParts {
			fmt.Fprintf(&text, ", and %d more parts", len(m.Parts)+m.MoreParts-i)
			break
		}
		if i > 0 {
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "%s-%s of the video is %s-%s", Clock(p.UploadFrom), Clock(p.UploadTo), Clock(p.EntryFrom), Clock(p.EntryTo))
	}
	fmt.Fprintf(&text, " (%.0f %% of its frames, %.0f %% of the known ones) of", m.UploadPercent, m.EntryPercent)
	return text.String()
}

// Clock is a time in a video as hours, minutes and seconds.
func Clock(seconds float64) string {
	at := int(seconds)
	return fmt.Sprintf("%02d:%02d:%02d", at/3600, at/60%60, at%60)
}
