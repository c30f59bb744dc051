package hashlist

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"
)

const (
	profileOwn  = "brdo"
	profileICSE = "ICSE"
)

// recordGuard fails when more than its budget is read without a reset, so that
// one record cannot fill the memory.
type recordGuard struct {
	input     *bufio.Reader
	budget    int
	remaining int
	tripped   bool
}

func (g *recordGuard) reset() { g.remaining = g.budget }

func (g *recordGuard) Read(p []byte) (int, error) {
	if g.remaining <= 0 {
		g.tripped = true
		return 0, errRecordTooLong
	}
	n, err := g.input.Read(p[:min(len(p), g.remaining)])
	g.remaining -= n
	return n, err
}

var errRecordTooLong = errors.New("record too long")

// csvBuffer is what encoding/csv reads ahead; the budget allows for it.
const csvBuffer = 4096

type csvSource struct {
	guard   *recordGuard
	records *csv.Reader
	base    int64
	max     int
	columns []field
	names   []string
	own     bool
	cell    []byte
	line    int64
	offset  int64
}

// openCSV finds the line of column names and the delimiter.
func openCSV(r *Reader, input *bufio.Reader, bom int64) (*csvSource, error) {
	head, err := input.Peek(window)
	if err != nil && err != io.EOF && len(head) == 0 {
		return nil, err
	}
	delimiter := ','
	for rest := head; len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			if chosen, _ := chooseDelimiter(line); chosen != 0 {
				delimiter = chosen
			}
			break
		}
	}
	guard := &recordGuard{input: input, budget: r.options.MaxLine + csvBuffer}
	s := &csvSource{guard: guard, records: csv.NewReader(guard), base: bom, max: r.options.MaxLine}
	s.records.Comma = delimiter
	s.records.Comment = '#'
	s.records.FieldsPerRecord = -1
	s.records.ReuseRecord = true
	header, err := s.read()
	if err == io.EOF {
		return nil, &SyntaxError{
			Line: 1, Column: 1, Reason: "there is no line of column names",
			Remedy: "begin the file with a line such as md5,size,category",
		}
	}
	if err != nil {
		return nil, err
	}
	r.header.Delimiter = delimiter
	if err := s.takeHeader(r, header); err != nil {
		return nil, err
	}
	return s, nil
}

// chooseDelimiter returns the delimiter under which a line names most known
// columns, 0 when it names no digest under any.
func chooseDelimiter(line []byte) (delimiter rune, columns int) {
	for _, candidate := range []byte{',', ';', '\t'} {
		known, digests := 0, 0
		for cell := range bytes.SplitSeq(line, []byte{candidate}) {
			if f := fieldOf(bytes.Trim(cell, "\" \r\t")); f != fieldNone {
				known++
				if f.names() {
					digests++
				}
			}
		}
		if digests > 0 && known > columns {
			delimiter, columns = rune(candidate), known
		}
	}
	return delimiter, columns
}

func (s *csvSource) takeHeader(r *Reader, header []string) error {
	fail := func(column int, reason, remedy string) error {
		return s.place(&SyntaxError{Field: "column names", Reason: reason, Remedy: remedy}, column)
	}
	taken := map[field]bool{}
	names := map[string]bool{}
	digests := false
	for i, printed := range header {
		name := strings.TrimSpace(strings.ToValidUTF8(printed, "\uFFFD"))
		s.names = append(s.names, name)
		plain := strings.ToLower(name)
		if plain != "" && names[plain] {
			return fail(i, "the column "+strconv.Quote(name)+" is named twice", "rename one of the two")
		}
		names[plain] = true
		f := fieldOf([]byte(name))
		if f != fieldNone && f != fieldOtherDigest {
			if taken[f] {
				f = fieldNone // an earlier column already gives this field
			}
			taken[f] = true
		}
		if f == fieldNone || f == fieldOtherDigest {
			r.ignore([]byte(name))
		}
		digests = digests || f.names()
		s.columns = append(s.columns, f)
	}
	if !digests {
		return fail(0, "the first row names no column of digests",
			"begin the file with a line of column names such as md5,size,category")
	}
	r.header.Columns = s.names
	switch {
	case areOwn(s.names):
		r.header.Profile, s.own = profileOwn, true
	case taken[fieldBaseline] && taken[fieldMD5] && names["image id"]:
		r.header.Profile = profileICSE
	}
	return nil
}

// read returns the next record and notes where it starts.
func (s *csvSource) read() ([]string, error) {
	s.guard.reset()
	record, err := s.records.Read()
	if s.guard.tripped {
		return nil, &LimitError{Limit: LimitLine, Max: int64(s.max), Line: s.line + 1, Offset: s.base + s.records.InputOffset()}
	}
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		reason, remedy := "the record cannot be read", "check its quotes and delimiters"
		switch {
		case errors.Is(parse.Err, csv.ErrQuote):
			reason, remedy = "a quotation mark is not closed or stands in the wrong place", "double each quotation mark inside a quoted cell; the file may be cut off"
		case errors.Is(parse.Err, csv.ErrBareQuote):
			reason, remedy = "a quotation mark stands inside an unquoted cell", "quote the cell and double the mark"
		}
		return nil, &SyntaxError{
			Line: int64(parse.Line), Column: int64(parse.Column), Offset: s.base + s.records.InputOffset(),
			Reason: reason, Remedy: remedy,
		}
	}
	if err != nil {
		return nil, err
	}
	line, _ := s.records.FieldPos(0)
	s.line = int64(line)
	return record, nil
}

// place puts a fault at a cell of the record last read.
func (s *csvSource) place(fault *SyntaxError, cell int) *SyntaxError {
	line, column := s.records.FieldPos(cell)
	fault.Line, fault.Column = int64(line), int64(column)
	fault.Offset = s.offset
	return fault
}

func (s *csvSource) next(r *Reader) error {
	s.offset = s.base + s.records.InputOffset()
	record, err := s.read()
	if err != nil {
		return err
	}
	if len(record) < len(s.columns) {
		return s.place(fault(
			"the row has "+strconv.Itoa(len(record))+" cells where "+strconv.Itoa(len(s.columns))+" columns are named",
			"the file may be cut off: fetch it again",
		), len(record)-1)
	}
	for i, cell := range record[len(s.columns):] {
		if strings.TrimSpace(cell) != "" {
			return s.place(fault(
				"the row has more cells than the "+strconv.Itoa(len(s.columns))+" columns named",
				"quote a cell that holds the delimiter",
			), len(s.columns)+i)
		}
	}
	r.rows.begin(s.line, s.offset)
	for i, f := range s.columns {
		if f == fieldNone || record[i] == "" {
			continue
		}
		s.cell = append(s.cell[:0], record[i]...)
		cell := s.cell
		if s.own && f >= fieldMIME && isShielded(record[i]) {
			cell = cell[1:]
		}
		if fault := r.rows.set(f, cell); fault != nil {
			fault.Field = s.names[i]
			return s.place(fault, i)
		}
	}
	return nil
}

// A spreadsheet runs a cell that begins with = + - @ tab or carriage return as
// a formula (OWASP, CSV Injection). The writer shields such a text, and one
// that already looks shielded, with an apostrophe; the reader of our own CSV
// takes one apostrophe away again.
func shield(text string) string {
	if startsFormula(strings.TrimLeft(text, "'")) {
		return "'" + text
	}
	return text
}

func isShielded(text string) bool {
	return text != "" && text[0] == '\'' && startsFormula(strings.TrimLeft(text, "'"))
}

func startsFormula(text string) bool {
	return text != "" && strings.IndexByte("=+-@\t\r", text[0]) >= 0
}
