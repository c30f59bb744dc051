package store

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/match"
)

// List states.
const (
	ListActive    = "active"
	ListSuspended = "suspended"
)

// Entry states. A withdrawn entry stays, so that its history can be shown, but
// it never matches again.
const (
	EntryActive    = "active"
	EntrySuspended = "suspended"
	EntryWithdrawn = "withdrawn"
)

// StateFromSource marks what the source of a list stopped: it may bring that
// back, and nothing else.
const StateFromSource = "source"

// HashList is the head of a hash list.
type HashList struct {
	ID, Name, Source string
	// Scheme names the category scheme that the entries' categories are of.
	Scheme string
	// Verification is self-reported, single, double or triple.
	Verification string
	// LegalBasis is the reference of a profile ("id/version").
	LegalBasis            string
	ValidFrom, ValidUntil time.Time
	// Radius is the largest PDQ distance that is a match.
	Radius int
	// VideoUpload and VideoEntry are how many per cent of the frames of an upload, or of
	// an entry, are a match; 0: that share is not looked at.
	VideoUpload, VideoEntry int
	// Version grows by one with each change of the list or of its entries.
	Version     int64
	State       string
	StateReason string
	CreatedAt   time.Time
	CreatedBy   string
	// Own lists take entries from items that people of this organisation decided.
	Own bool
	// SourceNode and SourceList name the list of another organisation that this
	// one follows; SourceSubscription and SourceVersion say how far.
	SourceNode, SourceList, SourceSubscription string
	SourceVersion                              int64
	// Benign lists hold known benign look-alikes. They count from version BenignConfirmed on, in
	// which a second person confirmed them; 0 before.
	Benign          bool
	BenignConfirmed int64
	// Insets: entries have further hashes, of the middle of their pictures, where these are known.
	Insets bool
}

// ListEntry is one row of a hash list; a digest that it lacks is nil.
type ListEntry struct {
	ID, ListID             string
	Identity               string
	MD5, SHA1, SHA256, PDQ []byte
	// Insets are hashes of the middle of its picture.
	Insets []pdq.Inset
	// Frames is how many frames of a video the entry has; see [Tx.ListFrames].
	Frames                         int
	Category, Verification, Series string
	Source, SourceID, Note         string
	State, StateReason             string
	// StateFrom is [StateFromSource] when the list's source stopped the entry, and
	// empty when people of this node did.
	StateFrom                    string
	AddedVersion, ChangedVersion int64
}

// Indexed is what matching needs to know of the list; its entries are not in it.
func (l HashList) Indexed() match.List {
	return match.List{
		ID: l.ID, Name: l.Name, Source: l.Source, Radius: l.Radius, Verification: l.Verification, LegalBasis: l.LegalBasis,
		ValidFrom: l.ValidFrom, ValidUntil: l.ValidUntil, Suspended: l.State != ListActive,
		VideoUpload: l.VideoUpload, VideoEntry: l.VideoEntry, Benign: l.Benign, Unconfirmed: l.BenignConfirmed == 0,
	}
}

// Indexed is what matching needs to know of the entry; frames are those of a video in the form
// of video.Pack.
func (e ListEntry) Indexed(frames []byte) (match.Entry, error) {
	features, err := video.Unpack(frames)
	if err != nil {
		err = fmt.Errorf("reading %s: %w", e.ID, err)
	}
	return match.Entry{ID: e.ID, MD5: e.MD5, SHA1: e.SHA1, SHA256: e.SHA256, PDQ: e.PDQ, Insets: e.Insets, Frames: features, Category: e.Category, Verification: e.Verification}, err
}

// ListVersion is one change of a list and where it came from.
type ListVersion struct {
	ListID                       string
	Version                      int64
	At                           time.Time
	By, Reason                   string
	FileName, FileSHA256, Format string
	Added, Changed, Refused      int64
	// Radius is what a version set or asked for that is about the radius.
	Radius int
}

