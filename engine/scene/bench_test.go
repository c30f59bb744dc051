package scene_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/brdoproject/brdo/engine/scene"
)

// repeat also reports the least time of one run: on a machine that does other work too, that is what it costs.
func repeat(b *testing.B, run func()) {
	least := time.Duration(math.MaxInt64)
	for b.Loop() {
		begun := time.Now()
		run()
		least = min(least, time.Since(begun))
	}
	b.ReportMetric(float64(least.Nanoseconds())/1000, "least-µs")
}

// BenchmarkDescribe is the cost of the features of one decoded picture.
func BenchmarkDescribe(b *testing.B) {
	for _, size := range [][2]int{{640, 480}, {1280, 960}, {4000, 3000}} {
		picture := generated(1, size[0], size[1])
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			repeat(b, func() { scene.Describe(picture) })
		})
	}
}

// BenchmarkCompare is the cost of a pair, in all its orientations: of unlike pictures, which most are, and of a copy.
func BenchmarkCompare(b *testing.B) {
	one, other := scene.Describe(generated(1, 1280, 960)), scene.Describe(generated(2, 1280, 960))
	turned := scene.Describe(turned(5)(b, generated(1, 1280, 960)))
	for name, with := range map[string]scene.Features{"unlike": other, "copy": turned} {
		b.Run(name, func(b *testing.B) {
			repeat(b, func() { scene.Compare(with, one) })
		})
	}
}
