//go:build !purego

package hamming

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// naively is what reading runs must find.
func naively(following []byte, size int, wanted uint32, runs []run) (all []candidate) {
	for _, r := range runs {
		for posting := r.from; posting < r.to; posting++ {
			var errors int
			if size == 2 {
				errors = bits.OnesCount16(binary.LittleEndian.Uint16(following[2*posting:]) ^ uint16(wanted))
			} else {
				errors = bits.OnesCount32(binary.LittleEndian.Uint32(following[4*posting:]) ^ wanted)
			}
			if errors <= int(r.allowed) {
				all = append(all, candidate{posting, uint32(r.probe)})
			}
		}
	}
	return all
}

// twins reads random runs of random postings with the processor's instructions and
// with Go alone, with little and with much room for what is found.
func twins(t *testing.T, seed uint64, postings, count int) {
	r := rand.New(rand.NewPCG(seed, 31))
	for _, size := range []int{2, 4} {
		following := make([]byte, size*postings+slack)
		wanted := r.Uint32()
		for i := range following {
			// Near what is wanted, so that many pass; what lies behind the last one is exactly that.
			following[i] = byte(wanted >> (8 * (i % size)))
			if i < size*postings {
				following[i] ^= byte(r.Uint32() & r.Uint32() & r.Uint32())
			}
		}
		var runs []run
		for range count {
			from := r.IntN(postings + 1)
			runs = append(runs, run{from: uint32(from), to: uint32(from + r.IntN(min(postings-from, 90)+1)), allowed: uint16(r.IntN(8 * size)), probe: 3})
		}
		want := naively(following, size, wanted, runs)

		d := &design{bands: cuts(repeat(8, 8)...), following: 8 * size}
		s := &segment{design: d, bands: make([]band, len(d.bands))}
		s.bands[3].following = following
		var plain []candidate
		w := &work{probes: make([]probe, 4), views: make([]probeView, 4)}
		w.probes[3].band = 3
		for i := range runs {
			for from := runs[i].from; from < runs[i].to; from += 64 { // no more than wait for their codes
				one := runs[i]
				one.from, one.to = from, min(from+64, one.to)
				if size == 2 {
					s.read16(w, nil, 0, &one, uint16(wanted))
				} else {
					s.read32(w, nil, 0, &one, wanted)
				}
				plain = append(plain, w.candidates[:w.waiting]...)
				w.waiting = 0
			}
		}
		if !slices.Equal(plain, want) {
			t.Fatalf("seed %d, %d bytes: Go finds %d candidates, want %d", seed, size, len(plain), len(want))
		}
		if !accelerated {
			continue
		}
		w.views[3] = probeView{following: uintptr(unsafe.Pointer(unsafe.SliceData(following))), wanted: uint64(wanted)}
		scan := scanRuns16
		if size == 4 {
			scan = scanRuns32
		}
		var fast []candidate
		for rest := runs; len(rest) > 0; {
			room := 16 + r.IntN(40)
			guard := w.candidates[room]
			done, found := scan(&rest[0], len(rest), &w.views[0], &w.candidates[0], room)
			if found > room || w.candidates[room] != guard {
				t.Fatalf("seed %d: %d candidates in the room of %d", seed, found, room)
			}
			fast = append(fast, w.candidates[:found]...)
			rest = rest[done:]
		}
		if !slices.Equal(fast, want) {
			t.Fatalf("seed %d, %d bytes: the processor finds %d candidates, want %d", seed, size, len(fast), len(want))
		}
	}
}

// codeTwins looks at random codes with the processor's instructions, with little and with
// much room for what is found, and with Go alone.
func codeTwins(t *testing.T, seed uint64, count, radius int) {
	r := rand.New(rand.NewPCG(seed, 37))
	query := randomCode(r)
	all := make(codes, count)
	var want []place
	for i := range all {
		all[i] = flipped(r, query, min(Bits, max(0, radius-8+r.IntN(24))))
		if d := all[i].Distance(query); d <= radius {
			want = append(want, place{uint32(i), uint32(d)})
		}
	}
	for _, room := range []int{0, r.IntN(2*count + 1)} {
		sentinel := place{1, 2}
		found := append(make([]place, 0, 1+room), sentinel)
		if got := all.scanNear(&query, radius, found); got[0] != sentinel || !slices.Equal(got[1:], want) {
			t.Fatalf("seed %d, %d codes, radius %d: %d are near, want %d", seed, count, radius, len(got)-1, len(want))
		}
	}
	if got := all.scan(&query, radius, nil); !slices.Equal(got, want) {
		t.Fatalf("seed %d, %d codes, radius %d: a scan finds %d, want %d", seed, count, radius, len(got), len(want))
	}
	if !accelerated || count == 0 {
		return
	}
	room := 4 + r.IntN(9)
	out := make([]place, room+1)
	guard := place{7, 7}
	out[room] = guard
	var fast []place
	for from := 0; from+4 <= count; {
		done, found := scanCodes(&all[from], count-from, &query, radius, &out[0], room)
		if found > room || out[room] != guard || done < 4 || done%4 != 0 || from+done > count {
			t.Fatalf("seed %d: %d places in the room of %d, %d of %d codes looked at", seed, found, room, done, count-from)
		}
		for _, p := range out[:found] {
			fast = append(fast, place{p.position + uint32(from), p.distance})
		}
		from += done
	}
	whole := slices.IndexFunc(want, func(p place) bool { return int(p.position) >= count&^3 })
	if whole < 0 {
		whole = len(want)
	}
	if !slices.Equal(fast, want[:whole]) {
		t.Fatalf("seed %d, %d codes, radius %d: the processor finds %d, want %d", seed, count, radius, len(fast), whole)
	}
}

func TestTwins(t *testing.T) {
	if !accelerated {
		t.Log("this processor has no AVX2: Go alone is tested")
	}
	for seed := range uint64(100) {
		twins(t, seed, 1+int(seed*7%400), 1+int(seed%20))
		codeTwins(t, seed, int(seed*7%90), int(seed*13%260))
	}
}

func FuzzTwins(f *testing.F) {
	f.Add(uint64(1), uint16(100), uint8(3))
	f.Fuzz(func(t *testing.T, seed uint64, postings uint16, count uint8) {
		twins(t, seed, 1+int(postings%2000), 1+int(count))
		codeTwins(t, seed, int(count), int(postings%300))
	})
}
