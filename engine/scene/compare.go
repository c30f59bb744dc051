package scene

import (
	"math"
	"math/bits"
)

// What makes a pair of features: fewer different bits than mostBits, and a second-best of another place that is clearly worse.
const (
	mostBits = 64
	ratio    = 0.88
	// firstBits is the most different bits in the first quarter: a pair with more has more than mostBits nearly always.
	firstBits = 20
)

// pair is a feature of the first picture and its partner in the second.
type pair struct {
	from, to point // in pixels of the reduced pictures
	// levels and turn (256 to a full one) are how much coarser and how turned the partner is.
	levels int
	turn   int8
	bits   int
	// fromSize and toSize are those of a pixel of the levels that the two were found at.
	fromSize, toSize float64
}

// best are the two nearest features so far.
type best struct{ bits, second, index int }

var none = best{comparisons + 1, comparisons, -1}

func (b *best) see(distance, index int, all []feature) {
	if distance < b.bits {
		if b.index >= 0 && apart(&all[b.index], &all[index]) {
			b.second = b.bits
		}
		b.bits, b.index = distance, index
	} else if apart(&all[b.index], &all[index]) {
		b.second = distance
	}
}

// apart tells another place from the same one at another scale.
func apart(a, b *feature) bool {
	dx, dy := int(a.x)-int(b.x), int(a.y)-int(b.y)
	near := int(4 * fine * scales[max(a.level, b.level)])
	return dx*dx+dy*dy > near*near
}

// scales is the size of a pixel of each level in those of the first.
var scales = func() (all [maxLevels]float64) {
	for i := range all {
		all[i] = math.Exp2(float64(i) / stepsPerOctave)
	}
	return all
}()

// partners finds for each feature of a the one of b that it resembles most, if it resembles no other as much; once as it is and once
// mirrored.
func partners(a, b Features) (plain, mirrored []pair) {
	var first [MaxFeatures]uint64
	for _, kind := range [2][2][2]int{{{0, a.dark}, {0, b.dark}}, {{a.dark, len(a.all)}, {b.dark, len(b.all)}}} {
		others := b.all[kind[1][0]:kind[1][1]]
		for k := range others {
			first[k] = others[k].descriptor[0]
		}
		for i := kind[0][0]; i < kind[0][1]; i++ {
			one := a.all[i].descriptor
			turned := one.mirrored()
			same, flipped := none, none
			for k, word := range first[:len(others)] {
				if bits.OnesCount64(one[0]^word) <= firstBits {
					if d := one.distance(&others[k].descriptor); d < same.second {
						same.see(d, k, others)
					}
				}
				if bits.OnesCount64(turned[0]^word) <= firstBits {
					if d := turned.distance(&others[k].descriptor); d < flipped.second {
						flipped.see(d, k, others)
					}
				}
			}
			if p, ok := same.pair(&a.all[i], others, false); ok {
				plain = append(plain, p)
			}
			if p, ok := flipped.pair(&a.all[i], others, true); ok {
				mirrored = append(mirrored, p)
			}
		}
	}
	return plain, mirrored
}

func (b best) pair(from *feature, all []feature, mirror bool) (pair, bool) {
	if b.index < 0 || b.bits > mostBits || float64(b.bits) > ratio*float64(b.second) {
		return pair{}, false
	}
	to := &all[b.index]
	angle := int(from.angle)
	if mirror {
		angle = 128 - angle
	}
	return pair{
		from: point{float64(from.x) / fine, float64(from.y) / fine}, to: point{float64(to.x) / fine, float64(to.y) / fine},
		levels: int(to.level) - int(from.level), turn: int8(int(to.angle) - angle), bits: b.bits,
		fromSize: scales[from.level], toSize: scales[to.level],
	}, true
}
