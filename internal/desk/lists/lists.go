// Package lists is the desk of hash lists: made, imported, exported, suspended
// and withdrawn with a reason, each change a version with its provenance, and
// followed at once by the live index.
package lists

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Desk keeps the lists of a node.
type Desk struct {
	ledger *ledger.Ledger
	store  *store.Store
	index  *match.Index
	law    *law.Library
	// post carries lists and objections; nil where [Desk.Correspond] was not called.
	post *peer.Post
	// exchanges are those that lists can follow.
	exchanges []exchange.Exchange
	// loading keeps two from filling the index at the same time. It guards held, which
	// says that what the index had at the begin was held against the rows, and foreign,
	// the lists that were found to be others.
	loading sync.Mutex
	held    bool
	foreign []string
}

// New makes the desk. [Desk.Load] fills the index before the first query.
func New(l *ledger.Ledger, s *store.Store, index *match.Index, library *law.Library) *Desk {
	return &Desk{ledger: l, store: s, index: index, law: library}
}

// Verifications are the levels by which a list's entries were checked.
var Verifications = []string{"self-reported", "single", "double", "triple"}

// NewList describes a list to be made.
type NewList struct {
	Name, Source string
	// Scheme names the category scheme that the entries' categories are of.
	Scheme       string
	Verification string
	// LegalBasis is the profile under which the list may be used.
	LegalBasis            law.Ref
	ValidFrom, ValidUntil time.Time
	// Radius is the largest PDQ distance that is a match; negative means 31.
	Radius int
	// VideoUpload and VideoEntry are how many per cent of the frames of an upload, or of
	// an entry, are a match; 0: that share is not looked at, negative: [DefaultShare].
	VideoUpload, VideoEntry int
	// Own: the list takes entries from items that people here decided. Scheme is
	// then a mapping of law/classes, such as csar-reportable@1, whose class of the
	// decision becomes the entry's category.
	Own bool
	// Follows names a list of another organisation, or an exchange, that this one
	// follows; own and following exclude each other.
	Follows Source
	// Benign: the entries will be known benign look-alikes; see [Desk.AskBenign]. Such a list
	// is neither own nor following.
	Benign bool
	// Insets: entries are also matched by hashes of the middle of their pictures, where these are
	// known: of items that were handed in while such an own list was there, and of files that
	// carry them.
	Insets bool
}

// Source names a list of another organisation; or an exchange, as the node, and no list.
type Source struct{ Node, List string }

// ParseSource reads what the keeper of a list shows to its subscribers,
// node/…/list/…, or the address of an exchange, exchange/…; the empty text is no source.
func ParseSource(text string) (Source, error) {
	node, list, found := strings.Cut(text, "/list/")
	if text == "" {
		return Source{}, nil
	}
	if name, is := strings.CutPrefix(text, exchange.AddressOf("")); is && name != "" {
		return Source{Node: text}, nil
	}
	if !found || !strings.HasPrefix(node, "node/") || len(node) == len("node/") || list == "" {
		return Source{}, problem.InvalidField("follows", "it is not the address of a list", "copy it from what the keeper of the list shows: node/…/list/…")
	}
	return Source{node, "list/" + list}, nil
}

// String is the form that [ParseSource] reads.
func (s Source) String() string { return strings.TrimSuffix(s.Node+"/"+s.List, "/") }

// DefaultRadius is the distance up to which Meta's README of PDQ calls two
// pictures the same.
const DefaultRadius = 31

// DefaultShare is how many per cent of the frames of an upload are a match when the
// entry has them, and the other way round. Half of the one or of the other is a part
// of a known video, or holds one; an opening that many videos share is neither.
const DefaultShare = 50

// List is a list with how many entries it has in each state.
type List struct {
	store.HashList
	Entries map[string]int64
	// Doubtful counts entries that the node suspended because people opened the
	// decision again, and that nobody has settled.
	Doubtful int64
	// Objections counts those of subscribers that nobody has answered.
	Objections int64
	// Contested are the objections without an answer, by entry, of a list that is
	// shown by itself.
	Contested map[string]store.ObjectionRow
	// Quarantines are the entries that matched too much, of a list that is shown by
	// itself.
	Quarantines []Quarantine
	// RadiusAsked is the request for a wider radius that another person can confirm, of a
	// list that is shown by itself; its Version is 0 when there is none.
	RadiusAsked store.ListVersion
	// Compared is how far the items held here were compared with the list, and Decided
	// are those that people had decided about before the list learnt of them; of a list
	// that is shown by itself.
	Compared store.ComparisonRow
	Decided  []store.FoundAgainRow
}

