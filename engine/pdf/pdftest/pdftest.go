// Package pdftest reads back what package pdf writes, for tests: the elements of
// the structure tree in reading order with their text. It reads such files only.
package pdftest

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Element is one structure element with its text, its state if it is a box, and
// the pages on which it stands, from 0.
type Element struct {
	Kind  string
	Text  string
	Pages []int
	// Actual is the replacement text of a box.
	Actual   string
	Children []Element
}

var (
	object    = regexp.MustCompile(`^(\d+) 0 obj\n`)
	reference = regexp.MustCompile(`(\d+) 0 R`)
	kind      = regexp.MustCompile(`/S /(\w+)`)
	kids      = regexp.MustCompile(`/K \[(.*?)\](?: /ActualText <FEFF([0-9A-F]+)>| >>)`)
	kid       = regexp.MustCompile(`<< /Type /MCR /Pg (\d+) 0 R /MCID (\d+) >>|(\d+) 0 R`)
	mark      = regexp.MustCompile(`(?s)/(\w+) << /MCID (\d+) >> BDC\n(.*?)EMC\n`)
	shown     = regexp.MustCompile(`/(F\d) [\d.]+ Tf [\d.]+ g ([\d.]+) ([\d.]+) Td <([0-9A-F]*)> Tj`)
	mapped    = regexp.MustCompile(`<([0-9A-F]{4})> <([0-9A-F]+)>`)
)

type reader struct {
	objects map[int][]byte
	pages   []int
	fonts   map[string]map[string]string
	err     error
}

// Read checks the table of objects and reads the elements below the document.
func Read(file []byte) ([]Element, error) {
	r := &reader{objects: map[int][]byte{}, fonts: map[string]map[string]string{}}
	if err := r.table(file); err != nil {
		return nil, err
	}
	catalog := r.named("/Type /Catalog")
	if catalog == nil || !bytes.Contains(catalog, []byte("/MarkInfo << /Marked true >>")) {
		return nil, fmt.Errorf("the catalog is missing or not marked")
	}
	for _, found := range reference.FindAllSubmatch(after(r.named("/Type /Pages"), "/Kids"), -1) {
		r.pages = append(r.pages, number(found[1]))
	}
	if len(r.pages) == 0 {
		return nil, fmt.Errorf("there are no pages")
	}
	page := r.objects[r.pages[0]]
	for _, name := range []string{"F1", "F2"} {
		font := r.refers(page, "/"+name)
		text, err := r.stream(r.refers(r.objects[font], "/ToUnicode"))
		if err != nil {
			return nil, err
		}
		r.fonts[name] = map[string]string{}
		for _, pair := range mapped.FindAllSubmatch(text, -1) {
			r.fonts[name][string(pair[1])] = units(pair[2])
		}
	}
	root := r.refers(catalog, "/StructTreeRoot")
	document := r.element(r.refers(r.objects[root], "/K ["))
	if r.err != nil {
		return nil, r.err
	}
	if document.Kind != "Document" {
		return nil, fmt.Errorf("the tree begins with %s", document.Kind)
	}
	return document.Children, nil
}

func (r *reader) table(file []byte) error {
	_, tail, found := bytes.Cut(file, []byte("startxref\n"))
	if !found {
		return fmt.Errorf("there is no startxref")
	}
	start, err := strconv.Atoi(strings.Fields(string(tail))[0])
	if err != nil || start > len(file) || !bytes.HasPrefix(file[start:], []byte("xref\n0 ")) {
		return fmt.Errorf("startxref leads nowhere")
	}
	lines := strings.Split(string(file[start:]), "\n")
	count, err := strconv.Atoi(strings.TrimPrefix(lines[1], "0 "))
	if err != nil {
		return fmt.Errorf("the table has no length: %w", err)
	}
	for index := 1; index < count; index++ {
		line := lines[2+index]
		place, err := strconv.Atoi(line[:10])
		if err != nil || len(line) != 19 || place >= len(file) {
			return fmt.Errorf("entry %d of the table is %q", index, line)
		}
		head := object.FindSubmatch(file[place:])
		if head == nil || number(head[1]) != index {
			return fmt.Errorf("entry %d of the table leads to no object of that number", index)
		}
		body := file[place+len(head[0]):]
		r.objects[index] = body[:bytes.Index(body, []byte("\nendobj\n"))]
		if stream := bytes.Index(body, []byte("\nstream\n")); stream >= 0 && stream < len(r.objects[index]) {
			// The data may hold anything: its length says where it ends.
			length := number(regexp.MustCompile(`/Length (\d+)`).FindSubmatch(body)[1])
			r.objects[index] = body[:stream+len("\nstream\n")+length]
		}
	}
	return nil
}

