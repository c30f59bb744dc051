package video

import (
	"encoding/binary"
	"math/bits"
	"time"

	"github.com/brdoproject/brdo/engine/pdq"
)

// Feature is one hashed frame of a video.
type Feature struct {
	// Frame is the number of the frame in the video, from 0.
	Frame int
	// Quality is that of PDQ, 0 to 100.
	Quality int
	Hash    pdq.Hash
	// Time is where the frame is shown. vPDQ takes the number of the frame by the average frame rate for it.
	Time time.Duration
}

// MaximumDistance is the largest distance that two hashes of 256 bits can have.
const MaximumDistance = 256

// words is a hash for fast comparison.
type words [4]uint64

func wordsOf(h pdq.Hash) (w words) {
	for i := range w {
		w[i] = binary.BigEndian.Uint64(h[8*i:])
	}
	return w
}

func (w *words) distance(other *words) int {
	return bits.OnesCount64(w[0]^other[0]) + bits.OnesCount64(w[1]^other[1]) + bits.OnesCount64(w[2]^other[2]) + bits.OnesCount64(w[3]^other[3])
}
