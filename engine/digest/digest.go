// Package digest computes MD5, SHA-1 and SHA-256 of a stream in one pass.
//
// MD5 (RFC 1321) and SHA-1 (FIPS 180-4) are here because hash lists of the
// field are made of them; neither resists somebody who makes collisions on
// purpose, so an item is always addressed by its SHA-256 (FIPS 180-4).
//
// Where processors have instructions for SHA-1 and SHA-256, these are computed while MD5, which has none, waits for its own
// results; the build tag purego leaves that out.
package digest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// Sum holds the digests and the size of a stream.
type Sum struct {
	// Size is the number of bytes.
	Size   int64
	MD5    [md5.Size]byte
	SHA1   [sha1.Size]byte
	SHA256 [sha256.Size]byte
}

// MD5Hex, SHA1Hex and SHA256Hex are the digests in lower-case hexadecimal.
func (s Sum) MD5Hex() string { return hex.EncodeToString(s.MD5[:]) }

// SHA1Hex is the SHA-1 in lower-case hexadecimal.
func (s Sum) SHA1Hex() string { return hex.EncodeToString(s.SHA1[:]) }

// SHA256Hex is the SHA-256 in lower-case hexadecimal.
func (s Sum) SHA256Hex() string { return hex.EncodeToString(s.SHA256[:]) }

// empty is the sum of no bytes. Its digests stand in many lists by mistake, and
// would match every empty file.
var empty = New().Sum()

// Empty is the sum of no bytes.
func Empty() Sum { return empty }

// IsEmpty reports whether the sum is that of no bytes.
func (s Sum) IsEmpty() bool { return s == empty }

// Hasher takes a stream as an io.Writer.
type Hasher struct {
	md5, sha1, sha256 hash.Hash
	size              int64
}

// New starts a stream.
func New() *Hasher { return &Hasher{md5: md5.New(), sha1: sha1.New(), sha256: sha256.New()} }

// Write takes the next bytes; it never fails.
func (h *Hasher) Write(p []byte) (int, error) {
	h.md5.Write(p)
	h.sha1.Write(p)
	h.sha256.Write(p)
	h.size += int64(len(p))
	return len(p), nil
}

// Sum returns the digests of what was written so far.
func (h *Hasher) Sum() Sum {
	s := Sum{Size: h.size}
	h.md5.Sum(s.MD5[:0])
	h.sha1.Sum(s.SHA1[:0])
	h.sha256.Sum(s.SHA256[:0])
	return s
}

// Bytes returns the sum of data that are in memory already.
func Bytes(data []byte) Sum {
	if accelerated {
		return sumBlocks(data)
	}
	return sumParallel(data)
}

// sumParallel is Bytes by the standard library.
func sumParallel(data []byte) Sum {
	s := Sum{Size: int64(len(data))}
	if len(data) < parallelFrom {
		s.MD5, s.SHA1, s.SHA256 = md5.Sum(data), sha1.Sum(data), sha256.Sum256(data)
		return s
	}
	md5Done := make(chan struct{})
	go func() { s.MD5 = md5.Sum(data); close(md5Done) }()
	s.SHA1, s.SHA256 = sha1.Sum(data), sha256.Sum256(data)
	<-md5Done
	return s
}

// parallelFrom is the size of a block from which MD5, the slowest of the three,
// is worth a goroutine of its own.
const parallelFrom = 256 << 10

// Reader reads a stream to its end, which only [io.EOF] marks. It returns any
// other error of r, wrapped, and no sum: that of a stream cut short would pass
// for the sum of a shorter file.
func Reader(r io.Reader) (Sum, error) {
	if accelerated {
		return readBlocks(r)
	}
	return readParallel(r)
}

// readParallel is Reader by the standard library.
func readParallel(r io.Reader) (Sum, error) {
	h := New()
	buffers := [2][]byte{make([]byte, parallelFrom), make([]byte, parallelFrom)}
	md5Done := make(chan struct{}, 1)
	md5Done <- struct{}{}
	for turn := 0; ; turn++ {
		block, err := fill(buffers[turn%2], r)
		<-md5Done // so the other buffer is free and MD5 has seen all before
		if err != nil && err != io.EOF {
			return Sum{}, fmt.Errorf("reading to compute digests: %w", err)
		}
		if len(block) == parallelFrom {
			go func() { h.md5.Write(block); md5Done <- struct{}{} }()
		} else {
			h.md5.Write(block)
			md5Done <- struct{}{}
		}
		h.sha1.Write(block)
		h.sha256.Write(block)
		h.size += int64(len(block))
		if err == io.EOF {
			<-md5Done
			return h.Sum(), nil
		}
	}
}

// maximumEmptyReads is how often in a row r may return nothing and no error.
const maximumEmptyReads = 100

// fill reads until the buffer is full or r fails. [io.ReadFull] would not do:
// with it, a stream that ends where it should and one whose source reports
// [io.ErrUnexpectedEOF], as a broken upload does, look the same.
func fill(buffer []byte, r io.Reader) ([]byte, error) {
	filled, emptyReads := 0, 0
	for filled < len(buffer) {
		n, err := r.Read(buffer[filled:])
		filled += n
		switch {
		case err != nil:
			return buffer[:filled], err
		case n > 0:
			emptyReads = 0
		default:
			if emptyReads++; emptyReads == maximumEmptyReads {
				return buffer[:filled], io.ErrNoProgress
			}
		}
	}
	return buffer, nil
}
