package video

import (
	"time"

	"github.com/brdoproject/brdo/engine/pdq"
)

// Options say when two frames are alike, and what a range is. [Usual] are those of the reference.
type Options struct {
	// Distance is the largest distance of two hashes that are taken for the same frame.
	Distance int
	// Quality is the least quality of a frame that is compared.
	Quality int
	// Distinct counts each hash once, however many frames have it, as vPDQ's README and its Python package do. Without it each frame
	// counts, as in the C++ program. A still picture weighs less in the first and more in the second.
	Distinct bool
	// Gap is the longest time without a frame alike, on either side, within one range.
	Gap time.Duration
}

// Usual are the distance and quality of vPDQ's reference, with ranges that bridge two seconds.
func Usual() Options {
	return Options{Distance: 31, Quality: pdq.MinimumQuality, Gap: 2 * time.Second}
}

// Share says how much of one video is found in the other.
type Share struct {
	// Compared is how many frames (or hashes, with Options.Distinct) are good enough to be compared.
	Compared int
	// Matched is how many of them the other video has.
	Matched int
}

// Percent is 0 to 100; 0 where nothing could be compared.
func (s Share) Percent() float64 {
	if s.Compared == 0 {
		return 0
	}
	return 100 * float64(s.Matched) / float64(s.Compared)
}

// Comparison is what two videos have in common.
type Comparison struct {
	Query, Target Share
	// Ranges are where, in the order of the query.
	Ranges []Range
}

// Compare compares two videos, whose frames are in order. Its time grows with the product of the numbers of
// their distinct hashes.
//
// Source: vpdq/cpp/vpdq/cpp/hashing/matchTwoHash.cpp of facebook/ThreatExchange. There a distance
// equal to the tolerance does not match, in the README and in Python it does; hashes with as many ones as zeros,
// which PDQ's are but for ties, differ in an even number of bits, so that with 31 it is the same.
func Compare(query, target []Feature, options Options) Comparison {
	q, t := group(query, options.Quality), group(target, options.Quality)
	alike := make([][]int, len(q.hashes)) // hashes of the target that are alike, by hash of the query
	found := make([]bool, len(t.hashes))
	for i := range q.hashes {
		for j := range t.hashes {
			if q.hashes[i].distance(&t.hashes[j]) <= options.Distance {
				alike[i] = append(alike[i], j)
				found[j] = true
			}
		}
	}
	var result Comparison
	for i, frames := range q.frames {
		result.Query.count(len(frames), len(alike[i]) > 0, options.Distinct)
	}
	for j, frames := range t.frames {
		result.Target.count(len(frames), found[j], options.Distinct)
	}
	result.Ranges = ranges(query, target, q, t, alike, options.Gap)
	return result
}

func (s *Share) count(frames int, matched, distinct bool) {
	if distinct {
		frames = 1
	}
	s.Compared += frames
	if matched {
		s.Matched += frames
	}
}

// grouped are the frames of a video that are compared, by their hash.
type grouped struct {
	hashes []words
	frames [][]int // positions in the video, in order, by hash
	of     []int   // the hash of each position; -1 where the quality is too low
}

func group(features []Feature, quality int) grouped {
	g := grouped{of: make([]int, len(features))}
	known := map[words]int{}
	for i, f := range features {
		if f.Quality < quality {
			g.of[i] = -1
			continue
		}
		hash := wordsOf(f.Hash)
		number, seen := known[hash]
		if !seen {
			number = len(g.hashes)
			known[hash] = number
			g.hashes, g.frames = append(g.hashes, hash), append(g.frames, nil)
		}
		g.of[i] = number
		g.frames[number] = append(g.frames[number], i)
	}
	return g
}
