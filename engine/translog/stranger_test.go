package translog_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// strangerCheck checks a bundle from FORMAT.md alone: it uses the standard
// library and nothing of this package. It shows that the document is enough.
func strangerCheck(bundle []byte, origin, key string) error {
	lines := bytes.SplitAfter(bundle, []byte("\n"))
	if len(lines) < 3 || len(lines[len(lines)-1]) != 0 {
		return errors.New("cut off")
	}
	lines = lines[:len(lines)-1]
	var head struct {
		Header struct{ Format, Kind, Origin string }
	}
	if err := json.Unmarshal(lines[0], &head); err != nil || head.Header.Format != "brdo-translog/1" || head.Header.Origin != origin {
		return fmt.Errorf("header %s: %v", lines[0], err)
	}
	var end struct {
		End struct {
			Records, Checkpoints int
			SHA256               string
		}
	}
	last := len(lines) - 1
	digest := sha256.Sum256(bytes.Join(lines[:last], nil))
	if err := json.Unmarshal(lines[last], &end); err != nil || end.End.SHA256 != hex.EncodeToString(digest[:]) {
		return fmt.Errorf("end %s: %v", lines[last], err)
	}
	var leaves [][]byte
	var root []byte
	size, records, checkpoints := int64(-1), 0, 0
	for _, line := range lines[1:last] {
		var entry struct {
			Record *struct {
				Index int64
				Data  []byte
				Proof [][]byte
			}
			Checkpoint *string
		}
		if err := json.Unmarshal(line, &entry); err != nil {
			return err
		}
		if entry.Checkpoint != nil {
			checkpoints++
			var err error
			if size, root, err = strangerCheckpoint(*entry.Checkpoint, origin, key); err != nil {
				return err
			}
			if head.Header.Kind == "whole" && (size != int64(len(leaves)) || !bytes.Equal(root, strangerRoot(leaves))) {
				return fmt.Errorf("checkpoint of %d records does not fit", size)
			}
			continue
		}
		records++
		leaf := hashOf(0, entry.Record.Data)
		if head.Header.Kind == "whole" {
			if entry.Record.Index != int64(len(leaves)) {
				return fmt.Errorf("record %d is out of place", entry.Record.Index)
			}
			leaves = append(leaves, leaf)
		} else if !strangerProof(entry.Record.Proof, entry.Record.Index, size, leaf, root) {
			return fmt.Errorf("record %d is not proven", entry.Record.Index)
		}
	}
	if records != end.End.Records || checkpoints != end.End.Checkpoints || checkpoints == 0 || (head.Header.Kind == "whole" && size != int64(records)) {
		return errors.New("the counts are wrong")
	}
	return nil
}

func hashOf(prefix byte, parts ...[]byte) []byte {
	sum := sha256.Sum256(append([]byte{prefix}, bytes.Join(parts, nil)...))
	return sum[:]
}

func strangerRoot(leaves [][]byte) []byte {
	switch len(leaves) {
	case 0:
		sum := sha256.Sum256(nil)
		return sum[:]
	case 1:
		return leaves[0]
	}
	k := 1 << (bits.Len(uint(len(leaves)-1)) - 1)
	return hashOf(1, strangerRoot(leaves[:k]), strangerRoot(leaves[k:]))
}

// strangerProof climbs from the leaf as FORMAT.md says (RFC 9162, 2.1.3.2).
func strangerProof(proof [][]byte, index, size int64, node, root []byte) bool {
	if index < 0 || index >= size {
		return false
	}
	last := size - 1
	for _, neighbour := range proof {
		if last == 0 {
			return false
		}
		if index&1 == 1 || index == last {
			node = hashOf(1, neighbour, node)
			for index&1 == 0 && index != 0 {
				index, last = index>>1, last>>1
			}
		} else {
			node = hashOf(1, node, neighbour)
		}
		index, last = index>>1, last>>1
	}
	return last == 0 && bytes.Equal(node, root)
}

func strangerCheckpoint(note, origin, key string) (int64, []byte, error) {
	at := strings.LastIndex(note, "\n\n")
	if at < 0 {
		return 0, nil, errors.New("not a note")
	}
	text := note[:at+1]
	name, rest, _ := strings.Cut(key, "+")
	id, encoded, _ := strings.Cut(rest, "+")
	public, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(public) != 33 || public[0] != 1 {
		return 0, nil, errors.New("not an Ed25519 key")
	}
	for _, line := range strings.Split(strings.TrimSuffix(note[at+2:], "\n"), "\n") {
		signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "— "+name+" "))
		if err != nil || len(signature) != 68 || hex.EncodeToString(signature[:4]) != id || !ed25519.Verify(public[1:], []byte(text), signature[4:]) {
			continue
		}
		fields := strings.Split(text, "\n")
		size, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil || fields[0] != origin {
			return 0, nil, errors.New("not a checkpoint of this log")
		}
		root, err := base64.StdEncoding.DecodeString(fields[2])
		return size, root, err
	}
	return 0, nil, errors.New("not signed by the key")
}