func act(actor mandate.Actor, action mandate.Action, purpose mandate.Purpose, list string) ledger.Act {
	return ledger.Act{Actor: actor, Action: action, Purpose: purpose, Resource: access.Resource{ID: list}}
}

// reading is the purpose for which somebody of a role reads lists.
func reading(actor mandate.Actor) mandate.Purpose {
	switch {
	case actor.Has(mandate.ListManager), actor.Kind != mandate.Person:
		return mandate.PurposeListManagement
	case actor.Has(mandate.Analyst):
		return mandate.PurposeReview
	case actor.Has(mandate.Auditor):
		return mandate.PurposeAudit
	}
	return mandate.PurposeInvestigation
}

// Create makes an empty list.
func (d *Desk) Create(ctx context.Context, actor mandate.Actor, n NewList) (List, error) {
	row := store.HashList{
		ID: store.NewID("list"), Name: strings.TrimSpace(n.Name), Source: strings.TrimSpace(n.Source), Scheme: n.Scheme, Verification: n.Verification,
		LegalBasis: n.LegalBasis.String(), ValidFrom: n.ValidFrom, ValidUntil: n.ValidUntil, Radius: n.Radius, State: store.ListActive, CreatedBy: actor.ID,
		VideoUpload: n.VideoUpload, VideoEntry: n.VideoEntry,
		Own: n.Own, SourceNode: n.Follows.Node, SourceList: n.Follows.List, Benign: n.Benign, Insets: n.Insets,
	}
	if n.Radius < 0 {
		row.Radius = DefaultRadius
	}
	if n.VideoUpload < 0 {
		row.VideoUpload = DefaultShare
	}
	if n.VideoEntry < 0 {
		row.VideoEntry = DefaultShare
	}
	err := d.ledger.Do(ctx, act(actor, mandate.ListCreate, mandate.PurposeListManagement, row.ID), func(tx *ledger.Tx) error {
		if err := d.check(row, n.LegalBasis); err != nil {
			return err
		}
		if row.SourceNode != "" {
			if err := d.followable(tx, row); err != nil {
				return err
			}
			tx.Note("follows", Source{row.SourceNode, row.SourceList}.String())
		}
		row.CreatedAt = tx.Now
		tx.Note("verification", row.Verification)
		tx.Note("legal_basis", row.LegalBasis)
		if row.Insets {
			tx.Note("insets", true)
		}
		if row.Benign {
			tx.Note("benign", true)
		}
		if err := tx.InsertList(row); err != nil {
			return err
		}
		tx.AfterCommit(d.follow)
		return nil
	})
	return List{HashList: row}, err
}

// followable refuses to follow a stranger, or the same list twice. An exchange is
// asked at once.
func (d *Desk) followable(tx *ledger.Tx, l store.HashList) error {
	if name, is := exchanged(l); is {
		if _, known := exchange.ByName(d.exchanges, name); !known {
			return problem.InvalidField("follows", "no such exchange is configured here", "let an operator configure it first")
		}
		if _, err := tx.ReleaseJobs(l.SourceNode, tx.Now); err != nil {
			return err
		}
	} else if _, err := tx.Peer(l.SourceNode); problem.Is(err, problem.NotFound) {
		return problem.InvalidField("follows", "no such organisation is registered here", "let an operator register it first")
	} else if err != nil {
		return err
	}
	other, found, err := tx.ListFollowing(l.SourceNode, l.SourceList)
	if err == nil && found {
		err = &problem.Error{Kind: problem.Conflict, Field: "follows", Reason: "the list " + other.Name + " follows it already", Remedy: "use that list"}
	}
	return err
}

// exchanged is the name of the exchange that a list follows, if it follows one.
func exchanged(l store.HashList) (name string, is bool) {
	return strings.CutPrefix(l.SourceNode, exchange.AddressOf(""))
}

