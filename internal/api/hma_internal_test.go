package api

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/match"
)

func TestBankNames(t *testing.T) {
	for list, bank := range map[string]string{
		"Landscapes (demo)": "LANDSCAPES_DEMO", "a  b": "A_B", "A__B": "A_B", "_x_": "X", "3 lists": "LIST_3_LISTS", "": "LIST_", "日本": "LIST_", "straße": "STRA_E",
	} {
		if got := bankName(list); got != bank {
			t.Errorf("%q: %q, want %q", list, got, bank)
		}
	}
}

// TestBankNamesStay whatever lists are made later, are names of banks, and belong to
// one list each.
func TestBankNamesStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.SampledFrom([]string{"a b", "A_B", "A B", "_A_B", "a-b", "A_B_000000000001", "A_B_000000000003", "3", "", "é"}), 1, 12).Draw(t, "names")
		var all []match.List
		known := map[string]string{}
		for i, name := range names {
			all = append([]match.List{{ID: "list/01980000-0000-7000-8000-" + strings.Repeat("0", 11) + string(rune('a'+i)), Name: name}}, all...)
			now, taken := bankNames(all), map[string]bool{}
			for list, bank := range now {
				if taken[bank] || !isBankName.MatchString(bank) {
					t.Fatalf("%q of %q is taken, or no name of a bank", bank, list)
				}
				if before, had := known[list]; had && before != bank {
					t.Fatalf("%q was called %q and is called %q now", list, before, bank)
				}
				taken[bank] = true
			}
			known = now
		}
	})
}

func TestCompareSignals(t *testing.T) {
	one, other := "facd8bcb2a49bcebdec1985298d5fe84bcd006c187c598c720c3c087b3fdb318", "facd8bcb2a49bcebdec1985228d5ae84bcd006c187c598c720c2b087b3fdb318"
	md5 := strings.Repeat("ab", 16)
	for text, want := range map[string]string{
		`{"pdq":["` + one + `","` + other + `"]}`:                         `{"pdq":[true,{"distance":9}]}`,
		`{"pdq":["` + one + `","` + strings.Repeat("0", 64) + `"]}`:       `{"pdq":[false,{"distance":128}]}`,
		`{"video_md5":["` + md5 + `","` + strings.ToUpper(md5) + `"]}`:    `{"video_md5":[true,{}]}`,
		`{"video_md5":["` + md5 + `","` + strings.Repeat("0", 32) + `"]}`: `{"video_md5":[false,{}]}`,
		`{}`:                          `{}`,
		`{"pdq":"banana"}`:            "",
		`{"pdq":[]}`:                  "",
		`{"pdq":["banana","banana"]}`: "",
		`{"pdq":["` + one + `","` + one + `","` + one + `"]}`: "",
		`{"tmk":["` + one + `","` + one + `"]}`:               "",
	} {
		var pairs map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &pairs); err != nil {
			t.Fatal(err)
		}
		answer, err := compareSignals(pairs)
		if want == "" {
			if !problem.Is(err, problem.Invalid) {
				t.Errorf("%s: %v %v", text, answer.body, err)
			}
			continue
		}
		got, _ := json.Marshal(answer.body)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s %v, want %s", text, got, err, want)
		}
	}
}

func FuzzHMASignal(f *testing.F) {
	f.Add(signalPDQ, strings.Repeat("0f", 32))
	f.Add(signalMD5, " "+strings.Repeat("AB", 16)+"\n")
	f.Add("tmk", "x")
	f.Fuzz(func(t *testing.T, kind, text string) {
		h, err := parseSignal(kind, text)
		if (err == nil) != (h != match.Hashes{}) && strings.Trim(strings.TrimSpace(text), "0") != "" {
			t.Fatalf("%v %+v", err, h)
		}
		if err != nil && !problem.Is(err, problem.Invalid) {
			t.Fatal(err)
		}
	})
}

// FuzzHMABody reads what a client sends to make or change a bank, or to compare.
func FuzzHMABody(f *testing.F) {
	for _, seed := range []string{`{"name":"BANK","enabled_ratio":"1.0"}`, `{"enabled":true,"more":1}`, `{"enabled_ratio":0.5}`, `{"pdq":["",""]}`, `[`, `null`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := httptest.NewRequest(http.MethodPost, "/hma/c/banks", bytes.NewReader(text))
		if _, err := readBankChange(r); err != nil && !problem.Is(err, problem.Invalid) {
			t.Fatal(err)
		}
		var pairs map[string]json.RawMessage
		if json.Unmarshal(text, &pairs) == nil {
			if _, err := compareSignals(pairs); err != nil && !problem.Is(err, problem.Invalid) {
				t.Fatal(err)
			}
		}
	})
}

// FuzzHMAForm reads forms: whatever they hold, one file of a known type comes out,
// whole, or a problem of the input.
func FuzzHMAForm(f *testing.F) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	must := func(err error) {
		if err != nil {
			f.Fatal(err)
		}
	}
	must(w.SetBoundary("b"))
	must(w.WriteField("note", "message 17"))
	part, err := w.CreateFormFile("photo", "a.png")
	must(err)
	_, err = part.Write([]byte("message 17"))
	must(err)
	must(w.Close())
	f.Add("multipart/form-data; boundary=b", form.Bytes())
	f.Add("multipart/form-data; boundary=b", form.Bytes()[:60])
	f.Add("text/plain", []byte("message 17"))
	s := &Server{options: Options{MaxBytes: 1 << 10, Folder: f.TempDir()}}
	f.Fuzz(func(t *testing.T, media string, body []byte) {
		r := httptest.NewRequest(http.MethodPost, "/hma/h/hash", bytes.NewReader(body))
		r.Header.Set("Content-Type", media)
		upload, file, err := s.hmaForm(httptest.NewRecorder(), r)
		if err != nil {
			if !problem.Is(err, problem.Invalid) && !problem.Is(err, problem.Unavailable) {
				t.Fatal(err)
			}
			return
		}
		defer file.Close()
		if typesOf[upload.kind] != upload.signal || upload.content == nil {
			t.Fatalf("%+v", upload)
		}
	})
}
