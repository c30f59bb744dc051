package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
)

// parseJSON reads one page of JSON.
//
// Errors: Unavailable.
func parseJSON(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(into)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		}
	}
	return odd("its JSON is broken")
}

// odd is the error of a page that cannot be read.
func odd(why string) error {
	return problem.New(problem.Unavailable, "a page of the exchange cannot be read: "+why, "tell those who run the exchange; nothing of the page was taken in")
}

// circle is the error of pages that never end.
func circle() error {
	return problem.New(problem.Unavailable, "the pages of the exchange lead in a circle", "tell those who run the exchange; nothing more is read until it ends")
}

// single is a record of one hash. What is of a kind that is not read is refused, so
// that it is counted.
func single(key string, kind hashlist.Kind, known bool, text, category, note string) Change {
	c := Change{Key: key}
	e := hashlist.Entry{Size: -1, PDQQuality: -1, SourceID: shorten(key), Category: shorten(category), Note: shorten(note)}
	if known {
		c.digest(&e, kind, strings.TrimSpace(text))
	}
	c.settle(e)
	return c
}
