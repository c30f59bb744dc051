package scene

import (
	"cmp"
	"math"
	"slices"
)

const (
	// mostSeeds is how many pairs vote for a transform each, the most alike ones.
	mostSeeds = 64
	// mostTurn and mostLevels are how far a pair may differ in direction (256 to a full turn) and scale from the transform that it follows.
	mostTurn   = 20
	mostLevels = 2.2
)

// largest finds the transform that carries the most pairs, and these.
func largest(pairs []pair) (Transform, []pair) {
	if len(pairs) < 3 {
		return Transform{}, nil
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(a.bits, b.bits) })
	type vote struct{ seed, count int }
	votes := make([]vote, min(len(pairs), mostSeeds))
	followed := make([]pair, 0, len(pairs))
	for i := range votes {
		followed = follow(pairs[i], pairs, followed[:0])
		votes[i] = vote{i, len(followed)}
	}
	slices.SortStableFunc(votes, func(a, b vote) int { return cmp.Compare(b.count, a.count) })
	var found Transform
	var carried []pair
	const tries = 4
	for _, v := range votes[:min(len(votes), tries)] {
		followed = follow(pairs[v.seed], pairs, followed[:0])
		t, inliers := refine(pairs, followed)
		if len(inliers) > len(carried) {
			found, carried = t, inliers
		}
	}
	return found, carried
}

// follow appends the pairs that go roughly where one pair alone would bring them: the farther away the less sharply.
func follow(seed pair, pairs []pair, into []pair) []pair {
	t := seed.alone()
	for _, p := range pairs {
		if d := p.levels - seed.levels; d < -2 || d > 2 || turned(p.turn, seed.turn) > mostTurn {
			continue
		}
		x, y := t.Apply(p.from.x, p.from.y)
		far := math.Abs(p.to.x-seed.to.x) + math.Abs(p.to.y-seed.to.y)
		if math.Abs(x-p.to.x)+math.Abs(y-p.to.y) <= 6*p.toSize+0.3*far {
			into = append(into, p)
		}
	}
	return into
}

// alone is the transform that one pair speaks for.
func (p pair) alone() Transform {
	sin, cos := math.Sincos(float64(p.turn) * math.Pi / 128)
	scale := math.Exp2(float64(p.levels) / stepsPerOctave)
	// A coarser partner is a larger one: its level has fewer pixels for the same part of the picture.
	t := Transform{XX: scale * cos, XY: -scale * sin, YX: scale * sin, YY: scale * cos}
	x, y := t.Apply(p.from.x, p.from.y)
	t.X, t.Y = p.to.x-x, p.to.y-y
	return t
}

// turned is by how much two directions differ.
func turned(a, b int8) int {
	d := int(a - b)
	return max(d, -d)
}

// refine fits a transform to pairs, takes those of all that follow it, and repeats.
func refine(all, following []pair) (Transform, []pair) {
	var t Transform
	for range 5 {
		fitted, ok := fitted(following)
		if !ok {
			return Transform{}, nil
		}
		t = fitted
		levels := stepsPerOctave * math.Log2(t.Scale())
		turn := int8(int(math.Round(t.Rotation() * 128 / 180)))
		scale := t.Scale()
		var next []pair
		for _, p := range all {
			if math.Abs(float64(p.levels)-levels) > mostLevels || turned(p.turn, turn) > mostTurn {
				continue
			}
			x, y := t.Apply(p.from.x, p.from.y)
			if math.Hypot(x-p.to.x, y-p.to.y) <= 1+2*max(p.toSize, scale*p.fromSize) {
				next = append(next, p)
			}
		}
		if len(next) == len(following) {
			return t, next
		}
		following = next
	}
	return t, following
}

// affineFrom is the number of pairs from which on a picture may be stretched, too.
const affineFrom = 10

// fitted is the transform of least squares: a similarity, or with many pairs an affine map. Not ok are those that no editor makes:
// too much of a change of scale or stretch.
func fitted(pairs []pair) (t Transform, ok bool) {
	if len(pairs) < 3 {
		return Transform{}, false
	}
	var from, to point
	n := float64(len(pairs))
	for _, p := range pairs {
		from.x, from.y, to.x, to.y = from.x+p.from.x/n, from.y+p.from.y/n, to.x+p.to.x/n, to.y+p.to.y/n
	}
	var xx, xy, yy, ax, ay, bx, by float64
	for _, p := range pairs {
		x, y, u, v := p.from.x-from.x, p.from.y-from.y, p.to.x-to.x, p.to.y-to.y
		xx, xy, yy = xx+x*x, xy+x*y, yy+y*y
		ax, ay, bx, by = ax+u*x, ay+u*y, bx+v*x, by+v*y
	}
	if xx+yy < 1 {
		return Transform{}, false
	}
	d := xx*yy - xy*xy
	if len(pairs) >= affineFrom && d > 1e-3*(xx+yy)*(xx+yy) {
		t = Transform{XX: (ax*yy - ay*xy) / d, XY: (ay*xx - ax*xy) / d, YX: (bx*yy - by*xy) / d, YY: (by*xx - bx*xy) / d}
	} else {
		c, s := (ax+by)/(xx+yy), (bx-ay)/(xx+yy)
		t = Transform{XX: c, XY: -s, YX: s, YY: c}
	}
	x, y := t.Apply(from.x, from.y)
	t.X, t.Y = to.x-x, to.y-y
	const mostScale, mostStretch = 10, 2.2
	scale := t.Scale()
	return t, t.determinant() > 0 && scale < mostScale && scale > 1.0/mostScale && t.Stretch() < mostStretch
}
