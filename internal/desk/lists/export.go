package lists

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// A list leaves the house only when one person asked for it and another one
// releases it. Both are versions of the list, told apart by these formats.
const (
	exportRequested = "export-request"
	exportReleased  = "export"
)

const (
	// requestLifetime is how long a request may be released.
	requestLifetime = 7 * 24 * time.Hour
	// requestReach is how many later versions of a list are searched for a request.
	requestReach = 1000
)

// RequestExport records that a person asks for a list to leave the house and
// returns the request's number, a version of the list, with which another
// person releases it once (see [Desk.Export]).
//
// Errors: Denied; NotFound; Invalid without a reason.
func (d *Desk) RequestExport(ctx context.Context, actor mandate.Actor, list, why string) (request int64, err error) {
	err = d.ledger.Do(ctx, act(actor, mandate.ListEntryChange, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		if err := checkReason(why); err != nil {
			return err
		}
		if request, err = tx.NextListVersion(list); err != nil {
			return err
		}
		tx.Note("export_requested", request)
		tx.AfterCommit(d.follow)
		return tx.InsertListVersion(store.ListVersion{ListID: list, Version: request, At: tx.Now, By: actor.ID, Reason: "export requested: " + why, Format: exportRequested})
	})
	return request, err
}

// Export releases a list and returns how many entries were written: all that are
// active, or, after a version other than 0, all that changed since, with the
// state that each is in now; only CSV and JSON Lines can say that. A person names
// a request that somebody else made in the last seven days and that was not
// released yet; for another organisation's node, which the policy may let fetch
// lists, request is
// 0. The release is in the log before the first byte is written, and uses the
// request up even when the writing breaks off.
//
// Errors: Denied when the policy refuses, also without a request or with one's
// own; Conflict for a request that was released already; Expired for an old one.
func (d *Desk) Export(ctx context.Context, actor mandate.Actor, list string, request int64, format hashlist.Format, kind hashlist.Kind, after int64, out io.Writer) (count int64, err error) {
	if err := checkFormat(format, kind, after); err != nil {
		return 0, err
	}
	var until int64
	release := act(actor, mandate.ListExport, mandate.PurposeListManagement, list)
	release.Find = func(tx *store.Tx) (access.Resource, error) {
		asked, _, err := findRequest(tx, list, request)
		return access.Resource{ID: list, Author: asked.By}, err
	}
	err = d.ledger.Do(ctx, release, func(tx *ledger.Tx) error {
		head, err := tx.List(list)
		if err != nil {
			return err
		}
		until = head.Version
		if after > until {
			return problem.InvalidField("after", fmt.Sprintf("the list has only come to version %d", until), "name the version up to which the receiver has the list")
		}
		tx.Note("format", format)
		tx.Note("after", after)
		tx.Note("until", until)
		// Written to nobody first, so that an entry which the format cannot
		// hold is found before the release, and the log tells how many go.
		entries, err := write(tx.Tx, list, format, kind, after, until, io.Discard)
		if err != nil {
			return err
		}
		tx.Note("entries", entries)
		if request == 0 {
			return nil
		}
		asked, released, err := findRequest(tx.Tx, list, request)
		switch {
		case err != nil:
			return err
		case released:
			return problem.New(problem.Conflict, "this request was released already", "request another export")
		case tx.Now.Sub(asked.At) > requestLifetime:
			return problem.New(problem.Expired, "this request is older than seven days", "request another export")
		}
		tx.Note("request", request)
		version, err := tx.NextListVersion(list)
		if err != nil {
			return err
		}
		tx.AfterCommit(d.follow)
		return tx.InsertListVersion(store.ListVersion{ListID: list, Version: version, At: tx.Now, By: actor.ID, Reason: releaseOf(request), Format: exportReleased, FileName: spanOf(after, until)})
	})
	if err != nil {
		return 0, err
	}
	err = d.store.Read(ctx, func(tx *store.Tx) error {
		count, err = write(tx, list, format, kind, after, until, out)
		return err
	})
	if err != nil {
		return count, fmt.Errorf("writing the list %s: %w", list, err)
	}
	return count, nil
}

// spanOf says what was released, so that the next list of changes can begin
// where this one ends.
func spanOf(after, until int64) string {
	if after == 0 {
		return fmt.Sprintf("up to version %d", until)
	}
	return fmt.Sprintf("changes after version %d, up to version %d", after, until)
}

func releaseOf(request int64) string {
	return fmt.Sprintf("exported as requested in version %d", request)
}

