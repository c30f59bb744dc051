package lists

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Import is a file to be taken into a list.
type Import struct {
	FileName string
	Content  io.Reader
	Options  hashlist.Options
	Reason   string
}

// Imported says what an import did.
type Imported struct {
	Version                 int64
	Rows, Added, Changed    int64
	Unchanged, RefusedCount int64
	// Refused are the first rows that could not be used, with their line.
	Refused []RefusedRow
	SHA256  string
	Format  string
}

// RefusedRow is a row that was left out, and why.
type RefusedRow struct {
	Line   int64
	Reason string
}

// shownRefusals is how many refused rows are named one by one.
const shownRefusals = 100

// maxEntries is the largest list that is taken in, and maxImport the largest
// file, in bytes.
const (
	maxEntries = 200_000_000
	maxImport  = 64 << 30
)

// Ready says whether the actor may take a file into a list, before anything of
// a large one is read. It logs nothing: what follows is [Desk.Import], which
// refuses for the same reason and logs it.
func (d *Desk) Ready(actor mandate.Actor, list string) error {
	return d.ledger.Permits(act(actor, mandate.ListImport, mandate.PurposeListManagement, list))
}

// Import takes a file into a list, wholly or not at all: a broken row leaves
// the list as it was and the error names the line. The same file twice changes
// nothing the second time.
func (d *Desk) Import(ctx context.Context, actor mandate.Actor, list string, in Import) (Imported, error) {
	var result Imported
	begun := false
	err := d.ledger.Do(ctx, act(actor, mandate.ListImport, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		result = Imported{}
		if seeker, ok := in.Content.(io.Seeker); ok { // the transaction may run again
			if _, err := seeker.Seek(0, io.SeekStart); err != nil {
				return fmt.Errorf("reading the file from its beginning: %w", err)
			}
		} else if begun { // half of a stream must not pass for the whole
			return problem.New(problem.Unavailable, "somebody else changed the list at the same time", "send the file again; nothing of it was taken in")
		}
		head, err := tx.List(list)
		if err != nil {
			return err
		}
		if err := checkReason(in.Reason); err != nil {
			return err
		}
		version, err := tx.NextListVersion(list)
		if err != nil {
			return err
		}
		begun = true
		if err := take(tx, head, version, in, &result); err != nil {
			return err
		}
		result.Version = version
		tx.Note("version", version)
		tx.Note("added", result.Added)
		tx.Note("changed", result.Changed)
		tx.Note("refused", result.RefusedCount)
		tx.Note("file_sha256", result.SHA256)
		tx.AfterCommit(d.follow)
		return tx.InsertListVersion(store.ListVersion{
			ListID: list, Version: version, At: tx.Now, By: actor.ID, Reason: in.Reason, FileName: in.FileName, FileSHA256: result.SHA256, Format: result.Format,
			Added: result.Added, Changed: result.Changed, Refused: result.RefusedCount,
		})
	})
	return result, err
}

func take(tx *ledger.Tx, list store.HashList, version int64, in Import, result *Imported) error {
	sum := sha256.New()
	options := in.Options
	options.MaxEntries, options.MaxBytes = maxEntries, maxImport
	content := io.TeeReader(in.Content, sum)
	reader, err := hashlist.Open(content, options)
	if err != nil {
		return unreadable(err)
	}
	for {
		entry, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return unreadable(err)
		}
		result.Rows++
		if entry.Refused != "" {
			if result.RefusedCount++; len(result.Refused) < shownRefusals {
				result.Refused = append(result.Refused, RefusedRow{entry.Line, entry.Refused.Reason()})
			}
			continue
		}
		added, changed, err := tx.PutListEntry(row(list, version, entry))
		switch {
		case err != nil:
			return err
		case added:
			result.Added++
		case changed:
			result.Changed++
		default:
			result.Unchanged++
		}
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return unreadable(err)
	}
	if result.Rows == 0 {
		return problem.InvalidField("file", "it holds no row", "check that it is the right file and format")
	}
	result.SHA256, result.Format = hex.EncodeToString(sum.Sum(nil)), string(reader.Header().Format)
	return nil
}

func row(list store.HashList, version int64, e hashlist.Entry) store.ListEntry {
	r := store.ListEntry{
		ID: store.NewID("entry"), ListID: list.ID, Category: e.Category, Verification: list.Verification, Series: e.Series, Source: e.Source,
		SourceID: e.SourceID, Note: e.Note, AddedVersion: version, MD5: slices.Clone(e.Digest(hashlist.MD5)), SHA1: slices.Clone(e.Digest(hashlist.SHA1)),
		SHA256: slices.Clone(e.Digest(hashlist.SHA256)), PDQ: slices.Clone(e.Digest(hashlist.PDQ)),
	}
	if slices.Contains(Verifications, e.Verification) {
		r.Verification = e.Verification
	}
	r.Identity = identity(e)
	return r
}

// identity is the strongest digest of a row: rows of one file, however often
// imported, are one entry.
func identity(e hashlist.Entry) string {
	for _, kind := range []hashlist.Kind{hashlist.SHA256, hashlist.SHA1, hashlist.MD5, hashlist.PDQ} {
		if e.Kinds.Has(kind) {
			return kind.String() + ":" + e.Hex(kind)
		}
	}
	return ""
}

// unreadable turns a reader's errors into problems that name the line.
func unreadable(err error) error {
	var syntax *hashlist.SyntaxError
	var limit *hashlist.LimitError
	switch {
	case errors.As(err, &syntax):
		return (&problem.Error{Kind: problem.Invalid, Field: fmt.Sprintf("line %d", syntax.Line), Reason: syntax.Reason, Remedy: strings.TrimPrefix(syntax.Remedy+"; nothing of the file was taken in", "; ")}).Because(err)
	case errors.As(err, &limit):
		return (&problem.Error{Kind: problem.Invalid, Field: "file", Reason: limit.Error(), Remedy: "split the file; nothing of it was taken in"}).Because(err)
	}
	return problem.New(problem.Invalid, "the file could not be read to its end", "send it again; nothing of it was taken in").Because(err)
}
