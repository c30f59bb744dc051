package media

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"strconv"
	"strings"

	"github.com/brdoproject/brdo/engine/pdq"
)

// stream reads frames of luminance behind one another, as ffmpeg writes them (YUV4MPEG2 with the colour
// space "mono", doc of mjpegtools, yuv4mpeg(5); its extension XCOLORRANGE is ffmpeg's).
type stream struct {
	from          *bufio.Reader
	width, height int
	// rate is frames a second, as a fraction.
	rate, per int64
	// levels are limited, as those of video, where the header does not call them full.
	levels pdq.Levels
}

const longestStreamHeader = 256

// errTooManyPixels is a stream whose frames are larger than allowed.
var errTooManyPixels = errors.New("too many pixels")

// openStream reads the header. io.EOF means that there is none, and so no frame.
func openStream(from *bufio.Reader, maxPixels int64) (*stream, error) {
	line, err := headerLine(from)
	if err != nil {
		return nil, err
	}
	fields := strings.Split(line, " ")
	if fields[0] != "YUV4MPEG2" {
		return nil, fmt.Errorf("%w: stream magic", errMalformed)
	}
	s := &stream{from: from, levels: pdq.LimitedLevels}
	mono := false
	for _, field := range fields[1:] {
		if field == "" {
			return nil, fmt.Errorf("%w: empty field of a stream", errMalformed)
		}
		var err error
		switch value := field[1:]; field[0] {
		case 'W':
			s.width, err = strconv.Atoi(value)
		case 'H':
			s.height, err = strconv.Atoi(value)
		case 'F':
			rate, per, _ := strings.Cut(value, ":")
			s.rate, err = strconv.ParseInt(rate, 10, 32)
			if err == nil {
				s.per, err = strconv.ParseInt(per, 10, 32)
			}
		case 'C':
			mono = value == "mono"
		case 'X':
			if value == "COLORRANGE=FULL" {
				s.levels = pdq.FullLevels
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%w: stream header: %w", errMalformed, err)
		}
	}
	const side = 1 << 16
	switch {
	case !mono, s.width < 1, s.height < 1, s.width > side, s.height > side, s.rate < 1, s.per < 1:
		return nil, fmt.Errorf("%w: stream of %d x %d, %d:%d", errMalformed, s.width, s.height, s.rate, s.per)
	case int64(s.width)*int64(s.height) > maxPixels:
		return nil, errTooManyPixels
	}
	return s, nil
}

// next reads one frame into a buffer of width times height bytes. io.EOF is the end of the stream.
func (s *stream) next(into []byte) error {
	line, err := headerLine(s.from)
	if err != nil {
		return err
	}
	if line != "FRAME" && !strings.HasPrefix(line, "FRAME ") {
		return fmt.Errorf("%w: frame magic", errMalformed)
	}
	if _, err := io.ReadFull(s.from, into); err != nil {
		return fmt.Errorf("reading a frame: %w", io.ErrUnexpectedEOF)
	}
	return nil
}

// picture is a frame as a picture, whose levels are full.
func (s *stream) picture(frame []byte) *image.Gray {
	var full [256]byte
	black, white := int(s.levels.Black), int(s.levels.White)
	for level := range full {
		full[level] = byte((2*255*(min(max(level, black), white)-black) + white - black) / (2 * (white - black)))
	}
	whole := image.NewGray(image.Rect(0, 0, s.width, s.height))
	for i, level := range frame {
		whole.Pix[i] = full[level]
	}
	return whole
}

// headerLine reads a line, without its end. io.EOF means that nothing came.
func headerLine(from *bufio.Reader) (string, error) {
	line, err := from.ReadSlice('\n')
	switch {
	case err == io.EOF && len(line) == 0:
		return "", io.EOF
	case err == io.EOF:
		return "", io.ErrUnexpectedEOF
	case err == bufio.ErrBufferFull, err == nil && len(line) > longestStreamHeader:
		return "", fmt.Errorf("%w: header of more than %d bytes", errMalformed, longestStreamHeader)
	case err != nil:
		return "", err
	}
	return string(bytes.TrimSuffix(line, []byte("\n"))), nil
}
