package hashlist

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
)

// endless repeats a pattern after a head, up to total bytes, without holding
// them.
type endless struct {
	head    string
	pattern string
	total   int64
	sent    int64
	offset  int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.head != "" {
		n := copy(p, e.head)
		e.head = e.head[n:]
		return n, nil
	}
	if e.sent >= e.total {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) {
		copied := copy(p[n:], e.pattern[e.offset:])
		n += copied
		e.offset = (e.offset + copied) % len(e.pattern)
	}
	e.sent += int64(n)
	return n, nil
}

func TestHostileInputEndsEarly(t *testing.T) {
	const total = 100 << 20
	digest := digestOf(1)
	for name, test := range map[string]struct {
		head, pattern string
		format        Format
		limit         Limit // "" for a SyntaxError
	}{
		"json string":       {`{"value":[{"MD5":"`, "0", VICS, LimitLine},
		"json unread text":  {`{"value":[{"Miniature":"`, "A", VICS, LimitLine},
		"json escapes":      {`{"value":[{"Comments":"`, `\u0041`, VICS, LimitLine},
		"json member":       {`{"`, "k", VICS, LimitLine},
		"json depth":        {`{"value":[{"x":`, "[", VICS, LimitDepth},
		"json depth object": {``, `{"a":`, VICS, LimitDepth},
		"json list of text": {`{"value":[{"Tags":["`, `tag","`, VICS, LimitLine},
		"json number":       {`{"value":[{"MediaSize":`, "1", VICS, ""},
		"jsonl line":        {`{"md5":"`, "0", JSONLines, LimitLine},
		"jsonl depth":       {``, "[", JSONLines, LimitLine},
		"plain line":        {"", "a", Plain, LimitLine},
		"plain comment":     {"#", "a", Plain, LimitLine},
		"csv cell":          {"md5,note\n" + digest + ",", "a", CSV, LimitLine},
		"csv quoted lines":  {"md5,note\n" + digest + ",\"", "a\n", CSV, LimitLine},
		"csv cells":         {"md5,note\n" + digest, ",", CSV, LimitLine},
		"csv header":        {"md5", ",x", CSV, LimitLine},
		"unknown":           {"", "x", Auto, ""},
	} {
		t.Run(name, func(t *testing.T) {
			input := &endless{head: test.head, pattern: test.pattern, total: total}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err := readAll(input, Options{Format: test.format})
			runtime.ReadMemStats(&after)
			var limit *LimitError
			var syntax *SyntaxError
			switch {
			case test.limit == "" && !errors.As(err, &syntax):
				t.Errorf("error %v", err)
			case test.limit != "" && (!errors.As(err, &limit) || limit.Limit != test.limit):
				t.Errorf("error %v", err)
			case test.limit != "" && limit.Line == 0:
				t.Errorf("the error does not say where: %v", err)
			}
			if input.sent > 8<<20 { // an escape of six bytes may stand for one
				t.Errorf("%d bytes were read before the end", input.sent)
			}
			// All that was ever allocated, so that it holds on a busy machine.
			// A record of a million empty cells costs the most.
			if spent := after.TotalAlloc - before.TotalAlloc; spent > 160<<20 {
				t.Errorf("%d MiB were allocated", spent>>20)
			}
		})
	}
}

func TestLargeListInConstantMemory(t *testing.T) {
	const total = 16 << 20
	row := `{"MediaID":7,"Category":1,"MD5":"` + digestOf(1) + `","MediaSize":9,"Exifs":[{"PropertyName":"a","PropertyValue":"b"}]},` + "\n"
	for name, test := range map[string]struct {
		input *endless
		row   string
	}{
		"vics":        {&endless{head: `{"value":[`, pattern: row, total: total}, row},
		"white space": {&endless{head: `{"value":[` + row[:len(row)-2] + `,`, pattern: " \n", total: total}, ""},
		"plain":       {&endless{pattern: digestOf(2) + "\n", total: total}, digestOf(2) + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Open(test.input, Options{})
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			rows := int64(0)
			for {
				if _, err = r.Next(); err != nil {
					break
				}
				rows++
			}
			runtime.ReadMemStats(&after)
			if spent := after.TotalAlloc - before.TotalAlloc; spent > uint64(rows)*64+(4<<20) {
				t.Errorf("%d rows allocated %d bytes", rows, spent)
			}
			if test.row != "" && rows < total/int64(len(test.row)) {
				t.Errorf("%d rows were read, error %v", rows, err)
			}
		})
	}
}

func TestMaxEntries(t *testing.T) {
	list := digestOf(1) + "\n" + strings.Repeat("0", 32) + "\n" + digestOf(3) + "\n"
	if entries, _, err := readAll(strings.NewReader(list), Options{MaxEntries: 3}); err != nil || len(entries) != 3 {
		t.Errorf("as many as allowed: %d, %v", len(entries), err)
	}
	entries, _, err := readAll(strings.NewReader(list), Options{MaxEntries: 2})
	var limit *LimitError
	if !errors.As(err, &limit) || limit.Limit != LimitEntries || limit.Line != 3 || limit.Max != 2 || len(entries) != 2 {
		t.Errorf("one too many: %d, %v", len(entries), err)
	}
}

func TestMaxBytes(t *testing.T) {
	list := strings.Repeat(digestOf(1)+"\n", 5000)
	for _, test := range []struct {
		max  int64
		fail bool
	}{{int64(len(list)), false}, {int64(len(list)) - 1, true}, {2, true}, {40, true}} {
		_, _, err := readAll(strings.NewReader(list), Options{MaxBytes: test.max})
		var limit *LimitError
		if test.fail != (errors.As(err, &limit) && limit.Limit == LimitBytes && limit.Max == test.max) || !test.fail && err != nil {
			t.Errorf("MaxBytes %d of %d: %v", test.max, len(list), err)
		}
	}
}

func TestMaxLine(t *testing.T) {
	note := strings.Repeat("n", 5000)
	for name, test := range map[string]struct {
		list string
		line int
	}{
		"plain": {digestOf(1) + "  " + note + "\n", 34 + 5000},
		"jsonl": {`{"md5":"` + digestOf(1) + `","note":"` + note + `"}` + "\n", 32 + 5000 + 20},
		"vics":  {`{"value":[{"MD5":"` + digestOf(1) + `","Comments":"` + note + `"}]}`, 5000},
	} {
		if _, _, err := readAll(strings.NewReader(test.list), Options{MaxLine: test.line}); err != nil {
			t.Errorf("%s at the limit: %v", name, err)
		}
		_, _, err := readAll(strings.NewReader(test.list), Options{MaxLine: test.line - 1})
		var limit *LimitError
		if !errors.As(err, &limit) || limit.Limit != LimitLine {
			t.Errorf("%s beyond the limit: %v", name, err)
		}
	}
}
