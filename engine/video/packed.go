package video

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/brdoproject/brdo/engine/pdq"
)

// PackedFrame is the length of a frame in the form of [Pack]: its number and its time in milliseconds, 4 bytes each,
// little-endian, its quality, and its hash.
const PackedFrame = 4 + 4 + 1 + 32

// Pack writes frames in the form in which they are stored, 41 bytes each. Times are rounded to milliseconds, as [Write] does.
func Pack(features []Feature) []byte {
	packed := make([]byte, 0, len(features)*PackedFrame)
	for _, f := range features {
		packed = binary.LittleEndian.AppendUint32(packed, uint32(f.Frame))
		packed = binary.LittleEndian.AppendUint32(packed, uint32(min(int64(f.Time.Round(time.Millisecond)/time.Millisecond), math.MaxUint32)))
		packed = append(packed, byte(f.Quality))
		packed = append(packed, f.Hash[:]...)
	}
	return packed
}

// Unpack reads what [Pack] wrote. Frames are in their order, as [Read] wants them; anything else is an
// error. Nothing is no frame.
func Unpack(packed []byte) ([]Feature, error) {
	if len(packed) == 0 {
		return nil, nil
	}
	if len(packed)%PackedFrame != 0 {
		return nil, errors.New("unpacking frame hashes: the last one is cut off")
	}
	features := make([]Feature, 0, len(packed)/PackedFrame)
	for ; len(packed) > 0; packed = packed[PackedFrame:] {
		f := Feature{
			Frame: int(binary.LittleEndian.Uint32(packed)), Time: time.Duration(binary.LittleEndian.Uint32(packed[4:])) * time.Millisecond,
			Quality: int(packed[8]), Hash: pdq.Hash(packed[9:PackedFrame]),
		}
		if f.Quality > 100 {
			return nil, fmt.Errorf("unpacking frame hashes: frame %d has quality %d", f.Frame, f.Quality)
		}
		if err := InOrder(features, f); err != nil {
			return nil, fmt.Errorf("unpacking frame hashes: %w", err)
		}
		features = append(features, f)
	}
	return features, nil
}

// PackTurned writes the hashes of frames in the orientations that are not that of [Pack], in the form in which they are
// stored: 224 bytes a frame.
func PackTurned(turned []pdq.Variants) []byte {
	packed := make([]byte, 0, len(turned)*packedTurned)
	for _, variants := range turned {
		for _, hash := range variants[pdq.Original+1:] {
			packed = append(packed, hash[:]...)
		}
	}
	return packed
}

// packedTurned is the length of a frame in the form of [PackTurned].
const packedTurned = (len(pdq.Variants{}) - 1) * len(pdq.Hash{})

// UnpackTurned reads what [PackTurned] wrote of some frames. It is an error when it is not that of as many.
func UnpackTurned(packed []byte, features []Feature) ([]pdq.Variants, error) {
	if len(packed) != len(features)*packedTurned {
		return nil, fmt.Errorf("unpacking turned frame hashes: %d bytes of %d frames", len(packed), len(features))
	}
	turned := make([]pdq.Variants, len(features))
	for i, f := range features {
		turned[i][pdq.Original] = f.Hash
		for v := pdq.Original + 1; int(v) < len(turned[i]); v++ {
			packed = packed[copy(turned[i][v][:], packed):]
		}
	}
	return turned, nil
}

// InOrder refuses a frame that does not come after those before it, as those of a video do.
func InOrder(before []Feature, f Feature) error {
	if len(before) == 0 {
		return nil
	}
	if last := before[len(before)-1]; f.Frame <= last.Frame || f.Time < last.Time {
		return fmt.Errorf("frame %d at %s comes after frame %d at %s", f.Frame, f.Time, last.Frame, last.Time)
	}
	return nil
}

// Inline writes frames as one line: those of [Write], with semicolons between.
func Inline(features []Feature) string {
	var text strings.Builder
	_ = Write(&text, features) // a builder takes everything
	return strings.ReplaceAll(strings.TrimSuffix(text.String(), "\n"), "\n", ";")
}

// ParseInline reads what [Inline] wrote, of at most limit frames; errors are those of [Read], which counts lines where
// frames are meant.
func ParseInline(text string, limit int) ([]Feature, error) {
	return Read(strings.NewReader(strings.ReplaceAll(text, ";", "\n")), limit)
}

// Detailed reports whether a frame is of the quality that is compared, for one of some frames at least.
func Detailed(features []Feature) bool {
	for _, f := range features {
		if f.Quality >= pdq.MinimumQuality {
			return true
		}
	}
	return false
}