// findRequest returns the request of a number, empty when there is none, and
// whether it was released.
func findRequest(tx *store.Tx, list string, request int64) (asked store.ListVersion, released bool, err error) {
	if request == 0 {
		return asked, false, nil
	}
	versions, err := tx.ListVersions(list, requestReach)
	for _, v := range versions {
		switch {
		case v.Format == exportReleased && v.Reason == releaseOf(request):
			released = true
		case v.Format == exportRequested && v.Version == request:
			asked = v
		}
	}
	return asked, released, err
}

// write writes the entries between two versions from one snapshot; without a
// version to begin after, only those that are active.
func write(tx *store.Tx, list string, format hashlist.Format, kind hashlist.Kind, after, until int64, out io.Writer) (count int64, err error) {
	delta := after > 0
	writer, err := newWriter(out, format, kind, delta)
	if err != nil {
		return 0, err
	}
	version, id := after+1, "" // every id is greater than the empty one
	for {
		rows, err := tx.ListEntriesChanged(list, version, id, page)
		if err != nil {
			return count, err
		}
		rows = store.Fitting(rows, pageFrames)
		frames, err := tx.FramesOf(version, id, rows)
		if err != nil {
			return count, err
		}
		for _, r := range rows {
			version, id = r.ChangedVersion, r.ID
			if (!delta && r.State != store.EntryActive) || r.ChangedVersion > until || (format == hashlist.Plain && digestOf(r, kind) == nil) {
				continue
			}
			entry, err := exported(r, frames[r.ID])
			if err == nil {
				err = writer.Write(entry)
			}
			if unfit := (*hashlist.EntryError)(nil); errors.As(err, &unfit) {
				return count, problem.InvalidField("format", fmt.Sprintf("%s does not fit in it: %s", r.ID, unfit.Reason), unfit.Remedy).Because(err)
			}
			if err != nil {
				return count, fmt.Errorf("writing entry %s: %w", r.ID, err)
			}
			count++
		}
		if len(rows) == 0 {
			return count, writer.Close()
		}
	}
}

// checkFormat refuses before anything is released.
func checkFormat(format hashlist.Format, kind hashlist.Kind, after int64) error {
	if after < 0 {
		return problem.InvalidField("after", "it is no version", "name a version of the list, or 0 for all of it")
	}
	_, err := newWriter(io.Discard, format, kind, after > 0)
	return err
}

func newWriter(out io.Writer, format hashlist.Format, kind hashlist.Kind, delta bool) (hashlist.Writer, error) {
	switch {
	case delta && format == hashlist.CSV:
		return hashlist.NewCSVDeltaWriter(out)
	case delta && format == hashlist.JSONLines:
		return hashlist.NewJSONLinesDeltaWriter(out), nil
	case delta && (format == hashlist.Plain || format == hashlist.VICS):
		// Also when nothing was withdrawn this time: the receiver could not tell.
		return nil, problem.InvalidField("format", fmt.Sprintf("%s cannot say that an entry was suspended or withdrawn, so the receiver would go on matching it", format), "use csv or jsonl for changes, or release the whole list")
	}
	switch format {
	case hashlist.CSV:
		return hashlist.NewCSVWriter(out)
	case hashlist.JSONLines:
		return hashlist.NewJSONLinesWriter(out), nil
	case hashlist.Plain:
		return hashlist.NewPlainWriter(out, kind)
	case hashlist.VICS:
		// A list is made of several files, whose numbers may be the same or lacking.
		return hashlist.NewVICSWriter(out, hashlist.VICSOptions{Renumber: true})
	}
	return nil, problem.InvalidField("format", "lists are not written in this format", "use csv, jsonl, plain or vics")
}

func digestOf(r store.ListEntry, kind hashlist.Kind) []byte {
	switch kind {
	case hashlist.MD5:
		return r.MD5
	case hashlist.SHA1:
		return r.SHA1
	case hashlist.SHA256:
		return r.SHA256
	}
	return r.PDQ
}

// exported is an entry as formats hold it; frames are those of a video in the form of video.Pack.
func exported(r store.ListEntry, frames []byte) (hashlist.Entry, error) {
	e := hashlist.Entry{Size: -1, PDQQuality: -1, Category: r.Category, Verification: r.Verification, Series: r.Series, Source: r.Source, SourceID: r.SourceID, Note: r.Note, State: hashlist.State(r.State), Insets: r.Insets}
	for _, kind := range hashlist.AllKinds() {
		if value := digestOf(r, kind); value != nil {
			// Stored digests have the length of their kind.
			_ = e.SetDigest(kind, value)
		}
	}
	var err error
	e.Frames, err = video.Unpack(frames)
	return e, err
}
