package web

import (
	"fmt"
	"mime"
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
	return v.show(statisticsPage(v.frame("statistics.title", "/statistics"), figures))
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
