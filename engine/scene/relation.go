package scene

import (
	"fmt"
	"math"
	"strings"
)

// Relation is what two pictures have in common.
type Relation struct {
	// Found is true when the first picture shows (part of) what the second does, by the thresholds of this package.
	Found bool
	// Inliers is the number of places of the picture that one transform carries to places that look alike.
	Inliers int
	// Support is the share of features that have a partner, of those that should have one: in the part that both show, and of the picture
	// that has fewer there, 0 to 1.
	Support float64
	// Spread is the share of the common part, 0 to 1, over which the places lie: a logo alone has little.
	Spread float64
	// Transform brings places of the first picture to the second.
	Transform Transform
	// Of is the share of the first picture that lies within the second, and Covers the share of the second that the first
	// shows, 0 to 1.
	Of, Covers float64
}

// Likeness is a relation in figures, for whoever writes it down: what was done to the second picture to make the first.
type Likeness struct {
	// Places of the one look like places of the other; Support is their share, 0 to 1.
	Places  int     `json:"places"`
	Support float64 `json:"support"`
	// Of is the share of the first that lies within the second, Covers the share of the
	// second that the first shows, 0 to 1.
	Of     float64 `json:"of"`
	Covers float64 `json:"covers"`
	// Mirrored left to right, then turned clockwise in degrees, then scaled along a side.
	Mirrored bool    `json:"mirrored"`
	Rotation float64 `json:"rotation"`
	Scale    float64 `json:"scale"`
	Stretch  float64 `json:"stretch"`
}

// Likeness gives the figures of a relation that was found.
func (r Relation) Likeness() Likeness {
	done := r.Done()
	return Likeness{
		Places: r.Inliers, Support: r.Support, Of: r.Of, Covers: r.Covers,
		Mirrored: done.Mirrored(), Rotation: done.Rotation(), Scale: done.Scale(), Stretch: done.Stretch(),
	}
}

// Strength is how sure it is that two pictures show the same.
type Strength string

const (
	// Faint: little more places agree than ever did by chance.
	Faint Strength = "faint"
	// Clear: about twice as many as that, and more.
	Clear Strength = "clear"
	// Strong: so many that hardly anything but a copy has them.
	Strong Strength = "strong"
)

const clearInliers, strongInliers = 25, 50

// Strength says in a word how sure it is, by the number of places; empty when nothing was found. Unrelated pictures had at most 13 in common
// (docs/robustness.md).
func (r Relation) Strength() Strength {
	switch {
	case !r.Found:
		return ""
	case r.Inliers >= strongInliers:
		return Strong
	case r.Inliers >= clearInliers:
		return Clear
	}
	return Faint
}

// The thresholds at which pictures are said to show the same.
const (
	minimumInliers = 14
	minimumSupport = 0.1
	minimumSpread  = 0.1
)

// Compare looks for the first picture, or a part of it, in the second, turned, scaled, stretched a little, moved and mirrored.
// Pictures without [Features.Enough] are never found.
func Compare(a, b Features) Relation {
	plain, flipped := partners(a, b)
	t, inliers := largest(plain)
	width, height := fit(a.width, a.height)
	for i := range flipped {
		flipped[i].from.x = float64(width) - flipped[i].from.x
	}
	mirror := false
	if m, more := largest(flipped); len(more) > len(inliers) {
		t, inliers, mirror = m, more, true
	}
	if len(inliers) == 0 {
		return Relation{}
	}
	toWidth, toHeight := fit(b.width, b.height)
	var r Relation
	r.judge(t, inliers, width, height, toWidth, toHeight, a, b, mirror)
	return r
}

func (r *Relation) judge(t Transform, inliers []pair, width, height, toWidth, toHeight int, a, b Features, mirror bool) {
	r.Inliers = distinct(inliers)
	if mirror {
		t = Transform{XX: -1, X: float64(width), YY: 1}.then(t)
	}
	r.Of = visible(t, float64(width), float64(height), float64(toWidth), float64(toHeight))
	back, ok := t.inverse()
	if !ok {
		return
	}
	r.Covers = visible(back, float64(toWidth), float64(toHeight), float64(width), float64(height))
	there := a.within(t, toWidth, toHeight)
	here := b.within(back, width, height)
	r.Support = float64(len(inliers)) / float64(max(1, min(there, here)))
	r.Spread = spread(inliers) / max(1, r.Covers*float64(toWidth)*float64(toHeight))
	down := Transform{XX: float64(width) / float64(a.width), YY: float64(height) / float64(a.height)}
	up := Transform{XX: float64(b.width) / float64(toWidth), YY: float64(b.height) / float64(toHeight)}
	r.Transform = down.then(t).then(up)
	r.Found = a.Enough() && b.Enough() && r.Inliers >= minimumInliers && r.Support >= minimumSupport && r.Spread >= minimumSpread
}

// within counts the features that come to lie within a picture.
func (f Features) within(t Transform, width, height int) int {
	count := 0
	for _, one := range f.all {
		x, y := t.Apply(float64(one.x)/fine, float64(one.y)/fine)
		if x >= 0 && y >= 0 && x < float64(width) && y < float64(height) {
			count++
		}
	}
	return count
}

// distinct counts places, in the picture where they are fewer: a corner that was found at several scales is one.
func distinct(inliers []pair) int {
	const cell = 6
	type place [2]int
	from, to := map[place]bool{}, map[place]bool{}
	for _, p := range inliers {
		from[place{int(p.from.x / cell), int(p.from.y / cell)}] = true
		to[place{int(p.to.x / cell), int(p.to.y / cell)}] = true
	}
	return min(len(from), len(to))
}

// spread is the area of the ellipse that holds the places in the second picture: two standard deviations along each axis.
func spread(inliers []pair) float64 {
	n := float64(len(inliers))
	var mean point
	for _, p := range inliers {
		mean.x, mean.y = mean.x+p.to.x/n, mean.y+p.to.y/n
	}
	var xx, xy, yy float64
	for _, p := range inliers {
		x, y := p.to.x-mean.x, p.to.y-mean.y
		xx, xy, yy = xx+x*x/n, xy+x*y/n, yy+y*y/n
	}
	return 4 * math.Pi * math.Sqrt(max(0, xx*yy-xy*xy))
}

// Done is what was done to the second picture to make the first: the way back of Transform.
func (r Relation) Done() Transform {
	done, _ := r.Transform.inverse()
	return done
}

// String says what was done to the first picture, for people: "mirrored, turned by 5 degrees, 100 % of it is 75 % of the other".
func (r Relation) String() string {
	if !r.Found {
		return "nothing in common was found"
	}
	var said []string
	done := r.Done()
	if done.Mirrored() {
		said = append(said, "mirrored")
	}
	if turn := math.Round(done.Rotation()); turn != 0 {
		said = append(said, fmt.Sprintf("turned by %.0f degrees", turn))
	}
	if scale := done.Scale(); math.Abs(scale-1) >= 0.02 {
		said = append(said, fmt.Sprintf("scaled by %.2f", scale))
	}
	if stretch := done.Stretch(); stretch >= 1.03 {
		said = append(said, fmt.Sprintf("stretched by %.2f", stretch))
	}
	return strings.Join(append(said, fmt.Sprintf("%.0f %% of it is %.0f %% of the other", 100*r.Of, 100*r.Covers)), ", ")
}
