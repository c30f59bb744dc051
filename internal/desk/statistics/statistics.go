// Package statistics is the desk that counts the figures which the Centre
// publishes, and the cards of those who report to it, from its own log. The
// rules are those of domain/statistics.
package statistics

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/statistics"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Profile is the profile of what is counted.
const Profile = "csar/article-83"

// Options of the desk; all are required.
type Options struct {
	Ledger *ledger.Ledger
	Law    *law.Library
	Store  *store.Store
	Post   *peer.Post
}

// Desk counts figures.
type Desk struct{ options Options }

// New makes the desk.
func New(options Options) *Desk { return &Desk{options} }

// firstYear is the first year that a log may be counted for, lastYear the last.
const firstYear, lastYear = 2000, 9999

// page is how many records are in memory at once.
const page = 2000

// each gives every record that has its place in the log to add, in their order,
// and returns how many there are.
func each(tx *store.Tx, add func(record []byte) error) (size int64, err error) {
	for {
		rows, err := tx.LogEventsFrom(size, page)
		if err != nil {
			return size, err
		}
		for _, row := range rows {
			if err := add(row.Record); err != nil {
				return size, err
			}
		}
		size += int64(len(rows))
		if len(rows) < page {
			return size, nil
		}
	}
}

func consulting(actor mandate.Actor) ledger.Act {
	act := ledger.Act{Actor: actor, Action: mandate.StatisticsConsult, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: "log"}}
	if actor.Has(mandate.Auditor) {
		act.Purpose = mandate.PurposeAudit
	}
	return act
}

func calendarYear(year int) error {
	if year < firstYear || year > lastYear {
		return problem.InvalidField("year", "it is no calendar year", "write it as 2026")
	}
	return nil
}

// count counts a calendar year from every record that has its place in the log.
func (d *Desk) count(tx *store.Tx, year int) (p statistics.Publication, size int64, err error) {
	if err := calendarYear(year); err != nil {
		return p, 0, err
	}
	profile, err := d.options.Law.LatestStatistics(Profile)
	if err != nil {
		return p, 0, err
	}
	count := statistics.New(year)
	if size, err = each(tx, count.Add); err != nil {
		return p, 0, err
	}
	return count.Publish(profile, d.options.Ledger.Trust().Origin), size, nil
}

// Figures counts a calendar year from every record that has its place in the
// log, as the figures may be published. The event of this reading says which
// figures were given out, by the SHA-256 of their JSON form.
//
// Errors: Denied; Invalid for a year that there is not.
func (d *Desk) Figures(ctx context.Context, actor mandate.Actor, year int) (p statistics.Publication, err error) {
	err = d.options.Ledger.Read(ctx, consulting(actor), func(tx *ledger.Tx) (err error) {
		var size int64
		if p, size, err = d.count(tx.Tx, year); err != nil {
			return err
		}
		var text bytes.Buffer
		if err := p.WriteJSON(&text); err != nil {
			return err
		}
		tx.Note("year", year)
		tx.Note("records", size)
		tx.Note("figures", digest(text.Bytes()))
		return nil
	})
	return p, err
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Sender is the card of a node that reports here, with what it is called.
type Sender struct {
	statistics.Sender
	Title string
}

// Senders returns the cards of all who reported here in a calendar year, those
// with the most reports first, counted from the log.
//
// Errors: Denied; Invalid for a year that there is not.
func (d *Desk) Senders(ctx context.Context, actor mandate.Actor, year int) (cards []Sender, err error) {
	err = d.options.Ledger.Read(ctx, consulting(actor), func(tx *ledger.Tx) error {
		cards = nil
		if err := calendarYear(year); err != nil {
			return err
		}
		count := statistics.NewSenders(year)
		size, err := each(tx.Tx, count.Add)
		if err != nil {
			return err
		}
		titles, err := d.options.Post.Titles(tx.Tx, tx.Now)
		if err != nil {
			return err
		}
		for _, card := range count.Cards() {
			cards = append(cards, Sender{card, titles["node/"+card.Node]})
		}
		tx.Note("year", year)
		tx.Note("records", size)
		tx.Note("senders", len(cards))
		return nil
	})
	return cards, err
}
