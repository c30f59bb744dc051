package video

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/brdoproject/brdo/engine/pdq"
)

// longestLine is far above what a line of four fields needs, in bytes.
const longestLine = 256

// MaximumFrames is the most frames that one text may hold: two days at 60 frames a second.
const MaximumFrames = 10_368_000

// Read reads the frames of one video from vPDQ's text: on each line the number of the frame, its quality, its hash as 64
// hexadecimal digits and its time in seconds, with commas between. Frames are in their order, each number once, and their times too; lines may end
// with CR LF, and fields after the fourth are passed over, as the reference does.
//
// A text that breaks this, and one without a frame, is an error that names the line. At most limit frames are read, and at most
// [MaximumFrames] where it is 0: a further one is an error.
func Read(from io.Reader, limit int) ([]Feature, error) {
	if limit <= 0 || limit > MaximumFrames {
		limit = MaximumFrames
	}
	var all []Feature
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, 0, longestLine), longestLine)
	line := 0
	for lines.Scan() {
		line++
		feature, err := Parse(lines.Text())
		if err == nil {
			err = InOrder(all, feature)
		}
		if err == nil && len(all) == limit {
			err = fmt.Errorf("more than %d frames", limit)
		}
		if err != nil {
			return nil, fmt.Errorf("reading frame hashes: line %d: %w", line, err)
		}
		all = append(all, feature)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading frame hashes: after line %d: %w", line, err)
	}
	if len(all) == 0 {
		return nil, errors.New("reading frame hashes: there is no frame")
	}
	return all, nil
}

// Parse reads one line of vPDQ's text, without the order that [Read] asks for.
func Parse(line string) (Feature, error) {
	fields := strings.SplitN(strings.TrimSuffix(line, "\r"), ",", 5)
	if len(fields) < 4 {
		return Feature{}, fmt.Errorf("%d fields, want frame, quality, hash and time", len(fields))
	}
	frame, err := strconv.ParseUint(fields[0], 10, 31)
	if err != nil {
		return Feature{}, fmt.Errorf("frame number: %w", err)
	}
	quality, err := strconv.ParseUint(fields[1], 10, 8)
	if err != nil || quality > 100 {
		return Feature{}, fmt.Errorf("quality %.20q is not 0 to 100", fields[1])
	}
	hash, err := pdq.Parse(fields[2])
	if err != nil {
		return Feature{}, err
	}
	at, err := seconds(fields[3])
	if err != nil {
		return Feature{}, err
	}
	return Feature{Frame: int(frame), Quality: int(quality), Hash: hash, Time: at}, nil
}

// seconds reads a decimal number of seconds, without a sign or an exponent.
func seconds(text string) (time.Duration, error) {
	whole, part, _ := strings.Cut(text, ".")
	count, err := strconv.ParseUint(whole, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("time: %w", err)
	}
	at := time.Duration(count) * time.Second
	unit := time.Second
	for _, digit := range []byte(part) {
		if digit < '0' || digit > '9' {
			return 0, fmt.Errorf("time %.20q is not a number of seconds", text)
		}
		unit /= 10
		at += time.Duration(digit-'0') * unit
	}
	return at, nil
}

// Write writes frames as vPDQ does, with the time in seconds to three places.
func Write(to io.Writer, features []Feature) error {
	out := bufio.NewWriter(to)
	for _, f := range features {
		at := f.Time.Round(time.Millisecond)
		if _, err := fmt.Fprintf(out, "%d,%d,%s,%d.%03d\n", f.Frame, f.Quality, f.Hash, at/time.Second, at%time.Second/time.Millisecond); err != nil {
			return fmt.Errorf("writing frame hashes: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing frame hashes: %w", err)
	}
	return nil
}