func (r *reader) named(name string) []byte {
	for _, body := range r.objects {
		if bytes.HasPrefix(body, []byte("<< "+name+" ")) {
			return body
		}
	}
	return nil
}

func (r *reader) refers(body []byte, key string) int {
	found := reference.FindSubmatch(after(body, key))
	if found == nil {
		r.err = fmt.Errorf("%s is missing in %.80q", key, body)
		return 0
	}
	return number(found[1])
}

func (r *reader) stream(index int) ([]byte, error) {
	_, data, found := bytes.Cut(r.objects[index], []byte("\nstream\n"))
	if !found {
		return nil, fmt.Errorf("object %d is no stream", index)
	}
	unpacked, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("stream %d: %w", index, err)
	}
	return io.ReadAll(unpacked)
}

func (r *reader) element(index int) Element {
	body := r.objects[index]
	name, all := kind.FindSubmatch(body), kids.FindSubmatch(body)
	if name == nil || all == nil {
		r.err = fmt.Errorf("object %d is no element: %.80q", index, body)
		return Element{}
	}
	e := Element{Kind: string(name[1]), Actual: units(all[2])}
	for _, found := range kid.FindAllSubmatch(all[1], -1) {
		if found[3] != nil {
			e.Children = append(e.Children, r.element(number(found[3])))
			continue
		}
		page, text := r.piece(number(found[1]), number(found[2]), e.Kind)
		e.Text += text
		e.Pages = append(e.Pages, page)
	}
	return e
}

// piece reads one piece of marked content.
func (r *reader) piece(page, id int, kind string) (int, string) {
	content, err := r.stream(r.refers(r.objects[page], "/Contents"))
	if err != nil {
		r.err = err
		return 0, ""
	}
	for place, index := range r.pages {
		if index != page {
			continue
		}
		for _, found := range mark.FindAllSubmatch(content, -1) {
			if number(found[2]) != id {
				continue
			}
			if string(found[1]) != kind {
				r.err = fmt.Errorf("piece %d of page %d is %s, its element %s", id, place, found[1], kind)
			}
			text := ""
			for _, line := range shown.FindAllSubmatch(found[3], -1) {
				for glyph := 0; glyph+4 <= len(line[4]); glyph += 4 {
					text += r.fonts[string(line[1])][string(line[4][glyph:glyph+4])]
				}
			}
			return place, text
		}
	}
	r.err = fmt.Errorf("piece %d of page object %d is missing", id, page)
	return 0, ""
}

// Contents returns the unpacked content of every page, in order.
func Contents(file []byte) ([][]byte, error) {
	r := &reader{objects: map[int][]byte{}}
	if err := r.table(file); err != nil {
		return nil, err
	}
	var all [][]byte
	for _, found := range reference.FindAllSubmatch(after(r.named("/Type /Pages"), "/Kids"), -1) {
		content, err := r.stream(r.refers(r.objects[number(found[1])], "/Contents"))
		if err != nil {
			return nil, err
		}
		all = append(all, content)
	}
	return all, r.err
}

func after(body []byte, key string) []byte {
	_, rest, _ := bytes.Cut(body, []byte(key))
	return rest
}

func number(digits []byte) int {
	n, _ := strconv.Atoi(string(digits))
	return n
}

func units(digits []byte) string {
	raw, _ := hex.DecodeString(string(digits))
	var all []uint16
	for index := 0; index+1 < len(raw); index += 2 {
		all = append(all, uint16(raw[index])<<8|uint16(raw[index+1]))
	}
	return string(utf16.Decode(all))
}