const listColumns = `id, name, source, scheme, verification, legal_basis, valid_from, valid_until, radius, version, state, state_reason, created_at, created_by, own, source_node, source_list, source_subscription, source_version, video_upload, video_entry, benign, benign_confirmed, insets`

func scanList(row scanner) (HashList, error) {
	var l HashList
	err := row.Scan(&l.ID, &l.Name, &l.Source, &l.Scheme, &l.Verification, &l.LegalBasis, moment{&l.ValidFrom}, moment{&l.ValidUntil},
		&l.Radius, &l.Version, &l.State, &l.StateReason, moment{&l.CreatedAt}, &l.CreatedBy, &l.Own,
		&l.SourceNode, &l.SourceList, &l.SourceSubscription, &l.SourceVersion, &l.VideoUpload, &l.VideoEntry, &l.Benign, &l.BenignConfirmed, &l.Insets)
	return l, err
}

// InsertList writes a new list; Conflict when the name is taken.
func (tx *Tx) InsertList(l HashList) error {
	taken := 0
	if err := tx.one("looking for a list's name", nil, `SELECT COUNT(*) FROM hash_lists WHERE name = $1`, []any{l.Name}, &taken); err != nil {
		return err
	}
	if taken > 0 {
		return &problem.Error{Kind: problem.Conflict, Field: "name", Reason: "there is a list of this name already", Remedy: "choose another name, or import into that list"}
	}
	return tx.exec("writing a list", `INSERT INTO hash_lists (`+listColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`,
		l.ID, l.Name, l.Source, l.Scheme, l.Verification, l.LegalBasis, micros(l.ValidFrom), micros(l.ValidUntil), l.Radius, l.Version, l.State, l.StateReason, micros(l.CreatedAt), l.CreatedBy, l.Own,
		l.SourceNode, l.SourceList, l.SourceSubscription, l.SourceVersion, l.VideoUpload, l.VideoEntry, l.Benign, l.BenignConfirmed, l.Insets)
}

// ConfirmBenign notes in which version a second person confirmed a list of benign look-alikes.
func (tx *Tx) ConfirmBenign(list string, version int64) error {
	return tx.exec("confirming a list", `UPDATE hash_lists SET benign_confirmed = $1 WHERE id = $2`, version, list)
}

// List returns one list.
func (tx *Tx) List(id string) (HashList, error) {
	lists, err := tx.lists(`SELECT `+listColumns+` FROM hash_lists WHERE id = $1`, id)
	if err == nil && len(lists) == 0 {
		err = NotFound("list", id)
	}
	if err != nil {
		return HashList{}, err
	}
	return lists[0], nil
}

// ListByName returns the list of a name.
func (tx *Tx) ListByName(name string) (HashList, error) {
	lists, err := tx.lists(`SELECT `+listColumns+` FROM hash_lists WHERE name = $1`, name)
	if err == nil && len(lists) == 0 {
		err = NotFound("list named", name)
	}
	if err != nil {
		return HashList{}, err
	}
	return lists[0], nil
}

// Lists returns all lists in the order of their names.
func (tx *Tx) Lists() ([]HashList, error) {
	return tx.lists(`SELECT ` + listColumns + ` FROM hash_lists ORDER BY name`)
}

func (tx *Tx) lists(query string, arguments ...any) ([]HashList, error) {
	var found []HashList
	err := tx.rows("reading lists", query, arguments, func(row scanner) error {
		l, err := scanList(row)
		found = append(found, l)
		return err
	})
	return found, err
}

// NextListVersion raises the version of a list, keeps others from changing the
// list until the transaction ends, and returns the new version.
func (tx *Tx) NextListVersion(id string) (int64, error) {
	var version int64
	err := tx.one("raising a list's version", NotFound("list", id),
		`UPDATE hash_lists SET version = version + 1 WHERE id = $1 RETURNING version`, []any{id}, &version)
	return version, err
}

// SetListState suspends a list or makes it active again.
func (tx *Tx) SetListState(id, state, reason string) error {
	return tx.change("changing a list's state", NotFound("list", id),
		`UPDATE hash_lists SET state = $1, state_reason = $2 WHERE id = $3`, state, reason, id)
}

// SetListRadius changes the PDQ distance that is a match.
func (tx *Tx) SetListRadius(id string, radius int) error {
	return tx.change("changing a list's radius", NotFound("list", id), `UPDATE hash_lists SET radius = $1 WHERE id = $2`, radius, id)
}

// InsertListVersion writes the provenance of a change.
func (tx *Tx) InsertListVersion(v ListVersion) error {
	return tx.exec("writing a list's version",
		`INSERT INTO list_versions (list_id, version, at, by_actor, reason, file_name, file_sha256, format, added, changed, refused, radius)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		v.ListID, v.Version, micros(v.At), v.By, v.Reason, v.FileName, v.FileSHA256, v.Format, v.Added, v.Changed, v.Refused, v.Radius)
}

