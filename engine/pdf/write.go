package pdf

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"
)

// objects is the body of a file under way: numbered objects and their places.
type objects struct {
	body   bytes.Buffer
	places []int
}

// reserve gives the next number to an object that is written later.
func (o *objects) reserve() int {
	o.places = append(o.places, 0)
	return len(o.places)
}

func (o *objects) write(number int, content string) {
	o.places[number-1] = o.body.Len()
	fmt.Fprintf(&o.body, "%d 0 obj\n%s\nendobj\n", number, content)
}

func (o *objects) add(content string) int {
	number := o.reserve()
	o.write(number, content)
	return number
}

// stream adds compressed data; entries are those of its dictionary besides.
func (o *objects) stream(entries string, data []byte) (int, error) {
	var packed bytes.Buffer
	writer := zlib.NewWriter(&packed)
	if _, err := writer.Write(data); err != nil {
		return 0, fmt.Errorf("compressing: %w", err)
	}
	if err := writer.Close(); err != nil {
		return 0, fmt.Errorf("compressing: %w", err)
	}
	return o.add(fmt.Sprintf("<< /Length %d /Filter /FlateDecode%s >>\nstream\n%s\nendstream", packed.Len(), entries, packed.Bytes())), nil
}

// WriteTo writes the file. It can be called once, after everything was added.
func (d *Document) WriteTo(w io.Writer) (int64, error) {
	if d.err != nil {
		return 0, d.err
	}
	if err := d.foot(); err != nil {
		return 0, err
	}
	file, err := d.file()
	if err != nil {
		return 0, err
	}
	written, err := w.Write(file)
	if err != nil {
		return int64(written), fmt.Errorf("writing the document: %w", err)
	}
	return int64(written), nil
}

// foot adds the foot of each page, an artifact for readers.
func (d *Document) foot() error {
	shape := d.look(Small)
	for index, page := range d.pages {
		number := fmt.Sprintf("%d / %d", index+1, len(d.pages))
		lines, err := shape.wrap(d.meta.Footer, pageWidth-2*margin-60)
		if err != nil {
			return d.fail(err)
		}
		fmt.Fprint(&page.content, "/Artifact << /Type /Pagination /Subtype /Footer >> BDC\n")
		width, err := shape.face.measure(number)
		if err != nil {
			return d.fail(err)
		}
		put := func(text string, x, y float64) error {
			hex, err := shape.face.encode(text)
			if err != nil {
				return d.fail(err)
			}
			fmt.Fprintf(&page.content, "BT /%s %.1f Tf %.2f g %.2f %.2f Td <%s> Tj ET\n", shape.name, shape.size, shape.grey, x, y, hex)
			return nil
		}
		for row, line := range lines {
			if err := put(line, margin, 50-float64(row)*shape.line); err != nil {
				return err
			}
		}
		if err := put(number, pageWidth-margin-float64(width)*shape.size/1000, 50); err != nil {
			return err
		}
		page.content.WriteString("EMC\n")
	}
	return nil
}

func (d *Document) file() ([]byte, error) {
	o := &objects{}
	// The version, and four bytes beyond ASCII that mark the file as binary.
	o.body.WriteString("%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")
	catalog, pages, root := o.reserve(), o.reserve(), o.reserve()
	first, err := d.regular.embed(o)
	if err != nil {
		return nil, err
	}
	second, err := d.bold.embed(o)
	if err != nil {
		return nil, err
	}
	numbers := make([]int, len(d.pages))
	for index := range d.pages {
		numbers[index] = o.reserve()
	}
	for index, page := range d.pages {
		content, err := o.stream("", page.content.Bytes())
		if err != nil {
			return nil, err
		}
		o.write(numbers[index], fmt.Sprintf("<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %.2f %.2f] /Contents %d 0 R /Tabs /S /StructParents %d"+
			" /Resources << /Font << /F1 %d 0 R /F2 %d 0 R >> >> >>", pages, pageWidth, pageHeight, content, index, first, second))
	}
	o.write(pages, fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(numbers), references(numbers)))
	d.structure(o, root, numbers)
	metadata, err := d.metadata()
	if err != nil {
		return nil, err
	}
	// Metadata stay readable to tools that know nothing of PDF.
	description := o.add(fmt.Sprintf("<< /Type /Metadata /Subtype /XML /Length %d >>\nstream\n%s\nendstream", len(metadata), metadata))
	o.write(catalog, fmt.Sprintf("<< /Type /Catalog /Pages %d 0 R /Lang %s /MarkInfo << /Marked true >> /StructTreeRoot %d 0 R"+
		" /ViewerPreferences << /DisplayDocTitle true >> /Metadata %d 0 R >>", pages, textString(d.meta.Language), root, description))
	info := fmt.Sprintf("<< /Title %s /Producer (Brdo)", textString(d.meta.Title))
	if !d.meta.Created.IsZero() {
		info += " /CreationDate " + textString(d.meta.Created.UTC().Format("D:20060102150405Z"))
	}
	about := o.add(info + " >>")

	start := o.body.Len()
	sum := sha256.Sum256(o.body.Bytes())
	fmt.Fprintf(&o.body, "xref\n0 %d\n0000000000 65535 f \n", len(o.places)+1)
	for _, place := range o.places {
		fmt.Fprintf(&o.body, "%010d 00000 n \n", place)
	}
	fmt.Fprintf(&o.body, "trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /ID [<%X> <%X>] >>\nstartxref\n%d\n%%%%EOF\n",
		len(o.places)+1, catalog, about, sum[:16], sum[:16], start)
	return o.body.Bytes(), nil
}

