package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// A4 in points, and the margins within it.
const (
	pageWidth  = 595.28
	pageHeight = 841.89
	margin     = 56.0
	bottom     = 70.0
)

// Meta says what the document is.
type Meta struct {
	Title string
	// Language is a tag of BCP 47, for example en.
	Language string
	Created  time.Time
	// Footer stands at the foot of every page, before the page number.
	Footer string
}

// Fonts are two TrueType files.
type Fonts struct {
	Regular, Bold []byte
}

// Style is how a paragraph looks.
type Style int

const (
	// Text is the body.
	Text Style = iota
	// Strong is bold text of the same size.
	Strong
	// Small is for notes and sources.
	Small
)

// Document is one document that grows from top to bottom. Its methods return the
// first error and do nothing after it.
type Document struct {
	meta          Meta
	regular, bold *face
	pages         []*page
	y             float64
	elements      []*element
	err           error
}

// page is one page: its content and the element of each piece of marked content.
type page struct {
	content bytes.Buffer
	marked  []*element
}

// element is one structure element with its pieces of marked content.
type element struct {
	kind   string
	pieces []piece
	// attributes are further entries of its dictionary.
	attributes string
	children   []*element
}

type piece struct{ page, id int }

// New begins a document.
func New(meta Meta, fonts Fonts) (*Document, error) {
	if meta.Title == "" || meta.Language == "" {
		return nil, errors.New("a document needs its title and its language")
	}
	d := &Document{meta: meta}
	var err error
	if d.regular, err = newFace(fonts.Regular); err != nil {
		return nil, err
	}
	if d.bold, err = newFace(fonts.Bold); err != nil {
		return nil, err
	}
	d.turn()
	return d, nil
}

func (d *Document) turn() {
	d.pages = append(d.pages, &page{})
	d.y = pageHeight - margin
}

func (d *Document) page() *page { return d.pages[len(d.pages)-1] }

// look is the font and the measures of a piece of text, in points.
type look struct {
	face           *face
	name           string
	size, line     float64
	before, indent float64
	grey           float64
}

func (d *Document) look(style Style) look {
	switch style {
	case Strong:
		return look{d.bold, "F2", 9.5, 13, 6, 0, 0}
	case Small:
		return look{d.regular, "F1", 7.5, 10, 1, 0, 0.35}
	default:
		return look{d.regular, "F1", 10, 14, 2, 0, 0}
	}
}

// Heading adds a heading of level 1, 2 or 3.
func (d *Document) Heading(level int, text string) error {
	if level < 1 || level > 3 {
		return d.fail(fmt.Errorf("there is no heading of level %d", level))
	}
	size := []float64{17, 12.5, 11}[level-1]
	shape := look{d.bold, "F2", size, size * 1.3, size, 0, 0}
	if level > 1 {
		// A heading does not stand alone at the foot of a page.
		d.room(shape.before + 4*shape.line)
	}
	return d.block(&element{kind: fmt.Sprintf("H%d", level)}, shape, text)
}

// Paragraph adds a paragraph; lines of the text stay lines.
func (d *Document) Paragraph(style Style, text string) error {
	if style == Strong {
		// A label does not stand alone at the foot of a page.
		d.room(4 * d.look(style).line)
	}
	return d.block(&element{kind: "P"}, d.look(style), text)
}

// Value adds a paragraph that is set in, as what is filled into a form.
func (d *Document) Value(text string) error {
	shape := d.look(Text)
	shape.indent = 14
	return d.block(&element{kind: "P"}, shape, text)
}

// Box adds a tick box with its label. A reader gets its state as the characters
// for a box with and without a cross, and as a printed field of a form.
func (d *Document) Box(ticked bool, label string) error {
	if d.err != nil {
		return d.err
	}
	shape := d.look(Text)
	shape.indent = 28
	d.room(shape.before + shape.line)
	mark, state := "\u2610", "off"
	if ticked {
		mark, state = "\u2612", "on"
	}
	box := &element{kind: "Form", attributes: fmt.Sprintf(" /ActualText %s /A << /O /PrintField /Role /cb /checked /%s >>", textString(mark), state)}
	whole := &element{kind: "P", children: []*element{box}}
	const size = 8.0
	x, y := margin+14, d.y-shape.before-shape.line+3
	content := &d.page().content
	d.open(box)
	fmt.Fprintf(content, "q 0.8 w %.2f %.2f %.2f %.2f re S", x, y, size, size)
	if ticked {
		fmt.Fprintf(content, " 1.2 w %.2f %.2f m %.2f %.2f l S %.2f %.2f m %.2f %.2f l S", x+1.5, y+1.5, x+size-1.5, y+size-1.5, x+1.5, y+size-1.5, x+size-1.5, y+1.5)
	}
	content.WriteString(" Q\nEMC\n")
	return d.block(whole, shape, label)
}

