package reports

import (
	"encoding/json"
	"fmt"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
)

// evidence is what a sighting's row keeps, as intake writes it.
type evidence struct {
	item.Context
	FileName string       `json:"file_name"`
	Signals  []law.Signal `json:"signals"`
}

// draft fills the form with what is known. What only a person can answer stays
// open and lowers the completeness until somebody does.
func (d *Desk) draft(tx *ledger.Tx, id string, row store.ItemRow, decision item.Decision, sighting store.SightingRow) (report.Report, error) {
	var seen evidence
	if err := json.Unmarshal(sighting.Context, &seen); err != nil {
		return report.Report{}, fmt.Errorf("reading sighting %s: %w", sighting.ID, err)
	}
	var matches []match.Match
	if err := json.Unmarshal(sighting.Matches, &matches); err != nil {
		return report.Report{}, fmt.Errorf("reading the matches of %s: %w", sighting.ID, err)
	}
	matches = match.Standing(matches)
	file, err := d.file(tx, row, decision, matches)
	if err != nil {
		return report.Report{}, err
	}
	kind := "new"
	if len(matches) > 0 {
		kind = "known"
	}
	urgent := row.Tier == "P0"
	r := report.Report{ID: id, Profile: d.options.Form.Ref()}
	r.Form = report.Form{
		Provider: d.options.Provider, Urgent: &urgent, Types: []string{kind},
		Content: []report.Entry{{Nature: report.Fact, Name: "file", Item: row.ID}},
		OtherData: []report.Entry{
			{Nature: report.Fact, Name: report.UploadTime, Text: "received from source " + sighting.Source, At: sighting.At, TZ: "Z"},
			{Nature: report.Fact, Name: "form of the file", Text: fmt.Sprintf("%s, %d bytes, %d by %d pixels", row.MIME, row.Size, row.Width, row.Height)},
		},
		Geo: report.Geo{IPEvents: seen.IPEvents}, Users: seen.Users, Service: seen.Service,
		Awareness:  report.Awareness{Channel: "own_motion", Details: "measures of source " + sighting.Source + " under " + sighting.LegalBasis},
		LegalBasis: d.options.Form.Title,
	}
	if seen.FileName != "" {
		r.Form.OtherData = append(r.Form.OtherData, report.Entry{Nature: report.Fact, Name: report.FileName, Text: seen.FileName})
	}
	for _, m := range matches {
		r.Form.OtherData = append(r.Form.OtherData, report.Entry{Nature: report.MachineOutput, Name: "list match", Text: m.Explanation})
	}
	r.Control = report.Control{ClientRef: sighting.ClientRef, Files: []report.File{file}}
	return r, nil
}

func (d *Desk) file(tx *ledger.Tx, row store.ItemRow, decision item.Decision, matches []match.Match) (report.File, error) {
	f := report.File{
		Item: row.ID, Hashes: map[string]string{"md5": row.MD5, "sha1": row.SHA1}, Scheme: decision.Facts.Scheme, Labels: decision.Facts.Labels, Classes: decision.Classes,
	}
	if row.PDQ != "" {
		f.Hashes["pdq"] = row.PDQ
	}
	if len(matches) > 0 {
		f.HashListSource = matches[0].ListName + " (" + string(matches[0].Kind) + ")"
	}
	var err error
	f.ViewedByHuman, f.ViewEvent, err = viewed(tx.Tx, row.ID)
	return f, err
}