// embed writes a font as a composite font with its whole file (ISO 32000-1
// section 9.7).
func (f *face) embed(o *objects) (int, error) {
	file, err := o.stream(fmt.Sprintf(" /Length1 %d", len(f.file)), f.file)
	if err != nil {
		return 0, err
	}
	unicode, err := o.stream("", f.toUnicode())
	if err != nil {
		return 0, err
	}
	metrics, err := f.font.Metrics(&f.buffer, f.units, 0)
	if err != nil {
		return 0, fmt.Errorf("measuring the font: %w", err)
	}
	bounds, err := f.font.Bounds(&f.buffer, f.units, 0)
	if err != nil {
		return 0, fmt.Errorf("measuring the font: %w", err)
	}
	scale := func(value int) int { return value * 1000 / int(f.units) }
	descriptor := o.add(fmt.Sprintf("<< /Type /FontDescriptor /FontName /%s /Flags 4 /FontBBox [%d %d %d %d] /ItalicAngle 0 /Ascent %d /Descent %d /CapHeight %d /StemV 80 /FontFile2 %d 0 R >>",
		f.name, scale(int(bounds.Min.X)), scale(-int(bounds.Max.Y)), scale(int(bounds.Max.X)), scale(-int(bounds.Min.Y)),
		scale(int(metrics.Ascent)), -scale(int(metrics.Descent)), scale(int(metrics.CapHeight)), file))
	var widths strings.Builder
	for _, index := range f.used() {
		width, err := f.width(index)
		if err != nil {
			return 0, err
		}
		fmt.Fprintf(&widths, "%d [%d] ", index, width)
	}
	descendant := o.add(fmt.Sprintf("<< /Type /Font /Subtype /CIDFontType2 /BaseFont /%s /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"+
		" /FontDescriptor %d 0 R /CIDToGIDMap /Identity /W [%s] >>", f.name, descriptor, widths.String()))
	return o.add(fmt.Sprintf("<< /Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>", f.name, descendant, unicode)), nil
}

// structure writes the tree of elements, and for each page which element each
// piece of marked content belongs to.
func (d *Document) structure(o *objects, root int, pages []int) {
	numbers := map[*element]int{}
	document := o.reserve()
	var write func(e *element, parent int) int
	write = func(e *element, parent int) int {
		number := o.reserve()
		numbers[e] = number
		var kids strings.Builder
		for _, child := range e.children {
			fmt.Fprintf(&kids, "%d 0 R ", write(child, number))
		}
		for _, piece := range e.pieces {
			fmt.Fprintf(&kids, "<< /Type /MCR /Pg %d 0 R /MCID %d >> ", pages[piece.page], piece.id)
		}
		o.write(number, fmt.Sprintf("<< /Type /StructElem /S /%s /P %d 0 R /K [%s]%s >>", e.kind, parent, strings.TrimSpace(kids.String()), e.attributes))
		return number
	}
	var top []int
	for _, e := range d.elements {
		top = append(top, write(e, document))
	}
	o.write(document, fmt.Sprintf("<< /Type /StructElem /S /Document /P %d 0 R /K [%s] >>", root, references(top)))
	var parents strings.Builder
	for index, page := range d.pages {
		owners := make([]int, len(page.marked))
		for id, e := range page.marked {
			owners[id] = numbers[e]
		}
		fmt.Fprintf(&parents, "%d [%s] ", index, references(owners))
	}
	tree := o.add(fmt.Sprintf("<< /Nums [%s] >>", strings.TrimSpace(parents.String())))
	o.write(root, fmt.Sprintf("<< /Type /StructTreeRoot /K [%d 0 R] /ParentTree %d 0 R /ParentTreeNextKey %d >>", document, tree, len(d.pages)))
}

// metadata is the XMP packet (ISO 16684-1), with the mark of PDF/UA-1.
func (d *Document) metadata() (string, error) {
	var title bytes.Buffer
	if err := xml.EscapeText(&title, []byte(d.meta.Title)); err != nil {
		return "", fmt.Errorf("writing the metadata: %w", err)
	}
	created := ""
	if !d.meta.Created.IsZero() {
		created = "<xmp:CreateDate>" + d.meta.Created.UTC().Format(time.RFC3339) + "</xmp:CreateDate>"
	}
	return `<?xpacket begin="` + "\uFEFF" + `" id="W5M0MpCehiHzreSzNTczkc9d"?>` +
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` +
		`<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">` +
		`<dc:title><rdf:Alt><rdf:li xml:lang="x-default">` + title.String() + `</rdf:li></rdf:Alt></dc:title>` + created +
		`<pdfuaid:part>1</pdfuaid:part></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`, nil
}

// textString writes a text as a string of the file: UTF-16 with its mark, in
// hexadecimal digits.
func textString(text string) string {
	var hex strings.Builder
	hex.WriteString("<FEFF")
	for _, unit := range utf16.Encode([]rune(text)) {
		fmt.Fprintf(&hex, "%04X", unit)
	}
	return hex.String() + ">"
}

func references(numbers []int) string {
	all := make([]string, len(numbers))
	for index, number := range numbers {
		all[index] = fmt.Sprintf("%d 0 R", number)
	}
	return strings.Join(all, " ")
}