// Rule adds a thin line, which means nothing.
func (d *Document) Rule() error {
	if d.err != nil {
		return d.err
	}
	d.room(10)
	d.y -= 8
	fmt.Fprintf(&d.page().content, "/Artifact BMC\nq 0.5 w 0.6 G %.2f %.2f m %.2f %.2f l S Q\nEMC\n", margin, d.y, pageWidth-margin, d.y)
	return nil
}

func (d *Document) fail(err error) error {
	if d.err == nil {
		d.err = err
	}
	return d.err
}

// room begins a new page when less than that height is left.
func (d *Document) room(height float64) {
	if d.y-height < bottom && d.y < pageHeight-margin {
		d.turn()
	}
}

// open begins a piece of marked content that belongs to an element.
func (d *Document) open(e *element) {
	p := d.page()
	id := len(p.marked)
	p.marked = append(p.marked, e)
	e.pieces = append(e.pieces, piece{len(d.pages) - 1, id})
	fmt.Fprintf(&p.content, "/%s << /MCID %d >> BDC\n", e.kind, id)
}

// block sets a text as one element, over as many pages as it needs.
func (d *Document) block(e *element, shape look, text string) error {
	if d.err != nil {
		return d.err
	}
	var lines []string
	for paragraph := range strings.SplitSeq(norm.NFC.String(text), "\n") {
		broken, err := shape.wrap(paragraph, pageWidth-2*margin-shape.indent)
		var missing *MissingGlyph
		if errors.As(err, &missing) {
			missing.Text = text
		}
		if err != nil {
			return d.fail(err)
		}
		lines = append(lines, broken...)
	}
	d.room(shape.before + shape.line)
	if d.y < pageHeight-margin {
		d.y -= shape.before
	}
	open := 0
	for _, line := range lines {
		d.room(shape.line)
		if open != len(d.pages) {
			if open != 0 {
				d.pages[open-1].content.WriteString("EMC\n")
			}
			d.open(e)
			open = len(d.pages)
		}
		d.y -= shape.line
		hex, err := shape.face.encode(line)
		if err != nil {
			return d.fail(err)
		}
		fmt.Fprintf(&d.page().content, "BT /%s %.1f Tf %.2f g %.2f %.2f Td <%s> Tj ET\n", shape.name, shape.size, shape.grey, margin+shape.indent, d.y+0.28*shape.line, hex)
	}
	if open != 0 {
		d.page().content.WriteString("EMC\n")
	}
	d.elements = append(d.elements, e)
	return nil
}

// wrap breaks a paragraph into lines: at spaces, and inside what is longer than
// a line, such as an address. A space at which a line breaks stays at its end,
// so that the text reads back as it was.
func (l look) wrap(paragraph string, width float64) ([]string, error) {
	limit := int(width / l.size * 1000)
	var lines []string
	line, used := "", 0
	flush := func() {
		lines = append(lines, line)
		line, used = "", 0
	}
	for _, word := range strings.SplitAfter(paragraph, " ") {
		size, err := l.face.measure(word)
		if err != nil {
			return nil, err
		}
		bare, err := l.face.measure(strings.TrimRight(word, " "))
		if err != nil {
			return nil, err
		}
		if line != "" && used+bare > limit {
			flush()
		}
		if bare <= limit {
			line, used = line+word, used+size
			continue
		}
		for _, r := range word {
			_, one, err := l.face.glyph(r)
			if err != nil {
				return nil, err
			}
			if line != "" && used+one > limit {
				flush()
			}
			line, used = line+string(r), used+one
		}
	}
	flush()
	return lines, nil
}
