package client

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"slices"
)

// MaxHashes is how many hashes a node takes at once; the client sends more in several
// requests.
const MaxHashes = 1000

// Hashes are those of one content, in hexadecimal; at least one is set.
type Hashes struct {
	MD5    string `json:"md5,omitempty"`
	SHA1   string `json:"sha1,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// PDQ is compared as it is: turned and mirrored pictures are found by
	// [Client.Detect] only.
	PDQ string `json:"pdq,omitempty"`
}

// Found is what the lists know of one content.
type Found struct {
	Matches []Match `json:"matches"`
	// More counts matches beyond those that are shown.
	More int `json:"more_matches"`
	// NotCompared says why it was not compared: the legal basis ended meanwhile.
	NotCompared string `json:"not_compared"`
}

// Lookup compares hashes with the lists and calls with the answer to each, in their
// order, a thousand at a time; the lists that were not asked come with the answers. It
// stops at the first error, and then the answers so far are good. Nothing is kept at
// the node, and nobody looks: hand a file that matched in with [Client.Detect].
//
// Errors: those of [Client.Detect]; that of each.
func (c *Client) Lookup(ctx context.Context, hashes []Hashes, each func(at int, found Found, skipped []Skipped) error) error {
	at := 0
	for batch := range slices.Chunk(hashes, MaxHashes) {
		found, skipped, err := c.lookup(ctx, batch)
		if err != nil {
			return err
		}
		for _, one := range found {
			if err := each(at, one, skipped); err != nil {
				return err
			}
			at++
		}
	}
	return nil
}

func (c *Client) lookup(ctx context.Context, hashes []Hashes) (found []Found, skipped []Skipped, err error) {
	body, err := jsonBody(map[string][]Hashes{"hashes": hashes})
	if err != nil {
		return nil, nil, err
	}
	err = c.send(ctx, request{path: "/v1/lookup", media: "application/json", body: body}, func(answer io.Reader) error {
		var head struct {
			Hashes  int       `json:"hashes"`
			Skipped []Skipped `json:"skipped_lists"`
		}
		lines := json.NewDecoder(bufio.NewReader(answer))
		found = make([]Found, 0, len(hashes))
		if err := lines.Decode(&head); err != nil || head.Hashes != len(hashes) {
			return broken(err)
		}
		skipped = head.Skipped
		for range hashes {
			var one Found
			if err := lines.Decode(&one); err != nil {
				return broken(err)
			}
			found = append(found, one)
		}
		return nil
	})
	return found, skipped, err
}
