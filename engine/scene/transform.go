package scene

import "math"

// Transform says how a place of one picture comes to its place in another. Places are in pixels of the pictures as stored, from
// their upper left corner:
//
//	x' = XX*x + XY*y + X
//	y' = YX*x + YY*y + Y
type Transform struct{ XX, XY, X, YX, YY, Y float64 }

// Apply gives the place of a place in the other picture.
func (t Transform) Apply(x, y float64) (float64, float64) {
	return t.XX*x + t.XY*y + t.X, t.YX*x + t.YY*y + t.Y
}

// determinant is the change of area; below zero for mirror images.
func (t Transform) determinant() float64 { return t.XX*t.YY - t.XY*t.YX }

// Scale is how many pixels of the other picture one of the first becomes, along a side.
func (t Transform) Scale() float64 { return math.Sqrt(math.Abs(t.determinant())) }

// Mirrored reports whether one is a mirror image of the other.
func (t Transform) Mirrored() bool { return t.determinant() < 0 }

// Rotation is the turn in degrees, clockwise as seen, above -180 and up to 180. A mirror image is first mirrored left to right.
func (t Transform) Rotation() float64 {
	flip := 1.0
	if t.Mirrored() {
		flip = -1
	}
	return math.Atan2(flip*t.YX-t.XY, flip*t.XX+t.YY) * 180 / math.Pi
}

// Stretch is how much more the picture was scaled along one axis than along the other, at least 1.
func (t Transform) Stretch() float64 {
	// The singular values of a 2 by 2 matrix.
	sum := t.XX*t.XX + t.XY*t.XY + t.YX*t.YX + t.YY*t.YY
	d := t.determinant()
	root := math.Sqrt(max(0, sum*sum-4*d*d))
	return math.Sqrt((sum + root) / max(sum-root, 1e-12))
}

// then gives the transform that applies t first.
func (t Transform) then(o Transform) Transform {
	return Transform{
		o.XX*t.XX + o.XY*t.YX, o.XX*t.XY + o.XY*t.YY, o.XX*t.X + o.XY*t.Y + o.X,
		o.YX*t.XX + o.YY*t.YX, o.YX*t.XY + o.YY*t.YY, o.YX*t.X + o.YY*t.Y + o.Y,
	}
}

// inverse is the way back; ok is false where there is none.
func (t Transform) inverse() (back Transform, ok bool) {
	d := t.determinant()
	if d == 0 || math.IsNaN(d) {
		return Transform{}, false
	}
	back = Transform{XX: t.YY / d, XY: -t.XY / d, YX: -t.YX / d, YY: t.XX / d}
	back.X, back.Y = -back.XX*t.X-back.XY*t.Y, -back.YX*t.X-back.YY*t.Y
	return back, true
}

// point is a place in a picture.
type point struct{ x, y float64 }

// visible is the share of a picture of fromWidth by fromHeight that comes to lie within another of width by height.
func visible(t Transform, fromWidth, fromHeight, width, height float64) float64 {
	back, ok := t.inverse()
	if !ok || fromWidth <= 0 || fromHeight <= 0 {
		return 0
	}
	polygon := []point{{0, 0}, {width, 0}, {width, height}, {0, height}}
	for i, p := range polygon {
		polygon[i].x, polygon[i].y = back.Apply(p.x, p.y)
	}
	for _, edge := range []func(p point) float64{
		func(p point) float64 { return p.x }, func(p point) float64 { return fromWidth - p.x },
		func(p point) float64 { return p.y }, func(p point) float64 { return fromHeight - p.y },
	} {
		polygon = clip(polygon, edge)
	}
	return min(1, area(polygon)/(fromWidth*fromHeight))
}

// clip keeps the side of a convex polygon on which inside is not negative (Sutherland and Hodgman, 1974).
func clip(polygon []point, inside func(point) float64) []point {
	var kept []point
	for i, p := range polygon {
		before := polygon[(i+len(polygon)-1)%len(polygon)]
		a, b := inside(before), inside(p)
		if (a < 0) != (b < 0) {
			share := a / (a - b)
			kept = append(kept, point{before.x + share*(p.x-before.x), before.y + share*(p.y-before.y)})
		}
		if b >= 0 {
			kept = append(kept, p)
		}
	}
	return kept
}

func area(polygon []point) float64 {
	sum := 0.0
	for i, p := range polygon {
		q := polygon[(i+1)%len(polygon)]
		sum += p.x*q.y - q.x*p.y
	}
	return math.Abs(sum) / 2
}
