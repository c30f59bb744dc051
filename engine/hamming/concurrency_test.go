package hamming

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestSearchWhileChanging lets writers change entries while readers search.
// Each entry counts its finished changes: odd before the first and after each
// removal's start, so a reader that sees the same count before and after its
// search knows what the search had to find.
func TestSearchWhileChanging(t *testing.T) {
	before := runtime.NumGoroutine()
	r := rand.New(rand.NewPCG(9, 9))
	const tracked = 64
	base := sample(r, bandsFrom+2000, 0)
	type subject struct {
		id   uint32
		code Code
		// step is 4k: absent; 4k+1: being added; 4k+2: present; 4k+3: being
		// removed.
		step atomic.Uint32
	}
	subjects := make([]*subject, tracked)
	for i := range subjects {
		subjects[i] = &subject{id: uint32(i), code: randomCode(r)}
		delete(base, uint32(i))
	}
	x := mustBuild(t, base)

	var stop atomic.Bool
	var writers, readers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for n := range 12_000 {
				s := subjects[2*r.IntN(tracked/2)+w]
				step := s.step.Add(1)
				if step%4 == 1 {
					x.Add(s.id, s.code)
				} else {
					x.Remove(s.id)
				}
				s.step.Add(1)
				// Other entries come and go so that merges happen.
				x.Add(1000+uint32(n%4000)+uint32(w)*5000, randomCode(r))
			}
		})
	}
	var certain atomic.Int64
	for k := range 3 {
		readers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(k), 2))
			var hits []Hit
			for !stop.Load() {
				s := subjects[r.IntN(tracked)]
				distance := r.IntN(32)
				query := flipped(r, s.code, distance)
				first := s.step.Load()
				hits = x.Search(query, usualRadius, hits[:0])
				if s.step.Load() != first || first%2 == 1 {
					continue
				}
				found := 0
				for _, h := range hits {
					if h.ID == s.id && h.Distance == distance {
						found++
					}
				}
				if present := first%4 == 2; present && found != 1 || !present && found != 0 {
					t.Errorf("entry %d present: %v, but found %d times", s.id, present, found)
					return
				}
				certain.Add(1)
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
	x.Wait()
	if certain.Load() == 0 {
		t.Fatal("no search was certain of its answer")
	}
	if x.current.Load().parts[0].len() == len(base) {
		t.Fatal("no merge happened")
	}
	// A goroutine is counted until it has ended, which is after it said so.
	for i := 0; runtime.NumGoroutine() > before && i < 5000; i++ {
		time.Sleep(time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Fatalf("%d goroutines before, %d after", before, after)
	}
}

// TestReplacementIsOneStep replaces an entry's code to and fro between two
// nearby codes: a search near both finds it exactly once, always.
func TestReplacementIsOneStep(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 10))
	x := mustBuild(t, sample(r, 500, 0))
	a := randomCode(r)
	b := flipped(r, a, 6)
	x.Add(7, a)
	var stop atomic.Bool
	var group sync.WaitGroup
	group.Go(func() {
		for i := range 20_000 {
			if i%2 == 0 {
				x.Add(7, b)
			} else {
				x.Apply([]Entry{{7, a}}, []uint32{7})
			}
		}
		stop.Store(true)
	})
	for range 2 {
		group.Go(func() {
			for !stop.Load() {
				hits := x.Search(a, 10, nil)
				if len(hits) != 1 || hits[0].Distance != 0 && hits[0].Distance != 6 {
					t.Errorf("got %v, want the entry once", hits)
					return
				}
			}
		})
	}
	group.Wait()
	x.Wait()
}
