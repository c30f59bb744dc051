package hashlist

import (
	"bufio"
	"bytes"
	"io"

	"github.com/brdoproject/brdo/engine/video"
)

// skipByteOrderMark drops a UTF-8 byte order mark and returns how many bytes
// that were. Input that is not text in UTF-8 at all is refused here.
func skipByteOrderMark(input *bufio.Reader) (int64, error) {
	head, err := input.Peek(4)
	if err != nil && err != io.EOF {
		return 0, err
	}
	refuse := func(reason, remedy string) (int64, error) {
		return 0, &SyntaxError{Line: 1, Column: 1, Reason: reason, Remedy: remedy}
	}
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		_, err := input.Discard(3)
		return 3, err
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return refuse("the text is in UTF-16", "save the list as UTF-8")
	case bytes.HasPrefix(head, []byte{0x1F, 0x8B}), bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return refuse("the file is compressed", "unpack it first")
	case bytes.HasPrefix(head, []byte("SQLi")):
		return refuse("the file is a database, not a list", "export its digests as plain text or CSV")
	}
	return 0, nil
}

// detect recognizes the format from the first line that says something.
func detect(input *bufio.Reader, bom int64) (Format, error) {
	head, err := input.Peek(window)
	if err != nil && err != io.EOF {
		// A cap or read error beyond the first lines is reported where the
		// reader meets it, with the rows before it.
		if len(head) == 0 {
			return Auto, err
		}
	}
	rest, line, offset := head, int64(1), bom
	for len(rest) > 0 {
		text, after, _ := bytes.Cut(rest, []byte{'\n'})
		trimmed := bytes.TrimSpace(text)
		if len(trimmed) > 0 && trimmed[0] != '#' {
			if format := classify(trimmed, rest); format != Auto {
				return format, nil
			}
			return Auto, &SyntaxError{
				Line: line, Column: 1, Offset: offset,
				Reason: "this is not the beginning of a known list format",
				Remedy: "begin a CSV with a line of column names such as md5,size,category; or give one digest per line",
			}
		}
		offset += int64(len(rest) - len(after))
		rest = after
		line++
	}
	return Auto, &SyntaxError{
		Line: line, Column: 1, Offset: offset,
		Reason: "there is no row to recognize the format by",
		Remedy: "check that the file is not empty, or state the format",
	}
}

// classify names the format of the input whose first telling line is line;
// rest begins with that line.
func classify(line, rest []byte) Format {
	switch line[0] {
	case '[':
		return VICS
	case '{':
		if opensJSONLines(rest) {
			return JSONLines
		}
		return VICS
	}
	if _, err := video.Parse(string(line)); err == nil {
		return VPDQ
	}
	if parsePlain(line).shape != plainNone {
		return Plain
	}
	if delimiter, _ := chooseDelimiter(line); delimiter != 0 {
		return CSV
	}
	return Auto
}

// opensJSONLines reports whether the first object is a row rather than a VICS
// document. The first member that belongs to one of the two decides.
func opensJSONLines(rest []byte) bool {
	lex := newLexer(nil, 0, window, defaultMaxDepth)
	lex.reset(rest, 1, 0)
	if tok, err := lex.next(); err != nil || tok != tokenObject {
		return false
	}
	for {
		tok, err := lex.next()
		if err != nil {
			return false
		}
		if tok == tokenObjectEnd {
			return true
		}
		if fieldOf(lex.text) != fieldNone {
			return true
		}
		if name := bytes.ToLower(lex.text); bytes.Contains(name, []byte("odata.")) || string(name) == "value" || string(name) == "media" {
			return false
		}
		if lex.skip() != nil {
			return false
		}
	}
}
