// Package item holds what is reviewed: an item (content that exists once,
// addressed by its SHA-256), its sightings (every place and time it turned up),
// the facts that people record about it, and the state machine of its
// assessment, with the order of the queue and the exposure of reviewers.
//
// An item is assessed once, by as few people as the rules allow; a later
// sighting of a decided item inherits the decision and is shown to nobody. A
// decision is always a person's, after seeing at least what the review profile
// asks for. Everything here is a value: Apply returns the next one and what has
// to happen, so that a log of events can be replayed.
package item

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"mime"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
)

// ID is the content address: the SHA-256 of the bytes in 64 small hex digits.
type ID string

// Address returns the id of content.
func Address(content []byte) ID {
	sum := sha256.Sum256(content)
	return ID(hex.EncodeToString(sum[:]))
}

// Item is one content, however often it turned up.
type Item struct {
	ID   ID     `json:"id"`
	MIME string `json:"mime"`
	// Size in bytes; Width and Height in pixels, 0 where there are none.
	Size   int64 `json:"size"`
	Width  int   `json:"width,omitempty"`
	Height int   `json:"height,omitempty"`
	// Hashes by the name of the method ("sha1", "md5", "pdq"), as text.
	Hashes  map[string]string `json:"hashes,omitempty"`
	Place   Place             `json:"place"`
	State   State             `json:"state"`
	Created time.Time         `json:"created"`
}

const (
	maxHashes   = 32
	maxHashText = 1 << 10
)

// Validate checks every value and returns all problems found.
func (i Item) Validate() []*problem.Error {
	var found []*problem.Error
	add := func(field, reason, remedy string) {
		found = append(found, problem.InvalidField(field, reason, remedy))
	}
	if !report.IsContentAddress(string(i.ID)) {
		add("id", "is not a content address", "give the SHA-256 in 64 small hex digits")
	}
	if kind, _, err := mime.ParseMediaType(i.MIME); err != nil || !strings.Contains(kind, "/") || len(i.MIME) > 200 {
		add("mime", fmt.Sprintf("%.200q is not a media type", i.MIME), "write it like image/jpeg")
	}
	if i.Size < 0 {
		add("size", "is negative", "")
	}
	if i.Width < 0 || i.Height < 0 || (i.Width == 0) != (i.Height == 0) {
		add("width", "width and height must both be known or both be 0", "")
	}
	if len(i.Hashes) > maxHashes {
		add("hashes", fmt.Sprintf("has %d entries, more than the %d allowed", len(i.Hashes), maxHashes), "")
	}
	for _, method := range slices.Sorted(maps.Keys(i.Hashes)) {
		if text := i.Hashes[method]; method == "" || text == "" || len(text) > maxHashText {
			add("hashes."+method, "has no method, no value or one that is too long", "")
		}
	}
	if i.Created.IsZero() {
		add("created", "is missing", "")
	}
	return found
}
