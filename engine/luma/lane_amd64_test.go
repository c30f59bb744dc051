//go:build !purego

package luma

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// twins adds a block with the processor's instructions and with Go alone: every bit of the strip and of the energy is the same.
func twins(t *rapid.T) {
	var steps [64]step
	for place := range steps {
		steps[place] = step{float32(rapid.Uint16().Draw(t, "quantum")), zigzag[place] >> 3, zigzag[place] & 7}
	}
	weight := rapid.Float32Range(-2, 2)
	l := lane{at: [2]uint8(rapid.SliceOfN(rapid.Uint8Max(MaxCells+lanes+MaxCells), 2, 2).Draw(t, "cells"))}
	if apart := int(l.at[0]) - int(l.at[1]); apart > -2 && apart < 2 {
		l.at = [2]uint8{3, 70} // pairs have no cell in common
	}
	for f := range l.weights {
		l.weights[f] = [lanes]float32(rapid.SliceOfN(weight, lanes, lanes).Draw(t, "weights"))
	}
	var quick, plain strip
	for range 3 {
		var c coefficients
		for range rapid.IntRange(0, 64).Draw(t, "count") {
			c.add(rapid.UintMax(63).Draw(t, "place"), int32(rapid.Int16().Draw(t, "value")))
		}
		got, want := l.add(c.all(), &steps, &quick), l.addPlainly(c.all(), &steps, &plain)
		if math.Float32bits(got) != math.Float32bits(want) {
			t.Fatalf("an energy of %v, want %v", got, want)
		}
	}
	for y := range plain {
		for x, want := range plain[y] {
			if math.Float32bits(quick[y][x]) != math.Float32bits(want) {
				t.Fatalf("row %d, cell %d: %v, want %v", y, x, quick[y][x], want)
			}
		}
	}
}

func TestTwins(t *testing.T) { rapid.Check(t, twins) }

func FuzzTwins(f *testing.F) { f.Fuzz(rapid.MakeFuzz(twins)) }