// ListVersionMade returns when a version of a list was made; zero when there is none.
func (tx *Tx) ListVersionMade(listID string, version int64) (at time.Time, err error) {
	err = tx.rows("reading when a list's version was made", `SELECT at FROM list_versions WHERE list_id = $1 AND version = $2`, []any{listID, version}, func(row scanner) error {
		return row.Scan(moment{&at})
	})
	return at, err
}

// ListVersions returns the changes of a list, newest first.
func (tx *Tx) ListVersions(listID string, limit int) ([]ListVersion, error) {
	var found []ListVersion
	err := tx.rows("reading a list's versions",
		`SELECT list_id, version, at, by_actor, reason, file_name, file_sha256, format, added, changed, refused, radius
		 FROM list_versions WHERE list_id = $1 ORDER BY version DESC LIMIT $2`, []any{listID, limit}, func(row scanner) error {
			var v ListVersion
			err := row.Scan(&v.ListID, &v.Version, moment{&v.At}, &v.By, &v.Reason, &v.FileName, &v.FileSHA256, &v.Format, &v.Added, &v.Changed, &v.Refused, &v.Radius)
			found = append(found, v)
			return err
		})
	return found, err
}

// PutListEntry adds an entry, or replaces the one of the same identity when
// something about it differs. A withdrawn entry stays withdrawn: only a person
// brings it back. frames are the hashes of a video in the form of video.Pack, or
// nil. It reports whether the entry was added or changed.
func (tx *Tx) PutListEntry(e ListEntry, frames []byte) (added, changed bool, err error) {
	var id string
	var digest []byte
	if frames != nil {
		sum := sha256.Sum256(frames)
		digest = sum[:]
	}
	var addedVersion int64
	err = tx.rows("writing a list entry",
		`INSERT INTO list_entries (id, list_id, identity, md5, sha1, sha256, pdq, category, verification, series, source, source_id, note, state, added_version, changed_version, frames, frames_digest, insets)
		 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'active', $14, $14, $15, $16, $17)
		 ON CONFLICT (list_id, identity) DO UPDATE SET
		   md5 = COALESCE(excluded.md5, list_entries.md5), sha1 = COALESCE(excluded.sha1, list_entries.sha1),
		   sha256 = COALESCE(excluded.sha256, list_entries.sha256), pdq = COALESCE(excluded.pdq, list_entries.pdq), insets = COALESCE(excluded.insets, list_entries.insets),
		   category = excluded.category, verification = excluded.verification, series = excluded.series,
		   source = excluded.source, source_id = excluded.source_id, note = excluded.note, changed_version = excluded.changed_version,
		   frames = CASE WHEN excluded.frames > 0 THEN excluded.frames ELSE list_entries.frames END, frames_digest = COALESCE(excluded.frames_digest, list_entries.frames_digest)
		 WHERE list_entries.category <> excluded.category OR list_entries.verification <> excluded.verification
		   OR list_entries.series <> excluded.series OR list_entries.note <> excluded.note
		   OR (excluded.md5 IS NOT NULL AND list_entries.md5 IS NULL) OR (excluded.sha1 IS NOT NULL AND list_entries.sha1 IS NULL)
		   OR (excluded.sha256 IS NOT NULL AND list_entries.sha256 IS NULL) OR (excluded.pdq IS NOT NULL AND list_entries.pdq IS NULL)
		   OR (excluded.insets IS NOT NULL AND list_entries.insets IS NULL)
		   OR (excluded.frames_digest IS NOT NULL AND (list_entries.frames_digest IS NULL OR list_entries.frames_digest <> excluded.frames_digest))
		 RETURNING id, added_version`,
		[]any{e.ID, e.ListID, e.Identity, e.MD5, e.SHA1, e.SHA256, e.PDQ, e.Category, e.Verification, e.Series, e.Source, e.SourceID, e.Note, e.AddedVersion, e.Frames, digest, pdq.PackInsets(e.Insets)},
		func(row scanner) error { return row.Scan(&id, &addedVersion) })
	if err != nil || id == "" {
		return false, false, err
	}
	if frames != nil {
		if err := tx.exec("writing the frames of a list entry", `INSERT INTO list_frames (entry_id, frames) VALUES ($1, $2)
			 ON CONFLICT (entry_id) DO UPDATE SET frames = excluded.frames`, id, frames); err != nil {
			return false, false, err
		}
	}
	return id == e.ID, id != e.ID, nil
}

