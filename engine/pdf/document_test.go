package pdf

import (
	"bytes"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/engine/pdf/pdftest"
	"github.com/brdoproject/brdo/internal/racetest"
)

var fonts = Fonts{Regular: goregular.TTF, Bold: gobold.TTF}

func begun(t testing.TB) *Document {
	t.Helper()
	d, err := New(Meta{Title: "Form 17", Language: "en", Created: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Footer: "form/17"}, fonts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func file(t testing.TB, d *Document) []byte {
	t.Helper()
	var written bytes.Buffer
	if _, err := d.WriteTo(&written); err != nil {
		t.Fatal(err)
	}
	return written.Bytes()
}

func read(t testing.TB, d *Document) []pdftest.Element {
	t.Helper()
	elements, err := pdftest.Read(file(t, d))
	if err != nil {
		t.Fatal(err)
	}
	return elements
}

func check(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestElementsReadBackInOrder(t *testing.T) {
	d := begun(t)
	check(t, d.Heading(1, "Title"), d.Paragraph(Small, "A note."), d.Rule(), d.Heading(2, "1. Section"), d.Paragraph(Strong, "Label:"),
		d.Box(true, "First box"), d.Box(false, "Second box"), d.Value("https://pictures.example/landscape/17"), d.Paragraph(Text, "One\nTwo"))
	got := read(t, d)
	want := []struct{ kind, text, actual string }{
		{"H1", "Title", ""}, {"P", "A note.", ""}, {"H2", "1. Section", ""}, {"P", "Label:", ""},
		{"P", "First box", "☒"}, {"P", "Second box", "☐"}, {"P", "https://pictures.example/landscape/17", ""}, {"P", "OneTwo", ""},
	}
	if len(got) != len(want) {
		t.Fatalf("%d elements, not %d", len(got), len(want))
	}
	for index, w := range want {
		e, actual := got[index], ""
		if len(e.Children) > 0 {
			actual = e.Children[0].Actual
		}
		if e.Kind != w.kind || e.Text != w.text || actual != w.actual {
			t.Errorf("element %d is %s %q %q, not %+v", index, e.Kind, e.Text, actual, w)
		}
	}
}

// TestLettersOfTheUnion: every official language can be printed in both faces.
func TestLettersOfTheUnion(t *testing.T) {
	for language, letters := range map[string]string{
		"bg": "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЬЮЯ абвгдежзийклмнопрстуфхцчшщъьюя „“ № ѝ", "cs": "ÁČĎÉĚÍŇÓŘŠŤÚŮÝŽ áčďéěíňóřšťúůýž",
		"da": "ÆØÅ æøå", "de": "ÄÖÜ äöüß „“", "el": "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ αβγδεζηθικλμνξοπρσςτυφχψω άέήίόύώϊϋΐΰ ·", "es": "ÁÉÍÑÓÚÜ áéíñóúü ¿¡ª",
		"et": "ÄÕÖÜŠŽ äõöüšž", "fi": "ÄÅÖ äåö", "fr": "ÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸ àâæçéèêëîïôœùûüÿ « »", "ga": "ÁÉÍÓÚ áéíóú", "hr": "ČĆĐŠŽ čćđšž",
		"hu": "ÁÉÍÓÖŐÚÜŰ áéíóöőúüű", "it": "ÀÈÉÌÒÙ àèéìòù", "lt": "ĄČĘĖĮŠŲŪŽ ąčęėįšųūž", "lv": "ĀČĒĢĪĶĻŅŠŪŽ āčēģīķļņšūž", "mt": "ĊĠĦŻ ċġħż",
		"nl": "ÉËÏÓÖÜ éëïóöü Ĳĳ", "pl": "ĄĆĘŁŃÓŚŹŻ ąćęłńóśźż", "pt": "ÀÁÂÃÇÉÊÍÓÔÕÚ àáâãçéêíóôõú", "ro": "ĂÂÎȘȚ ăâîșț", "sk": "ĽĹŔÔÄ ľĺŕôä",
		"sl": "ČŠŽ čšž", "sv": "ÅÄÖ åäö", "en": "The quick brown fox — “quoted”, ‘single’ … € § –",
	} {
		d := begun(t)
		if err := errors.Join(d.Paragraph(Text, letters), d.Paragraph(Strong, letters)); err != nil {
			t.Errorf("%s: %v", language, err)
			continue
		}
		for _, e := range read(t, d) {
			if e.Text != letters {
				t.Errorf("%s reads back as %q", language, e.Text)
			}
		}
	}
}

// TestNothingIsReplaced: what the font does not have is an error that names it.
func TestNothingIsReplaced(t *testing.T) {
	for _, text := range []string{"漢字", "שלום", "x\u0000y", "tab\there", "a\u200bb", "soft\u00adhyphen", "STRAẞE", "😀"} {
		d := begun(t)
		err := d.Paragraph(Text, "before "+text)
		var missing *MissingGlyph
		if !errors.As(err, &missing) || missing.Text != "before "+text || !strings.ContainsRune(text, missing.Rune) {
			t.Errorf("%q: %v", text, err)
		}
		if err := d.Paragraph(Text, "after"); err == nil {
			t.Errorf("%q: the document goes on", text)
		}
		if _, err := d.WriteTo(&bytes.Buffer{}); err == nil {
			t.Errorf("%q: the document is written", text)
		}
	}
	d := begun(t)
	check(t, d.Paragraph(Text, "e\u0301"))
	if got := read(t, d)[0].Text; got != "\u00e9" {
		t.Errorf("decomposed letters are composed, not %q", got)
	}
}

func TestPagesTurn(t *testing.T) {
	d := begun(t)
	long := strings.Repeat("A sentence of the reasons, number seventeen. ", 200)
	check(t, d.Paragraph(Text, long))
	for range 60 {
		check(t, d.Box(true, "box"), d.Value("https://pictures.example/"+strings.Repeat("x", 300)))
	}
	written := file(t, d)
	elements, err := pdftest.Read(written)
	if err != nil {
		t.Fatal(err)
	}
	if first := elements[0]; first.Text != long || len(first.Pages) < 2 || first.Pages[0] != 0 || first.Pages[1] != 1 {
		t.Errorf("on pages %v: %d of %d bytes", first.Pages, len(first.Text), len(long))
	}
	contents, err := pdftest.Contents(written)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`/(F\d) ([\d.]+) Tf [\d.]+ g ([\d.]+) ([\d.]+) Td <([0-9A-F]*)> Tj`)
	for index, content := range contents {
		if opens, closes := bytes.Count(content, []byte("BDC")), bytes.Count(content, []byte("EMC")); opens != closes {
			t.Errorf("page %d opens %d pieces and closes %d", index, opens, closes)
		}
		if !bytes.Contains(content, []byte("/Artifact << /Type /Pagination /Subtype /Footer >> BDC")) {
			t.Errorf("page %d has no foot", index)
		}
		for _, found := range line.FindAllSubmatch(content, -1) {
			size, _ := strconv.ParseFloat(string(found[2]), 64)
			x, _ := strconv.ParseFloat(string(found[3]), 64)
			y, _ := strconv.ParseFloat(string(found[4]), 64)
			face, width := d.regular, 0
			if string(found[1]) == "F2" {
				face = d.bold
			}
			for glyph := 0; glyph+4 <= len(found[5]); glyph += 4 {
				id, _ := strconv.ParseUint(string(found[5][glyph:glyph+4]), 16, 16)
				if r := face.glyphs[sfnt.GlyphIndex(id)]; r != ' ' || glyph+4 < len(found[5]) {
					one, err := face.width(sfnt.GlyphIndex(id))
					if err != nil {
						t.Fatal(err)
					}
					width += one
				}
			}
			if right := x + float64(width)*size/1000; right > pageWidth-margin+0.1 || y < 20 || y > pageHeight-margin+1 {
				t.Fatalf("page %d: a line ends at %.1f, %.1f", index, right, y)
			}
		}
	}
	if len(contents) < 5 {
		t.Errorf("only %d pages", len(contents))
	}
}

func TestSameInputSameBytes(t *testing.T) {
	build := func() []byte {
		d := begun(t)
		check(t, d.Heading(1, "Title"), d.Box(true, "box"), d.Paragraph(Text, "Text čžΩщ"))
		return file(t, d)
	}
	first := build()
	if !bytes.Equal(first, build()) {
		t.Error("two files differ")
	}
	for _, mark := range []string{"/Marked true", "/Lang <FEFF0065006E>", "/DisplayDocTitle true", "<pdfuaid:part>1</pdfuaid:part>", "2026-11-23T12:00:00Z", "/Tabs /S"} {
		if !bytes.Contains(first, []byte(mark)) {
			t.Errorf("the file has no %s", mark)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, begin := range map[string]func() error{
		"no title":    func() error { _, err := New(Meta{Language: "en"}, fonts); return err },
		"no language": func() error { _, err := New(Meta{Title: "t"}, fonts); return err },
		"no font": func() error {
			_, err := New(Meta{Title: "t", Language: "en"}, Fonts{Regular: goregular.TTF})
			return err
		},
		"a fourth level": func() error { return begun(t).Heading(4, "x") },
		"a bad foot": func() error {
			d, err := New(Meta{Title: "t", Language: "en", Footer: "漢"}, fonts)
			check(t, err)
			_, err = d.WriteTo(&bytes.Buffer{})
			return err
		},
	} {
		if begin() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestTextReadsBack: whatever can be printed reads back as it was, in normal form C.
func TestTextReadsBack(t *testing.T) {
	racetest.Skip(t, "one goroutine")
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("abc 17/čΩщ—’e\u0301.:-…")), 1, 400, -1).Draw(t, "text")
		d, err := New(Meta{Title: "t", Language: "en"}, fonts)
		if err != nil {
			t.Fatal(err)
		}
		var missing *MissingGlyph
		if err := d.Value(text); errors.As(err, &missing) && missing.Rune == '\u0301' {
			return // an accent that no letter takes
		} else if err != nil {
			t.Fatal(err)
		}
		var written bytes.Buffer
		if _, err := d.WriteTo(&written); err != nil {
			t.Fatal(err)
		}
		elements, err := pdftest.Read(written.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if want := norm.NFC.String(text); elements[0].Text != want {
			t.Fatalf("%q reads back as %q", want, elements[0].Text)
		}
	})
}
