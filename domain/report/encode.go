package report

import (
	"fmt"

	"github.com/brdoproject/brdo/domain/strictjson"
)

// MaxBytes is the largest report that is read or written.
const MaxBytes = 1 << 20

// Marshal writes the report as JSON in one line, always the same bytes for the
// same value: fields in the order of the template, map keys sorted, empty
// fields left out. These bytes are what is approved, signed, sent and kept; a
// reader verifies them as they are and never writes them again.
func (r Report) Marshal() ([]byte, error) {
	text, err := strictjson.Encode(r)
	if err != nil {
		return nil, fmt.Errorf("writing the report: %w", err)
	}
	return text, nil
}

// Parse reads a report of at most [MaxBytes]. Unknown keys, keys given twice
// and anything after the end are problems of kind Invalid that name the key.
// It checks the shape only; [Report.Validate] checks the values.
func Parse(data []byte) (Report, error) {
	var r Report
	if err := strictjson.Decode(data, MaxBytes, &r); err != nil {
		return Report{}, err
	}
	return r, nil
}
