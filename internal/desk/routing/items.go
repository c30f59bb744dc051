package routing

import (
	"slices"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// tell is who told of files, and where it says so.
type tell struct {
	// report is this node's name of the report, sender the node that sent it and
	// name what it is called, envelope what it came in.
	report, sender, name, envelope string
}

// filesOf are the items that a report refers to, each once, in their order.
func filesOf(r report.Report) []string {
	var all []string
	for _, file := range r.Control.Files {
		if !slices.Contains(all, file.Item) {
			all = append(all, file.Item)
		}
	}
	return all
}

// sight makes each file that a report refers to a sighting of an item. However
// many report the same file, by its SHA-256, it is one item, which people assess
// once; a report that comes after that inherits the assessment. The content
// stays with the sender until a person opens the item. What the report says of
// people stays in the report: an item needs none of it.
func (d *Desk) sight(tx *ledger.Tx, told tell, r report.Report) error {
	found := filesOf(r)
	if len(found) == 0 {
		return nil
	}
	tx.Note("items", found)
	tier, why := d.options.Review.Place(signalsOf(r))
	inherited := 0
	for _, id := range found {
		row, err := tx.Item(id)
		known := err == nil
		if problem.Is(err, problem.NotFound) {
			row, err = d.newItem(tx, id, tier, why)
		}
		if err != nil {
			return err
		}
		sighting := store.SightingRow{
			ID: store.NewID("sighting"), ItemID: id, Source: told.name, LegalBasis: r.Profile.String(), SubmittedBy: told.sender, ClientRef: told.envelope,
			At: tx.Now, Context: []byte("{}"), Matches: []byte("[]"), ReportedIn: told.report,
		}
		assessment, err := row.ReadAssessment()
		if err != nil {
			return err
		}
		assessment, effects, err := assessment.Apply(item.Event{Kind: item.Sight, Sighting: sighting.ID}, tx.Now)
		if err != nil {
			return err
		}
		for _, effect := range effects {
			switch {
			case effect.Kind == item.Inherit:
				final, _ := assessment.Final()
				sighting.Inherited = final.ID
				inherited++
			case effect.Kind == item.Replace && assessment.State != item.Erased:
				raised := item.Place{Tier: row.Tier, Score: row.Score, Reason: row.Why}.Raise(item.Place{Tier: tier, Reason: why})
				row.Tier, row.Score, row.Why = raised.Tier, raised.Score, raised.Reason
			}
		}
		row.Sightings++
		write := tx.InsertItem
		if known {
			write = tx.UpdateItem
		}
		if err := write(row); err != nil {
			return err
		}
		if err := tx.InsertSighting(sighting); err != nil {
			return err
		}
	}
	if inherited > 0 {
		tx.Note("inherited", inherited)
	}
	return nil
}

// newItem is an item of which nothing is known but its name.
func (d *Desk) newItem(tx *ledger.Tx, id, tier, why string) (store.ItemRow, error) {
	rules, err := item.RulesOf(d.options.Review, d.options.Scheme)
	if err != nil {
		return store.ItemRow{}, err
	}
	row := store.ItemRow{
		Item:   store.Item{ID: id, Content: store.ContentElsewhere, Tier: tier, Why: why, ReceivedAt: tx.Now},
		Scheme: d.options.Scheme.String(), Review: d.options.Review.Ref().String(),
	}
	return row, row.SetAssessment(item.NewAssessment(item.ID(id), rules))
}

// signalsOf is what a report says of how urgent its files are.
func signalsOf(r report.Report) []law.Signal {
	var signals []law.Signal
	if r.Form.Urgent != nil && *r.Form.Urgent {
		signals = append(signals, law.SignalUrgent)
	}
	if slices.Contains(r.Form.Types, "solicitation") {
		signals = append(signals, law.SignalSolicitation)
	}
	if slices.Contains(r.Form.Types, "known") {
		return append(signals, law.SignalKnown)
	}
	return append(signals, law.SignalUnknown)
}

// File is a file that a report refers to, as the one item that it is.
type File struct {
	// Item is its SHA-256 in hex.
	Item string
	// Reports is how many reports told of it here, this one among them.
	Reports int64
	// Inherited: people had decided about it when this report came.
	Inherited bool
	// Decision is what people here decided about it, once that is final.
	Decision *item.Decision
	// Viewings is how often something of it was shown to people here, and People
	// how many they were.
	Viewings, People int
	// Content is where its content is (store.ContentElsewhere and the others).
	Content string
}

// files are the files of a report, each with what is known of it here.
func files(tx *store.Tx, id string) ([]File, error) {
	sightings, err := tx.SightingsIn(id)
	if err != nil {
		return nil, err
	}
	var all []File
	for _, s := range sightings {
		row, err := tx.Item(s.ItemID)
		if err != nil {
			return nil, err
		}
		f := File{Item: row.ID, Reports: row.Sightings, Inherited: s.Inherited != "", Content: row.Content}
		assessment, err := row.ReadAssessment()
		if err != nil {
			return nil, err
		}
		if final, is := assessment.Final(); is {
			f.Decision = &final
		}
		shown, err := tx.ExposuresOfItem(row.ID)
		if err != nil {
			return nil, err
		}
		people := map[string]bool{}
		for _, e := range shown {
			people[e.Person] = true
		}
		f.Viewings, f.People = len(shown), len(people)
		all = append(all, f)
	}
	return all, nil
}
