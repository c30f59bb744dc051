package hashlist

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// readAll reads a list to its end or first error.
func readAll(input io.Reader, options Options) ([]Entry, *Reader, error) {
	r, err := Open(input, options)
	if err != nil {
		return nil, nil, err
	}
	var entries []Entry
	for {
		e, err := r.Next()
		if err == io.EOF {
			return entries, r, nil
		}
		if err != nil {
			return entries, r, err
		}
		entries = append(entries, e)
	}
}

func digestOf(n int) string { return fmt.Sprintf("%x", md5.Sum(fmt.Appendf(nil, "message %d", n))) }

// describe prints everything a list says, one line a row.
func describe(entries []Entry, r *Reader) string {
	var b strings.Builder
	h, s := r.Header(), r.Stats()
	fmt.Fprintf(&b, "header %+v\n", h)
	fmt.Fprintf(&b, "rows %d accepted %d refused %v repaired %d ignored %q\n", s.Rows, s.Accepted, s.RefusedBy, s.RepairedTexts, s.IgnoredFields)
	for _, e := range entries {
		fmt.Fprintf(&b, "%d line %d offset %d", e.Number, e.Line, e.Offset)
		if e.Refused != "" {
			fmt.Fprintf(&b, " REFUSED %s", e.Refused)
		}
		for _, kind := range AllKinds() {
			if e.Kinds.Has(kind) {
				fmt.Fprintf(&b, " %v=%s", kind, e.Hex(kind)[:12])
			}
		}
		for _, item := range []struct {
			name  string
			value any
		}{
			{"quality", e.PDQQuality}, {"size", e.Size}, {"mime", e.MIME}, {"category", e.Category},
			{"verification", e.Verification}, {"victim", e.VictimIdentified}, {"offender", e.OffenderIdentified},
			{"distributed", e.IsDistributed}, {"precategorized", e.IsPrecategorized}, {"suspected", e.IsSuspected},
			{"self", e.SelfGenerated}, {"baseline", e.Baseline}, {"series", e.Series}, {"source", e.Source},
			{"id", e.SourceID}, {"case", e.Case}, {"updated", e.DateUpdated}, {"path", e.Path}, {"tags", e.Tags}, {"note", e.Note}, {"state", e.State},
		} {
			if text := fmt.Sprint(item.value); text != "" && text != "-1" {
				fmt.Fprintf(&b, " %s=%q", item.name, text)
			}
		}
		for _, f := range e.Frames {
			fmt.Fprintf(&b, " frame %d at %s quality %d %x", f.Frame, f.Time, f.Quality, f.Hash[:4])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, ".golden") {
			continue
		}
		seen++
		t.Run(filepath.Base(name), func(t *testing.T) {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			entries, r, err := readAll(bytes.NewReader(content), Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := describe(entries, r)
			if *update {
				if err := os.WriteFile(name+".golden", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name + ".golden")
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			// One byte at a time must read the same: no token may depend on
			// where a buffer ends.
			entries, r, err = readAll(oneByte{bytes.NewReader(content)}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if again := describe(entries, r); again != got {
				t.Errorf("byte by byte\n%s\nat once\n%s", again, got)
			}
		})
	}
	if seen != 9 {
		t.Errorf("%d lists in testdata, want 9", seen)
	}
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }

func TestEmptyFileDigests(t *testing.T) {
	if emptyMD5 != md5.Sum(nil) || emptySHA1 != sha1.Sum(nil) || emptySHA256 != sha256.Sum256(nil) {
		t.Fatal("the digests of the empty input are wrong")
	}
	for _, digest := range []string{
		"d41d8cd98f00b204e9800998ecf8427e",
		"DA39A3EE5E6B4B0D3255BFEF95601890AFD80709",
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	} {
		entries, r, err := readAll(strings.NewReader(digest), Options{})
		if err != nil || len(entries) != 1 || entries[0].Refused != RefusedEmptyFile || entries[0].Line != 1 {
			t.Errorf("%s: entries %+v, error %v", digest, entries, err)
			continue
		}
		if s := r.Stats(); s.Accepted != 0 || s.RefusedBy[RefusedEmptyFile] != 1 {
			t.Errorf("%s: stats %+v", digest, s)
		}
	}
	// Also when the row carries a good digest of another kind.
	row := "md5,sha1\n" + digestOf(1) + ",da39a3ee5e6b4b0d3255bfef95601890afd80709\n"
	if entries, _, err := readAll(strings.NewReader(row), Options{}); err != nil || entries[0].Refused != RefusedEmptyFile {
		t.Errorf("entries %+v, error %v", entries, err)
	}
}

func TestKind64(t *testing.T) {
	const digest = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	for kind, want := range map[Kind]Kind{0: SHA256, SHA256: SHA256, PDQ: PDQ} {
		entries, _, err := readAll(strings.NewReader(digest), Options{Kind64: kind})
		if err != nil || len(entries) != 1 || entries[0].Kinds != Kinds(want) || entries[0].Hex(want) != digest {
			t.Errorf("Kind64 %v: %+v, %v", kind, entries, err)
		}
	}
	if _, err := Open(strings.NewReader(digest), Options{Kind64: MD5}); err == nil {
		t.Error("MD5 was taken for a digest of 64 digits")
	}
}

func TestRefusals(t *testing.T) {
	a, b := digestOf(1), digestOf(2)
	for name, test := range map[string]struct {
		list string
		want Refusal
	}{
		"none":          {`{"path":"x"}`, RefusedNoDigest},
		"null":          {`{"md5":null}`, RefusedNoDigest},
		"unsupported":   {"MD5,PhotoDNA\n,AAEC\n", RefusedUnsupported},
		"sha512":        {strings.Repeat("ab", 64), RefusedUnsupported},
		"zeros":         {strings.Repeat("0", 40), RefusedPlaceholder},
		"contradiction": {`{"md5":"` + a + `","MD5":"` + b + `"}`, RefusedContradiction},
		"two spellings": {`{"md5":"` + a + `","MD5":"` + strings.ToUpper(a) + `"}`, ""},
		"alternative": {`{"value":[{"MD5":"` + a + `","AlternativeHashes":[{"HashName":"md5","HashValue":"` + b + `"}]}]}`,
			RefusedContradiction},
		"zeros beside a digest": {"md5,sha1\n" + a + "," + strings.Repeat("0", 40) + "\n", ""},
	} {
		entries, r, err := readAll(strings.NewReader(test.list), Options{})
		if err != nil || len(entries) != 1 || entries[0].Refused != test.want {
			t.Errorf("%s: %+v, %v", name, entries, err)
			continue
		}
		if s := r.Stats(); s.Rows != 1 || s.Accepted+s.Refused != 1 || test.want != "" && s.RefusedBy[test.want] != 1 {
			t.Errorf("%s: stats %+v", name, s)
		}
		if test.want != "" && test.want.Reason() == string(test.want) {
			t.Errorf("%s: the refusal has no sentence", name)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	a, b := digestOf(1), digestOf(2)
	for name, test := range map[string]struct {
		list         string
		format       Format
		line, column int64
		field        string
		reason       string
	}{
		"cut digest":            {a + "\n" + b[:31], Auto, 2, 1, "", "not a digest"},
		"cut tagged":            {a + "\nMD5 (x) = " + b[:31], Auto, 2, 11, "digest", "32 hexadecimal digits, here are 31"},
		"cut to a shorter kind": {strings.Repeat("ab", 20) + "\n" + a, Auto, 2, 1, "", "another length"},
		"words":                 {"hello world\n", Auto, 1, 1, "", "not the beginning"},
		"nothing":               {"\n# only a comment\n", Auto, 3, 1, "", "no row"},
		"UTF-16":                {"\xff\xfea\x00", Auto, 1, 1, "", "UTF-16"},
		"gzip":                  {"\x1f\x8b\x08\x00", Auto, 1, 1, "", "compressed"},
		"no header":             {a + ",1\n", CSV, 1, 1, "column names", "names no column"},
		"same column":           {"md5,note,Note\n", CSV, 1, 10, "column names", "named twice"},
		"short row":             {"md5,size,note\n" + a + ",1,x\n" + b + ",2\n", CSV, 3, 34, "", "2 cells where 3"},
		"long row":              {"md5,size\n" + a + ",1,x\n", CSV, 2, 36, "", "more cells"},
		"bad hex":               {"md5,size\n" + strings.Repeat("x", 32) + ",1\n", CSV, 2, 1, "md5", "hexadecimal digits only"},
		"bad size":              {"size;MD5\n1,5;" + a + "\n", CSV, 2, 1, "size", "whole number of bytes"},
		"negative size":         {"size;MD5\n-2;" + a + "\n", CSV, 2, 1, "size", "whole number of bytes"},
		"bad flag":              {"MD5;Is distributed\n" + a + ";perhaps\n", CSV, 2, 34, "Is distributed", "neither yes nor no"},
		"bad quality":           {"pdq_quality,pdq\n101,\n", CSV, 2, 1, "pdq_quality", "0 to 100"},
		"open quote":            {"md5,note\n" + a + ",\"x\n", CSV, 2, 37, "", "quotation mark"},
		"json cut":              {"{\"value\":[\n{\"MD5\":\"" + a + "\"},\n", VICS, 3, 1, "", "ends before"},
		"json cut deep":         {"{\"value\":[\n{\"MD5\":\"" + a[:20], VICS, 2, 29, "", "ends before"},
		"json two":              {"{\"value\":[]}\n{}", VICS, 2, 1, "", "something follows"},
		"no list":               {"{\"a\":1}", VICS, 1, 7, "value", "no list"},
		"list twice":            {"{\"value\":[],\"value\":[]}", VICS, 1, 13, "value", "twice"},
		"vics digest":           {"{\"value\":[\n {\"MD5\":\n  \"" + a[:31] + "\"}]}", VICS, 3, 3, "MD5", "here are 31"},
		"vics alternative":      {"{\"value\":[{\"AlternativeHashes\":[{\"HashName\":\"SHA1\",\"HashValue\":\"00\"}]}]}", VICS, 1, 68, "AlternativeHashes SHA1", "here are 2"},
		"vics object":           {"{\"value\":[{\"MD5\":{}}]}", VICS, 1, 18, "MD5", "a value is a text"},
		"vics element":          {"{\"value\":[7]}", VICS, 1, 11, "value", "not an object"},
		"category twice":        {"{\"value\":[{\"Category\":1,\"category\":2}]}", VICS, 1, 36, "category", "given twice"},
		"case with digest":      {"{\"value\":[{\"Media\":[],\"MD5\":\"" + a + "\"}]}", VICS, 1, 23, "MD5", "digest of its own"},
		"digest then media":     {"{\"value\":[{\"MD5\":\"" + a + "\",\"Media\":[]}]}", VICS, 1, 61, "MD5", "digest of its own"},
		"media twice":           {"{\"value\":[{\"Media\":[],\"Media\":[]}]}", VICS, 1, 31, "Media", "twice"},
		"jsonl cut":             {"{\"md5\":\"" + a + "\"}\n{\"md5\":\"", JSONLines, 2, 9, "", "ends before"},
		"jsonl two":             {"{\"md5\":\"" + a + "\"} {}\n", JSONLines, 1, 44, "", "something follows"},
		"jsonl list":            {"[]\n", JSONLines, 1, 1, "", "one JSON object"},
	} {
		_, r, err := readAll(strings.NewReader(test.list), Options{Format: test.format})
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		if syntax.Line != test.line || syntax.Column != test.column || syntax.Field != test.field || !strings.Contains(syntax.Reason, test.reason) {
			t.Errorf("%s: got %#v", name, syntax)
		}
		if syntax.Remedy == "" || !strings.Contains(err.Error(), fmt.Sprintf("line %d", test.line)) {
			t.Errorf("%s: the message %q does not help", name, err)
		}
		if r != nil {
			if _, again := r.Next(); again != err {
				t.Errorf("%s: after the error Next returns %v", name, again)
			}
		}
	}
}

func TestReadError(t *testing.T) {
	broken := errors.New("the line went dead")
	for _, head := range []string{digestOf(1) + "\n", "md5,size\n" + digestOf(1) + ",1\n", `{"value":[{"MD5":"` + digestOf(1) + `"},`, `{"md5":"` + digestOf(1) + `"}` + "\n"} {
		_, _, err := readAll(io.MultiReader(strings.NewReader(head), failing{broken}), Options{})
		var syntax *SyntaxError
		if !errors.Is(err, broken) || errors.As(err, &syntax) {
			t.Errorf("%q: %v", head, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestParseTime(t *testing.T) {
	for printed, want := range map[string]string{
		"2025-06-01T10:00:00.1234567Z": "2025-06-01T10:00:00.1234567Z",
		"2025-06-01T10:00:00-05:00":    "2025-06-01T15:00:00Z",
		"2025-06-01T10:00:00":          "2025-06-01T10:00:00Z",
		"2025-06-01":                   "2025-06-01T00:00:00Z",
		"/Date(1748772000000)/":        "2025-06-01T10:00:00Z",
		"/Date(1748772000000+0200)/":   "2025-06-01T10:00:00Z",
	} {
		got, err := ParseTime(printed)
		if err != nil || got.Format("2006-01-02T15:04:05.9999999Z07:00") != want {
			t.Errorf("%s: %v, %v", printed, got, err)
		}
	}
	for _, printed := range []string{"", "yesterday", "/Date(x)/", "/Date(1", "2025-13-01"} {
		if at, err := ParseTime(printed); err == nil {
			t.Errorf("%q was read as %v", printed, at)
		}
	}
}
