package digest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
)

// blockSize is how many bytes each of the three digests takes at a time.
const blockSize = 64

// states are those of the three digests between two blocks, in the order in which addBlocks has them.
type states struct {
	md5    [4]uint32
	sha1   [8]uint32 // D, C, B, A, three of nothing, E
	sha256 [8]uint32 // F, E, B, A, H, G, D, C
}

// initial are the states before the first block (RFC 1321, 3.3; FIPS 180-4, 5.3.1 and 5.3.3).
var initial = states{
	md5:    [4]uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476},
	sha1:   [8]uint32{0x10325476, 0x98badcfe, 0xefcdab89, 0x67452301, 0, 0, 0, 0xc3d2e1f0},
	sha256: [8]uint32{0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667, 0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372},
}

// atOnce is how many bytes are taken before others may have the processor.
const atOnce = 64 << 10

// add takes whole blocks.
func (s *states) add(data []byte) {
	for len(data) > 0 {
		some := min(len(data), atOnce)
		addBlocks(s, data[:some])
		data = data[some:]
	}
}

// sum ends the digests after so many bytes of whole blocks with what is left, less than a block. The standard library does
// that: it takes states in the form in which it gives them itself.
func (s *states) sum(size int64, rest []byte) Sum {
	all := Sum{Size: size + int64(len(rest))}
	end := func(h hash.Hash, into []byte, magic string, words ...uint32) {
		state := []byte(magic)
		for _, word := range words {
			state = binary.BigEndian.AppendUint32(state, word)
		}
		state = binary.BigEndian.AppendUint64(append(state, make([]byte, blockSize)...), uint64(size))
		if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
			panic("digest: " + err.Error()) // the form is not that any more; every test shows it
		}
		h.Write(rest)
		h.Sum(into[:0])
	}
	m, a, b := &s.md5, &s.sha1, &s.sha256
	end(md5.New(), all.MD5[:], "md5\x01", m[0], m[1], m[2], m[3])
	end(sha1.New(), all.SHA1[:], "sha\x01", a[3], a[2], a[1], a[0], a[7])
	end(sha256.New(), all.SHA256[:], "sha\x03", b[3], b[2], b[7], b[6], b[1], b[0], b[5], b[4])
	return all
}

// whole is how many of some bytes are in whole blocks.
func whole(count int) int { return count / blockSize * blockSize }

// sumBlocks is [Bytes] by blocks.
func sumBlocks(data []byte) Sum {
	s, n := initial, whole(len(data))
	s.add(data[:n])
	return s.sum(int64(n), data[n:])
}

// readBlocks is [Reader] by blocks.
func readBlocks(r io.Reader) (Sum, error) {
	s, size, buffer := initial, int64(0), make([]byte, parallelFrom)
	for {
		block, err := fill(buffer, r)
		if err != nil && err != io.EOF {
			return Sum{}, fmt.Errorf("reading to compute digests: %w", err)
		}
		n := whole(len(block))
		s.add(block[:n])
		if size += int64(n); err == io.EOF {
			return s.sum(size, block[n:]), nil
		}
	}
}
