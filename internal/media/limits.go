package media

import (
	"fmt"
	"runtime"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// The defaults of [Options] and the bounds that no option can lift.
const (
	DefaultMaxBytes         = 100 << 20        // bytes of one file
	DefaultMaxPixels        = 64 << 20         // width times height, so 8192 x 8192 still passes
	DefaultMemory           = 1 << 30          // bytes of writable memory of one child
	DefaultDeadline         = 15 * time.Second // for one file
	DefaultRequestsPerChild = 200
	DefaultMaxVideoBytes    = 4 << 30       // bytes of one video
	DefaultMaxFrames        = 2_000_000     // of one video: nine hours at 60 a second
	DefaultVideoDeadline    = 4 * time.Hour // for one video

	// MaxSketchSide and MaxFullSide bound PreviewRequest.MaxSide, in pixels.
	MaxSketchSide = 1024
	MaxFullSide   = 4096
	// MaxTiles bounds the columns, and the rows, of a region grid.
	MaxTiles = 64
	// MaxBlur bounds the radius of a blur, in pixels of the preview.
	MaxBlur = 64

	// A file or a picture beyond these gets the child replaced after it: the
	// runtime keeps the addresses of freed memory mapped, and what the next file
	// may use must not depend on what the last one was.
	heavyBytes  = 8 << 20
	heavyPixels = 8 << 20

	// ceilings that keep every length well inside an int and a frame
	ceilingBytes  = 4 << 30
	ceilingPixels = 1 << 30
)

// Options configures a [Service]. The zero value of each field is its default.
type Options struct {
	// Children is the size of the pool; default GOMAXPROCS.
	Children int
	// RequestsPerChild is after how many files a child is replaced.
	RequestsPerChild int
	// Deadline is how long a child may take over one file, wall clock.
	Deadline time.Duration
	// MaxBytes is the largest file accepted.
	MaxBytes int64
	// MaxPixels is the largest width times height that is decoded.
	MaxPixels int64
	// MaxVideoBytes and MaxFrames bound one video. A video that is not given as a file of its own is held in memory meanwhile.
	MaxVideoBytes, MaxFrames int64
	// VideoDeadline is how long one video may take, in wall clock and of the processor; Deadline is how long it may take
	// from one frame to the next.
	VideoDeadline time.Duration
	// Memory is the most writable memory a child may map, in bytes
	// (RLIMIT_DATA). A progressive JPEG of 64 megapixels without chroma
	// subsampling needs a little over 1 GiB and is then reported too-large.
	Memory int64
	// AllowUnsandboxed lets the service run where the kernel cannot enclose the
	// child (Landlock or seccomp missing, or not Linux). Without it Start
	// fails. With it State says what is missing, for a warning on every page.
	AllowUnsandboxed bool

	// without names layers left out so that a test can try the others alone.
	without layers
}

// layers of the enclosure.
type layers uint8

const (
	layerLandlock layers = 1 << iota
	layerSeccomp
)

func (options Options) complete() (Options, error) {
	if options.Children == 0 {
		options.Children = runtime.GOMAXPROCS(0)
	}
	if options.RequestsPerChild == 0 {
		options.RequestsPerChild = DefaultRequestsPerChild
	}
	if options.Deadline == 0 {
		options.Deadline = DefaultDeadline
	}
	if options.MaxBytes == 0 {
		options.MaxBytes = DefaultMaxBytes
	}
	if options.MaxPixels == 0 {
		options.MaxPixels = DefaultMaxPixels
	}
	if options.MaxVideoBytes == 0 {
		options.MaxVideoBytes = DefaultMaxVideoBytes
	}
	if options.MaxFrames == 0 {
		options.MaxFrames = DefaultMaxFrames
	}
	if options.VideoDeadline == 0 {
		options.VideoDeadline = DefaultVideoDeadline
	}
	if options.Memory == 0 {
		options.Memory = DefaultMemory
	}
	for _, check := range []struct {
		field         string
		value, lo, hi int64
	}{
		{"media.children", int64(options.Children), 1, 1024},
		{"media.requests_per_child", int64(options.RequestsPerChild), 1, 1 << 20},
		{"media.deadline", int64(options.Deadline), int64(time.Millisecond), int64(time.Hour)},
		{"media.max_bytes", options.MaxBytes, 1, ceilingBytes},
		{"media.max_pixels", options.MaxPixels, 1, ceilingPixels},
		{"media.max_video_bytes", options.MaxVideoBytes, 1, 1 << 40},
		{"media.max_frames", options.MaxFrames, 1, 1 << 30},
		{"media.video_deadline", int64(options.VideoDeadline), int64(time.Second), int64(100 * time.Hour)},
		{"media.memory", options.Memory, 128 << 20, 1 << 40},
	} {
		if check.value < check.lo || check.value > check.hi {
			return options, problem.InvalidField(check.field,
				fmt.Sprintf("%d is outside %d to %d", check.value, check.lo, check.hi),
				"leave it out for the default")
		}
	}
	return options, nil
}

// processorSeconds is the processor time a child may use in its whole life
// (RLIMIT_CPU). A child runs Go code on one processor at a time, so it is
// replaced after [Options.replaceAfter] of work and an honest one cannot get
// there; one that computes while it should be idle can, and is killed.
func (options Options) processorSeconds() uint64 {
	return uint64(max(60, 8*options.Deadline/time.Second))
}

func (options Options) replaceAfter() time.Duration {
	return time.Duration(options.processorSeconds()) * time.Second / 2
}
