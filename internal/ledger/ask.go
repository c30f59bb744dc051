package ledger

import (
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/store"
)

// Ask puts something before the people who see a subject: a report, an order or a
// notice at this node. reason is a sentence without a full stop.
func (tx *Tx) Ask(subject, reason string) error {
	return tx.InsertReportAlarm(store.ReportAlarm{ID: store.NewID("alarm"), Subject: subject, Reason: reason, At: tx.Now})
}

// Alarm does the same for something that went wrong or was forgotten, and the
// event says that it did.
func (tx *Tx) Alarm(subject, reason string) error {
	tx.Note("alarm", true)
	return tx.Ask(subject, reason)
}

// Itself is the node as the actor of what a clock or a message makes it do.
func (l *Ledger) Itself() mandate.Actor {
	return mandate.Actor{Kind: mandate.Node, ID: "node", Organisation: l.NodeKind()}
}
