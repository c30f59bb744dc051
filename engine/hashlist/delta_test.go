package hashlist

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestChangesRoundTrip: what a list of changes says of each entry comes back,
// its state among it, in both formats that can say it.
func TestChangesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Custom(anEntry), 1, 6).Draw(t, "entries")
		for i := range entries {
			entries[i].State = rapid.SampledFrom([]State{StateActive, StateSuspended, StateWithdrawn}).Draw(t, "state")
		}
		var table, lines bytes.Buffer
		w, err := NewCSVDeltaWriter(&table)
		if err != nil {
			t.Fatal(err)
		}
		writeAll(t, w, entries)
		writeAll(t, NewJSONLinesDeltaWriter(&lines), entries)
		for format, printed := range map[Format]string{CSV: table.String(), JSONLines: lines.String()} {
			got, r, err := readAll(strings.NewReader(printed), Options{})
			if err != nil || r.Header().Format != format || !same(unplaced(got), entries) {
				t.Fatalf("%s: %v\ngot %+v\nwant %+v\n%s", format, err, got, entries, printed)
			}
			if len(r.Stats().IgnoredFields) != 0 {
				t.Fatalf("%s: ignored %q", format, r.Stats().IgnoredFields)
			}
		}
	})
}

// TestJSONLinesRoundTrip: a list of entries that hold says nothing of states.
func TestJSONLinesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Custom(anEntry), 1, 6).Draw(t, "entries")
		var b bytes.Buffer
		writeAll(t, NewJSONLinesWriter(&b), entries)
		printed := b.String()
		got, _, err := readAll(&b, Options{})
		if err != nil || !same(unplaced(got), entries) || strings.Contains(printed, `"state"`) {
			t.Fatalf("%v\ngot %+v\nwant %+v\n%s", err, got, entries, printed)
		}
	})
}

// The columns are an interface to others.
func TestAListOfChangesIsStable(t *testing.T) {
	entries := []Entry{
		{Kinds: Kinds(MD5), MD5: [16]byte{0xab}, Size: -1, PDQQuality: -1, Category: "1", State: StateWithdrawn},
		{Kinds: Kinds(MD5), MD5: [16]byte{0xac}, Size: 12, PDQQuality: -1, Note: "=1"},
	}
	var table, lines bytes.Buffer
	w, err := NewCSVDeltaWriter(&table)
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, w, entries)
	writeAll(t, NewJSONLinesDeltaWriter(&lines), entries)
	if want := strings.Join(ownColumns, ",") + ",state\nab000000000000000000000000000000,,,,,,,1,,,,,,,,,,,,,,,,,,,withdrawn\nac000000000000000000000000000000,,,,,12,,,,,,,,,,,,,,,,,,'=1,,,active\n"; table.String() != want {
		t.Errorf("got\n%s\nwant\n%s", table.String(), want)
	}
	if want := `{"md5":"ab000000000000000000000000000000","category":"1","state":"withdrawn"}` + "\n" +
		`{"md5":"ac000000000000000000000000000000","size":12,"note":"=1","state":"active"}` + "\n"; lines.String() != want {
		t.Errorf("got\n%s\nwant\n%s", lines.String(), want)
	}
}

// TestStatesThatCannotBeRead: an entry that was withdrawn in other words must
// not begin to match.
func TestStatesThatCannotBeRead(t *testing.T) {
	for name, text := range map[string]string{
		"another word":    "md5,state\n" + digestOf(1) + ",revoked\n",
		"a long word":     "md5,state\n" + digestOf(1) + ",withdrawn, as of today\n",
		"a longer word":   "md5,state\n" + digestOf(1) + ",\"active" + strings.Repeat(" x", 20) + "\"\n",
		"in JSON":         `{"md5":"` + digestOf(1) + `","state":"gone"}`,
		"a number":        `{"md5":"` + digestOf(1) + `","state":1}`,
		"given twice":     `{"md5":"` + digestOf(1) + `","state":"active","State":"withdrawn"}`,
		"a list of words": `{"md5":"` + digestOf(1) + `","state":["active","withdrawn"]}`,
	} {
		_, _, err := readAll(strings.NewReader(text), Options{})
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for text, want := range map[string]State{
		"md5,State\n" + digestOf(1) + ", WITHDRAWN \n": StateWithdrawn, "md5,state\n" + digestOf(1) + ",\n": "",
		`{"value":[{"MD5":"` + digestOf(1) + `","MediaID":1,"State":"Bavaria"}]}`: "", // VICS has no states
	} {
		entries, _, err := readAll(strings.NewReader(text), Options{})
		if err != nil || len(entries) != 1 || entries[0].State != want {
			t.Errorf("%s: %+v, %v", text, entries, err)
		}
	}
}
