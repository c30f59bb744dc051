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
	"github.com/brdoproject/brdo/engine/video"
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
	// Suspended, Withdrawn and Restored count entries whose state the source
	// changed. Held counts those that it says hold and people here had stopped:
	// they stay as they are.
	Suspended, Withdrawn, Restored, Held int64
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
	// maxLine holds an entry with [hashlist.MaximumFrames] frames, of 100 bytes each.
	maxLine = 2 << 20
)

// Ready says whether the actor may take a file into a list, before anything of
// a large one is read. It logs nothing: what follows is [Desk.Import], which
// refuses for the same reason and logs it.
func (d *Desk) Ready(actor mandate.Actor, list string) error {
	return d.ledger.Permits(act(actor, mandate.ListImport, mandate.PurposeListManagement, list))
}

// Import takes a file into a list, wholly or not at all: a broken row leaves
// the list as it was and the error names the line. The same file twice changes
// nothing the second time. A list of changes stops the entries that its source
// stopped and brings back those that the source itself had stopped; because that
// alters what is compared, only somebody who may change entries takes in one
// that does so.
//
// Errors: Denied; NotFound; Invalid, with the line at fault.
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
		switch {
		case head.Own:
			return problem.New(problem.Conflict, "this list takes entries only from what people decided", "propose decided items, or take the file into another list")
		case head.BenignConfirmed > 0:
			return problem.New(problem.Conflict, "two people confirmed this list of benign look-alikes as it is", "make another list for further look-alikes")
		case head.SourceNode != "":
			return problem.New(problem.Conflict, "this list follows one of another organisation", "take the file into another list")
		}
		if err := checkReason(in.Reason); err != nil {
			return err
		}
		version, err := tx.NextListVersion(list)
		if err != nil {
			return err
		}
		begun = true
		mayChange := d.ledger.Permits(act(actor, mandate.ListEntryChange, mandate.PurposeListManagement, list))
		if err := take(tx, head, version, in, mayChange, &result); err != nil {
			return err
		}
		result.Version = version
		tx.Note("version", version)
		tx.Note("added", result.Added)
		tx.Note("changed", result.Changed)
		tx.Note("refused", result.RefusedCount)
		for name, count := range map[string]int64{"suspended": result.Suspended, "withdrawn": result.Withdrawn, "restored": result.Restored, "held": result.Held} {
			if count > 0 {
				tx.Note(name, count)
			}
		}
		tx.Note("file_sha256", result.SHA256)
		if err := d.changed(tx, list); err != nil {
			return err
		}
		return tx.InsertListVersion(store.ListVersion{
			ListID: list, Version: version, At: tx.Now, By: actor.ID, Reason: in.Reason, FileName: in.FileName, FileSHA256: result.SHA256, Format: result.Format,
			Added: result.Added, Changed: result.Changed, Refused: result.RefusedCount,
		})
	})
	return result, err
}

func take(tx *ledger.Tx, list store.HashList, version int64, in Import, mayChange error, result *Imported) error {
	sum := sha256.New()
	options := in.Options
	options.MaxEntries, options.MaxBytes, options.MaxLine = maxEntries, maxImport, maxLine
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
		entryRow := row(list, version, entry)
		added, changed, err := tx.PutListEntry(entryRow, packedFrames(entry))
		if err == nil && entry.State != "" {
			var moved bool
			moved, err = settleAll(tx, entryRow, entry, in.Reason, mayChange, result)
			changed = changed || (moved && !added)
		}
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

// packedFrames are the frames of a video as rows keep them; nil for an entry without.
func packedFrames(e hashlist.Entry) []byte {
	if e.Frames == nil {
		return nil
	}
	return video.Pack(e.Frames)
}

func row(list store.HashList, version int64, e hashlist.Entry) store.ListEntry {
	r := store.ListEntry{
		ID: store.NewID("entry"), ListID: list.ID, Category: e.Category, Verification: list.Verification, Series: e.Series, Source: e.Source,
		SourceID: e.SourceID, Note: e.Note, AddedVersion: version, MD5: slices.Clone(e.Digest(hashlist.MD5)), SHA1: slices.Clone(e.Digest(hashlist.SHA1)),
		SHA256: slices.Clone(e.Digest(hashlist.SHA256)), PDQ: slices.Clone(e.Digest(hashlist.PDQ)), Frames: len(e.Frames),
	}
	if slices.Contains(Verifications, e.Verification) {
		r.Verification = e.Verification
	}
	if list.Insets {
		r.Insets = slices.Clone(e.Insets)
	}
	r.Identity = identity(e)
	return r
}

// settleAll brings every entry that a row names by one of its digests into the
// state that the source gives it: the source may have learnt a stronger digest
// since, and the entry as it was taken in would go on matching. It reports
// whether that changed anything.
func settleAll(tx *ledger.Tx, put store.ListEntry, entry hashlist.Entry, why string, mayChange error, result *Imported) (moved bool, err error) {
	var identities []string
	for _, kind := range hashlist.AllKinds() {
		if entry.Kinds.Has(kind) {
			identities = append(identities, identityOf(entry, kind))
		}
	}
	if entry.Frames != nil {
		identities = append(identities, identityOfFrames(entry))
	}
	for _, identity := range identities {
		held, err := tx.ListEntryByIdentity(put.ListID, identity)
		if problem.Is(err, problem.NotFound) {
			continue
		}
		if err != nil {
			return moved, err
		}
		one, err := settle(tx, held, entry, why, put.AddedVersion, mayChange, result)
		if err != nil {
			return moved, err
		}
		moved = moved || one
	}
	return moved, nil
}

func settle(tx *ledger.Tx, held store.ListEntry, entry hashlist.Entry, why string, version int64, mayChange error, result *Imported) (moved bool, err error) {
	state, from := string(entry.State), store.StateFromSource
	switch {
	case state == held.State:
		return false, nil
	case held.State != store.EntryActive && held.StateFrom == "" && (state == store.EntryActive || held.State == store.EntryWithdrawn):
		result.Held++ // people here stopped it for reasons that the source may not know
		return false, nil
	case held.State != store.EntryActive && held.StateFrom == "":
		from = "" // suspended here and now withdrawn by the source: still only people bring it back
	}
	if mayChange != nil {
		return false, problem.New(problem.Denied, fmt.Sprintf("line %d changes the state of an entry, and whoever takes the file in may not do that", entry.Line), "let a list manager take it in; nothing of it was taken in").Because(mayChange)
	}
	switch entry.State {
	case hashlist.StateSuspended:
		result.Suspended++
	case hashlist.StateWithdrawn:
		result.Withdrawn++
	default:
		result.Restored++
	}
	return true, tx.SetListEntryState(held.ListID, held.ID, state, "by the source: "+why, from, version)
}

// identity is the strongest digest of a row, or its frames: rows of one file, however often
// imported, are one entry.
func identity(e hashlist.Entry) string {
	for _, kind := range []hashlist.Kind{hashlist.SHA256, hashlist.SHA1, hashlist.MD5, hashlist.PDQ} {
		if e.Kinds.Has(kind) {
			return identityOf(e, kind)
		}
	}
	return identityOfFrames(e)
}

// identityOfFrames names a video of which nothing but its frames is known.
func identityOfFrames(e hashlist.Entry) string {
	return fmt.Sprintf("frames:%x", sha256.Sum256(video.Pack(e.Frames)))
}

func identityOf(e hashlist.Entry, kind hashlist.Kind) string {
	return kind.String() + ":" + e.Hex(kind)
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
