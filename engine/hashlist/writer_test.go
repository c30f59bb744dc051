package hashlist

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
)

// anEntry draws an entry as a reader would return it.
func anEntry(t *rapid.T) Entry {
	e := Entry{Size: -1, PDQQuality: -1}
	for e.Kinds == 0 {
		for _, kind := range AllKinds() {
			if rapid.Bool().Draw(t, "has "+kind.String()) {
				digest := rapid.SliceOfN(rapid.Byte(), kind.Len(), kind.Len()).Draw(t, kind.String())
				if !allZero(digest) {
					if err := e.SetDigest(kind, digest); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	text := rapid.Custom(func(t *rapid.T) string {
		var b rowBuilder
		prefix := rapid.SampledFrom([]string{"", "", "=", "+", "-", "@", "'", "''=", "\"", "#", "{"}).Draw(t, "prefix")
		return b.clean([]byte(prefix + rapid.StringOf(rapid.RuneFrom([]rune("ab ,;\"'\\=\n\r\t<&>üß\u2028\u0000日😀"))).Draw(t, "text")))
	})
	flag := rapid.SampledFrom([]Flag{Unknown, No, Yes})
	if rapid.Bool().Draw(t, "sized") {
		e.Size = rapid.Int64Range(1, 1<<62).Draw(t, "size")
	}
	if rapid.Bool().Draw(t, "with quality") {
		e.PDQQuality = rapid.IntRange(0, 100).Draw(t, "quality")
	}
	e.MIME, e.Category, e.Verification = text.Draw(t, "mime"), text.Draw(t, "category"), text.Draw(t, "verification")
	e.VictimIdentified, e.OffenderIdentified = flag.Draw(t, "victim"), flag.Draw(t, "offender")
	e.IsDistributed, e.IsPrecategorized = flag.Draw(t, "distributed"), flag.Draw(t, "precategorized")
	e.IsSuspected, e.SelfGenerated, e.Baseline = flag.Draw(t, "suspected"), flag.Draw(t, "self"), flag.Draw(t, "baseline")
	e.Series, e.Source, e.SourceID = text.Draw(t, "series"), text.Draw(t, "source"), text.Draw(t, "id")
	e.Case, e.DateUpdated, e.Path = bareIdentifier(text.Draw(t, "case")), text.Draw(t, "date"), text.Draw(t, "path")
	e.Tags, e.Note = text.Draw(t, "tags"), text.Draw(t, "note")
	for n := rapid.IntRange(0, 3).Draw(t, "frames"); len(e.Frames) < n; {
		frame := video.Feature{Frame: 25 * len(e.Frames), Quality: rapid.IntRange(0, 100).Draw(t, "frame quality"), Time: time.Duration(len(e.Frames)) * 1001 * time.Millisecond}
		frame.Hash[0] = rapid.Byte().Draw(t, "frame hash")
		e.Frames = append(e.Frames, frame)
	}
	for n := rapid.IntRange(0, 3).Draw(t, "insets"); len(e.Insets) < n; {
		e.Insets = append(e.Insets, pdq.Inset{Tenths: 25 * (len(e.Insets) + 1), Hash: pdq.Hash{byte(n)}})
	}
	return e
}

func writeAll(t interface {
	Helper()
	Fatal(...any)
}, w Writer, entries []Entry) {
	t.Helper()
	for _, e := range entries {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// unplaced is entries without the places at which they were read.
func unplaced(entries []Entry) []Entry {
	for i := range entries {
		entries[i].Number, entries[i].Line, entries[i].Offset = 0, 0, 0
	}
	return entries
}

func same(a, b []Entry) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !reflect.DeepEqual(a[i], b[i]) {
			return false
		}
	}
	return true
}

func TestCSVRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Custom(anEntry), 0, 6).Draw(t, "entries")
		var b bytes.Buffer
		w, err := NewCSVWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		writeAll(t, w, entries)
		if len(entries) == 0 {
			return
		}
		printed := b.String()
		got, r, err := readAll(strings.NewReader(printed), Options{})
		if err != nil {
			t.Fatalf("%v in\n%s", err, printed)
		}
		if r.Header().Profile != profileOwn || !same(unplaced(got), entries) {
			t.Fatalf("got %+v\nwant %+v\n%s", got, entries, printed)
		}
	})
}

func TestVICSRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Custom(anEntry), 0, 6).Draw(t, "entries")
		for i := range entries {
			e := &entries[i]
			if !e.Kinds.Has(MD5) {
				e.MD5, e.Kinds = [16]byte{1, byte(i)}, e.Kinds|Kinds(MD5)
			}
			// What VICS has no place for.
			e.PDQQuality, e.Verification, e.Baseline, e.Case, e.Frames, e.Insets = -1, "", Unknown, "", nil, nil
			e.SourceID = strconv.FormatInt(rapid.Int64().Draw(t, "media id"), 10)
			e.Category = ""
			if rapid.Bool().Draw(t, "categorized") {
				e.Category = strconv.Itoa(rapid.IntRange(0, 20).Draw(t, "category number"))
			}
			e.Series = strings.TrimPrefix(e.Series, "{")
			e.Series = strings.TrimSpace(e.Series)
		}
		var b bytes.Buffer
		w, err := NewVICSWriter(&b, VICSOptions{Profile: "US"})
		if err != nil {
			t.Fatal(err)
		}
		writeAll(t, w, entries)
		if !json.Valid(b.Bytes()) {
			t.Fatalf("not JSON:\n%s", b.Bytes())
		}
		if left := w.LeftOut(); len(left) != 0 {
			t.Fatalf("left out %v", left)
		}
		got, r, err := readAll(bytes.NewReader(b.Bytes()), Options{})
		if err != nil {
			t.Fatalf("%v in\n%s", err, b.Bytes())
		}
		if h := r.Header(); h.Format != VICS || h.Version != "2.0" || h.Profile != "US" || h.Content != "Media" {
			t.Fatalf("header %+v", h)
		}
		if !same(unplaced(got), entries) {
			t.Fatalf("got %+v\nwant %+v\n%s", got, entries, b.Bytes())
		}
	})
}

func TestPlainRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(AllKinds()).Draw(t, "kind")
		entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Entry {
			e := Entry{Size: -1, PDQQuality: -1}
			digest := rapid.SliceOfN(rapid.Byte(), kind.Len(), kind.Len()).Draw(t, "digest")
			digest[0] |= 1
			if err := e.SetDigest(kind, digest); err != nil {
				t.Fatal(err)
			}
			return e
		}), 0, 9).Draw(t, "entries")
		var b bytes.Buffer
		w, err := NewPlainWriter(&b, kind)
		if err != nil {
			t.Fatal(err)
		}
		writeAll(t, w, entries)
		options := Options{Format: Plain}
		if kind == PDQ {
			options.Kind64 = PDQ
		}
		got, _, err := readAll(&b, options)
		if err != nil || !same(unplaced(got), entries) {
			t.Fatalf("got %+v, %v\nwant %+v", got, err, entries)
		}
	})
}

// The columns are an interface to others: they change by addition at the end
// only.
func TestCSVIsStableAndRunsNoFormula(t *testing.T) {
	e := Entry{Kinds: Kinds(MD5), MD5: [16]byte{0xab}, PDQQuality: -1, Size: 12, Category: "1", IsDistributed: Yes, VictimIdentified: No,
		Series: "@SUM(1)", Path: `=cmd|' /C calc'!A0`, Note: "+1", Tags: "-a", Source: "'=x", SourceID: "7"}
	var b bytes.Buffer
	w, err := NewCSVWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, w, []Entry{e})
	want := "md5,sha1,sha256,pdq,pdq_quality,size,mime,category,verification,victim_identified,offender_identified,is_distributed,is_precategorized,is_suspected,self_generated,baseline,series,source,source_id,case,date_updated,path,tags,note,frame_hashes,pdq_insets\n" +
		"ab000000000000000000000000000000,,,,,12,,1,,no,,yes,,,,,'@SUM(1),''=x,7,,,'=cmd|' /C calc'!A0,'-a,'+1,,\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestAnEarlierCSVOfOursIsRead as ours: from before insets were a column, and before frames were.
func TestAnEarlierCSVOfOursIsRead(t *testing.T) {
	row := map[string]string{"md5": digestOf(1), "note": "'=x"}
	for lacking := range laterColumns + 1 {
		columns := ownColumns[:len(ownColumns)-lacking]
		for _, columns := range [][]string{columns, append(slices.Clone(columns), "state")} {
			var cells []string
			for _, name := range columns {
				cells = append(cells, row[name])
			}
			entries, _, err := readAll(strings.NewReader(strings.Join(columns, ",")+"\n"+strings.Join(cells, ",")+"\n"), Options{})
			if err != nil || entries[0].Note != "=x" {
				t.Errorf("%d columns: %+v, %v", len(columns), entries, err)
			}
		}
	}
}

func TestForeignCSVKeepsApostrophes(t *testing.T) {
	entries, _, err := readAll(strings.NewReader("md5,note\n"+digestOf(1)+",'=x\n"), Options{})
	if err != nil || entries[0].Note != "'=x" {
		t.Errorf("%+v, %v", entries, err)
	}
}

