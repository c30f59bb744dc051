package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Encode writes a value as JSON in one line, always the same bytes for the same
// value: fields in the order of the type, map keys sorted, no escapes for HTML.
// These bytes can be signed; a reader verifies them as they are and never
// writes them again.
func Encode(value any) ([]byte, error) {
	var text bytes.Buffer
	writer := json.NewEncoder(&text)
	writer.SetEscapeHTML(false)
	if err := writer.Encode(value); err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
