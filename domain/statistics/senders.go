package statistics

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Bands are the lower ends of the bands of completeness, in per cent.
var Bands = []int{0, 50, 70, 90}

// Band is how many reports came with a completeness from From on, below the next
// band.
type Band struct{ From, Reports int }

// Lack is how many reports came without a point of the form.
type Lack struct {
	Field   string
	Reports int
}

// Sender is what the log says of the reports that one node sent in a year, and of
// what became of them since. It is about an organisation, for its receiver and
// for itself; nothing in it is published.
type Sender struct {
	// Node is the id of the node without its kind.
	Node    string
	Reports int
	// Bands are its reports by their completeness as they came, Lacks what they
	// lacked as they came, what lacks most often first.
	Bands []Band
	Lacks []Lack
	// Unfounded were called manifestly unfounded here; NotConfirmed an authority's
	// assessment did not confirm.
	Unfounded, NotConfirmed int
	// Duplicates tell only of files that the same sender had reported before in the
	// year, by their SHA-256.
	Duplicates int
	// Asked are questions about them, Answered those with an answer, Overdue those
	// that were not answered in time.
	Asked, Answered, Overdue int
	// Median is the middle one of the times to answer; zero without answers.
	Median time.Duration
}

// Senders counts the cards of senders. The zero Senders is not usable; make one
// with [NewSenders].
type Senders struct {
	year      int
	all       map[string]*sending
	reports   map[string]*sending
	questions map[string]*asked
}

type sending struct {
	Sender
	lacks               map[string]int
	items               map[string]bool
	unfounded, unproved map[string]bool
	times               []time.Duration
}

type asked struct {
	of *sending
	at time.Time
}

// NewSenders begins to count the reports received in a calendar year (UTC).
func NewSenders(year int) *Senders {
	return &Senders{year, map[string]*sending{}, map[string]*sending{}, map[string]*asked{}}
}

// told are the details of the events that are counted.
type told struct {
	Received     string   `json:"received"`
	Completeness int      `json:"completeness"`
	Missing      []string `json:"missing"`
	Items        []string `json:"items"`
	Matter       string   `json:"matter"`
	Event        string   `json:"event"`
	State        string   `json:"state"`
	Outcome      string   `json:"outcome"`
	Report       string   `json:"report"`
	Question     string   `json:"question"`
	Sender       string   `json:"sender"`
	Alarm        bool     `json:"alarm"`
	// QuestionState is what a step of a question came to.
	QuestionState string `json:"question_state"`
}

var toldBy = []string{"report.receive", "report.assess", "report.ask", "report.escalate", "envelope.receive"}

// Add counts one record of the log, as it was hashed.
func (s *Senders) Add(text []byte) error {
	var r struct {
		record
		Resource string `json:"resource"`
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("reading an event: %w", err)
	}
	if r.Outcome != "done" || !slices.Contains(toldBy, r.Action) || len(r.Detail) == 0 {
		return nil
	}
	var d told
	if err := json.Unmarshal(r.Detail, &d); err != nil {
		return fmt.Errorf("reading the details of an event: %w", err)
	}
	switch {
	case r.Action == "report.receive" && d.Received != "" && r.At.UTC().Year() == s.year:
		s.received(strings.TrimPrefix(r.Actor, "peer/"), d)
	case r.Action == "report.assess" && d.State == "unfounded" && s.reports[d.Matter] != nil:
		s.reports[d.Matter].unfounded[d.Matter] = true
	case r.Action == "envelope.receive" && d.Event == "finished-by" && d.Outcome == "not-confirmed" && s.reports[d.Matter] != nil:
		s.reports[d.Matter].unproved[d.Matter] = true
	case r.Action == "report.ask" && d.Sender != "":
		s.asked(r.Resource, d.Question, r.At)
	case r.Action == "envelope.receive" && d.Sender != "" && d.Question != "": // an authority's, passed on
		s.asked(d.Report, d.Question, r.At)
	case r.Action == "report.escalate" && d.Alarm && d.QuestionState != "" && s.questions[d.Question] != nil:
		s.questions[d.Question].of.Overdue++
	case r.Action == "envelope.receive" && d.QuestionState == "answered" && s.questions[d.Question] != nil:
		q := s.questions[d.Question]
		q.of.Answered++
		q.of.times = append(q.of.times, r.At.Sub(q.at))
	}
	return nil
}

// asked counts a question about a report.
func (s *Senders) asked(report, question string, at time.Time) {
	if of := s.reports[report]; of != nil {
		of.Asked++
		s.questions[question] = &asked{of, at}
	}
}

func (s *Senders) received(node string, d told) {
	of := s.all[node]
	if of == nil {
		of = &sending{Sender: Sender{Node: node}, lacks: map[string]int{}, items: map[string]bool{}, unfounded: map[string]bool{}, unproved: map[string]bool{}}
		for _, from := range Bands {
			of.Bands = append(of.Bands, Band{From: from})
		}
		s.all[node] = of
	}
	s.reports[d.Received] = of
	of.Reports++
	for i := len(of.Bands) - 1; i >= 0; i-- {
		if d.Completeness >= of.Bands[i].From {
			of.Bands[i].Reports++
			break
		}
	}
	for _, field := range d.Missing {
		of.lacks[field]++
	}
	fresh := len(d.Items) == 0
	for _, item := range d.Items {
		fresh = fresh || !of.items[item]
		of.items[item] = true
	}
	if !fresh {
		of.Duplicates++
	}
}

// Cards returns the senders, those with the most reports first.
func (s *Senders) Cards() []Sender {
	var all []Sender
	for _, of := range s.all {
		card := of.Sender
		card.Bands = slices.Clone(of.Bands)
		card.Unfounded, card.NotConfirmed = len(of.unfounded), len(of.unproved)
		for _, field := range slices.Sorted(maps.Keys(of.lacks)) {
			card.Lacks = append(card.Lacks, Lack{field, of.lacks[field]})
		}
		slices.SortStableFunc(card.Lacks, func(a, b Lack) int { return cmp.Compare(b.Reports, a.Reports) })
		if times := slices.Sorted(slices.Values(of.times)); len(times) > 0 {
			card.Median = times[len(times)/2]
		}
		all = append(all, card)
	}
	slices.SortFunc(all, func(a, b Sender) int {
		return cmp.Or(cmp.Compare(b.Reports, a.Reports), strings.Compare(a.Node, b.Node))
	})
	return all
}
