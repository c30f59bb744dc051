package statistics

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/statistics"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// Publish is a person's decision to publish the figures of a calendar year for
// everybody. What is published is kept as it is and never counted anew: two
// editions of one year could be subtracted from each other, and tell by that
// what each of them suppresses.
//
// Errors: Denied; Invalid for a year that there is not; Conflict for a year that
// is not over, or whose figures were published under the same profile.
func (d *Desk) Publish(ctx context.Context, actor mandate.Actor, year int) error {
	act := ledger.Act{Actor: actor, Action: mandate.StatisticsPublish, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: "log"}}
	var p statistics.Publication
	var size int64
	counted := d.options.Ledger.Permits(act)
	if counted == nil {
		// Counted before the transaction that writes, which must not hold up others
		// while it reads the whole log.
		counted = d.options.Ledger.Peek(ctx, func(tx *store.Tx) (err error) { p, size, err = d.count(tx, year); return err })
	}
	return d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if counted != nil {
			return counted
		}
		// A day later, so that what was written in the last moment has its place.
		if tx.Now.Before(time.Date(year+1, time.January, 2, 0, 0, 0, 0, time.UTC)) {
			return problem.New(problem.Conflict, "the year is not over", "publish it from 2 January on")
		}
		before, err := tx.Publications()
		if err != nil {
			return err
		}
		for _, other := range before {
			if other.Year == year && other.Profile == p.Profile.String() {
				return problem.New(problem.Conflict, "the figures of this year were published", "they are never counted anew under the same profile")
			}
		}
		p.Records = size
		var json, csv bytes.Buffer
		if err := p.WriteJSON(&json); err != nil {
			return err
		}
		if err := p.WriteCSV(&csv); err != nil {
			return err
		}
		tx.Note("year", year)
		tx.Note("records", size)
		tx.Note("figures", digest(json.Bytes()))
		tx.Note("figures_csv", digest(csv.Bytes()))
		return tx.InsertPublication(store.PublicationRow{
			ID: store.NewID("publication"), Year: year, Profile: p.Profile.String(), Records: size, Event: tx.EventID(), At: tx.Now, JSON: json.Bytes(), CSV: csv.Bytes(),
		})
	})
}

// Published is the figures of a year as everybody may read them.
type Published struct {
	Year    int    `json:"year"`
	Profile string `json:"profile"`
	// Records is how many records of the log were counted, from its beginning;
	// Event names the record of the decision to publish, and Position is its place
	// in the log, -1 until it has one.
	Records  int64           `json:"records"`
	Event    string          `json:"event"`
	Position int64           `json:"position"`
	At       time.Time       `json:"at"`
	Files    []PublishedFile `json:"files"`
}

// PublishedFile is one file of figures.
type PublishedFile struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	SHA256 string `json:"sha256"`
	// Content is what is served.
	Content []byte `json:"-"`
}

// Published returns what people decided to publish, the latest year first. It
// holds no personal data, and whoever asks needs no login.
func (d *Desk) Published(ctx context.Context) (all []Published, err error) {
	err = d.options.Store.Read(ctx, func(tx *store.Tx) error {
		all = nil
		rows, err := tx.Publications()
		if err != nil {
			return err
		}
		for _, row := range rows {
			event, err := tx.LogEvent(row.Event)
			if err != nil {
				return err
			}
			name := fmt.Sprintf("%d-%s", row.Year, strings.NewReplacer("/", "-", "@", "-").Replace(row.Profile))
			all = append(all, Published{
				Year: row.Year, Profile: row.Profile, Records: row.Records, Event: row.Event, Position: event.Position, At: row.At,
				Files: []PublishedFile{
					{name + ".json", "application/json", digest(row.JSON), row.JSON}, {name + ".csv", "text/csv; charset=utf-8", digest(row.CSV), row.CSV},
				},
			})
		}
		return nil
	})
	return all, err
}
