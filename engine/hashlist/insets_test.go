package hashlist

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/engine/pdq"
)

// TestInsetsComeBack from JSON Lines, from our CSV, and from that of brdo hash.
func TestInsetsComeBack(t *testing.T) {
	e := Entry{Size: -1, PDQQuality: -1, Insets: []pdq.Inset{{Tenths: 25, Hash: pdq.Hash{1}}, {Tenths: 200, Hash: pdq.Hash{2}}}}
	if err := e.SetDigest(PDQ, bytes.Repeat([]byte{7}, 32)); err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	writeAll(t, NewJSONLinesDeltaWriter(&lines), []Entry{e})
	var table bytes.Buffer
	delta, err := NewCSVDeltaWriter(&table)
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, delta, []Entry{e})
	csv := "path,pdq,pdq_insets\na.png," + e.Hex(PDQ) + "," + e.Insets[0].String() + ";" + e.Insets[1].String() + "\n"
	for name, text := range map[string]string{"JSON Lines": lines.String(), "our CSV": table.String(), "CSV": csv} {
		got, _, err := readAll(strings.NewReader(text), Options{})
		if err != nil || len(got) != 1 || !slices.Equal(got[0].Insets, e.Insets) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, wrong := range []string{"5", "5:00", e.Insets[0].String() + ";;", strings.Repeat(e.Insets[0].String()+";", 32) + e.Insets[1].String()} {
		if _, _, err := readAll(strings.NewReader(strings.Replace(csv, e.Insets[0].String()+";"+e.Insets[1].String(), wrong, 1)), Options{}); err == nil {
			t.Errorf("%.20q is read", wrong)
		}
	}
}
