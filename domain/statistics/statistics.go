// Package statistics counts the figures that the law asks to be published from
// the records of a tamper-evident log, and from nothing else. So whoever holds
// the exported log gets the same figures as the node that published them.
//
// Small numbers are suppressed before a figure leaves the package, together with
// as many others as it takes that no suppressed one can be computed from the rest.
//
// Source: Articles 83(3), 83(4) and 84(5) of COM(2022) 209; what is counted is
// the profile law/statistics. Complementary suppression: Hundepool et al.,
// Statistical Disclosure Control, Wiley 2012, chapter 4.
package statistics

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/law"
)

// record is what is read of an event of the log; internal/ledger writes them.
type record struct {
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Action  string          `json:"action"`
	Outcome string          `json:"outcome"`
	Detail  json.RawMessage `json:"detail"`
}

// detail are the details of the events that are counted.
type detail struct {
	// Of a report that was taken in: its name, its items, and what it says.
	Received string   `json:"received"`
	Items    []string `json:"items"`
	Types    []string `json:"types"`
	Service  string   `json:"service"`
	// Of a step of a report: what happened and what it came to.
	Event   string `json:"event"`
	State   string `json:"state"`
	Outcome string `json:"outcome"`
	// OfferedStates are the States of those it was offered to, AnswerState that of
	// the authority that answered; "unknown" where none is registered.
	OfferedStates []string `json:"offered_states"`
	AnswerState   string   `json:"answer_state"`
	// Of an entry of a list, and of a finding about an item.
	Entry     string `json:"entry"`
	Item      string `json:"item"`
	Confirmed bool   `json:"confirmed"`
	// Of a notice that was sent: to which node, empty for somebody without one, and
	// on which rung of the ladder.
	Addressee string `json:"addressee"`
	Rung      string `json:"rung"`
}

// Count counts the events of one calendar year (UTC). The zero Count is not
// usable; make one with [New].
type Count struct {
	year  int
	tally map[string]map[string]int
	total map[string]int
	items map[string]int
	// submitted are the items that an authority confirmed already.
	submitted map[string]bool
}

// New begins to count a year.
func New(year int) *Count {
	return &Count{year: year, tally: map[string]map[string]int{}, total: map[string]int{}, items: map[string]int{}, submitted: map[string]bool{}}
}

// unknown is the cell of what the log does not say.
const unknown = "unknown"

// unregistered is the cell of those who have no node.
const unregistered = "without a node"

func (c *Count) add(measure string, by map[string][]string) {
	c.total[measure]++
	for kind, values := range by {
		cells := c.tally[measure+" by "+kind]
		if cells == nil {
			cells = map[string]int{}
			c.tally[measure+" by "+kind] = cells
		}
		if len(values) == 0 {
			values = []string{unknown}
		}
		for _, value := range values {
			cells[cmp.Or(value, unknown)]++
		}
	}
}

// counted are the actions whose events are read.
var counted = []string{"report.receive", "report.route", "report.assess", "envelope.receive", "list.entry.add", "list.entry.change", "list.entry.suspend", "voluntary.send"}

// Add counts one record of the log, as it was hashed.
func (c *Count) Add(text []byte) error {
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("reading an event: %w", err)
	}
	if r.Outcome != "done" || r.At.UTC().Year() != c.year || !slices.Contains(counted, r.Action) || len(r.Detail) == 0 {
		return nil
	}
	var d detail
	if err := json.Unmarshal(r.Detail, &d); err != nil {
		return fmt.Errorf("reading the details of an event: %w", err)
	}
	switch {
	case r.Action == "report.receive" && d.Received != "":
		c.add("reports", map[string][]string{"provider": {r.Actor}, "type": d.Types, "service": {d.Service}})
		for _, item := range d.Items {
			c.items[item]++
		}
	case r.Action == "report.route":
		for _, state := range d.OfferedStates {
			c.add("forwarded", map[string][]string{"state": {state}})
		}
	case r.Action == "report.assess" && d.State == "unfounded":
		c.add("unfounded", nil)
	case r.Action == "envelope.receive" && d.Event == "finished-by" && d.Outcome == "not-confirmed":
		c.add("not-confirmed", map[string][]string{"state": {d.AnswerState}})
	case r.Action == "envelope.receive" && d.Confirmed && d.Item != "":
		// An authority may say the same again; it is one submission.
		if which := r.Actor + " " + d.Item; !c.submitted[which] {
			c.submitted[which] = true
			c.add("submissions", map[string][]string{"state": {d.AnswerState}})
		}
	case r.Action == "list.entry.add" && d.Entry != "":
		c.add("indicators-added", nil)
	case r.Action == "list.entry.suspend" && d.Entry != "", r.Action == "list.entry.change" && d.Entry != "" && (d.State == "suspended" || d.State == "withdrawn"):
		c.add("indicators-stopped", nil)
	case r.Action == "voluntary.send" && d.Event == "send-notice":
		c.add("notices", map[string][]string{"provider": {cmp.Or(d.Addressee, unregistered)}, "rung": {d.Rung}})
	case r.Action == "list.entry.change" && d.Entry != "" && d.State == "active":
		c.add("indicators-restored", nil)
	}
	return nil
}

