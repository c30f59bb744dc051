package hamming

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"
)

// usualRadius is up to which distance two PDQ hashes are called alike.
const usualRadius = 31

var benchmarkSets sync.Map

type benchmarkSet struct {
	index        *Index
	hit, miss    []Code
	bytesPer     float64
	buildSeconds float64
}

// benchmarkIndex makes n random entries and 256 queries with 0 to 31 flips,
// and 256 random ones.
func benchmarkIndex(b *testing.B, n int) *benchmarkSet {
	if set, ok := benchmarkSets.Load(n); ok {
		return set.(*benchmarkSet)
	}
	r := rand.New(rand.NewPCG(uint64(n), 0))
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = Entry{uint32(i), randomCode(r)}
	}
	set := &benchmarkSet{}
	for i := range 256 {
		set.hit = append(set.hit, flipped(r, entries[r.IntN(n)].Code, i%32))
		set.miss = append(set.miss, randomCode(r))
	}
	start := time.Now()
	index, err := Build(entries)
	if err != nil {
		b.Fatal(err)
	}
	set.buildSeconds = time.Since(start).Seconds()
	set.index = index
	set.bytesPer = float64(index.Bytes()) / float64(n)
	benchmarkSets.Store(n, set)
	return set
}

// BenchmarkSearch reports time per query, memory per entry, and how many times
// faster than a scan of the same entries in the same run a query is. 10 million
// entries need about 3 GB: set BRDO_BENCH_10M=1.
func BenchmarkSearch(b *testing.B) {
	sizes := []int{10_000, 1_000_000}
	if os.Getenv("BRDO_BENCH_10M") == "1" {
		sizes = append(sizes, 10_000_000)
	}
	for _, n := range sizes {
		set := benchmarkIndex(b, n)
		scan := measureScan(set)
		for _, kind := range []struct {
			name    string
			queries []Code
		}{{"hit", set.hit}, {"miss", set.miss}} {
			b.Run(fmt.Sprintf("entries=%d/%s", n, kind.name), func(b *testing.B) {
				var hits []Hit
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					hits = set.index.Search(kind.queries[i%len(kind.queries)], usualRadius, hits[:0])
					i++
				}
				perQuery := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
				b.ReportMetric(scan/perQuery, "x-scan")
				b.ReportMetric(set.bytesPer, "B/entry")
				b.ReportMetric(set.buildSeconds, "build-s")
			})
		}
	}
}

// measureScan returns the least nanoseconds that a plain scan took per query.
func measureScan(set *benchmarkSet) float64 {
	main := set.index.current.Load().parts[0]
	best := time.Duration(1 << 62)
	for _, query := range set.hit[:16] {
		permuted := query.permuted()
		start := time.Now()
		main.scan(&permuted, usualRadius, nil)
		best = min(best, time.Since(start))
	}
	return float64(best.Nanoseconds())
}

func BenchmarkScan(b *testing.B) {
	set := benchmarkIndex(b, 1_000_000)
	for _, radius := range []int{32, 64} {
		b.Run(fmt.Sprintf("entries=1000000/radius=%d", radius), func(b *testing.B) {
			var hits []Hit
			i := 0
			for b.Loop() {
				hits = set.index.Search(set.hit[i%len(set.hit)], radius, hits[:0])
				i++
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	set := benchmarkIndex(b, 1_000_000)
	r := rand.New(rand.NewPCG(1, 1))
	id := uint32(1 << 31)
	for b.Loop() {
		set.index.Add(id, randomCode(r))
		id++
	}
	set.index.Wait()
	benchmarkSets.Delete(1_000_000)
}

// BenchmarkCluster puts a twentieth of a million entries into one cluster, tight or
// wide, and asks from outside it, which is the worst case for bands.
func BenchmarkCluster(b *testing.B) {
	for _, wide := range []int{12, 32} {
		r := rand.New(rand.NewPCG(2, 2))
		entries := make([]Entry, 1_000_000)
		centre := randomCode(r)
		for i := range entries {
			entries[i] = Entry{uint32(i), randomCode(r)}
			if i%20 == 0 {
				entries[i].Code = flipped(r, centre, r.IntN(wide))
			}
		}
		index, err := Build(entries)
		if err != nil {
			b.Fatal(err)
		}
		for _, distance := range []int{34, 36, 44, 60} {
			b.Run(fmt.Sprintf("below=%d/distance=%d", wide, distance), func(b *testing.B) {
				query := flipped(r, centre, distance)
				var hits []Hit
				for b.Loop() {
					hits = index.Search(query, usualRadius, hits[:0])
				}
			})
		}
	}
}