func (d *Desk) check(l store.HashList, basis law.Ref) error {
	switch {
	case l.Name == "" || len(l.Name) > 200:
		return problem.InvalidField("name", "it is empty or longer than 200 bytes", "give the list a name")
	case l.Source == "" || len(l.Source) > 200:
		return problem.InvalidField("source", "it is empty or longer than 200 bytes", "say who made the list")
	case !slices.Contains(Verifications, l.Verification):
		return problem.InvalidField("verification", "there is no such level", "use self-reported, single, double or triple")
	case l.VideoUpload > 100 || l.VideoEntry > 100:
		return problem.InvalidField("video", "it is more than 100 per cent", "50 is usual; 0 leaves a share out")
	case !l.ValidFrom.IsZero() && !l.ValidUntil.IsZero() && !l.ValidFrom.Before(l.ValidUntil):
		return problem.InvalidField("valid_until", "it does not lie after valid_from", "check the two dates")
	}
	if err := checkRadius(l.Radius); err != nil {
		return err
	}
	if l.Benign && l.Insets {
		return problem.InvalidField("insets", "what is like a part of a look-alike is not benign for that", "leave insets out")
	}
	if l.Benign && (l.Own || l.SourceNode != "") {
		return problem.InvalidField("benign", "what people decided, and what others keep, is not benign", "make a list of its own and take a file into it")
	}
	if l.Own {
		if _, err := d.mapping(l); err != nil {
			return err
		}
		if l.SourceNode != "" {
			return problem.InvalidField("follows", "an own list follows nobody", "choose one of the two")
		}
	}
	if _, err := d.law.LegalBasis(basis); err != nil {
		return problem.InvalidField("legal_basis", "there is no such profile", "use one of law/legal-basis, for example provider/hosting-terms@1").Because(err)
	}
	return nil
}

// Lists returns all lists in the order of their names.
func (d *Desk) Lists(ctx context.Context, actor mandate.Actor) ([]List, error) {
	var found []List
	err := d.ledger.Read(ctx, act(actor, mandate.ListConsult, reading(actor), ""), func(tx *ledger.Tx) error {
		rows, err := tx.Lists()
		found = found[:0]
		for _, row := range rows {
			counts, err := tx.CountListEntries(row.ID)
			if err != nil {
				return err
			}
			doubtful, err := tx.CountDoubtfulEntries(row.ID)
			if err != nil {
				return err
			}
			objections, err := tx.CountObjections(row.ID)
			if err != nil {
				return err
			}
			found = append(found, List{HashList: row, Entries: counts, Doubtful: doubtful, Objections: objections})
		}
		tx.Note("lists", len(found))
		return err
	})
	return found, err
}

// List returns one list, its latest versions and its first hundred entries in
// the order in which they changed; [Desk.Entries] reads on.
func (d *Desk) List(ctx context.Context, actor mandate.Actor, id string) (l List, versions []store.ListVersion, entries []store.ListEntry, err error) {
	err = d.ledger.Read(ctx, act(actor, mandate.ListConsult, reading(actor), id), func(tx *ledger.Tx) error {
		if l.HashList, err = tx.List(id); err != nil {
			return err
		}
		if l.Entries, err = tx.CountListEntries(id); err != nil {
			return err
		}
		if l.Doubtful, err = tx.CountDoubtfulEntries(id); err != nil {
			return err
		}
		if l.Objections, err = tx.CountObjections(id); err != nil {
			return err
		}
		objections, err := tx.OpenObjections(id)
		if err != nil {
			return err
		}
		l.Contested = map[string]store.ObjectionRow{}
		for _, o := range objections {
			l.Contested[o.EntryID] = o
		}
		if l.Quarantines, err = quarantines(tx, id); err != nil {
			return err
		}
		if l.RadiusAsked, err = openRadiusRequest(tx, id); err != nil {
			return err
		}
		if l.Compared, err = tx.Comparison(id); err != nil {
			return err
		}
		if l.Decided, err = tx.FoundAgainDecided(id, shownHeld); err != nil {
			return err
		}
		if versions, err = tx.ListVersions(id, 50); err != nil {
			return err
		}
		entries, err = tx.ListEntriesChanged(id, 0, "", 100)
		tx.Note("entries", len(entries))
		return err
	})
	return l, versions, entries, err
}

