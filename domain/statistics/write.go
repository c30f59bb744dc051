package statistics

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// WriteJSON writes the figures as one JSON object.
func (p Publication) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(p); err != nil {
		return fmt.Errorf("writing figures: %w", err)
	}
	return nil
}

// WriteCSV writes the figures as a table, a line for each counter and below it
// one for each of its cells. A figure that is not told has no value.
func (p Publication) WriteCSV(w io.Writer) error {
	table := csv.NewWriter(w)
	rows := [][]string{{"profile", "log", "year", "key", "article", "title", "by", "of", "value", "status", "because", "records"}}
	records := ""
	if p.Records > 0 {
		records = strconv.FormatInt(p.Records, 10)
	}
	for _, line := range p.Lines {
		row := func(of string, f Figure) []string {
			value := ""
			if f.Value != nil {
				value = strconv.Itoa(*f.Value)
			}
			return []string{p.Profile.String(), p.Log, strconv.Itoa(p.Year), line.Key, line.Article, line.Title, line.By, of, value, string(f.Status), line.Because, records}
		}
		rows = append(rows, row("", line.Figure))
		for _, cell := range line.Cells {
			rows = append(rows, row(cell.Of, cell.Figure))
		}
	}
	if err := table.WriteAll(rows); err != nil {
		return fmt.Errorf("writing figures: %w", err)
	}
	return nil
}
