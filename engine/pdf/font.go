package pdf

import (
	"bytes"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf16"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// MissingGlyph is the error for a character that the font cannot show.
type MissingGlyph struct {
	Rune rune
	// Text is the paragraph in which it stands.
	Text string
}

func (m *MissingGlyph) Error() string {
	return fmt.Sprintf("the font has no glyph for %q (%U)", m.Rune, m.Rune)
}

// face is one embedded TrueType font.
type face struct {
	file  []byte
	font  *sfnt.Font
	name  string
	units fixed.Int26_6
	// glyphs maps what was used to its characters, for reading the text back.
	glyphs map[sfnt.GlyphIndex]rune
	buffer sfnt.Buffer
}

func newFace(file []byte) (*face, error) {
	parsed, err := sfnt.Parse(file)
	if err != nil {
		return nil, fmt.Errorf("reading the font: %w", err)
	}
	f := &face{file: file, font: parsed, units: fixed.Int26_6(parsed.UnitsPerEm()), glyphs: map[sfnt.GlyphIndex]rune{}}
	if f.name, err = parsed.Name(&f.buffer, sfnt.NameIDPostScript); err != nil {
		return nil, fmt.Errorf("reading the name of the font: %w", err)
	}
	return f, nil
}

// glyph finds the glyph of a character and its width in thousandths of the size.
func (f *face) glyph(r rune) (sfnt.GlyphIndex, int, error) {
	// Fonts have empty or misleading glyphs for characters that only control.
	if unicode.In(r, unicode.Cc, unicode.Cf) {
		return 0, 0, &MissingGlyph{Rune: r}
	}
	index, err := f.font.GlyphIndex(&f.buffer, r)
	if err != nil {
		return 0, 0, fmt.Errorf("looking for the glyph of %U: %w", r, err)
	}
	if index == 0 {
		return 0, 0, &MissingGlyph{Rune: r}
	}
	width, err := f.width(index)
	return index, width, err
}

func (f *face) width(index sfnt.GlyphIndex) (int, error) {
	advance, err := f.font.GlyphAdvance(&f.buffer, index, f.units, font.HintingNone)
	if err != nil {
		return 0, fmt.Errorf("measuring glyph %d: %w", index, err)
	}
	return int(advance) * 1000 / int(f.units), nil
}

// measure is the width of a text in thousandths of the size.
func (f *face) measure(text string) (int, error) {
	total := 0
	for _, r := range text {
		_, width, err := f.glyph(r)
		if err != nil {
			return 0, err
		}
		total += width
	}
	return total, nil
}

// encode writes a text as the hexadecimal string of its glyphs.
func (f *face) encode(text string) (string, error) {
	var hex bytes.Buffer
	for _, r := range text {
		index, _, err := f.glyph(r)
		if err != nil {
			return "", err
		}
		if _, used := f.glyphs[index]; !used {
			f.glyphs[index] = r
		}
		fmt.Fprintf(&hex, "%04X", index)
	}
	return hex.String(), nil
}

// used lists the glyphs that were used, in order.
func (f *face) used() []sfnt.GlyphIndex {
	var all []sfnt.GlyphIndex
	for index := range f.glyphs {
		all = append(all, index)
	}
	slices.Sort(all)
	return all
}

// toUnicode is the map that turns glyphs back into text (ISO 32000-1 section
// 9.10.3).
func (f *face) toUnicode() []byte {
	var text bytes.Buffer
	text.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n" +
		"1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	for chunk := range slices.Chunk(f.used(), 100) {
		fmt.Fprintf(&text, "%d beginbfchar\n", len(chunk))
		for _, index := range chunk {
			fmt.Fprintf(&text, "<%04X> <", index)
			for _, unit := range utf16.Encode([]rune{f.glyphs[index]}) {
				fmt.Fprintf(&text, "%04X", unit)
			}
			text.WriteString(">\n")
		}
		text.WriteString("endbfchar\n")
	}
	text.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return text.Bytes()
}
