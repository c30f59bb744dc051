//go:build !amd64 || purego

package hamming

// accelerated is false where there is only Go.
const accelerated = false

func fetchOffsets(*run, int, *probeView)                                  {}
func fetchFollowing(*run, int, *probeView, int)                           {}
func scanRuns16(*run, int, *probeView, *candidate, int) (done, found int) { return 0, 0 }
func scanRuns32(*run, int, *probeView, *candidate, int) (done, found int) { return 0, 0 }
func scanCodes(*Code, int, *Code, int, *place, int) (done, found int)     { return 0, 0 }
