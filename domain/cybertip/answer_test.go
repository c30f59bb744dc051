package cybertip

import (
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

const (
	submitted = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<reportResponse>
 <responseCode>0</responseCode><responseDescription>Success</responseDescription><reportId>4564654</reportId>
</reportResponse>
`
	uploaded = `<reportResponse><responseCode>0</responseCode><responseDescription>Success</responseDescription><reportId>4564654</reportId><fileId>b0754af766b426f2928a02c651ed4b99</fileId><hash>FAFA5EFEAF3CBE3B23B2748D13E629A1</hash></reportResponse>`
	finished = `<reportDoneResponse><responseCode>0</responseCode><reportId>4564654</reportId><files><fileId>b0754af766b426f2928a02c651ed4b99</fileId><fileId>2</fileId></files></reportDoneResponse>`
)

func TestAnswers(t *testing.T) {
	for text, want := range map[string]Answer{
		submitted: {Description: "Success", Report: 4564654},
		uploaded:  {Description: "Success", Report: 4564654, File: "b0754af766b426f2928a02c651ed4b99", Hash: "fafa5efeaf3cbe3b23b2748d13e629a1"},
		finished:  {Report: 4564654, Files: []string{"b0754af766b426f2928a02c651ed4b99", "2"}},
		"<reportResponse><responseCode>5102</responseCode><responseDescription>Report\n already  finished</responseDescription></reportResponse>": {Code: WasFinished, Description: "Report already finished"},
	} {
		if got, err := ParseAnswer([]byte(text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
	for why, text := range map[string]string{
		"empty": "", "a page": "<html><body>0</body></html>", "cut": submitted[:100], "followed by more": finished + finished, "without a code": "<reportResponse><reportId>1</reportId></reportResponse>",
		"with a word for a code": strings.Replace(submitted, ">0<", ">ok<", 1), "with a negative code": strings.Replace(submitted, ">0<", ">-1<", 1), "with an odd number": strings.Replace(submitted, "4564654", "45x", 1),
		"with the number 0": strings.Replace(submitted, "4564654", "0", 1), "with a number that is too long": strings.Replace(submitted, "4564654", "99999999999999999999", 1),
		"with a long name": strings.Replace(finished, ">2<", ">"+strings.Repeat("2", 300)+"<", 1), "that is no text": "<reportResponse><responseCode>0</responseCode>\xff</reportResponse>",
	} {
		if got, err := ParseAnswer([]byte(text)); err == nil {
			t.Errorf("an answer %s: %+v", why, got)
		}
	}
}

func TestMeanings(t *testing.T) {
	for code, want := range map[Code]Meaning{
		1000: Again, 1100: Again, 1111: Again, 1210: Again, 1300: Again, Unauthorised: Look, 3000: Look, 3100: Look, 3300: Look, 4000: Mend, Invalid: Mend, Malformed: Mend, 4200: Mend,
		NoReport: Again, NoFile: Again, WasRetracted: Again, WasFinished: Again, 1: Look, 999: Look, 6000: Look, 10000: Look,
	} {
		if got := code.Meaning(); got != want {
			t.Errorf("%d: %s, want %s", code, got, want)
		}
	}
}

// FuzzAnswer: whatever is answered, what is taken from it can be stored, shown and sent back.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{submitted, uploaded, finished, "<reportResponse><responseCode>4100</responseCode><responseDescription>&#x9;&lt;</responseDescription></reportResponse>"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := ParseAnswer(text)
		if err != nil {
			return
		}
		if a.Code < 0 || a.Report < 0 || len(a.Description) > maxDescription || len(a.Files) > maxFiles {
			t.Fatalf("%+v", a)
		}
		for _, part := range append(a.Files, a.Description, a.File, a.Hash) {
			if !utf8.ValidString(part) || strings.ContainsFunc(part, unicode.IsControl) {
				t.Fatalf("%q", part)
			}
		}
	})
}