func TestWritersRefuse(t *testing.T) {
	good := Entry{Kinds: Kinds(MD5), MD5: [16]byte{1}, Size: -1, PDQQuality: -1, SourceID: "1"}
	change := func(f func(*Entry)) Entry { e := good; f(&e); return e }
	for name, test := range map[string]struct {
		entry Entry
		field string
		only  string // "" for every writer
	}{
		"many insets":  {change(func(e *Entry) { e.Insets = make([]pdq.Inset, maxInsets+1) }), "pdq_insets", ""},
		"empty file":   {change(func(e *Entry) { e.MD5 = emptyMD5 }), "digest", ""},
		"no digest":    {change(func(e *Entry) { e.Kinds = 0 }), "digest", ""},
		"refused":      {change(func(e *Entry) { e.Refused = RefusedContradiction }), "digest", ""},
		"zeros":        {change(func(e *Entry) { e.MD5 = [16]byte{} }), "MD5", ""},
		"suspended":    {change(func(e *Entry) { e.State = StateSuspended }), "state", ""},
		"withdrawn":    {change(func(e *Entry) { e.State = StateWithdrawn }), "state", ""},
		"other kind":   {change(func(e *Entry) { e.Kinds = Kinds(SHA1); e.SHA1 = [20]byte{1} }), "MD5", "plain"},
		"no MD5":       {change(func(e *Entry) { e.Kinds = Kinds(SHA1); e.SHA1 = [20]byte{1} }), "MD5", "vics"},
		"category":     {change(func(e *Entry) { e.Category = "A" }), "Category", "vics"},
		"no MediaID":   {change(func(e *Entry) { e.SourceID = "" }), "MediaID", "vics"},
		"text MediaID": {change(func(e *Entry) { e.SourceID = "x-1" }), "MediaID", "vics"},
	} {
		var b bytes.Buffer
		plain, err1 := NewPlainWriter(&b, MD5)
		table, err2 := NewCSVWriter(&b)
		vics, err3 := NewVICSWriter(&b, VICSOptions{})
		lines := NewJSONLinesWriter(&b)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		for kind, w := range map[string]Writer{"plain": plain, "csv": table, "vics": vics, "jsonl": lines} {
			if test.only != "" && test.only != kind {
				continue
			}
			err := w.Write(test.entry)
			var refused *EntryError
			if !errors.As(err, &refused) || refused.Field != test.field || refused.Number != 1 || refused.Remedy == "" {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
			if err := w.Write(good); err != nil {
				t.Errorf("%s, %s: a good entry afterwards: %v", name, kind, err)
			}
		}
		// A refused entry leaves the document sound.
		b.Reset()
		if err := vics.Close(); err != nil {
			t.Fatal(err)
		}
		if test.only != "plain" && !json.Valid(b.Bytes()) {
			t.Errorf("%s: not JSON: %s", name, b.Bytes())
		}
	}
	if _, err := NewPlainWriter(io.Discard, 3); err == nil {
		t.Error("a plain list of no kind was begun")
	}
	if _, err := NewVICSWriter(io.Discard, VICSOptions{Profile: "../x"}); err == nil {
		t.Error("an unknown profile was taken")
	}
}

func TestVICSSaysWhatItLeavesOut(t *testing.T) {
	var b bytes.Buffer
	w, err := NewVICSWriter(&b, VICSOptions{Renumber: true})
	if err != nil {
		t.Fatal(err)
	}
	e := Entry{Kinds: Kinds(MD5), MD5: [16]byte{1}, Size: -1, PDQQuality: -1, SourceID: "x", Verification: "two", Case: "c", Baseline: Yes}
	other := Entry{Kinds: Kinds(MD5), MD5: [16]byte{2}, Size: -1, PDQQuality: -1}
	writeAll(t, w, []Entry{e, other})
	left := w.LeftOut()
	if len(left) != 4 || left["SourceID"] != 1 || left["Verification"] != 1 || left["Case"] != 1 || left["Baseline"] != 1 {
		t.Errorf("left out %v", left)
	}
	entries, _, err := readAll(&b, Options{})
	if err != nil || len(entries) != 2 || entries[0].SourceID != "1" || entries[1].SourceID != "2" {
		t.Errorf("%+v, %v", entries, err)
	}
}

func TestUnclosedVICSIsNotRead(t *testing.T) {
	var b bytes.Buffer
	w, err := NewVICSWriter(&b, VICSOptions{Renumber: true})
	if err != nil {
		t.Fatal(err)
	}
	writeAll(t, w, []Entry{{Kinds: Kinds(MD5), MD5: [16]byte{1}, Size: -1, PDQQuality: -1}})
	for cut := range b.Len() - 1 { // the last byte is a line end
		if _, _, err := readAll(bytes.NewReader(b.Bytes()[:cut]), Options{}); err == nil {
			t.Errorf("the first %d of %d bytes were read as a whole list", cut, b.Len())
		}
	}
}
