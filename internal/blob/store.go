// Package blob keeps content: bytes under a key, in files or in an S3-compatible
// store, and sealed so that destroying one small key erases one item for good.
//
// [Store] is the plain layer, with the drivers [Files] and [S3] that pass one
// conformance suite (package blobtest). [Sealed] encrypts every item with a key
// of its own and is what desks use; see package keyring for where the keys are
// and why a backup cannot bring an erased item back.
package blob

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// Store keeps blobs under keys. It is the one interface that is declared beside
// its implementations, because there are two of them and one suite for both.
//
// Every method is safe for concurrent use and returns a [problem.Invalid] for a
// key that fails [CheckKey]. Failures of the medium are [problem.Unavailable].
type Store interface {
	// Put stores what r gives under key. When it returns nil the blob is
	// durable; when it returns an error no part of it is visible under key,
	// and what was there before still is. Size is the number of bytes, or -1
	// when unknown; a reader that gives another number is a [problem.Invalid].
	// Putting the same key again replaces the blob atomically.
	Put(ctx context.Context, key string, r io.Reader, size int64) error
	// Open opens a blob for reading, or returns a [problem.NotFound]. What is
	// read belongs to one blob even when the key is replaced meanwhile.
	Open(ctx context.Context, key string) (Content, error)
	// Stat describes a blob, or returns a [problem.NotFound].
	Stat(ctx context.Context, key string) (Info, error)
	// Delete removes a blob. A blob that is not there is no error.
	Delete(ctx context.Context, key string) error
	// List calls visit for each blob whose key begins with prefix, in no
	// particular order, until visit returns an error, which it then returns.
	List(ctx context.Context, prefix string, visit func(Info) error) error
}

// Content is an open blob. Read goes through it once from the start; ReadAt may
// be called concurrently and does not affect Read.
type Content interface {
	io.Reader
	io.ReaderAt
	io.Closer
	// Size is the length of the blob in bytes.
	Size() int64
}

// Info describes a stored blob.
type Info struct {
	Key  string
	Size int64
	// Modified is when the blob was stored, by the clock of the medium.
	Modified time.Time
}

// maxKey is short enough for a file name of 255 bytes and for every S3 store.
const maxKey = 240

// CheckKey returns a problem unless key has 1 to 240 characters of a–z, 0–9,
// ".", "_", "-" and "/", and its parts between slashes are not empty and do not
// begin with a dot.
func CheckKey(key string) error {
	const remedy = "use 1 to 240 characters of a-z, 0-9, '.', '_', '-' and '/'"
	if len(key) == 0 || len(key) > maxKey {
		return problem.InvalidField("blob key", fmt.Sprintf("has %d characters", len(key)), remedy)
	}
	if err := checkCharacters(key); err != nil {
		return err
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part[0] == '.' {
			return problem.InvalidField("blob key", fmt.Sprintf("has the part %q", part), remedy)
		}
	}
	return nil
}

// checkCharacters is all that a prefix must satisfy.
func checkCharacters(text string) error {
	for _, char := range []byte(text) {
		if (char < 'a' || char > 'z') && (char < '0' || char > '9') && !strings.ContainsRune("._-/", rune(char)) {
			return problem.InvalidField("blob key", fmt.Sprintf("contains %q", char), "use a-z, 0-9, '.', '_', '-' and '/'")
		}
	}
	return nil
}

func notFound(key string, cause error) error {
	return problem.New(problem.NotFound, "there is no blob "+key, "").Because(cause)
}

func wrongSize(wanted, got int64) error {
	return problem.InvalidField("size", fmt.Sprintf("%d bytes were announced and %d came", wanted, got), "send the blob again")
}
