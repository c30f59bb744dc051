package blob

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/keyring"
)

// Sealed keeps items encrypted at rest, each with a key of its own: the body in
// a [Store], the key in a [keyring.Vault].
//
// An item comes into being in the one moment in which the vault commits its
// key, after the body is durable under a name that was never used before. So
// whoever finds a key finds the whole body, two writers of one item cannot mix
// a key of the one with a body of the other, and a crash leaves at most a body
// that nobody can read. An item ends in the one moment in which the vault
// destroys its key; the body is deleted after that, and a crash between leaves,
// again, a body that nobody can read. [Sealed.Compare] reports such remains.
//
// An item that no row names yet is unsettled. [Sealed.Forget] takes away what
// stays so, because a process died between sealing and its row: no mark of it is
// left, and the same content can be sealed again.
type Sealed struct {
	store Store
	vault *keyring.Vault
}

// NewSealed joins a store and a vault.
func NewSealed(store Store, vault *keyring.Vault) *Sealed { return &Sealed{store, vault} }

// sealedPrefix begins the key of every body: sealed/<item id>/<32 hex digits>.
const sealedPrefix = "sealed/"

// Digest identifies content that was sealed.
type Digest struct {
	// Size is the length of the content in bytes, before encryption.
	Size int64
	// SHA256 is the digest of the content, before encryption.
	SHA256 [sha256.Size]byte
}

// Seal encrypts what r gives and stores it as the item; it is durable when Seal
// returns. Sealing the same content as the same item again changes nothing, so
// an interrupted job may be run again; other content is a [problem.Conflict],
// and an item that was erased is a [*keyring.ErasedError].
func (s *Sealed) Seal(ctx context.Context, itemID, class string, r io.Reader) (Digest, error) {
	if err := keyring.CheckItemID(itemID); err != nil {
		return Digest{}, err
	}
	digest, err := s.seal(ctx, itemID, class, r)
	if err != nil {
		return Digest{}, fmt.Errorf("sealing item %s: %w", itemID, err)
	}
	return digest, nil
}

func (s *Sealed) seal(ctx context.Context, itemID, class string, r io.Reader) (Digest, error) {
	var plain measure
	plain.hash = sha256.New()
	// What is here is renewed before it is compared, so that [Sealed.Forget] does
	// not take it away afterwards.
	_, err := s.vault.Renew(ctx, itemID)
	if err == nil {
		if _, err := io.Copy(&plain, untilDone{ctx, r}); err != nil {
			return Digest{}, fmt.Errorf("reading the content: %w", err)
		}
		return s.alreadySealed(ctx, itemID, plain.digest())
	}
	if !problem.Is(err, problem.NotFound) || erased(err) {
		return Digest{}, err
	}

	header, body, err := encrypt(io.TeeReader(r, &plain), s.vault.NodeKey())
	if err != nil {
		return Digest{}, err
	}
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails: see crypto/rand.Read
	key := sealedPrefix + itemID + "/" + hex.EncodeToString(random[:])
	if err := s.store.Put(ctx, key, body, -1); err != nil {
		return Digest{}, err
	}
	err = s.vault.Put(ctx, keyring.Record{ItemID: itemID, Class: class, Body: key, Header: header})
	if err == nil {
		return plain.digest(), nil
	}
	// A Put that was not confirmed may still have happened: only what the
	// vault says now tells whether the body is needed.
	ctx = context.WithoutCancel(ctx)
	record, readErr := s.vault.Record(ctx, itemID)
	switch {
	case readErr != nil && !problem.Is(readErr, problem.NotFound):
		return Digest{}, errors.Join(err, readErr)
	case readErr == nil && !record.Destroyed() && record.Body == key:
		return plain.digest(), nil
	}
	if deleteErr := s.store.Delete(ctx, key); deleteErr != nil {
		return Digest{}, errors.Join(err, deleteErr)
	}
	if readErr == nil && !record.Destroyed() {
		return s.alreadySealed(ctx, itemID, plain.digest())
	}
	return Digest{}, err
}

