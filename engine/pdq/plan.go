package pdq

import (
	"image"
	"sync"

	"github.com/brdoproject/brdo/engine/luma"
)

// plan is how JPEG files of one size are read: the grids of both forms, or of the one that is both, and their operators.
type plan struct {
	grids     []*grid
	operators []*luma.Operator
}

// newPlan is that of a part of pictures.
func newPlan(part image.Rectangle) *plan {
	p := &plan{grids: gridsOf(part.Dx(), part.Dy())}
	for _, g := range p.grids {
		p.operators = append(p.operators, g.operator(part.Min))
	}
	return p
}

// plans are the latest ones: a service's pictures, and a camera's, are of few sizes, and of small pictures the tables cost a
// sixth of what reading them does. One for 12 megapixels takes half a mebibyte.
var plans struct {
	sync.Mutex
	kept [8]struct {
		size image.Point
		*plan
	}
	next int
}

// planOf is the plan of whole pictures of a size.
func planOf(size image.Point) *plan {
	if known := keptPlan(size); known != nil {
		return known
	}
	made := newPlan(image.Rectangle{Max: size}) // others need not wait for it
	plans.Lock()
	defer plans.Unlock()
	into := &plans.kept[plans.next]
	plans.next = (plans.next + 1) % len(plans.kept)
	into.size, into.plan = size, made
	return made
}

func keptPlan(size image.Point) *plan {
	plans.Lock()
	defer plans.Unlock()
	for _, known := range plans.kept {
		if known.size == size {
			return known.plan
		}
	}
	return nil
}

// operator is the reduction that gives the cells of all views, of a picture whose corner lies there in a larger one.
func (g *grid) operator(corner image.Point) *luma.Operator {
	return &luma.Operator{Rows: g.rows.interleaved(corner.Y), Columns: g.columns.interleaved(corner.X)}
}

// interleaved are the taps of both ways, those of one place beside each other; or once where they are the same. The
// axis begins at a pixel of a longer one.
func (b *bothWays) interleaved(from int) (all []luma.Taps) {
	for i := range side {
		if !b.same() { // the mirror image's lie before the picture's own
			all = append(all, luma.Taps{Start: from + b[1][i].start, Weights: b[1][i].weights})
		}
		all = append(all, luma.Taps{Start: from + b[0][i].start, Weights: b[0][i].weights})
	}
	return all
}
