package hashlist

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func seed(f *testing.F, more ...string) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	for _, text := range more {
		f.Add([]byte(text))
	}
}

// holds reads input with small caps and checks what must hold of any input;
// what was read must come back from our CSV unchanged.
func holds(t *testing.T, input []byte, format Format) {
	options := Options{Format: format, MaxLine: 512, MaxDepth: 6, MaxEntries: 64, MaxBytes: 1 << 14}
	entries, r, err := readAll(bytes.NewReader(input), options)
	slow, _, slowErr := readAll(oneByte{bytes.NewReader(input)}, options)
	if err != nil {
		var syntax *SyntaxError
		var limit *LimitError
		switch {
		case errors.As(err, &syntax):
			if syntax.Line < 1 || syntax.Column < 1 || syntax.Offset < 0 || syntax.Offset > int64(len(input)) || syntax.Reason == "" || syntax.Remedy == "" {
				t.Fatalf("%#v", syntax)
			}
		case !errors.As(err, &limit):
			t.Fatalf("untyped error %v", err)
		}
	}
	// With the cap on bytes the one reader may meet the end rows before the
	// other.
	if len(input) < 1<<14 && (!same(entries, slow) || (err == nil) != (slowErr == nil)) {
		t.Fatalf("at once %+v, %v\nbyte by byte %+v, %v", entries, err, slow, slowErr)
	}
	if r != nil {
		if s := r.Stats(); s.Rows != int64(len(entries)) || s.Rows != s.Accepted+s.Refused {
			t.Fatalf("stats %+v of %d rows", s, len(entries))
		}
	}
	var b bytes.Buffer
	w, werr := newCSVWriter(&b, slices.ContainsFunc(entries, func(e Entry) bool { return e.State != "" }))
	if werr != nil {
		t.Fatal(werr)
	}
	var kept []Entry
	for i, e := range entries {
		if e.Number != int64(i)+1 || e.Line < 1 || e.Offset < 0 || e.Offset > int64(len(input)) {
			t.Fatalf("place of %+v", e)
		}
		if e.Refused == "" {
			kept = append(kept, e)
			if err := w.Write(e); err != nil {
				t.Fatalf("an accepted entry cannot be written: %v", err)
			}
		} else if err := w.Write(e); err == nil {
			t.Fatalf("a refused entry was written: %+v", e)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.states { // a list of changes states every entry
		for i := range kept {
			kept[i].State = stated(kept[i].State)
		}
	}
	printed := b.String()
	again, _, err := readAll(strings.NewReader(printed), Options{Format: CSV})
	if err != nil || !same(unplaced(again), unplaced(kept)) {
		t.Fatalf("wrote\n%s\ngot %+v, %v\nwant %+v", printed, again, err, kept)
	}
}

func FuzzAuto(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, input []byte) { holds(t, input, Auto) })
}

func FuzzPlain(f *testing.F) {
	seed(f, "\\d41d8cd98f00b204e9800998ecf8427f  a\\n\\\\b", "MD5(x)= d41d8cd98f00b204e9800998ecf8427f")
	f.Fuzz(func(t *testing.T, input []byte) { holds(t, input, Plain) })
}

func FuzzCSV(f *testing.F) {
	seed(f, "md5,state\nd41d8cd98f00b204e9800998ecf8427e,withdrawn\n", "md5\tnote\n\"d41d8cd98f00b204e9800998ecf8427f\"\t\"a\r\nb\"\r\n")
	f.Fuzz(func(t *testing.T, input []byte) { holds(t, input, CSV) })
}

func FuzzVICS(f *testing.F) {
	seed(f, `[{"md5":"d41d8cd98f00b204e9800998ecf8427f"}]`, `{"media":[{"Media":[{}]}]}`)
	f.Fuzz(func(t *testing.T, input []byte) { holds(t, input, VICS) })
}

func FuzzJSONLines(f *testing.F) {
	seed(f, `{"md5":["d41d8cd98f00b204e9800998ecf8427f"]}`)
	f.Fuzz(func(t *testing.T, input []byte) { holds(t, input, JSONLines) })
}

func FuzzVPDQ(f *testing.F) {
	seed(f, "0,100,"+strings.Repeat("ab", 32)+",0.000\n30,7,"+strings.Repeat("0c", 32)+",1.033333\r\n")
	f.Fuzz(func(t *testing.T, input []byte) { holds(t, input, VPDQ) })
}

// FuzzLexer compares the lexer with encoding/json: they take the same
// documents and see the same tokens.
func FuzzLexer(f *testing.F) {
	seed(f, `{"a":[1,-0.5e+3,true,false,null,"\u00e4\ud83d\ude00\ud83dx\udc00\"\/\b"],"":{}}`, "01", "1.", "-", `"\x"`, `[1,]`, `{"a":1,}`, `{,}`, "\"\n\"", "\"\xff\xfe\"", "nul", `[]]`, `{"a"}`)
	f.Fuzz(func(t *testing.T, input []byte) {
		lex := newLexer(oneByte{bytes.NewReader(input)}, 0, 1<<20, 200)
		var got []any
		var err error
		for err == nil {
			var tok token
			if tok, err = lex.next(); err != nil {
				break
			}
			switch tok {
			case tokenObject:
				got = append(got, json.Delim('{'))
			case tokenObjectEnd:
				got = append(got, json.Delim('}'))
			case tokenArray:
				got = append(got, json.Delim('['))
			case tokenArrayEnd:
				got = append(got, json.Delim(']'))
			case tokenKey, tokenString:
				got = append(got, string([]rune(string(lex.text))))
			case tokenNumber:
				got = append(got, json.Number(lex.text))
			case tokenTrue, tokenFalse:
				got = append(got, tok == tokenTrue)
			case tokenNull:
				got = append(got, nil)
			}
		}
		var limit *LimitError
		if errors.As(err, &limit) || err != io.EOF && strings.Contains(err.Error(), "a number has more than") {
			return
		}
		if valid := json.Valid(input); valid != (err == io.EOF) {
			t.Fatalf("encoding/json says valid is %v, the lexer %v", valid, err)
		}
		if err != io.EOF {
			return
		}
		decoder := json.NewDecoder(bytes.NewReader(input))
		decoder.UseNumber()
		for i := 0; ; i++ {
			want, err := decoder.Token()
			if err == io.EOF {
				if i != len(got) {
					t.Fatalf("%d tokens, want %d", len(got), i)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if i >= len(got) || got[i] != want {
				t.Fatalf("token %d of %v, want %#v", i, got, want)
			}
		}
	})
}
