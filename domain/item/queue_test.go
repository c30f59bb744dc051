package item

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/report"
)

func sighting(signals []law.Signal, matches ...Match) Sighting {
	return Sighting{ID: "sighting/1", Item: picture, Source: "source/1", At: noon, LegalBasis: law.Ref{ID: "demo/benign-pictures", Version: 1}, Signals: signals, Matches: matches}
}

var (
	verified = Match{List: "list/1", Entry: "entry/1", Method: "pdq", Distance: 7, Radius: 31, Verified: true}
	reported = Match{List: "list/2", Entry: "entry/2", Method: "pdq", Exact: true, Radius: 31, SelfReported: true}
	viral    = Match{List: "list/3", Entry: "entry/3", Method: "sha256", Exact: true, Viral: true}
)

func TestPlace(t *testing.T) {
	cases := []struct {
		name      string
		sightings []Sighting
		tier      string
	}{
		{"no list knows it", []Sighting{sighting(nil)}, "P1"},
		{"a verified list knows it", []Sighting{sighting(nil, verified)}, "P3"},
		{"a list knows it", []Sighting{sighting(nil, Match{List: "l", Entry: "e", Method: "sha256", Exact: true})}, "P3"},
		{"only self-reported", []Sighting{sighting(nil, reported)}, "P4"},
		{"self-reported and verified", []Sighting{sighting(nil, reported), sighting(nil, verified)}, "P3"},
		{"viral everywhere", []Sighting{sighting(nil, viral), sighting(nil, viral)}, "P4"},
		{"viral in one list, not in another", []Sighting{sighting(nil, viral, verified)}, "P3"},
		{"urgent beats everything", []Sighting{sighting(nil, viral), sighting([]law.Signal{law.SignalUrgent})}, "P0"},
		{"solicitation", []Sighting{sighting([]law.Signal{law.SignalSolicitation})}, "P2"},
		{"solicitation and a planned meeting", []Sighting{sighting([]law.Signal{law.SignalSolicitation, law.SignalPlannedMeeting})}, "P0"},
	}
	for _, c := range cases {
		if got := PlaceOf(c.sightings, 0.5, standard(t)); got.Tier != c.tier || got.Reason == "" || got.Profile != standard(t).Ref() {
			t.Errorf("%s: %+v, not %s", c.name, got, c.tier)
		}
	}
}

func TestRaiseOnlyRaises(t *testing.T) {
	p0, p3 := Place{Tier: "P0", Score: 0.1, Reason: "now"}, Place{Tier: "P3", Score: 0.9, Reason: "known"}
	if p3.Raise(p0) != p0 || p0.Raise(p3) != p0 || (Place{}).Raise(p3) != p3 {
		t.Error("the more urgent place stays")
	}
	higher := p3
	higher.Score = 0.95
	if p3.Raise(higher) != higher || higher.Raise(p3) != higher {
		t.Error("the higher score stays")
	}
}

func TestQueueOrder(t *testing.T) {
	want := []Queued{
		{"a", Place{Tier: "P0", Score: 0.1}, noon},
		{"b", Place{Tier: "P1", Score: 0.9}, noon},
		{"c", Place{Tier: "P1", Score: 0.5}, noon.Add(-time.Hour)},
		{"d", Place{Tier: "P1", Score: 0.5}, noon},
		{"e", Place{Tier: "P1", Score: 0.5}, noon},
		{"f", Place{Tier: "P4", Score: 1}, noon.Add(-1000 * time.Hour)},
	}
	for range 100 {
		got := slices.Clone(want)
		rand.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		slices.SortFunc(got, Compare)
		if !slices.Equal(got, want) {
			t.Fatalf("got %v", got)
		}
	}
}

func TestSightingValidate(t *testing.T) {
	good := sighting([]law.Signal{law.SignalUrgent}, verified)
	good.Context = Context{Users: []report.Person{{Username: "user-17"}}, IPEvents: []report.IPEvent{{IP: "192.0.2.7", Port: 40217, At: noon, TZ: "Z"}}, URL: "https://pictures.example/17"}
	if found := good.Validate(); found != nil {
		t.Fatal(found)
	}
	cases := []struct {
		field string
		spoil func(*Sighting)
	}{
		{"id", func(s *Sighting) { s.ID = "" }},
		{"item", func(s *Sighting) { s.Item = "17" }},
		{"source", func(s *Sighting) { s.Source = "" }},
		{"at", func(s *Sighting) { s.At = time.Time{} }},
		{"legal_basis", func(s *Sighting) { s.LegalBasis = law.Ref{} }},
		{"context", func(s *Sighting) { s.Context.URL = strings.Repeat("a", maxURL+1) }},
		{"context.users[0].", func(s *Sighting) { s.Context.Users = []report.Person{{}} }},
		{"context.ip_events[0].port", func(s *Sighting) {
			s.Context.IPEvents = []report.IPEvent{{IP: "192.0.2.7", Port: 70000}}
		}},
		{"matches[0]", func(s *Sighting) {
			s.Matches = []Match{{List: "l", Entry: "e", Method: "pdq", Distance: 32, Radius: 31}}
		}},
		{"signals[0]", func(s *Sighting) { s.Signals = []law.Signal{law.SignalKnown} }},
	}
	for _, c := range cases {
		s := good
		c.spoil(&s)
		if found := s.Validate(); len(found) != 1 || found[0].Field != c.field {
			t.Errorf("%s: %v", c.field, found)
		}
	}
}

func TestItemValidate(t *testing.T) {
	good := Item{ID: picture, MIME: "image/png", Size: 17, Width: 4, Height: 3, Hashes: map[string]string{"pdq": "00"}, State: Open, Created: noon}
	if found := good.Validate(); found != nil {
		t.Fatal(found)
	}
	cases := []struct {
		field string
		spoil func(*Item)
	}{
		{"id", func(i *Item) { i.ID = ID(strings.ToUpper(string(picture))) }},
		{"mime", func(i *Item) { i.MIME = "picture" }},
		{"size", func(i *Item) { i.Size = -1 }},
		{"width", func(i *Item) { i.Width = 0 }},
		{"hashes.pdq", func(i *Item) { i.Hashes = map[string]string{"pdq": ""} }},
		{"created", func(i *Item) { i.Created = time.Time{} }},
	}
	for _, c := range cases {
		i := good
		c.spoil(&i)
		if found := i.Validate(); len(found) != 1 || found[0].Field != c.field {
			t.Errorf("%s: %v", c.field, found)
		}
	}
}

func BenchmarkQueueOrder(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	queue := make([]Queued, 100_000)
	for index := range queue {
		queue[index] = Queued{ID: picture, Place: Place{Tier: []string{"P0", "P1", "P2", "P3", "P4"}[random.IntN(5)], Score: random.Float64()}, Since: noon.Add(time.Duration(random.IntN(1e6)) * time.Second)}
	}
	for b.Loop() {
		slices.SortFunc(slices.Clone(queue), Compare)
	}
}