// ListFrames returns the frames of some entries in the form of video.Pack, by entry:
// all of a list that changed after one cursor of [Tx.ListEntriesChanged], up to another.
func (tx *Tx) ListFrames(listID string, afterVersion int64, afterID string, lastVersion int64, lastID string) (map[string][]byte, error) {
	found := map[string][]byte{}
	err := tx.rows("reading the frames of list entries", `SELECT entry_id, list_frames.frames FROM list_entries JOIN list_frames ON entry_id = list_entries.id
		 WHERE list_id = $1 AND (changed_version, list_entries.id) > ($2, $3) AND (changed_version, list_entries.id) <= ($4, $5)`,
		[]any{listID, afterVersion, afterID, lastVersion, lastID}, func(row scanner) error {
			var id string
			var frames []byte
			err := row.Scan(&id, &frames)
			found[id] = frames
			return err
		})
	return found, err
}

// Fitting are as many of some rows as have at most so many frames of videos together; one at
// least.
func Fitting(rows []ListEntry, frames int) []ListEntry {
	for i, row := range rows {
		if frames -= row.Frames; frames < 0 && i > 0 {
			return rows[:i]
		}
	}
	return rows
}

// FramesOf returns the frames of rows that follow a cursor of [Tx.ListEntriesChanged] without
// a gap, as [Tx.ListFrames] does.
func (tx *Tx) FramesOf(afterVersion int64, afterID string, rows []ListEntry) (map[string][]byte, error) {
	if !slices.ContainsFunc(rows, func(row ListEntry) bool { return row.Frames > 0 }) {
		return nil, nil
	}
	last := rows[len(rows)-1]
	return tx.ListFrames(last.ListID, afterVersion, afterID, last.ChangedVersion, last.ID)
}

const entryColumns = `id, list_id, identity, md5, sha1, sha256, pdq, category, verification, series, source, source_id, note, state, state_reason, state_from, added_version, changed_version, frames, insets`

func (tx *Tx) listEntries(query string, arguments ...any) ([]ListEntry, error) {
	var found []ListEntry
	err := tx.rows("reading list entries", query, arguments, func(row scanner) error {
		var e ListEntry
		var packed []byte
		err := row.Scan(&e.ID, &e.ListID, &e.Identity, &e.MD5, &e.SHA1, &e.SHA256, &e.PDQ, &e.Category, &e.Verification, &e.Series,
			&e.Source, &e.SourceID, &e.Note, &e.State, &e.StateReason, &e.StateFrom, &e.AddedVersion, &e.ChangedVersion, &e.Frames, &packed)
		if err == nil {
			e.Insets, err = pdq.UnpackInsets(packed)
		}
		found = append(found, e)
		return err
	})
	return found, err
}

