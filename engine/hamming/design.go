package hamming

import (
	"math"
	"math/bits"
	"slices"
)

// MaximumRadius is the largest radius for which bands are tried; above it every
// entry is looked at.
const MaximumRadius = 64

// design is a way to cut the ring of 256 bits into bands. Beside each posting of
// a band lie the bits that follow the band, 16 or 32 of them.
type design struct {
	// number names the design in a file.
	number    uint32
	bands     []cut
	following int
}

// cut is a band: width bits from start on, the last bit of the ring being
// followed by the first.
type cut struct{ start, width int }

// The designs. With 16 following bits an index is smallest. With 32 fewer postings are
// mistaken for matches, which pays where many codes that are in no group are near each other.
// Bands of 18 and 19 bits have a fifth of the postings to pass, but four times as many
// look-ups.
var (
	scanned = &design{number: 0}
	narrow  = &design{number: 1, bands: cuts(repeat(16, 16)...), following: 16}
	paired  = &design{number: 2, bands: cuts(repeat(16, 16)...), following: 32}
	broad   = &design{number: 3, bands: cuts(18, 19, 18, 18, 18, 18, 19, 18, 18, 19, 18, 18, 18, 19), following: 16}
	designs = []*design{scanned, narrow, paired, broad}
)

const (
	// bandsFrom is the number of rows from which bands are built; below it a
	// scan takes about as long as the look-ups, and bands have a fixed cost of
	// 4 MB.
	bandsFrom = 10_000
	broadFrom = 20_000_000
	// crowdedFrom is how many times more often than in random data two codes agree in a
	// band from which on a set counts as crowded.
	crowdedFrom = 8
)

// designFor is the fastest design for a number of rows; crowded are those in no group.
func designFor(count int, crowded bool) *design {
	switch {
	case count < bandsFrom:
		return scanned
	case count >= broadFrom:
		return broad
	case crowded:
		return paired
	}
	return narrow
}

// crowded compares how many pairs of a sample agree in the first band with how many would
// by chance.
func crowded(sample codes) bool {
	pairs := 0.0
	for _, n := range firstBand(sample) {
		pairs += float64(n) * (float64(n) - 1)
	}
	return len(sample) > 1 && pairs > crowdedFrom*max(1, float64(len(sample))*float64(len(sample)-1)/(1<<16))
}

func repeat(width, count int) (all []int) {
	for range count {
		all = append(all, width)
	}
	return all
}

func cuts(widths ...int) (all []cut) {
	start := 0
	for _, width := range widths {
		all = append(all, cut{start, width})
		start += width
	}
	return all
}

// window is the 64 bits of the ring from start on, the first one lowest.
func (c *Code) window(start int) uint64 {
	word, bit := start>>6, start&63
	return c[word&3]>>bit | c[(word+1)&3]<<(64-bit)
}

// plan is how a design answers one radius.
type plan struct {
	// thresholds are the pigeonring's bounds: band b may start a match with
	// fewer than thresholds[b] errors. They sum to radius + 1, so whatever is
	// within radius has a band from which on every stretch of the ring has fewer
	// errors than the thresholds of the bands that it touches: were it otherwise,
	// going round the ring from stretch to stretch would add up to more errors
	// than radius.
	thresholds []int
	// bounds are the sums of the thresholds of a band and of all bands that its
	// following bits touch.
	bounds []int
	// nanoseconds is what a query is expected to take.
	nanoseconds float64
}

// What steps of a search take, in nanoseconds, measured at 1 to 10 million
// entries on a shared machine of two processors. Wrong figures make a search
// slower, never wrong.
const (
	perRun       = 40
	perPosting   = 0.7
	perCandidate = 30
	perRow       = 1.6
	perWideRow   = 3
)

// scanNanoseconds is what a scan is expected to take.
func scanNanoseconds(count, radius int) float64 {
	if radius > widestPrefilter {
		return perWideRow * float64(count)
	}
	return perRow * float64(count)
}

// choose is how many ways there are to have a number of errors among width bits.
func choose(width, errors int) float64 {
	term := 1.0
	for k := range errors {
		term = term * float64(width-k) / float64(k+1)
	}
	return term
}

// plansFor makes the plan of each radius up to [MaximumRadius]. It spreads the
// thresholds so that the look-ups and the postings to pass are fewest: each step
// raises the band that costs least. That is the best choice, as a band's cost grows
// ever faster with its threshold.
func (d *design) plansFor(count int) []plan {
	if len(d.bands) == 0 {
		return nil
	}
	plans := make([]plan, MaximumRadius+1)
	thresholds, next := make([]int, len(d.bands)), make([]float64, len(d.bands))
	cost := func(b int) float64 {
		c := d.bands[b]
		return choose(c.width, thresholds[b]) * (perRun + perPosting*float64(count)/math.Exp2(float64(c.width)))
	}
	for b := range next {
		next[b] = cost(b)
	}
	total := 0.0
	for radius := range plans {
		least := slices.Index(next, slices.Min(next))
		total += next[least]
		thresholds[least]++
		next[least] = cost(least)
		plans[radius] = plan{thresholds: slices.Clone(thresholds), bounds: make([]int, len(d.bands)), nanoseconds: total}
		plans[radius].bound(d, count)
	}
	return plans
}

// bound fills in the bounds that follow from the thresholds, and what looking at
// candidates is expected to take.
func (p *plan) bound(d *design, count int) {
	for b, c := range d.bands {
		p.bounds[b] = p.thresholds[b]
		for covered, next := 0, b; covered < d.following; {
			next = (next + 1) % len(d.bands)
			p.bounds[b] += p.thresholds[next]
			covered += d.bands[next].width
		}
		for errors := range p.thresholds[b] {
			passing := choose(c.width, errors) * float64(count) / math.Exp2(float64(c.width))
			within, term := 0.0, 1.0
			for k := 0; k <= min(p.bounds[b]-1-errors, d.following); k++ {
				within += term
				term = term * float64(d.following-k) / float64(k+1)
			}
			p.nanoseconds += perCandidate * passing * within / math.Exp2(float64(d.following))
		}
	}
}

// starts tells whether a match may start at band b, given the difference of two
// codes: exactly the test that makes a posting of b a candidate.
func (d *design) starts(p *plan, b int, difference *Code) bool {
	c := d.bands[b]
	window := difference.window(c.start)
	errors := bits.OnesCount64(window & (1<<c.width - 1))
	return errors < p.thresholds[b] && errors+bits.OnesCount64(window>>c.width&(1<<d.following-1)) < p.bounds[b]
}

// firstStart returns the first band at which a match may start. A row is a
// candidate once for every such band and counts only at this one, so that it is
// found once without comparing results with each other.
func (d *design) firstStart(p *plan, difference *Code) int {
	for b := range d.bands {
		if d.starts(p, b, difference) {
			return b
		}
	}
	return len(d.bands)
}
