package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/statistics"
)

// year is the calendar year that a text names; the last one that is over when it
// names none, because that is the one that is published.
func (v *visit) year(text string) int {
	if text == "" {
		return v.s.options.Ledger.Now().Year() - 1
	}
	year, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return year
}

func showStatistics(v *visit) error {
	figures, err := v.s.options.Desks.Statistics.Figures(v.r.Context(), v.actor, v.year(v.r.URL.Query().Get("year")))
	if err != nil {
		return err
	}
	published, err := v.s.options.Desks.Statistics.Published(v.r.Context())
	if err != nil {
		return err
	}
	return v.show(statisticsPage(v.frame("statistics.title", "/statistics"), figures, published, v.actor, v.takeDone()))
}

// publishStatistics publishes the figures of a year for everybody.
func publishStatistics(v *visit) error {
	year := v.year(v.field("year"))
	if err := v.s.options.Desks.Statistics.Publish(v.r.Context(), v.actor, year); err != nil {
		return err
	}
	return v.done("/statistics?year="+strconv.Itoa(year), "statistics.published")
}

// showSenders shows the cards of those who report to the Centre.
func showSenders(v *visit) error {
	year := v.s.options.Ledger.Now().Year()
	if text := v.r.URL.Query().Get("year"); text != "" {
		year = v.year(text)
	}
	cards, err := v.s.options.Desks.Statistics.Senders(v.r.Context(), v.actor, year)
	if err != nil {
		return err
	}
	return v.show(sendersPage(v.frame("senders.title", "/statistics"), cards, year))
}

// showPublished lists what was published, for everybody.
func (s *Server) showPublished(w http.ResponseWriter, r *http.Request) {
	all, err := s.options.Desks.Statistics.Published(r.Context())
	if err != nil {
		s.options.Log.ErrorContext(r.Context(), "the published figures could not be read", "error", err)
		http.Error(w, "the figures cannot be read now", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(map[string]any{"log": s.options.Ledger.Trust().Origin, "publications": all})
}

// publishedFile gives out a published file as it was published, for everybody.
// Its place in the log stands beside it.
func (s *Server) publishedFile(w http.ResponseWriter, r *http.Request) {
	all, err := s.options.Desks.Statistics.Published(r.Context())
	if err != nil {
		s.options.Log.ErrorContext(r.Context(), "the published figures could not be read", "error", err)
		http.Error(w, "the figures cannot be read now", http.StatusInternalServerError)
		return
	}
	for _, p := range all {
		for _, f := range p.Files {
			if f.Name != r.PathValue("file") {
				continue
			}
			w.Header().Set("Content-Type", f.Type)
			w.Header().Set("ETag", strconv.Quote(f.SHA256))
			w.Header().Set("Brdo-Log-Event", p.Event)
			w.Header().Set("Brdo-Log-Position", strconv.FormatInt(p.Position, 10))
			http.ServeContent(w, r, f.Name, p.At, bytes.NewReader(f.Content))
			return
		}
	}
	http.Error(w, "nothing of this name was published", http.StatusNotFound)
}

// statisticsFile gives out the figures of a year as a file: "2026.json" or "2026.csv".
func statisticsFile(v *visit) error {
	year, format, _ := strings.Cut(v.r.PathValue("file"), ".")
	formats := map[string]struct {
		kind  string
		write func(statistics.Publication) error
	}{
		"json": {"application/json", func(p statistics.Publication) error { return p.WriteJSON(v.w) }},
		"csv":  {"text/csv; charset=utf-8", func(p statistics.Publication) error { return p.WriteCSV(v.w) }},
	}
	how, known := formats[format]
	figures, err := v.s.options.Desks.Statistics.Figures(v.r.Context(), v.actor, v.year(year))
	if err != nil {
		return err
	}
	if !known {
		return problem.New(problem.NotFound, "there is no such file", "ask for the year with .json or .csv")
	}
	v.w.Header().Set("Content-Type", how.kind)
	v.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": fmt.Sprintf("figures-%d.%s", figures.Year, format)}))
	return how.write(figures)
}

// figureText is a figure as people read it.
func figureText(f statistics.Figure) string {
	if f.Value == nil {
		return "–"
	}
	return number(int64(*f.Value))
}

// cellName is what a cell is about: a node's id is shortened.
func cellName(of string) string {
	if strings.Contains(of, "/") {
		return shortRef(of)
	}
	return of
}
