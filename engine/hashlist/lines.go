package hashlist

import (
	"bufio"
	"io"
)

// lineReader yields lines without their ends (LF or CR LF), each capped.
type lineReader struct {
	input  *bufio.Reader
	max    int
	buffer []byte
	// number and offset are those of the line last returned.
	number, offset int64
	following      int64
	// open says that the line last returned has no end: it is the last one and
	// may be cut off.
	open bool
}

func newLineReader(input *bufio.Reader, offset int64, max int) *lineReader {
	return &lineReader{input: input, max: max, following: offset}
}

// next returns the next line, valid until the next call; io.EOF at the end.
func (l *lineReader) next() ([]byte, error) {
	l.number++
	l.offset = l.following
	line, err := l.input.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		l.buffer = l.buffer[:0]
		for err == bufio.ErrBufferFull {
			l.buffer = append(l.buffer, line...)
			if len(l.buffer) > l.max {
				return nil, l.tooLong()
			}
			line, err = l.input.ReadSlice('\n')
		}
		l.buffer = append(l.buffer, line...)
		line = l.buffer
	}
	if err != nil && (err != io.EOF || len(line) == 0) {
		return nil, err
	}
	l.following += int64(len(line))
	l.open = line[len(line)-1] != '\n'
	if !l.open {
		line = line[:len(line)-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if len(line) > l.max {
		return nil, l.tooLong()
	}
	return line, nil
}

func (l *lineReader) tooLong() error {
	return &LimitError{Limit: LimitLine, Max: int64(l.max), Line: l.number, Offset: l.offset}
}

// fault places a fault of the line last returned at a byte column from 1.
func (l *lineReader) fault(fault *SyntaxError, column int) *SyntaxError {
	fault.Line, fault.Column = l.number, int64(column)
	fault.Offset = l.offset + int64(column) - 1
	return fault
}
