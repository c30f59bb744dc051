package digest

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
)

// TestAllWaysGiveTheSameDigests at every length around those at which something begins anew, wherever the data lie.
func TestAllWaysGiveTheSameDigests(t *testing.T) {
	random := rand.NewChaCha8([32]byte{7})
	data := make([]byte, 3*parallelFrom+100)
	_, _ = random.Read(data) // never fails
	lengths := []int{1000, 9*blockSize + 1, parallelFrom + blockSize/2, 2*parallelFrom + 5, 3*parallelFrom - blockSize + 7}
	for _, around := range []int{0, blockSize, 2 * blockSize, atOnce, parallelFrom, 2 * parallelFrom} {
		for length := max(around-9, 0); length <= around+9; length++ {
			lengths = append(lengths, length)
		}
	}
	for i, length := range lengths {
		some := data[i%17:][:length]
		want := Sum{Size: int64(length), MD5: md5.Sum(some), SHA1: sha1.Sum(some), SHA256: sha256.Sum256(some)}
		readers := []func(io.Reader) (Sum, error){readParallel}
		sums := []func([]byte) Sum{sumParallel}
		if accelerated {
			readers, sums = append(readers, readBlocks), append(sums, sumBlocks)
		}
		for way, read := range readers {
			for _, source := range []io.Reader{bytes.NewReader(some), iotest.HalfReader(bytes.NewReader(some)), iotest.DataErrReader(bytes.NewReader(some))} {
				if got, err := read(source); got != want || err != nil {
					t.Errorf("%d bytes, reader %d: %+v (%v), want %+v", length, way, got, err, want)
				}
			}
		}
		for way, sum := range sums {
			if got := sum(some); got != want {
				t.Errorf("%d bytes, sum %d: %+v, want %+v", length, way, got, want)
			}
		}
	}
	if !accelerated {
		t.Log("this build or processor has no instructions for SHA-1 and SHA-256")
	}
}
