package digest_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/engine/digest"
)

func TestKnownAnswers(t *testing.T) {
	// RFC 1321 appendix A.5; FIPS 180 example messages.
	for _, c := range []struct{ text, md5, sha1, sha256 string }{
		{"", "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "900150983cd24fb0d6963f7d28e17f72", "a9993e364706816aba3e25717850c26c9cd0d89d", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	} {
		sum, err := digest.Reader(strings.NewReader(c.text))
		if err != nil || sum.MD5Hex() != c.md5 || sum.SHA1Hex() != c.sha1 || sum.SHA256Hex() != c.sha256 || sum.Size != int64(len(c.text)) {
			t.Errorf("%q: %+v, %v", c.text, sum, err)
		}
		if sum.IsEmpty() != (c.text == "") {
			t.Errorf("%q: IsEmpty is %v", c.text, sum.IsEmpty())
		}
	}
}

func TestOnePassEqualsThree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.IntRange(0, 3000), rapid.SampledFrom([]int{256<<10 - 1, 256 << 10, 256<<10 + 1, 512 << 10, 700_001})).Draw(t, "size")
		data := make([]byte, size)
		random := rand.New(rand.NewPCG(uint64(size), 1))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		var source io.Reader = bytes.NewReader(data)
		if rapid.Bool().Draw(t, "halves") {
			source = iotest.HalfReader(source)
		}
		got, err := digest.Reader(source)
		want := digest.Sum{Size: int64(size), MD5: md5.Sum(data), SHA1: sha1.Sum(data), SHA256: sha256.Sum256(data)}
		if err != nil || got != want {
			t.Fatalf("%d bytes: %+v, %v", size, got, err)
		}
		if digest.Bytes(data) != want {
			t.Fatal("the sum of what is in memory differs")
		}
		hasher := digest.New()
		for rest := data; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			if _, err := hasher.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if hasher.Sum() != want {
			t.Fatal("the hasher differs")
		}
	})
}

func TestReadErrorIsReturned(t *testing.T) {
	boom := errors.New("boom")
	_, err := digest.Reader(io.MultiReader(strings.NewReader(strings.Repeat("x", 600_000)), iotest.ErrReader(boom)))
	if !errors.Is(err, boom) {
		t.Fatalf("got %v", err)
	}
}

// A source that breaks off must not pass for a shorter file, or for an empty
// one, whatever the length at which it breaks off.
func TestStreamCutShortIsAnError(t *testing.T) {
	for _, size := range []int{0, 1, 1000, 256<<10 - 1, 256 << 10, 256<<10 + 1, 600_000} {
		cut := io.MultiReader(strings.NewReader(strings.Repeat("x", size)), iotest.ErrReader(io.ErrUnexpectedEOF))
		if sum, err := digest.Reader(cut); !errors.Is(err, io.ErrUnexpectedEOF) || sum != (digest.Sum{}) {
			t.Errorf("cut after %d bytes: size %d, error %v", size, sum.Size, err)
		}
	}
}

func TestLastBytesTogetherWithTheEnd(t *testing.T) {
	for _, size := range []int{0, 1, 256 << 10, 600_000} {
		data := bytes.Repeat([]byte{7}, size)
		sum, err := digest.Reader(iotest.DataErrReader(bytes.NewReader(data)))
		if err != nil || sum.Size != int64(size) || sum.SHA256 != sha256.Sum256(data) {
			t.Errorf("%d bytes: size %d, error %v", size, sum.Size, err)
		}
	}
}

type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

func TestReaderThatGivesNothing(t *testing.T) {
	if _, err := digest.Reader(silent{}); !errors.Is(err, io.ErrNoProgress) {
		t.Fatalf("got %v", err)
	}
}

func BenchmarkReader(b *testing.B) {
	data := make([]byte, 64<<20)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := digest.Reader(bytes.NewReader(data)); err != nil {
			b.Fatal(err)
		}
	}
}
