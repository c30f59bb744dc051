package hashlist

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"github.com/brdoproject/brdo/engine/video"
)

// JSONLinesWriter writes a JSON object for each entry, with the names of our
// CSV as members; what is unknown or empty is left out.
type JSONLinesWriter struct {
	output  *bufio.Writer
	encoder *json.Encoder
	number  int64
	states  bool
}

// jsonLine is an entry as written.
type jsonLine struct {
	MD5                string   `json:"md5,omitempty"`
	SHA1               string   `json:"sha1,omitempty"`
	SHA256             string   `json:"sha256,omitempty"`
	PDQ                string   `json:"pdq,omitempty"`
	PDQQuality         *int     `json:"pdq_quality,omitempty"`
	PDQInsets          []string `json:"pdq_insets,omitempty"`
	Size               *int64   `json:"size,omitempty"`
	MIME               string   `json:"mime,omitempty"`
	Category           string   `json:"category,omitempty"`
	Verification       string   `json:"verification,omitempty"`
	VictimIdentified   string   `json:"victim_identified,omitempty"`
	OffenderIdentified string   `json:"offender_identified,omitempty"`
	IsDistributed      string   `json:"is_distributed,omitempty"`
	IsPrecategorized   string   `json:"is_precategorized,omitempty"`
	IsSuspected        string   `json:"is_suspected,omitempty"`
	SelfGenerated      string   `json:"self_generated,omitempty"`
	Baseline           string   `json:"baseline,omitempty"`
	Series             string   `json:"series,omitempty"`
	Source             string   `json:"source,omitempty"`
	SourceID           string   `json:"source_id,omitempty"`
	Case               string   `json:"case,omitempty"`
	DateUpdated        string   `json:"date_updated,omitempty"`
	Path               string   `json:"path,omitempty"`
	Tags               string   `json:"tags,omitempty"`
	Note               string   `json:"note,omitempty"`
	FrameHashes        string   `json:"frame_hashes,omitempty"`
	State              State    `json:"state,omitempty"`
}

// NewJSONLinesWriter writes entries that hold; others are refused: see
// [NewJSONLinesDeltaWriter].
func NewJSONLinesWriter(w io.Writer) *JSONLinesWriter { return newJSONLinesWriter(w, false) }

// NewJSONLinesDeltaWriter writes a list of changes: each object has a member
// state.
func NewJSONLinesDeltaWriter(w io.Writer) *JSONLinesWriter { return newJSONLinesWriter(w, true) }

func newJSONLinesWriter(w io.Writer, states bool) *JSONLinesWriter {
	output := bufio.NewWriterSize(w, window)
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	return &JSONLinesWriter{output: output, encoder: encoder, states: states}
}

// Write adds the entry.
func (j *JSONLinesWriter) Write(e Entry) error {
	j.number++
	if err := usable(j.number, &e, j.states); err != nil {
		return err
	}
	line := jsonLine{
		MD5: e.Hex(MD5), SHA1: e.Hex(SHA1), SHA256: e.Hex(SHA256), PDQ: e.Hex(PDQ), MIME: e.MIME, Category: e.Category, Verification: e.Verification,
		VictimIdentified: e.VictimIdentified.String(), OffenderIdentified: e.OffenderIdentified.String(), IsDistributed: e.IsDistributed.String(),
		IsPrecategorized: e.IsPrecategorized.String(), IsSuspected: e.IsSuspected.String(), SelfGenerated: e.SelfGenerated.String(), Baseline: e.Baseline.String(),
		Series: e.Series, Source: e.Source, SourceID: e.SourceID, Case: e.Case, DateUpdated: e.DateUpdated, Path: e.Path, Tags: e.Tags, Note: e.Note,
		FrameHashes: video.Inline(e.Frames),
	}
	if e.PDQQuality >= 0 {
		line.PDQQuality = &e.PDQQuality
	}
	for _, inset := range e.Insets {
		line.PDQInsets = append(line.PDQInsets, inset.String())
	}
	if e.Size >= 0 {
		line.Size = &e.Size
	}
	if j.states {
		line.State = stated(e.State)
	}
	if err := j.encoder.Encode(&line); err != nil {
		return fmt.Errorf("writing JSON Lines: %w", err)
	}
	return nil
}

// Close writes what is held back.
func (j *JSONLinesWriter) Close() error {
	if err := j.output.Flush(); err != nil {
		return fmt.Errorf("writing JSON Lines: %w", err)
	}
	return nil
}
