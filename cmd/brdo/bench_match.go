package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hamming"
)

type benchMatchCommand struct {
	N         int  `help:"How many hashes." default:"1000000"`
	Radius    int  `help:"The largest distance that is a match, in bits." default:"31"`
	Clustered bool `help:"Let three twentieths of the hashes be near copies: of one picture, less near of another, of fifty."`
	File      bool `help:"Also write the index to a file and open it again."`
	Quick     bool `help:"A shorter run."`
}

func (benchMatchCommand) Help() string {
	return `Fills an index of near hashes, asks it, and prints one line of JSON. ns_per_query is the least mean of 100 queries, half of them hits,
so that what else the machine does counts as little as it can. Recall is held against comparing with every hash.`
}

// matchLine is the output; docs/cli.md explains its names.
type matchLine struct {
	N         int  `json:"n"`
	Radius    int  `json:"radius"`
	Clustered bool `json:"clustered"`
	// Kind is index or scan, Code simd or scalar.
	Kind string `json:"kind"`
	Code string `json:"code"`

	PerQuery float64 `json:"ns_per_query"`
	PerHit   float64 `json:"ns_per_hit"`
	PerMiss  float64 `json:"ns_per_miss"`
	// PerNear is a query beside a cluster, of the kind and at the distance where it takes longest.
	PerNear float64 `json:"ns_per_miss_beside_cluster,omitempty"`
	// PerScan is comparing with every hash, in the same run.
	PerScan float64 `json:"ns_per_scan"`
	Faster  float64 `json:"times_faster_than_scan"`

	P99        float64 `json:"p99_ns"`
	P99Changes float64 `json:"p99_ns_while_changing"`
	P99Ratio   float64 `json:"p99_ratio"`

	Bytes         int     `json:"bytes"`
	BytesPerEntry float64 `json:"bytes_per_entry"`
	Recall        float64 `json:"recall"`
	BuildSeconds  float64 `json:"build_seconds"`
	SaveSeconds   float64 `json:"save_seconds,omitempty"`
	OpenSeconds   float64 `json:"open_seconds,omitempty"`
}

// hashes are as many as are asked for, each made from its number alone, so that they
// need not be kept.
type hashes struct {
	clustered bool
	// centres are those of a cluster with up to 11 bits flipped, of one with up to 31, and of fifty small ones.
	centres [2 + 50]hamming.Code
}

// everyNth is one twentieth.
const everyNth = 20

