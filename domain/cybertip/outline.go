package cybertip

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Line is one value of a document, for people to read.
type Line struct {
	// Path are the elements that lead to it, from the outside in, without the document's.
	Path []string
	Text string
}

// Outline are the values of the <report> in their order.
func (t Tip) Outline() ([]Line, error) { return outline(t.Report) }

// Outline are the values of the <fileDetails> in their order, without the two names that the
// service gives.
func (f File) Outline() ([]Line, error) {
	return outline("<fileDetails>" + f.Details + "</fileDetails>")
}

func outline(text string) ([]Line, error) {
	decoder := xml.NewDecoder(strings.NewReader(text))
	var lines []Line
	var path []string
	leaf := false
	var value strings.Builder
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading a document of the CyberTipline: %w", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			name := token.Name.Local
			for _, attribute := range token.Attr {
				name += " (" + attribute.Value + ")"
			}
			path, leaf = append(path, name), true
			value.Reset()
		case xml.CharData:
			value.Write(token)
		case xml.EndElement:
			if leaf && len(path) > 1 {
				lines = append(lines, Line{append([]string(nil), path[1:]...), value.String()})
			}
			path, leaf = path[:len(path)-1], false
		}
	}
}