// ListEntry returns one entry of a list.
func (tx *Tx) ListEntry(listID, id string) (ListEntry, error) {
	found, err := tx.listEntries(`SELECT `+entryColumns+` FROM list_entries WHERE list_id = $1 AND id = $2`, listID, id)
	if err == nil && len(found) == 0 {
		err = NotFound("list entry", id)
	}
	if err != nil {
		return ListEntry{}, err
	}
	return found[0], nil
}

// EntryNumber is the number of an entry for systems that name entries by numbers:
// the last 52 bits of its UUID, which are random, so that JSON in JavaScript keeps
// them. Within a list of ten million the chance that any two are the same is about
// one per cent. 0 for what is no identifier of an entry.
func EntryNumber(id string) int64 {
	if len(id) != len("entry/00000000-0000-0000-0000-000000000000") {
		return 0
	}
	number, err := strconv.ParseInt(id[numberFrom:numberFrom+1]+id[numberFrom+2:], 16, 64)
	if err != nil {
		return 0
	}
	return number
}

// numberFrom is where the digits of an entry's number begin in its identifier; the
// second character is a hyphen.
const numberFrom = len("entry/00000000-0000-0000-000")

// ListEntryNumbered returns the entry of a list with an [EntryNumber]; Conflict when
// there are two. It reads all entries of the list.
func (tx *Tx) ListEntryNumbered(listID string, number int64) (ListEntry, error) {
	digits := fmt.Sprintf("%013x", number)
	found, err := tx.listEntries(`SELECT `+entryColumns+` FROM list_entries WHERE list_id = $1 AND substr(id, $2) = $3 LIMIT 2`,
		listID, numberFrom+1, digits[:1]+"-"+digits[1:])
	switch {
	case err != nil:
		return ListEntry{}, err
	case len(found) == 0:
		return ListEntry{}, NotFound("list entry", strconv.FormatInt(number, 10))
	case len(found) > 1:
		return ListEntry{}, problem.New(problem.Conflict, "two entries of the list have this number", "read them by their identifiers, at /v1/lists")
	}
	return found[0], nil
}

// ListEntryByIdentity returns the entry of a list with an identity.
func (tx *Tx) ListEntryByIdentity(listID, identity string) (ListEntry, error) {
	found, err := tx.listEntries(`SELECT `+entryColumns+` FROM list_entries WHERE list_id = $1 AND identity = $2`, listID, identity)
	if err == nil && len(found) == 0 {
		err = NotFound("list entry", identity)
	}
	if err != nil {
		return ListEntry{}, err
	}
	return found[0], nil
}

// ListEntriesChanged returns up to limit entries that changed after a version,
// in the order of (changed version, id), beginning after a cursor of both.
func (tx *Tx) ListEntriesChanged(listID string, afterVersion int64, afterID string, limit int) ([]ListEntry, error) {
	return tx.listEntries(`SELECT `+entryColumns+` FROM list_entries
		 WHERE list_id = $1 AND (changed_version, id) > ($2, $3) ORDER BY changed_version, id LIMIT $4`, listID, afterVersion, afterID, limit)
}

// SetListEntryState suspends, withdraws or restores an entry; from is
// [StateFromSource] or empty.
func (tx *Tx) SetListEntryState(listID, id, state, reason, from string, version int64) error {
	return tx.change("changing a list entry", NotFound("list entry", id),
		`UPDATE list_entries SET state = $1, state_reason = $2, state_from = $3, changed_version = $4 WHERE list_id = $5 AND id = $6`, state, reason, from, version, listID, id)
}

// CountListEntries returns how many entries of a list are in each state.
func (tx *Tx) CountListEntries(listID string) (map[string]int64, error) {
	counts := map[string]int64{}
	err := tx.rows("counting list entries", `SELECT state, COUNT(*) FROM list_entries WHERE list_id = $1 GROUP BY state`, []any{listID}, func(row scanner) error {
		var state string
		var count int64
		err := row.Scan(&state, &count)
		counts[state] = count
		return err
	})
	return counts, err
}
