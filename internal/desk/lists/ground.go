package lists

import (
	"encoding/hex"
	"fmt"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// verifications are the levels by how many people agree.
var verifications = map[int]string{1: "single", 2: "double", 3: "triple"}

// mapping is the table whose class becomes the category of a list's entries.
func (d *Desk) mapping(l store.HashList) (law.Ref, error) {
	ref, err := law.ParseRef(l.Scheme)
	if err == nil {
		_, err = d.law.Mapping(ref)
	}
	if err != nil {
		return ref, problem.InvalidField("scheme", "it is no table of classes, from which a decision could give an entry its category", "name one of law/classes, for example csar-reportable@1").Because(err)
	}
	return ref, nil
}

// ground is what an entry would rest on.
type ground struct {
	row        store.ItemRow
	assessment item.Assessment
	entry      store.ListEntry
	decisions  []string
	// findings are those of authorities, at the Centre; row and assessment are
	// empty then.
	findings []store.FindingRow
}

// needsSecond reports whether the profile that the item began under wants a
// second look for a new entry, and only one person has looked.
func (g ground) needsSecond() bool {
	return len(g.findings) == 0 && g.assessment.Second == nil && len(g.assessment.Rules.SecondLook.Requires([]law.Trigger{law.TriggerNewListEntry})) > 0
}

// groundOf reads an item and derives the entry from what people decided.
//
// Errors: NotFound; Conflict when there is no final decision that the item is
// reportable, or it was erased; Invalid when the list's table gives no class.
func (d *Desk) groundOf(tx *store.Tx, list store.HashList, itemID string) (ground, error) {
	var g ground
	var err error
	if !list.Own {
		return g, problem.New(problem.Conflict, "the list is not one of this organisation's own", "choose an own list, or make one")
	}
	mapping, err := d.mapping(list)
	if err != nil {
		return g, err
	}
	if d.byAuthorities() {
		g.findings, err = tx.Findings(itemID)
		if err != nil {
			return g, err
		}
		return g, g.identified(list, mapping, itemID)
	}
	if g.row, err = tx.Item(itemID); err != nil {
		return g, err
	}
	if g.assessment, err = g.row.ReadAssessment(); err != nil {
		return g, err
	}
	final, is := g.assessment.Final()
	switch {
	case g.assessment.State == item.Erased:
		return g, problem.New(problem.Conflict, "the item was erased, so nobody could look at it again", "leave it out of the list")
	case !is:
		return g, problem.New(problem.Conflict, "the item has no final decision", "wait until people have decided and the time to take it back is over")
	case final.Outcome != item.Reportable:
		return g, problem.New(problem.Conflict, "people decided that the item is not reportable", "refuse the proposal, or withdraw the entry")
	}
	g.decisions = g.assessment.Decisions()
	g.entry = store.ListEntry{ListID: list.ID, Source: list.Source, Verification: verifications[g.assessment.Agreeing()], State: store.EntryActive}
	for _, class := range final.Classes {
		if class.Mapping == mapping && class.Class != law.Undetermined {
			g.entry.Category = class.Class
		}
	}
	if g.entry.Category == "" {
		return g, problem.InvalidField("scheme", fmt.Sprintf("the decision gives no class of %s", mapping), "choose a list with another category scheme")
	}
	if err := g.digests(); err != nil {
		return g, err
	}
	if list.Insets && g.entry.PDQ != nil {
		if g.entry.Insets, err = tx.ItemInsets(g.row.ID); err != nil {
			return g, err
		}
	}
	if list.VideoUpload+list.VideoEntry > 0 {
		g.entry.Frames, err = tx.CountItemFrames(g.row.ID)
	}
	return g, err
}

// put writes the entry, with the frames of a video. It reads them only here, because a
// page of candidates needs none. Frames that are all too plain to be compared are left out.
func (g *ground) put(tx *ledger.Tx) error {
	var frames []byte
	if g.entry.Frames > 0 {
		kept, _, err := tx.ItemHashes(g.row.ID)
		if err != nil {
			return err
		}
		features, err := video.Unpack(kept.Frames)
		if err != nil {
			return fmt.Errorf("reading the frames of item %s: %w", g.row.ID, err)
		}
		if g.entry.Frames = len(features); video.Detailed(features) {
			frames = kept.Frames
		} else {
			g.entry.Frames = 0
		}
	}
	_, _, err := tx.PutListEntry(g.entry, frames)
	return err
}

// digests takes the digests from the item. A PDQ of a picture too plain to be
// compared would match what it should not.
func (g *ground) digests() error {
	pdqHash := g.row.PDQ
	if g.row.PDQQuality < pdq.MinimumQuality {
		pdqHash = ""
	}
	for _, digest := range []struct {
		text string
		into *[]byte
	}{{g.row.MD5, &g.entry.MD5}, {g.row.SHA1, &g.entry.SHA1}, {g.row.ID, &g.entry.SHA256}, {pdqHash, &g.entry.PDQ}} {
		if digest.text == "" {
			continue
		}
		value, err := hex.DecodeString(digest.text)
		if err != nil {
			return fmt.Errorf("reading a digest of item %s: %w", g.row.ID, err)
		}
		*digest.into = value
	}
	g.entry.Identity = hashlist.SHA256.String() + ":" + g.row.ID
	return nil
}

// known refuses a file that the list has an entry for, in whatever state.
func known(tx *store.Tx, e store.ListEntry) error {
	for _, identity := range []string{
		e.Identity, fmt.Sprintf("%s:%x", hashlist.SHA1, e.SHA1), fmt.Sprintf("%s:%x", hashlist.MD5, e.MD5),
	} {
		held, err := tx.ListEntryByIdentity(e.ListID, identity)
		switch {
		case err == nil:
			return problem.New(problem.Conflict, "the list has an entry for this file already, and it is "+held.State, "change that entry")
		case !problem.Is(err, problem.NotFound):
			return err
		}
	}
	return nil
}
