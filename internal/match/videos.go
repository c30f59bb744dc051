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
	Now    time.Time
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
// radius, as they are and not turned or mirrored.
//
// A long video has thousands of frames, so the index is free for others in between. An
// entry that changes meanwhile is not found by its frames.
func (x *Index) QueryVideo(q VideoQuery) Result {
	if q.Digests.IsEmpty() {
		return x.Query(Query{Digests: q.Digests, Now: q.Now})
	}
	tallies := x.tally(q)
	alike := map[[2]string]*VideoMatch{}
	films := map[*VideoMatch]*film{}
	x.mu.RLock()
	result := x.answer(q.Now, func(open map[uint32]*List, found finder) string {
		x.equal([exactKinds][]byte{q.Digests.SHA256[:], q.Digests.SHA1[:], q.Digests.MD5[:]}, found)
		if !video.Detailed(q.Frames) {
			return fmt.Sprintf("no frame of the video has quality %d: too plain to be compared", pdq.MinimumQuality)
		}
		for f, t := range tallies {
			list := open[x.rows.at(t.row).list]
			if x.videos.of[t.row] != f || list == nil || !(reaches(t.query, t.asked, list.VideoUpload) || reaches(len(t.entry), len(f.codes), list.VideoEntry)) {
				continue
			}
			m := &VideoMatch{}
			alike[[2]string{list.ID, x.rows.id(t.row)}], films[m] = m, f
			found(t.row, Frames, (t.distances+t.query/2)/t.query, seen{})
		}
		return ""
	})
	x.mu.RUnlock()
	for i := range result.Matches {
		if m := &result.Matches[i]; m.Kind == Frames {
			m.Video = alike[[2]string{m.List, m.Entry}]
			m.Video.compare(q, films[m.Video], m.Radius)
			m.Explanation = m.Video.explain() + m.Explanation
		}
	}
	return result
}

// tally is how many hashes of a query are in the video of a row, how many of that in
// the query, and the sum of the distances of the former.
type tally struct {
	row                           uint32
	asked, query, distances, last int
	entry                         map[uint32]struct{}
}

// atOnce is how many frames are searched for while the index is held.
const atOnce = 64

// tally searches for the frames of a query in the lists that may be used.
func (x *Index) tally(q VideoQuery) map[*film]*tally {
	tallies := map[*film]*tally{}
	asked := distinct(q.Frames)
	var hits []hamming.Hit
	search := func(number int) {
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
				t := tallies[f]
				if t == nil {
					t = &tally{row: row, asked: len(asked), last: -1, entry: map[uint32]struct{}{}}
					tallies[f] = t
				}
				t.entry[hit.ID] = struct{}{}
				if t.last != i { // the nearest comes first
					t.last = i
					t.query++
					t.distances += hit.Distance
				}
			}
		}
	}
	for number := 0; number < len(asked); number += atOnce {
		x.mu.RLock()
		if x.videos.codes.Len() > 0 {
			search(number)
		}
		x.mu.RUnlock()
	}
	return tallies
}

// reaches reports whether a share is what a list wants; 0 wants nothing, and is never
// reached.
func reaches(matched, of, percent int) bool { return percent > 0 && 100*matched >= percent*of }

// compare tells where a video and one of a list are alike.
func (m *VideoMatch) compare(q VideoQuery, f *film, radius int) {
	known, err := video.Unpack(f.packed)
	if err != nil {
		panic(err) // it was packed here, or checked when it was read
	}
	options := video.Usual()
	options.Distance, options.Distinct, options.Gap = radius, true, max(options.Gap, 2*q.Every)
	compared := video.Compare(q.Frames, known, options)
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
