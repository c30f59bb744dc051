package web

import (
	"cmp"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/internal/desk/statistics"
)

// senderFigures are the figures of a sender's card, in their order.
var senderFigures = []string{"reports", "completeness", "lacks", "unfounded", "not-confirmed", "duplicates", "questions", "overdue", "median"}

func senderName(c statistics.Sender) string { return cmp.Or(c.Title, shortRef("node/"+c.Node)) }

// share is a number with its share of all, in per cent.
func share(of, all int) string {
	if all == 0 {
		return number(int64(of))
	}
	return fmt.Sprintf("%s (%d %%)", number(int64(of)), 100*of/all)
}

// senderRows are the figures of a card, each with its label.
func senderRows(c statistics.Sender) []sectionRow {
	var bands, lacks []string
	for i, b := range c.Bands {
		end := 100
		if i+1 < len(c.Bands) {
			end = c.Bands[i+1].From - 1
		}
		bands = append(bands, fmt.Sprintf("%d to %d %%: %s", b.From, end, share(b.Reports, c.Reports)))
	}
	for _, l := range c.Lacks {
		lacks = append(lacks, l.Field+": "+share(l.Reports, c.Reports))
	}
	if len(lacks) == 0 {
		lacks = []string{"–"}
	}
	median := "–"
	if c.Answered > 0 {
		median = c.Median.Round(time.Minute).String()
	}
	values := map[string][]string{
		"reports": {number(int64(c.Reports))}, "completeness": bands, "lacks": lacks, "unfounded": {share(c.Unfounded, c.Reports)},
		"not-confirmed": {share(c.NotConfirmed, c.Reports)}, "duplicates": {share(c.Duplicates, c.Reports)},
		"questions": {fmt.Sprintf("%s / %s", number(int64(c.Asked)), number(int64(c.Answered)))}, "overdue": {share(c.Overdue, c.Asked)}, "median": {median},
	}
	var rows []sectionRow
	for _, key := range senderFigures {
		rows = append(rows, sectionRow{key, values[key]})
	}
	return rows
}