// Versions returns the latest changes of a list, at most 1000, the newest first.
//
// Errors: Denied; NotFound.
func (d *Desk) Versions(ctx context.Context, actor mandate.Actor, id string, limit int) (versions []store.ListVersion, err error) {
	limit = cmp.Or(min(max(limit, 0), 1000), 100)
	err = d.ledger.Read(ctx, act(actor, mandate.ListConsult, reading(actor), id), func(tx *ledger.Tx) (err error) {
		if _, err := tx.List(id); err != nil {
			return err
		}
		versions, err = tx.ListVersions(id, limit)
		tx.Note("versions", len(versions))
		return err
	})
	return versions, err
}

// Entries returns up to limit entries that changed after a version, for a
// reader that follows the list, and whether there are more.
func (d *Desk) Entries(ctx context.Context, actor mandate.Actor, id string, afterVersion int64, afterID string, limit int) ([]store.ListEntry, bool, error) {
	limit = cmp.Or(min(max(limit, 0), 1000), 100)
	var entries []store.ListEntry
	err := d.ledger.Read(ctx, act(actor, mandate.ListConsult, reading(actor), id), func(tx *ledger.Tx) (err error) {
		if _, err := tx.List(id); err != nil {
			return err
		}
		entries, err = tx.ListEntriesChanged(id, afterVersion, afterID, limit+1)
		tx.Note("entries", len(entries))
		return err
	})
	if len(entries) > limit {
		return entries[:limit], true, err
	}
	return entries, false, err
}

// ChangeEntry suspends, withdraws or restores an entry, with a reason; matching
// follows at once, and so do subscribers.
func (d *Desk) ChangeEntry(ctx context.Context, actor mandate.Actor, list, entry, state, why string) error {
	return d.ledger.Do(ctx, act(actor, mandate.ListEntryChange, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		return d.changeEntry(tx, actor, list, entry, state, why)
	})
}

func (d *Desk) changeEntry(tx *ledger.Tx, actor mandate.Actor, list, entry, state, why string) error {
	if err := checkReason(why); err != nil {
		return err
	}
	if !slices.Contains([]string{store.EntryActive, store.EntrySuspended, store.EntryWithdrawn}, state) {
		return problem.InvalidField("state", "there is no such state", "use active, suspended or withdrawn")
	}
	row, err := tx.ListEntry(list, entry)
	if err != nil {
		return err
	}
	if row.State == state {
		return problem.Newf(problem.Conflict, "the entry is %s already", state)
	}
	version, err := tx.NextListVersion(list)
	if err != nil {
		return err
	}
	if err := d.settleDoubt(tx, list, row, state, version); err != nil {
		return err
	}
	if err := tx.SetListEntryState(list, entry, state, why, "", version); err != nil {
		return err
	}
	if _, _, err := endQuarantine(tx, actor, entry, state, why); err != nil {
		return err
	}
	tx.Note("entry", entry)
	tx.Note("state", state)
	if err := d.publish(tx, list); err != nil {
		return err
	}
	return tx.InsertListVersion(store.ListVersion{ListID: list, Version: version, At: tx.Now, By: actor.ID, Reason: state + ": " + why, Changed: 1})
}

// SetState suspends a whole list or makes it active again.
func (d *Desk) SetState(ctx context.Context, actor mandate.Actor, list, state, why string) error {
	return d.ledger.Do(ctx, act(actor, mandate.ListEntryChange, mandate.PurposeListManagement, list), func(tx *ledger.Tx) error {
		if err := checkReason(why); err != nil {
			return err
		}
		if state != store.ListActive && state != store.ListSuspended {
			return problem.InvalidField("state", "there is no such state", "use active or suspended")
		}
		version, err := tx.NextListVersion(list)
		if err != nil {
			return err
		}
		if err := tx.SetListState(list, state, why); err != nil {
			return err
		}
		tx.Note("state", state)
		if err := d.publish(tx, list); err != nil {
			return err
		}
		return tx.InsertListVersion(store.ListVersion{ListID: list, Version: version, At: tx.Now, By: actor.ID, Reason: "list " + state + ": " + why})
	})
}

func checkReason(why string) error {
	if strings.TrimSpace(why) == "" || len(why) > 1000 {
		return problem.InvalidField("reason", "it is empty or longer than 1000 bytes", "say why, for those who look at it later")
	}
	return nil
}