// alreadySealed compares the item as it can be read with what was to be sealed.
func (s *Sealed) alreadySealed(ctx context.Context, itemID string, wanted Digest) (_ Digest, err error) {
	content, err := s.Open(ctx, itemID)
	if err != nil {
		return Digest{}, err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	present := measure{hash: sha256.New()}
	if _, err := io.Copy(&present, untilDone{ctx, content}); err != nil {
		return Digest{}, err
	}
	if present.digest() != wanted {
		return Digest{}, problem.New(problem.Conflict, "the item is sealed already, with other content", "give the new content an item of its own")
	}
	return wanted, nil
}

// Open opens an item for reading, decrypted. An item that was erased is a
// [*keyring.ErasedError], one that never was a [problem.NotFound], and one
// whose body is missing or damaged a [problem.Internal]: damage is detected for
// every byte, a cut end before the first byte is given out.
func (s *Sealed) Open(ctx context.Context, itemID string) (Content, error) {
	content, err := s.open(ctx, itemID)
	if err != nil {
		return nil, fmt.Errorf("opening item %s: %w", itemID, err)
	}
	return content, nil
}

func (s *Sealed) open(ctx context.Context, itemID string) (Content, error) {
	record, fileKey, err := s.vault.Unwrap(ctx, itemID)
	if err != nil {
		return nil, err
	}
	body, err := s.store.Open(ctx, record.Body)
	if problem.Is(err, problem.NotFound) {
		// It may have been erased since the vault was asked.
		if _, err := s.vault.Header(ctx, itemID); err != nil {
			return nil, err
		}
		return nil, damaged("its body is missing", err)
	}
	if err != nil {
		return nil, err
	}
	sealed := joined{header: record.Header, body: body}
	plain, size, err := age.DecryptReaderAt(sealed, int64(len(record.Header))+body.Size(), age.NewInjectedFileKeyIdentity(fileKey))
	if err != nil {
		return nil, errors.Join(asDamage(err), body.Close())
	}
	return &plaintext{at: plain, size: size, header: record.Header, fileKey: fileKey, body: body}, nil
}

// Erase destroys the item's key and then deletes its body. Once it has returned
// without error nothing is left that could be read, in no backup either. When
// it returns an error call it again: both steps are idempotent. An item that
// was never sealed is recorded as erased.
func (s *Sealed) Erase(ctx context.Context, itemID string) error {
	if err := s.vault.Destroy(ctx, itemID); err != nil {
		return fmt.Errorf("erasing item %s: %w", itemID, err)
	}
	record, err := s.vault.Record(ctx, itemID)
	if err == nil && record.Body != "" {
		err = s.store.Delete(ctx, record.Body)
	}
	if err != nil {
		return fmt.Errorf("erasing item %s: its key is destroyed, its body is not deleted yet: %w", itemID, err)
	}
	return nil
}

// Unsettled returns up to limit items that were sealed before a time and of which
// nobody has seen yet that a row names them.
func (s *Sealed) Unsettled(ctx context.Context, before time.Time, limit int) ([]keyring.Unsettled, error) {
	return s.vault.Unsettled(ctx, before, limit)
}

// Settle notes that rows name these items.
func (s *Sealed) Settle(ctx context.Context, itemIDs []string) error {
	return s.vault.Settle(ctx, itemIDs)
}

// Forget takes away an item that no row names and that was sealed last before a
// time, key first, and leaves no mark of it. It reports whether it did: a settled
// item and one that was sealed again meanwhile stay.
func (s *Sealed) Forget(ctx context.Context, itemID string, before time.Time) (bool, error) {
	forgot, err := s.vault.Forget(ctx, itemID, before)
	if err != nil || !forgot {
		return false, err
	}
	return true, s.DeleteForgotten(ctx)
}

// DeleteForgotten deletes the bodies that an interrupted Forget left.
func (s *Sealed) DeleteForgotten(ctx context.Context) error {
	for {
		bodies, err := s.vault.ForgottenBodies(ctx, 100)
		if err != nil || len(bodies) == 0 {
			return err
		}
		for _, body := range bodies {
			if err := s.store.Delete(ctx, body); err != nil {
				return fmt.Errorf("deleting a forgotten body: %w", err)
			}
			if err := s.vault.BodyGone(ctx, body); err != nil {
				return err
			}
		}
	}
}

// FindingKind says what [Sealed.Compare] found.
type FindingKind string

const (
	// BodyWithoutKey is a body that no key in the vault opens: what an
	// interrupted Seal left, or a sign that the vault was restored from a
	// copy older than the body. It may be deleted once the latter is excluded.
	BodyWithoutKey FindingKind = "body without key"
	// BodyOfErased is a body that an interrupted Erase left, or that came back
	// with a restored backup. Erase the item again to delete it.
	BodyOfErased FindingKind = "body of an erased item"
	// KeyWithoutBody is an item that is lost: its body is missing in the store.
	KeyWithoutBody FindingKind = "key without body"
)

// Finding is one disagreement between the vault and the store.
type Finding struct {
	Kind   FindingKind
	ItemID string
	// Body is the key of the body in the store.
	Body string
}

// Compare compares the vault with the store and calls report for every finding
// until report returns an error. It changes nothing. Bodies modified at or after
// settled are passed over, because their sealing may still be going on; take a
// time that lies well in the past.
func (s *Sealed) Compare(ctx context.Context, settled time.Time, report func(Finding) error) error {
	err := s.store.List(ctx, sealedPrefix, func(info Info) error {
		if !info.Modified.Before(settled) {
			return nil
		}
		itemID := strings.TrimPrefix(info.Key, sealedPrefix)
		if end := strings.LastIndexByte(itemID, '/'); end >= 0 {
			itemID = itemID[:end]
		}
		record, err := s.vault.Record(ctx, itemID)
		switch {
		case problem.Is(err, problem.NotFound):
			return report(Finding{BodyWithoutKey, itemID, info.Key})
		case err != nil:
			return err
		case record.Destroyed():
			return report(Finding{BodyOfErased, itemID, info.Key})
		case record.Body != info.Key:
			return report(Finding{BodyWithoutKey, itemID, info.Key})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("comparing bodies with their keys: %w", err)
	}
	err = s.vault.Each(ctx, func(record keyring.Record) error {
		if record.Destroyed() {
			return nil
		}
		_, err := s.store.Stat(ctx, record.Body)
		if !problem.Is(err, problem.NotFound) {
			return err
		}
		// It may have been erased since its record was read.
		if _, err := s.vault.Header(ctx, record.ItemID); erased(err) {
			return nil
		}
		return report(Finding{KeyWithoutBody, record.ItemID, record.Body})
	})
	if err != nil {
		return fmt.Errorf("comparing keys with their bodies: %w", err)
	}
	return nil
}

func erased(err error) bool {
	var found *keyring.ErasedError
	return errors.As(err, &found)
}

// encrypt returns the detached header and the body of an age file.
func encrypt(plain io.Reader, to age.Recipient) (header []byte, body io.Reader, err error) {
	file, err := age.EncryptReader(plain, to)
	if err != nil {
		return nil, nil, fmt.Errorf("encrypting: %w", err)
	}
	var read bytes.Buffer
	header, err = age.ExtractHeader(io.TeeReader(file, &read))
	if err != nil {
		return nil, nil, fmt.Errorf("detaching the header: %w", err)
	}
	// The header is read through a buffer, which took some of the body too.
	if !bytes.HasPrefix(read.Bytes(), header) {
		return nil, nil, problem.New(problem.Internal, "the header is not the beginning of the encrypted file", "")
	}
	return header, io.MultiReader(bytes.NewReader(read.Bytes()[len(header):]), file), nil
}

// measure counts and digests what is written to it.
type measure struct {
	hash interface {
		io.Writer
		Sum([]byte) []byte
	}
	size int64
}

func (m *measure) Write(p []byte) (int, error) {
	m.size += int64(len(p))
	return m.hash.Write(p)
}

func (m *measure) digest() Digest { return Digest{m.size, [sha256.Size]byte(m.hash.Sum(nil))} }
