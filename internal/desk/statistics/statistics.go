// Package statistics is the desk that counts the figures which the Centre
// publishes, from its own log. The rules are those of domain/statistics.
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
)

// Profile is the profile of what is counted.
const Profile = "csar/article-83"

// Desk counts figures.
type Desk struct {
	ledger *ledger.Ledger
	law    *law.Library
}

// New makes the desk.
func New(l *ledger.Ledger, library *law.Library) *Desk { return &Desk{l, library} }

// firstYear is the first year that a log may be counted for, lastYear the last.
const firstYear, lastYear = 2000, 9999

// page is how many records are in memory at once.
const page = 2000

// Figures counts a calendar year from every record that has its place in the
// log, as the figures may be published. The event of this reading says which
// figures were given out, by the SHA-256 of their JSON form.
//
// Errors: Denied; Invalid for a year that there is not.
func (d *Desk) Figures(ctx context.Context, actor mandate.Actor, year int) (p statistics.Publication, err error) {
	act := ledger.Act{Actor: actor, Action: mandate.StatisticsConsult, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: "log"}}
	if actor.Has(mandate.Auditor) {
		act.Purpose = mandate.PurposeAudit
	}
	err = d.ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		if year < firstYear || year > lastYear {
			return problem.InvalidField("year", "it is no calendar year", "write it as 2026")
		}
		profile, err := d.law.LatestStatistics(Profile)
		if err != nil {
			return err
		}
		count := statistics.New(year)
		size := int64(0)
		for {
			rows, err := tx.LogEventsFrom(size, page)
			if err != nil {
				return err
			}
			for _, row := range rows {
				if err := count.Add(row.Record); err != nil {
					return err
				}
			}
			size += int64(len(rows))
			if len(rows) < page {
				break
			}
		}
		p = count.Publish(profile, d.ledger.Trust().Origin)
		var text bytes.Buffer
		if err := p.WriteJSON(&text); err != nil {
			return err
		}
		sum := sha256.Sum256(text.Bytes())
		tx.Note("year", year)
		tx.Note("records", size)
		tx.Note("figures", hex.EncodeToString(sum[:]))
		return nil
	})
	return p, err
}