func (c *Count) of(measure string) int {
	repeated, reports := 0, 0
	for _, times := range c.items {
		if times > 1 {
			repeated++
			reports += times
		}
	}
	switch measure {
	case "repeated-items":
		return repeated
	case "repeated-reports":
		return reports
	}
	return c.total[measure]
}

// Status says what a figure is worth.
type Status string

const (
	// Measured: the value was counted.
	Measured Status = "measured"
	// Suppressed: it was counted and is not told, because it or another one is small.
	Suppressed Status = "suppressed"
	// NotMeasured: it could not be counted. That does not mean none.
	NotMeasured Status = "not-measured"
)

// Figure is one number as it is published.
type Figure struct {
	Status Status `json:"status"`
	// Value is set when the figure is measured, to none also.
	Value *int `json:"value,omitempty"`
}

// Cell is a figure of a breakdown.
type Cell struct {
	Of string `json:"of"`
	Figure
}

// Line is one counter as it is published.
type Line struct {
	Key     string `json:"key"`
	Article string `json:"article"`
	Title   string `json:"title"`
	Figure
	// Because says why it is not measured.
	Because string `json:"because,omitempty"`
	By      string `json:"by,omitempty"`
	Cells   []Cell `json:"cells,omitempty"`
}

// Publication is all figures of a year.
type Publication struct {
	Profile law.Ref `json:"profile"`
	// Log is the origin of the log that was counted.
	Log  string `json:"log"`
	Year int    `json:"year"`
	// Smallest is the least number that is told.
	Smallest int `json:"smallest"`
	// Records is how many records of the log were counted, from its beginning; zero
	// when that is not told.
	Records int64  `json:"records,omitempty"`
	Lines   []Line `json:"counters"`
}

// Publish returns the figures as they may be told.
func (c *Count) Publish(profile *law.Statistics, log string) Publication {
	p := Publication{Profile: profile.Ref(), Log: log, Year: c.year, Smallest: profile.Smallest}
	for _, counter := range profile.Counters {
		line := Line{Key: counter.Key, Article: counter.Article, Title: counter.Title, Because: counter.NotMeasured, By: counter.By}
		if counter.Measure == "" {
			line.Figure = Figure{Status: NotMeasured}
		} else {
			line.Figure, line.Cells = suppress(c.of(counter.Measure), c.tally[counter.Measure+" by "+counter.By], profile.Smallest)
		}
		p.Lines = append(p.Lines, line)
	}
	return p
}

// suppress hides each number from 1 up to the smallest that may be told; further
// cells, the smallest first, until those hidden are at least two and come to at
// least that number together; and the total, when there are no further cells.
func suppress(total int, counted map[string]int, smallest int) (Figure, []Cell) {
	names := slices.SortedFunc(maps.Keys(counted), func(a, b string) int {
		return cmp.Or(cmp.Compare(counted[a], counted[b]), strings.Compare(a, b))
	})
	hidden := map[string]bool{}
	sum := 0
	for _, name := range names { // in the order of their numbers
		small := counted[name] < smallest
		exposed := len(hidden) > 0 && (len(hidden) < 2 || sum < smallest)
		if small || exposed {
			hidden[name] = true
			sum += counted[name]
		}
	}
	tell := func(value int, hide bool) Figure {
		if hide {
			return Figure{Status: Suppressed}
		}
		return Figure{Status: Measured, Value: &value}
	}
	var cells []Cell
	slices.Sort(names)
	for _, name := range names {
		cells = append(cells, Cell{name, tell(counted[name], hidden[name])})
	}
	exposed := len(hidden) > 0 && (len(hidden) < 2 || sum < smallest)
	return tell(total, exposed || total > 0 && total < smallest), cells
}
