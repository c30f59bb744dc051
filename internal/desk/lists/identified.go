package lists

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/store"
)

// byAuthorities says that only what an authority identified after a diligent
// assessment becomes an entry here, as Articles 36(1) and 44(3) of COM(2022) 209
// ask of the Centre's indicators.
func (d *Desk) byAuthorities() bool { return d.ledger.NodeKind() == mandate.Centre }

// candidates are the items that could be proposed for a list.
func (d *Desk) candidates(tx *store.Tx, list string) (ids []string, err error) {
	if d.byAuthorities() {
		return tx.FoundItems(list, shownDecided)
	}
	rows, err := tx.ItemsToPropose(list, string(item.Reportable), shownDecided)
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids, err
}

// identified derives the entry from what authorities found. It has the SHA-256
// alone: that is what the authority's person looked at, while the other digests
// of a report are the provider's word.
func (g *ground) identified(list store.HashList, mapping law.Ref, itemID string) error {
	if len(g.findings) == 0 {
		return problem.New(problem.Conflict, "no authority has identified it", "wait for an authority's assessment")
	}
	g.entry = store.ListEntry{ListID: list.ID, State: store.EntryActive, Verification: verifications[min(len(g.findings), 3)]}
	var names, provenance []string
	for _, f := range g.findings {
		switch {
		case !f.Confirmed:
			return problem.New(problem.Conflict, "an authority did not confirm it: "+f.AuthorityName, "refuse the proposal, or withdraw the entry")
		case f.Mapping != mapping.String() || f.Class == law.Undetermined:
			return problem.InvalidField("scheme", fmt.Sprintf("the authority's finding gives no class of %s", mapping), "choose a list with another category scheme")
		case g.entry.Category != "" && g.entry.Category != f.Class:
			return problem.New(problem.Conflict, "authorities differ about its class", "ask them")
		}
		g.entry.Category = f.Class
		g.decisions = append(g.decisions, f.Decision)
		names = append(names, f.AuthorityName)
		provenance = append(provenance, fmt.Sprintf("identified by %s on %s, %s", f.AuthorityName, f.At.UTC().Format(time.RFC3339), f.Decision))
	}
	g.entry.Source, g.entry.SourceID, g.entry.Note = strings.Join(slices.Compact(names), ", "), g.decisions[0], strings.Join(provenance, "; ")
	g.row.ID = itemID
	return g.digests()
}
