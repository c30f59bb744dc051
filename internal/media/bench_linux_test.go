package media

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkVideo decodes ten seconds in the enclosed child and hashes each frame beside it: frames a second as the clock has
// it, and frames in a second of one processor, of both processes, which does not depend on what else runs.
func BenchmarkVideo(b *testing.B) {
	service := startPlaying(b, Options{Children: 1})
	for _, size := range []string{"480x720", "1280x720"} {
		path := film(b, size+".mp4", "-c:v", "libx264", "-vf", "loop=9:25,scale="+size, "-t", "10", "-an")
		b.Run(size, func(b *testing.B) {
			frames, begun := 0, processor(b)
			for b.Loop() {
				frames += service.videoFile(b, path, VideoRequest{}).Frames
			}
			b.ReportMetric(float64(frames)/b.Elapsed().Seconds(), "frames/s")
			b.ReportMetric(float64(frames)/(processor(b)-begun).Seconds(), "frames/core-s")
		})
	}
}

// processor is the time that this process and its children that ended have used.
func processor(t testing.TB) (used time.Duration) {
	t.Helper()
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var about unix.Rusage
		if err := unix.Getrusage(who, &about); err != nil {
			t.Fatal(err)
		}
		used += time.Duration(about.Utime.Nano() + about.Stime.Nano())
	}
	return used
}
