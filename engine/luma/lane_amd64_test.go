//go:build !purego

package luma

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// drawLane draws a lane with the steps of up to so large quanta.
func drawLane(t *rapid.T, most uint16) (steps [64]step, l lane) {
	for place := range steps {
		steps[place] = newStep(place, rapid.Uint16Max(most).Draw(t, "quantum"))
	}
	l = lane{at: [2]uint8(rapid.SliceOfN(rapid.Uint8Max(MaxCells+lanes+MaxCells), 2, 2).Draw(t, "cells"))}
	if apart := int(l.at[0]) - int(l.at[1]); apart > -2 && apart < 2 {
		l.at = [2]uint8{3, 70} // pairs have no cell in common
	}
	for f := range l.weights {
		l.weights[f] = [lanes]float32(rapid.SliceOfN(rapid.Float32Range(-2, 2), lanes, lanes).Draw(t, "weights"))
	}
	return steps, l
}

// same fails where a bit of two strips differs.
func same(t *rapid.T, quick, plain *strip) {
	for y := range plain {
		for x, want := range plain[y] {
			if math.Float32bits(quick[y][x]) != math.Float32bits(want) {
				t.Fatalf("row %d, cell %d: %v, want %v", y, x, quick[y][x], want)
			}
		}
	}
}

// twins adds a block with the processor's instructions and with Go alone: every bit of the strip and of the energy is the same.
func twins(t *rapid.T) {
	steps, l := drawLane(t, math.MaxUint16)
	var quick, plain strip
	for range 3 {
		var c coefficients
		for range rapid.IntRange(0, 64).Draw(t, "count") {
			c.add(rapid.UintMax(63).Draw(t, "place"), int32(rapid.Int16().Draw(t, "value")))
		}
		got, want := l.add(c.all(), &steps, &quick), l.addPlainly(c.all(), &steps, &plain)
		if math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("an energy of %v, want %v", got, want)
		}
	}
	same(t, &quick, &plain)
}

// drawCode draws a code of AC, with long codes and short ones, and with bits that are none.
func drawCode(t *rapid.T) *huffman {
	var counts [16]uint8
	var symbols []uint8
	for length, free := 0, 2; length < 16 && len(symbols) < 120; length, free = length+1, 2*free {
		counts[length] = uint8(rapid.IntRange(0, min(free, 1+length)).Draw(t, "codes"))
		free -= int(counts[length])
		for range counts[length] {
			symbols = append(symbols, rapid.OneOf(rapid.Uint8(), rapid.SampledFrom([]uint8{0x00, 0x01, 0x02, 0x11, 0x12, 0x21, 0xf0})).Draw(t, "symbol"))
		}
	}
	h, ok := newHuffman(ofAC, &counts, symbols)
	if !ok {
		t.Fatal("not a code")
	}
	return h.withPairs()
}

// readingTwins reads blocks of any data, one after the other, in both ways: they end at the same bit and have the same
// fate, strip and energy.
func readingTwins(t *rapid.T) {
	steps, l := drawLane(t, math.MaxUint8) // with larger ones the order of a sum matters for its last bit
	h := drawCode(t)
	data := append(rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "data"), zeros[:]...)
	var quick, plain strip
	b := at(0)
	for range 8 {
		b = b.refill(data)
		got, want := walk{bits: b}, walk{bits: b}
		ok, right := l.read(&got, data, h, &steps, &quick), l.readPlainly(&want, data, h, &steps, &plain)
		if ok != right || got.used() != want.used() || math.Float64bits(got.energy) != math.Float64bits(want.energy) {
			t.Fatalf("%v at bit %d with %v, want %v at %d with %v", ok, got.used(), got.energy, right, want.used(), want.energy)
		}
		same(t, &quick, &plain)
		if b = got.bits; !ok || b.used() > 8*(len(data)-len(zeros)) {
			break
		}
	}
}

func TestTwins(t *testing.T) { rapid.Check(t, twins) }

func TestReadingTwins(t *testing.T) { rapid.Check(t, readingTwins) }

func FuzzTwins(f *testing.F) { f.Fuzz(rapid.MakeFuzz(twins)) }

func FuzzReadingTwins(f *testing.F) { f.Fuzz(rapid.MakeFuzz(readingTwins)) }
