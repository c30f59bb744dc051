// Package triage is the review desk: the queue, the card, what is shown and for
// how long, decisions, the blind second look, and breaks.
//
// Text comes first; nothing of an item is shown before a person asks for it,
// and each time is recorded. The rules are those of domain/item, under the
// profiles that the item began with.
package triage

import (
	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Options of the desk; all are required.
type Options struct {
	Ledger  *ledger.Ledger
	Content *blob.Sealed
	Decoder *media.Service
	Law     *law.Library
	// Review holds the break rule in force; items keep the profile that they
	// began under.
	Review *law.Review
	// Reportable is the mapping whose class "yes" makes an item reportable.
	Reportable law.Ref
	// Secret draws the sample for second looks, so that nobody foresees it.
	Secret []byte
	// Post fetches the content of items that other organisations reported, at
	// most MaxBytes of each.
	Post     *peer.Post
	MaxBytes int64
	// Video limits what is decoded of a video that a person looks at.
	Video media.VideoLimits
}

// Desk is where items are reviewed.
type Desk struct {
	options Options
	// mostScenes and scenesPerStep are the constants of that name.
	mostScenes, scenesPerStep int
}

// New makes the desk.
func New(options Options) *Desk { return &Desk{options, mostScenes, scenesPerStep} }

// Handle registers the desk's clocks with the job runner.
func (d *Desk) Handle(runner *job.Runner) {
	runner.Handle(sealJob, d.seal)
	runner.Handle(eraseJob, d.destroy)
	runner.Handle(sceneJob, d.answerScenes)
}

func (d *Desk) act(actor mandate.Actor, action mandate.Action, id string) ledger.Act {
	return ledger.Act{Actor: actor, Action: action, Purpose: d.purpose(actor), Resource: access.Resource{ID: id}}
}

// assessed reads an item with the state of its assessment.
func assessed(tx *store.Tx, id string) (store.ItemRow, item.Assessment, error) {
	row, err := tx.Item(id)
	if err != nil {
		return row, item.Assessment{}, err
	}
	assessment, err := row.ReadAssessment()
	return row, assessment, err
}

// onItem is an act on one item, with what the rules need to know of it.
func (d *Desk) onItem(actor mandate.Actor, action mandate.Action, id string) ledger.Act {
	act := d.act(actor, action, id)
	act.Find = func(tx *store.Tx) (access.Resource, error) {
		row, assessment, err := assessed(tx, id)
		if err != nil {
			return access.Resource{ID: id}, err
		}
		resource := access.Resource{ID: id, FirstDecider: row.FirstDecider}
		if assessment.Claim != nil && assessment.Claim.Until.After(d.options.Ledger.Now()) {
			resource.Owner = assessment.Claim.Person
		}
		for _, decision := range []*item.Decision{assessment.First, assessment.Second, assessment.Third} {
			if decision != nil {
				resource.Deciders = append(resource.Deciders, decision.Person)
			}
		}
		return resource, nil
	}
	return act
}

func (d *Desk) profiles(row store.ItemRow) (*law.Scheme, *law.Review, error) {
	schemeRef, err := law.ParseRef(row.Scheme)
	if err != nil {
		return nil, nil, err
	}
	scheme, err := d.options.Law.Scheme(schemeRef)
	if err != nil {
		return nil, nil, err
	}
	reviewRef, err := law.ParseRef(row.Review)
	if err != nil {
		return nil, nil, err
	}
	review, err := d.options.Law.Review(reviewRef)
	return scheme, review, err
}
