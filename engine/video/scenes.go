package video

import (
	"slices"
	"time"

	"github.com/brdoproject/brdo/engine/pdq"
)

// Scene is a part of a video whose picture stays much the same.
type Scene struct {
	Span
	// Shown is the frame that stands for it: the one in its middle, or the next that is not blank.
	Shown Feature
}

// UsualCut is the distance of neighbouring frames that begins another scene. Frames of one scene differ in few bits, unrelated
// ones in 128 on average.
const UsualCut = 60

// Scenes divides a video where neighbouring frames differ in more than cut bits, or where the picture has moved that far from
// the first of its scene. The first finds cuts and the second slow movement, which no pair of neighbours shows. Blank
// frames (quality under [pdq.MinimumQuality]) have arbitrary hashes: they begin no scene, and belong to the one before.
//
// At most most scenes are returned, those that last longest, in order; all of them when it is 0. This is cut detection by a
// fixed threshold (Boreczky and Rowe, "Comparison of video shot boundary detection techniques", 1996) with PDQ in the
// place of a histogram.
func Scenes(features []Feature, cut, most int) []Scene {
	var starts []int
	last, first := -1, -1
	for i, f := range features {
		if f.Quality < pdq.MinimumQuality {
			continue
		}
		if last < 0 || f.Hash.Distance(features[last].Hash) > cut || f.Hash.Distance(features[first].Hash) > cut {
			first = i
			starts = append(starts, i)
		}
		last = i
	}
	if len(features) > 0 {
		if len(starts) == 0 {
			starts = []int{0}
		}
		starts[0] = 0
	}
	scenes := make([]Scene, len(starts))
	for i, start := range starts {
		end := len(features)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		scenes[i] = sceneOf(features[start:end])
	}
	if most <= 0 || len(scenes) <= most {
		return scenes
	}
	slices.SortStableFunc(scenes, func(a, b Scene) int { return int(b.length()/time.Millisecond - a.length()/time.Millisecond) })
	scenes = scenes[:most]
	slices.SortFunc(scenes, func(a, b Scene) int { return a.FirstFrame - b.FirstFrame })
	return scenes
}

func (s Scene) length() time.Duration { return s.To - s.From }

// sceneOf is the scene of these frames, of which there is one at least.
func sceneOf(frames []Feature) Scene {
	first, last := frames[0], frames[len(frames)-1]
	scene := Scene{Span: Span{FirstFrame: first.Frame, LastFrame: last.Frame, From: first.Time, To: last.Time}}
	middle := len(frames) / 2
	scene.Shown = frames[middle]
	for _, i := range outward(middle, len(frames)) {
		if frames[i].Quality >= pdq.MinimumQuality {
			scene.Shown = frames[i]
			break
		}
	}
	return scene
}

// outward are the numbers below n, by their distance from the middle.
func outward(middle, n int) []int {
	all := make([]int, 0, n)
	for step := 0; len(all) < n; step++ {
		if middle+step < n {
			all = append(all, middle+step)
		}
		if step > 0 && middle-step >= 0 {
			all = append(all, middle-step)
		}
	}
	return all
}
