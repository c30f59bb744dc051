package reports

import (
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// takeFeedback takes in what the receiver, or an authority through it, says of
// the use and quality of a report.
//
// Errors: Invalid, which rejects it with a receipt, for a report that was not
// sent there and for a code that is not on the list.
func (d *Desk) takeFeedback(tx *ledger.Tx, from peer.Node, opened peer.Opened) (any, error) {
	said, err := peer.ReadMessage[report.Feedback](opened.Message, "docs/referral.md")
	if err != nil {
		return nil, err
	}
	row, err := tx.Report(said.Report)
	if problem.Is(err, problem.NotFound) || err == nil && row.Recipient != from.NodeID {
		return nil, problem.InvalidField("message.report", "no such report was sent to the node that tells", "name a report that this node sent")
	}
	if err != nil {
		return nil, err
	}
	rules, err := d.options.Law.Routing(said.Profile)
	if err != nil {
		return nil, problem.InvalidField("message.profile", "this node does not know the list "+said.Profile.String(), "use one that both nodes have").Because(err)
	}
	if err := said.Check(rules); err != nil {
		return nil, err
	}
	tx.Note("report", row.ID)
	tx.Note("feedback", said.Code)
	// Several authorities may say the same; it is shown once.
	_, err = tx.InsertFeedback(store.FeedbackRow{
		ID: store.NewID("feedback"), Subject: row.ID, Source: from.NodeID, By: said.By, Profile: said.Profile.String(), Code: said.Code, At: tx.Now,
	})
	return nil, err
}
