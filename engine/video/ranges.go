package video

import (
	"sort"
	"time"
)

// Span is a part of one video, from one frame to another, both in it.
type Span struct {
	FirstFrame, LastFrame int
	From, To              time.Duration
}

// Range is a part of the query that runs as a part of the target does.
type Range struct {
	Query, Target Span
	// Frames is how many frames of the query match in it.
	Frames int
}

// ranges follows the query frame by frame. A frame goes on with the range before it when the target has one alike where
// it would be if both ran at the same pace, give or take the gap, and not before the range's last. Otherwise it begins another, at the first
// frame alike. A scene that stands still is so told once, and one that is repeated as often as the query repeats it.
func ranges(query, target []Feature, q, t grouped, alike [][]int, gap time.Duration) []Range {
	var all []Range
	open := false
	for i, f := range query {
		hash := q.of[i]
		if hash < 0 || len(alike[hash]) == 0 {
			continue
		}
		if open {
			last := &all[len(all)-1]
			passed := f.Time - last.Query.To
			if at := nearest(target, t, alike[hash], last.Target.LastFrame, last.Target.To+passed); passed <= gap && at >= 0 && near(target[at].Time, last.Target.To+passed, gap) {
				last.Query.LastFrame, last.Query.To = f.Frame, f.Time
				last.Target.LastFrame, last.Target.To = target[at].Frame, target[at].Time
				last.Frames++
				continue
			}
		}
		first := t.frames[alike[hash][0]][0]
		for _, other := range alike[hash] {
			first = min(first, t.frames[other][0])
		}
		all = append(all, Range{Query: spanOf(f), Target: spanOf(target[first]), Frames: 1})
		open = true
	}
	return all
}

func spanOf(f Feature) Span {
	return Span{FirstFrame: f.Frame, LastFrame: f.Frame, From: f.Time, To: f.Time}
}

func near(a, b, gap time.Duration) bool { return a-b <= gap && b-a <= gap }

// nearest is the position of the target's frame of one of these hashes that is nearest to a time, of those that do not come
// before a frame; -1 when there is none.
func nearest(target []Feature, t grouped, hashes []int, notBefore int, at time.Duration) int {
	best := -1
	consider := func(position int) {
		if target[position].Frame < notBefore {
			return
		}
		if best < 0 || (target[position].Time-at).Abs() < (target[best].Time-at).Abs() {
			best = position
		}
	}
	for _, hash := range hashes {
		frames := t.frames[hash]
		after := sort.Search(len(frames), func(k int) bool { return target[frames[k]].Time >= at && target[frames[k]].Frame >= notBefore })
		if after < len(frames) {
			consider(frames[after])
		}
		if after > 0 {
			consider(frames[after-1])
		}
	}
	return best
}
