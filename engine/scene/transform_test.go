package scene

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// What a transform is composed of is what it says of itself.
func TestTransformsSayWhatTheyAreMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scale := rapid.Float64Range(0.05, 20).Draw(t, "scale")
		degrees := rapid.Float64Range(-179, 179).Draw(t, "degrees")
		stretch := rapid.Float64Range(1, 2).Draw(t, "stretch")
		mirrored := rapid.Bool().Draw(t, "mirrored")
		sin, cos := math.Sincos(degrees * math.Pi / 180)
		across := math.Sqrt(stretch)
		made := Transform{XX: across, YY: 1 / across}
		if mirrored {
			made = made.then(Transform{XX: -1, X: 100, YY: 1})
		}
		made = made.then(Transform{XX: scale * cos, XY: -scale * sin, X: 7, YX: scale * sin, YY: scale * cos, Y: -9})
		if math.Abs(made.Scale()/scale-1) > 1e-6 || math.Abs(made.Stretch()/stretch-1) > 1e-4 || made.Mirrored() != mirrored {
			t.Fatalf("scale %v, stretch %v, mirrored %v", made.Scale(), made.Stretch(), made.Mirrored())
		}
		if math.Abs(math.Remainder(made.Rotation()-degrees, 360)) > 1e-6 {
			t.Fatalf("rotation %v", made.Rotation())
		}
		back, ok := made.inverse()
		x, y := made.then(back).Apply(12, 34)
		if !ok || math.Abs(x-12) > 1e-6 || math.Abs(y-34) > 1e-6 {
			t.Fatalf("there and back: %v, %v", x, y)
		}
	})
}

func TestVisible(t *testing.T) {
	for _, c := range []struct {
		t    Transform
		want float64
	}{
		{Transform{XX: 1, YY: 1}, 1},
		{Transform{XX: 1, YY: 1, X: 50}, 0.5},
		{Transform{XX: 1, YY: 1, X: -75, Y: 50}, 0.125},
		{Transform{XX: 1, YY: 1, X: 100}, 0},
		{Transform{XX: 2, YY: 2}, 0.25},
		{Transform{XX: -1, YY: 1, X: 100}, 1},
		{Transform{XX: 0, XY: -1, X: 100, YX: 1, YY: 0}, 1},
		{Transform{}, 0},
	} {
		if got := visible(c.t, 100, 100, 100, 100); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v: %v, want %v", c.t, got, c.want)
		}
	}
}
