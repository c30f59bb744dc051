//go:build !purego

package hamming

// accelerated says that this processor has AVX2, and that the system keeps its
// registers.
var accelerated = func() bool {
	highest, _, _, _ := cpuid(0, 0)
	if highest < 7 {
		return false
	}
	const xsave, avx, ymm, avx2 = 1 << 27, 1 << 28, 0b110, 1 << 5
	_, _, c, _ := cpuid(1, 0)
	if c&xsave == 0 || c&avx == 0 || xgetbv()&ymm != ymm {
		return false
	}
	_, b, _, _ := cpuid(7, 0)
	return b&avx2 != 0
}()

func cpuid(leaf, part uint32) (a, b, c, d uint32)

func xgetbv() (low uint32)

// fetchOffsets asks for the memory in which the values of runs are looked up.
//
//go:noescape
func fetchOffsets(runs *run, count int, views *probeView)

// fetchFollowing asks for the first and the last postings of runs, of 1<<shift bytes.
//
//go:noescape
func fetchFollowing(runs *run, count int, views *probeView, shift int)

// scanRuns16 and scanRuns32 do what read16 and read32 do for a number of runs, 16 or 8
// postings at a time. They end early where there may not be room for the candidates of
// as many; done is then the run to go on with, which begins with what was not looked at.
//
//go:noescape
func scanRuns16(runs *run, count int, views *probeView, out *candidate, room int) (done, found int)

//go:noescape
func scanRuns32(runs *run, count int, views *probeView, out *candidate, room int) (done, found int)

// scanCodes finds which of the first codes are within radius of a query, four at a time,
// and ends early where there may not be room for as many; done is how many were looked at,
// a multiple of four.
//
//go:noescape
func scanCodes(codes *Code, count int, query *Code, radius int, out *place, room int) (done, found int)
