package store

import (
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// ItemChangedJob is the kind of the jobs by which the desk of lists learns that
// an item was opened again or erased (the desk of triage writes them), or that an
// authority found something about it (the desk of routing does).
const ItemChangedJob = "list.item-changed"

// ItemChange is the payload of [ItemChangedJob].
type ItemChange struct {
	Item string `json:"item"`
	// Erased is false when the item was opened again, or an authority found
	// something about it.
	Erased bool `json:"erased,omitempty"`
}

// Proposal states.
const (
	ProposalOpen      = "proposed"
	ProposalConfirmed = "confirmed"
	ProposalRefused   = "refused"
)

// ProposalRow says that a decided item should become an entry of a list, and
// once confirmed where that entry comes from.
type ProposalRow struct {
	ID, ListID, ItemID string
	State              string
	ProposedBy         string
	ProposedAt         time.Time
	Reason             string
	// SettledBy confirmed or refused it.
	SettledBy     string
	SettledAt     time.Time
	SettledReason string
	// Decisions are the ids of the decisions that the entry rests on.
	Decisions []string
	EntryID   string
	// Doubt is why the node suspended the entry, until people settle it.
	Doubt   string
	DoubtAt time.Time
	// ErasedAt is when the item was erased; its decisions stay.
	ErasedAt time.Time
}

const proposalColumns = `id, list_id, item_id, state, proposed_by, proposed_at, reason, settled_by, settled_at, settled_reason, decisions, entry_id, doubt, doubt_at, erased_at`

func (tx *Tx) proposals(query string, arguments ...any) ([]ProposalRow, error) {
	var found []ProposalRow
	err := tx.rows("reading proposals", query, arguments, func(row scanner) error {
		var p ProposalRow
		var decisions string
		err := row.Scan(&p.ID, &p.ListID, &p.ItemID, &p.State, &p.ProposedBy, moment{&p.ProposedAt}, &p.Reason, &p.SettledBy, moment{&p.SettledAt},
			&p.SettledReason, &decisions, &p.EntryID, &p.Doubt, moment{&p.DoubtAt}, moment{&p.ErasedAt})
		p.Decisions = strings.Fields(decisions)
		found = append(found, p)
		return err
	})
	return found, err
}

// InsertProposal writes a new proposal; Conflict when the list has one for the
// item that was not refused.
func (tx *Tx) InsertProposal(p ProposalRow) error {
	taken := 0
	err := tx.one("looking for a proposal", nil, `SELECT COUNT(*) FROM list_proposals WHERE list_id = $1 AND item_id = $2 AND state <> 'refused'`, []any{p.ListID, p.ItemID}, &taken)
	if err != nil {
		return err
	}
	if taken > 0 {
		return problem.New(problem.Conflict, "the item was proposed for this list already", "open the list's proposals")
	}
	return tx.exec("writing a proposal", `INSERT INTO list_proposals (id, list_id, item_id, state, proposed_by, proposed_at, reason) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		p.ID, p.ListID, p.ItemID, p.State, p.ProposedBy, micros(p.ProposedAt), p.Reason)
}

// Proposal returns one proposal of a list.
func (tx *Tx) Proposal(listID, id string) (ProposalRow, error) {
	found, err := tx.proposals(`SELECT `+proposalColumns+` FROM list_proposals WHERE list_id = $1 AND id = $2`, listID, id)
	if err == nil && len(found) == 0 {
		err = NotFound("proposal", id)
	}
	if err != nil {
		return ProposalRow{}, err
	}
	return found[0], nil
}

// Proposals returns up to limit proposals of a list: those that somebody has to
// look at first, then the newest.
func (tx *Tx) Proposals(listID string, limit int) ([]ProposalRow, error) {
	return tx.proposals(`SELECT `+proposalColumns+` FROM list_proposals WHERE list_id = $1
		 ORDER BY CASE WHEN doubt <> '' THEN 0 WHEN state = 'proposed' THEN 1 ELSE 2 END, proposed_at DESC, id DESC LIMIT $2`, listID, limit)
}

// ProposalsOfItem returns the proposals of an item that were not refused.
func (tx *Tx) ProposalsOfItem(itemID string) ([]ProposalRow, error) {
	return tx.proposals(`SELECT `+proposalColumns+` FROM list_proposals WHERE item_id = $1 AND state <> 'refused' ORDER BY id`, itemID)
}

// ProposalOfEntry returns where an entry comes from; found is false for one that
// was taken in from a file.
func (tx *Tx) ProposalOfEntry(entryID string) (p ProposalRow, found bool, err error) {
	all, err := tx.proposals(`SELECT `+proposalColumns+` FROM list_proposals WHERE entry_id = $1`, entryID)
	if err != nil || len(all) == 0 {
		return p, false, err
	}
	return all[0], true, nil
}

// UpdateProposal writes what changes about a proposal; Conflict when somebody
// else settled it since it was read in the state given.
func (tx *Tx) UpdateProposal(p ProposalRow, was string) error {
	return tx.change("changing a proposal", Changed("proposal"),
		`UPDATE list_proposals SET state = $1, settled_by = $2, settled_at = $3, settled_reason = $4, decisions = $5, entry_id = $6, doubt = $7, doubt_at = $8, erased_at = $9
		 WHERE id = $10 AND state = $11`,
		p.State, p.SettledBy, micros(p.SettledAt), p.SettledReason, strings.Join(p.Decisions, " "), p.EntryID, p.Doubt, micros(p.DoubtAt), micros(p.ErasedAt), p.ID, was)
}

// CountDoubtfulEntries counts the entries that the node suspended and nobody has
// settled; an empty list means all lists.
func (tx *Tx) CountDoubtfulEntries(listID string) (count int64, err error) {
	err = tx.one("counting doubtful entries", nil, `SELECT COUNT(*) FROM list_proposals WHERE doubt <> '' AND ($1 = '' OR list_id = $1)`, []any{listID}, &count)
	return count, err
}

// ItemsToPropose returns up to limit items of an outcome that no proposal for
// the list stands for, the newest decision first.
func (tx *Tx) ItemsToPropose(listID, outcome string, limit int) ([]ItemRow, error) {
	return tx.items("reading items to propose",
		`SELECT `+itemColumns+` FROM items WHERE state = 'decided' AND outcome = $1
		   AND NOT EXISTS (SELECT 1 FROM list_proposals WHERE list_proposals.list_id = $2 AND list_proposals.item_id = items.id AND list_proposals.state <> 'refused')
		 ORDER BY decided_at DESC, id LIMIT $3`, outcome, listID, limit)
}

// CountUnreported counts the sightings of an item that no report tells of.
func (tx *Tx) CountUnreported(itemID string) (count int64, err error) {
	err = tx.one("counting sightings", nil, `SELECT COUNT(*) FROM sightings WHERE item_id = $1 AND reported_in = ''`, []any{itemID}, &count)
	return count, err
}