func mixed(state uint64) uint64 { // SplitMix64
	z := state * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (h *hashes) at(number int) (code hamming.Code) {
	for i := range code {
		code[i] = mixed(uint64(4*number + i + 1))
	}
	if kind := number % everyNth; h.clustered && kind < 3 {
		flips, most := code, uint64(11)
		switch kind {
		case 0:
			code = h.centres[0]
		case 1:
			code, most = h.centres[1], 31
		case 2:
			code = h.centres[2+number/everyNth%(len(h.centres)-2)]
		}
		for i := range flips[0] % (most + 1) {
			bit := mixed(flips[1]+i) % hamming.Bits
			code[bit/64] ^= 1 << (bit % 64)
		}
	}
	return code
}

func turnedBy(random *rand.Rand, code hamming.Code, flips int) hamming.Code {
	for _, bit := range random.Perm(hamming.Bits)[:flips] {
		code[bit/64] ^= 1 << (bit % 64)
	}
	return code
}

func (c benchMatchCommand) Run(ctx context.Context, w world) error {
	line, err := c.measure(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(w.out).Encode(line)
}

func (c benchMatchCommand) measure(ctx context.Context) (matchLine, error) {
	line := matchLine{N: c.N, Radius: c.Radius, Clustered: c.Clustered, Kind: "scan", Code: "scalar"}
	if c.N < 1 || c.N > 1<<31 {
		return line, problem.InvalidField("n", "it is not between 1 and 2,147,483,648", "1000000 is usual")
	}
	if c.Radius < 0 || c.Radius > hamming.Bits {
		return line, problem.InvalidField("radius", "it is not between 0 and 256", "31 is usual")
	}
	random := rand.New(rand.NewPCG(uint64(c.N), 3))
	set := &hashes{clustered: c.Clustered}
	for i := range set.centres {
		set.centres[i] = hamming.Code{random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64()}
	}
	took := 2 * time.Second
	if c.Quick {
		took /= 10
	}
	line.PerScan = c.scan(set, took)
	entries := make([]hamming.Entry, c.N)
	for i := range entries {
		entries[i] = hamming.Entry{ID: uint32(i), Code: set.at(i)}
	}
	begun := time.Now()
	index, err := hamming.Build(entries)
	if err != nil {
		return line, err
	}
	line.BuildSeconds = time.Since(begun).Seconds()
	entries = nil
	debug.FreeOSMemory()
	if hamming.Accelerated() {
		line.Code = "simd"
	}
	if index.Indexed(c.Radius) {
		line.Kind = "index"
	}
	line.Bytes = index.Bytes()
	line.BytesPerEntry = float64(line.Bytes) / float64(c.N)
	line.Recall = c.recall(index, set, random)

	var hits, misses []hamming.Code
	for i := range 400 {
		// In a cluster a hit is one beside it: how long many matches take is how many they are.
		hits = append(hits, turnedBy(random, set.at(random.IntN(max(1, c.N/everyNth))*everyNth+min(everyNth-1, c.N-1)), i%(min(c.Radius, 31)+1)))
		misses = append(misses, hamming.Code{random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64()})
	}
	line.PerHit = least(index, c.Radius, hits, 100, took)
	line.PerMiss = least(index, c.Radius, misses, 100, took)
	line.PerQuery = (line.PerHit + line.PerMiss) / 2
	line.Faster = line.PerScan / line.PerQuery
	if c.Clustered {
		line.PerNear = c.beside(index, set, took/4, random)
	}
	mix := slices.Concat(hits, misses)
	line.P99 = p99(index, c.Radius, mix, took)
	if c.File {
		if err := c.file(index, &line); err != nil {
			return line, err
		}
	}
	line.P99Changes = c.p99WhileChanging(ctx, index, mix, took, random)
	line.P99Ratio = line.P99Changes / line.P99
	return line, nil
}

// beside is what a query takes beside a cluster: at the distances from its middle and for
// the kind of cluster for which it takes longest.
func (c benchMatchCommand) beside(index *hamming.Index, set *hashes, took time.Duration, random *rand.Rand) (slowest float64) {
	for _, centres := range [][]hamming.Code{set.centres[:1], set.centres[1:2], set.centres[2:]} {
		for _, farther := range []int{5, 13, 29} {
			var queries []hamming.Code
			for i := range 100 {
				queries = append(queries, turnedBy(random, centres[i%len(centres)], min(c.Radius+farther, hamming.Bits)))
			}
			slowest = max(slowest, least(index, c.Radius, queries, 20, took))
		}
	}
	return slowest
}

// scan is the least time of comparing with every hash, the second half of a hash only
// where the first has not ruled it out; measured on at most 4 million.
func (c benchMatchCommand) scan(set *hashes, took time.Duration) float64 {
	some := make([]hamming.Code, min(c.N, 4_000_000))
	for i := range some {
		some[i] = set.at(i)
	}
	best, count := time.Duration(1<<62), 0
	for begun := time.Now(); time.Since(begun) < took; {
		query, from := set.at(count), time.Now()
		for i := range some {
			code := &some[i]
			d := bits.OnesCount64(code[0]^query[0]) + bits.OnesCount64(code[1]^query[1])
			if d <= c.Radius && d+bits.OnesCount64(code[2]^query[2])+bits.OnesCount64(code[3]^query[3]) <= c.Radius {
				count++
			}
		}
		best = min(best, time.Since(from))
	}
	return float64(best.Nanoseconds()) * float64(c.N) / float64(len(some))
}

// recall is the share of what must be found that is found and nothing else, over
// queries at every distance.
func (c benchMatchCommand) recall(index *hamming.Index, set *hashes, random *rand.Rand) float64 {
	type truth struct {
		query hamming.Code
		want  map[uint32]int
	}
	var all []truth
	for i := range 16 {
		all = append(all, truth{turnedBy(random, set.at(random.IntN(c.N)), (c.Radius*i+14)/15), map[uint32]int{}})
	}
	for number := range c.N {
		code := set.at(number)
		for i := range all {
			if d := code.Distance(all[i].query); d <= c.Radius {
				all[i].want[uint32(number)] = d
			}
		}
	}
	right, wanted := 0, 0
	for _, t := range all {
		wanted += len(t.want)
		for _, hit := range index.Search(t.query, c.Radius, nil) {
			if d, ok := t.want[hit.ID]; ok && d == hit.Distance {
				right++
			} else {
				wanted++
			}
		}
	}
	return float64(right) / float64(max(wanted, 1))
}

// least is the least mean of a number of queries, in nanoseconds a query: so few that they
// are often done before others on the machine have their turn.
func least(index *hamming.Index, radius int, queries []hamming.Code, batch int, took time.Duration) float64 {
	best := time.Duration(1 << 62)
	var hits []hamming.Hit
	for begun := time.Now(); time.Since(begun) < took; {
		for some := range slices.Chunk(queries, batch) {
			from := time.Now()
			for _, query := range some {
				hits = index.Search(query, radius, hits[:0])
			}
			best = min(best, time.Since(from)/time.Duration(len(some)))
		}
	}
	return float64(best.Nanoseconds())
}

// p99 is below what 99 of 100 queries take.
func p99(index *hamming.Index, radius int, queries []hamming.Code, took time.Duration) float64 {
	var all []time.Duration
	var hits []hamming.Hit
	for begun := time.Now(); time.Since(begun) < took; {
		for _, query := range queries {
			from := time.Now()
			hits = index.Search(query, radius, hits[:0])
			all = append(all, time.Since(from))
		}
	}
	slices.Sort(all)
	return float64(all[len(all)*99/100].Nanoseconds())
}

// p99WhileChanging adds and removes entries, and so lets parts be merged.
func (c benchMatchCommand) p99WhileChanging(ctx context.Context, index *hamming.Index, queries []hamming.Code, took time.Duration, random *rand.Rand) float64 {
	ctx, stop := context.WithCancel(ctx)
	var changes sync.WaitGroup
	fresh := rand.New(rand.NewPCG(random.Uint64(), 1))
	changes.Go(func() {
		for id := uint32(1 << 31); ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
			var add []hamming.Entry
			var remove []uint32
			for range 200 {
				add = append(add, hamming.Entry{ID: id, Code: hamming.Code{fresh.Uint64(), fresh.Uint64(), fresh.Uint64(), fresh.Uint64()}})
				remove = append(remove, fresh.Uint32N(uint32(c.N)))
				id++
			}
			index.Apply(add, remove[:50])
		}
	})
	found := p99(index, c.Radius, queries, took)
	stop()
	changes.Wait()
	index.Wait()
	return found
}

// file writes the index and opens it again.
func (c benchMatchCommand) file(index *hamming.Index, line *matchLine) error {
	folder, err := os.MkdirTemp("", "brdo-bench-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "codes")
	begun := time.Now()
	snapshot := index.Snapshot()
	if err := snapshot.WriteFile(path); err != nil {
		return err
	}
	line.SaveSeconds = time.Since(begun).Seconds()
	begun = time.Now()
	opened, err := hamming.Open(path, snapshot.Digest())
	line.OpenSeconds = time.Since(begun).Seconds()
	if err == nil && opened.Len() != index.Len() {
		err = problem.Newf(problem.Internal, "%d entries were written and %d read", index.Len(), opened.Len())
	}
	return err
}
