package translog_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/engine/translog"
)

var update = flag.Bool("update", false, "write the golden bundles anew")

func header(kind translog.BundleKind) translog.Header {
	return translog.Header{Kind: kind, Origin: origin, Keys: []string{fixedKey(origin).Verifier}}
}

// whole exports all that the checkpoints of w cover.
func (w *world) whole() []byte {
	var out bytes.Buffer
	b := must(translog.NewBundleWriter(&out, header(translog.Whole)))
	next := int64(0)
	for i, head := range w.heads {
		for ; next < head.Size; next++ {
			if err := b.Record(next, w.records[next].Data, nil); err != nil {
				panic(err)
			}
		}
		if err := b.Checkpoint(w.checkpoints[i]); err != nil {
			panic(err)
		}
	}
	if err := b.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// extract exports some records under the last checkpoint of w.
func (w *world) extract(indexes ...int64) []byte {
	var out bytes.Buffer
	b := must(translog.NewBundleWriter(&out, header(translog.Extract)))
	if err := b.Checkpoint(w.checkpoints[len(w.checkpoints)-1]); err != nil {
		panic(err)
	}
	size := w.heads[len(w.heads)-1].Size
	for _, index := range indexes {
		if err := b.Record(index, w.records[index].Data, must(translog.ProveInclusion(size, index, w.hashes))); err != nil {
			panic(err)
		}
	}
	if err := b.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func lines(bundle []byte) [][]byte {
	split := bytes.SplitAfter(bundle, []byte("\n"))
	return split[:len(split)-1]
}

// seal joins changed lines under an end line that is right again, as a forger
// would.
func seal(changed [][]byte) []byte {
	body := bytes.Join(changed[:len(changed)-1], nil)
	digest := sha256.Sum256(body)
	return fmt.Appendf(body, `{"end":{"records":%d,"checkpoints":%d,"sha256":"%s"}}`+"\n",
		bytes.Count(body, []byte(`{"record":`)), bytes.Count(body, []byte(`{"checkpoint":`)), hex.EncodeToString(digest[:]))
}

func TestGoldenBundles(t *testing.T) {
	w := newWorld(3, 4)
	for name, bundle := range map[string][]byte{"whole.jsonl": w.whole(), "extract.jsonl": w.extract(1, 4)} {
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, bundle, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bundle, golden) {
			t.Errorf("%s is not what is written now:\n%s", path, bundle)
		}
		if err := strangerCheck(golden, origin, fixedKey(origin).Verifier); err != nil {
			t.Errorf("%s: a reader who knows only FORMAT.md finds: %v", path, err)
		}
		// FORMAT.md shows the extract, line for line.
		if name == "extract.jsonl" && !bytes.Contains(must(os.ReadFile("FORMAT.md")), golden) {
			t.Errorf("FORMAT.md does not show %s", path)
		}
	}
}

func TestAuditBundle(t *testing.T) {
	w := newWorld(0, 5, 7, 0)
	trusted := trust()
	trusted.Known = []translog.Checkpoint{w.heads[1]}
	report, err := translog.AuditBundle(iotest.OneByteReader(bytes.NewReader(w.whole())), trusted)
	if err != nil || report.Records != 12 || report.Checkpoints != 4 || report.Known != 1 || report.Root != w.root() || !report.Head.Equal(w.heads[3]) {
		t.Fatalf("whole: %+v, %v", report, err)
	}
	trusted.Known = w.heads[3:]
	report, err = translog.AuditBundle(bytes.NewReader(w.extract(0, 7, 11)), trusted)
	if err != nil || report.Records != 3 || report.Checkpoints != 1 || report.Known != 1 || report.Root != w.root() || report.Uncovered != 0 {
		t.Fatalf("extract: %+v, %v", report, err)
	}
	report, err = translog.AuditBundle(bytes.NewReader(newWorld(1).extract(0)), trust())
	if err != nil || report.Records != 1 {
		t.Fatalf("extract of a log of one record, whose proof is empty: %+v, %v", report, err)
	}
}

func TestWholeBundlesOfAnyShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(rapid.SliceOfN(rapid.IntRange(0, 20), 1, 5).Draw(t, "batches")...)
		report, err := translog.AuditBundle(bytes.NewReader(w.whole()), trust())
		if err != nil || report.Records != w.size() || report.Root != w.root() {
			t.Fatalf("%+v, %v", report, err)
		}
	})
}

// Forged lines under a right end line. Lines: header, records 0-4 (lines 1-5),
// checkpoint 5 (6), records 5-9 (7-11), checkpoint 10 (12), end.
func TestForgedBundles(t *testing.T) {
	w := newWorld(5, 5)
	other := newWorld(5, 6)
	swap := func(l [][]byte, i, j int) [][]byte { l[i], l[j] = l[j], l[i]; return l }
	drop := func(l [][]byte, i int) [][]byte { return slices.Delete(l, i, i+1) }
	for name, c := range map[string]struct {
		bundle      []byte
		change      func(l [][]byte) [][]byte
		kind        translog.FaultKind
		index, size int64
	}{
		"record altered":       {w.whole(), func(l [][]byte) [][]byte { l[8] = bytes.Replace(l[8], []byte("ey"), []byte("EY"), 1); return l }, translog.CheckpointMismatch, 5, 10},
		"record missing":       {w.whole(), func(l [][]byte) [][]byte { return drop(l, 8) }, translog.RecordMissing, 6, 0},
		"missing at a head":    {w.whole(), func(l [][]byte) [][]byte { return drop(l, 5) }, translog.RecordMissing, 4, 5},
		"records swapped":      {w.whole(), func(l [][]byte) [][]byte { return swap(l, 8, 9) }, translog.RecordOutOfOrder, 6, 0},
		"record twice":         {w.whole(), func(l [][]byte) [][]byte { return slices.Insert(l, 8, l[8]) }, translog.UnexpectedRecord, 6, 0},
		"truncated":            {w.whole(), func(l [][]byte) [][]byte { return drop(l, 11) }, translog.Truncated, 9, 10},
		"no last checkpoint":   {w.whole(), func(l [][]byte) [][]byte { return drop(l, 12) }, translog.UnexpectedRecord, 5, 0},
		"no checkpoint":        {w.whole(), func(l [][]byte) [][]byte { return slices.Delete(l, 1, 13) }, translog.CheckpointInvalid, 0, 0},
		"checkpoint early":     {w.whole(), func(l [][]byte) [][]byte { return swap(l, 5, 6) }, translog.RecordOutOfOrder, 4, 5},
		"checkpoint late":      {w.whole(), func(l [][]byte) [][]byte { return swap(l, 6, 7) }, translog.CheckpointsInconsistent, 5, 5},
		"checkpoint twice":     {w.whole(), func(l [][]byte) [][]byte { l[12] = l[6]; return l }, translog.CheckpointsInconsistent, 5, 5},
		"checkpoint changed":   {w.whole(), func(l [][]byte) [][]byte { l[6] = bytes.Replace(l[6], []byte(`\n5\n`), []byte(`\n4\n`), 1); return l }, translog.CheckpointInvalid, 5, 0},
		"extract altered":      {w.extract(2, 6), func(l [][]byte) [][]byte { l[3] = bytes.Replace(l[3], []byte("ey"), []byte("EY"), 1); return l }, translog.RecordAltered, 6, 10},
		"extract renumbered":   {w.extract(2, 6), func(l [][]byte) [][]byte { l[3] = bytes.Replace(l[3], []byte(":6,"), []byte(":7,"), 1); return l }, translog.RecordAltered, 7, 10},
		"extract beyond":       {w.extract(2, 6), func(l [][]byte) [][]byte { l[3] = bytes.Replace(l[3], []byte(":6,"), []byte(":10,"), 1); return l }, translog.UnexpectedRecord, 10, 10},
		"extract swapped":      {w.extract(2, 6), func(l [][]byte) [][]byte { return swap(l, 2, 3) }, translog.RecordOutOfOrder, 2, 10},
		"extract twice":        {w.extract(2, 6), func(l [][]byte) [][]byte { return slices.Insert(l, 2, l[2]) }, translog.UnexpectedRecord, 2, 10},
		"extract, other head":  {w.extract(2, 6), func(l [][]byte) [][]byte { l[1] = lines(other.extract(2))[1]; return l }, translog.RecordAltered, 2, 11},
		"extract without head": {w.extract(2, 6), func(l [][]byte) [][]byte { return slices.Delete(l, 1, 4) }, translog.CheckpointInvalid, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := translog.AuditBundle(bytes.NewReader(seal(c.change(lines(c.bundle)))), trust())
			wantFault(t, err, c.kind, c.index, c.size)
		})
	}
	trusted := trust()
	trusted.Known = []translog.Checkpoint{{Origin: origin, Size: 10, Root: translog.Hash{1}}}
	_, err := translog.AuditBundle(bytes.NewReader(w.extract(2)), trusted)
	wantFault(t, err, translog.CheckpointsInconsistent, 10, 10)
	trusted.Known = other.heads[1:]
	_, err = translog.AuditBundle(bytes.NewReader(w.whole()), trusted)
	wantFault(t, err, translog.Truncated, 10, 11)
}

// What is wrong with the log is said before what is wrong with the file.
func TestFaultsComeBeforeFormErrors(t *testing.T) {
	w := newWorld(5, 5)
	changed := lines(w.whole())
	changed[9] = bytes.Replace(changed[9], []byte("ey"), []byte("EY"), 1)
	_, err := translog.AuditBundle(bytes.NewReader(bytes.Join(changed, nil)), trust())
	wantFault(t, err, translog.CheckpointMismatch, 5, 10)
	missing := slices.Delete(lines(w.whole()), 8, 9)
	_, err = translog.AuditBundle(bytes.NewReader(bytes.Join(missing, nil)), trust())
	wantFault(t, err, translog.RecordMissing, 6, 0)
}

func TestBundleFormErrorsNameTheLine(t *testing.T) {
	good := newWorld(5).whole()
	extract := newWorld(5).extract(1, 2)
	replace := func(bundle []byte, old, with string) []byte {
		return bytes.Replace(bundle, []byte(old), []byte(with), 1)
	}
	for name, c := range map[string]struct {
		bundle []byte
		line   int64
	}{
		"empty":                  {nil, 1},
		"not JSON":               {[]byte("hello\n"), 1},
		"no header":              {bytes.Join(lines(good)[1:], nil), 1},
		"other version":          {replace(good, "translog/1", "translog/2"), 1},
		"other kind":             {replace(good, `"whole"`, `"half"`), 1},
		"key changed":            {replace(good, "example/log+", "example/bog+"), 1},
		"no keys":                {regexp.MustCompile(`"keys":\[[^]]*\]`).ReplaceAll(good, []byte(`"keys":[]`)), 1},
		"other origin":           {replace(good, `"origin":"node`, `"origin":"mode`), 1},
		"space":                  {replace(good, `{"record":{"index":1`, `{"record":{"index": 1`), 3},
		"unknown member":         {replace(good, `{"record":{"index":1`, `{"record":{"extra":1,"index":1`), 3},
		"member in capitals":     {replace(good, `{"record":{"index":1`, `{"record":{"Index":1`), 3},
		"two members":            {replace(good, `{"checkpoint":`, `{"record":{"index":9,"data":""},"checkpoint":`), 7},
		"no member":              {replace(good, `{"checkpoint":`, "{}\n"+`{"checkpoint":`), 7},
		"second header":          {slices.Concat(lines(good)[0], good), 2},
		"proof in a whole":       {replace(good, `"data"`, `"proof":[],"data"`), 2},
		"proof after data":       {regexp.MustCompile(`"\}\}\n`).ReplaceAll(good, []byte(`","proof":[]}}`+"\n")), 2},
		"no proof in an extract": {regexp.MustCompile(`,"proof":\[[^]]*\]`).ReplaceAll(extract, nil), 3},
		"two heads":              {seal(slices.Insert(lines(extract), 1, lines(extract)[1])), 3},
		"record before the head": {seal(slices.Insert(lines(extract), 1, lines(extract)[2])), 2},
		"cut in a line":          {good[:len(good)-1], 8},
		"cut after a line":       {bytes.Join(lines(good)[:7], nil), 8},
		"something after":        {append(bytes.Clone(good), '\n'), 9},
		"digest":                 {replace(good, `"sha256":"`, `"sha256":"0`), 8},
		"counts":                 {replace(good, `{"end":{"records":5`, `{"end":{"records":4`), 8},
		"long line":              {append(bytes.Clone(lines(good)[0]), bytes.Repeat([]byte("a"), translog.MaxBundleLine)...), 2},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := translog.AuditBundle(bytes.NewReader(c.bundle), trust())
			var wrong *translog.BundleError
			if !errors.As(err, &wrong) || wrong.Line != c.line {
				t.Fatalf("got %v, want a bundle error at line %d", err, c.line)
			}
		})
	}
	broken := errors.New("disk on fire")
	_, err := translog.AuditBundle(io.MultiReader(bytes.NewReader(lines(good)[0]), iotest.ErrReader(broken)), trust())
	var wrong *translog.BundleError
	if !errors.Is(err, broken) || errors.As(err, &wrong) {
		t.Errorf("a broken reader gives %v", err)
	}
}

func TestBundleWriterRefusesWhatWouldNotPass(t *testing.T) {
	w := newWorld(5, 5)
	for name, write := range map[string]func(whole, extract *translog.BundleWriter) error{
		"gap":              func(b, _ *translog.BundleWriter) error { return b.Record(1, nil, nil) },
		"proof in a whole": func(b, _ *translog.BundleWriter) error { return b.Record(0, nil, []translog.Hash{}) },
		"too large": func(b, _ *translog.BundleWriter) error {
			return b.Record(0, make([]byte, translog.MaxBundleRecord+1), nil)
		},
		"checkpoint early": func(b, _ *translog.BundleWriter) error { return b.Checkpoint(w.checkpoints[0]) },
		"not a checkpoint": func(b, _ *translog.BundleWriter) error { return b.Checkpoint([]byte("hello")) },
		"not UTF-8": func(_, b *translog.BundleWriter) error {
			return b.Checkpoint(append(bytes.Clone(w.checkpoints[1]), 0xff))
		},
		"not a checkpoint either": func(b, _ *translog.BundleWriter) error { return b.Checkpoint([]byte("a\n\nb\n")) },
		"nothing":                 func(b, _ *translog.BundleWriter) error { return b.Close() },
		"uncovered":               func(b, _ *translog.BundleWriter) error { _ = b.Record(0, nil, nil); return b.Close() },
		"record before the head":  func(_, b *translog.BundleWriter) error { return b.Record(0, nil, nil) },
		"wrong record": func(b, _ *translog.BundleWriter) error {
			for i := range int64(5) {
				_ = b.Record(i, []byte("other"), nil)
			}
			return b.Checkpoint(w.checkpoints[0])
		},
		"wrong proof": func(_, b *translog.BundleWriter) error {
			_ = b.Checkpoint(w.checkpoints[1])
			return b.Record(0, w.records[0].Data, nil)
		},
		"two heads": func(_, b *translog.BundleWriter) error {
			_ = b.Checkpoint(w.checkpoints[1])
			return b.Checkpoint(w.checkpoints[1])
		},
		"falling": func(_, b *translog.BundleWriter) error {
			_ = b.Checkpoint(w.checkpoints[1])
			_ = b.Record(3, w.records[3].Data, must(translog.ProveInclusion(10, 3, w.hashes)))
			return b.Record(3, w.records[3].Data, must(translog.ProveInclusion(10, 3, w.hashes)))
		},
		"other log": func(b, _ *translog.BundleWriter) error {
			return b.Checkpoint(must(translog.Sign(translog.Checkpoint{Origin: "other.example/log", Root: translog.EmptyRoot}, signer(origin))))
		},
	} {
		whole := must(translog.NewBundleWriter(io.Discard, header(translog.Whole)))
		extract := must(translog.NewBundleWriter(io.Discard, header(translog.Extract)))
		if err := write(whole, extract); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	for name, h := range map[string]translog.Header{
		"no kind":     {Origin: origin, Keys: []string{fixedKey(origin).Verifier}},
		"no key":      {Kind: translog.Whole, Origin: origin},
		"bad key":     {Kind: translog.Whole, Origin: origin, Keys: []string{"key"}},
		"bad witness": {Kind: translog.Whole, Origin: origin, Keys: []string{fixedKey(origin).Verifier}, Witnesses: []string{"key"}},
		"bad origin":  {Kind: translog.Whole, Origin: "a\nb", Keys: []string{fixedKey(origin).Verifier}},
	} {
		var wrong *translog.BundleError
		if _, err := translog.NewBundleWriter(io.Discard, h); !errors.As(err, &wrong) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// failingWriter takes some lines and then fails.
type failingWriter struct {
	lines int
	err   error
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.lines--; w.lines < 0 {
		return 0, w.err
	}
	return len(p), nil
}

// After a failed write nothing more is written: the file stays visibly cut off.
func TestBundleWriterStopsAtTheFirstFailure(t *testing.T) {
	w := newWorld(2)
	full := errors.New("disk full")
	if _, err := translog.NewBundleWriter(&failingWriter{err: full}, header(translog.Whole)); !errors.Is(err, full) {
		t.Errorf("the header: %v", err)
	}
	to := &failingWriter{lines: 2, err: full}
	b := must(translog.NewBundleWriter(to, header(translog.Whole)))
	if err := b.Record(0, w.records[0].Data, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Record(1, w.records[1].Data, nil); !errors.Is(err, full) {
		t.Errorf("the second record: %v", err)
	}
	to.lines = 10
	for name, err := range map[string]error{"record": b.Record(1, w.records[1].Data, nil), "checkpoint": b.Checkpoint(w.checkpoints[0]), "close": b.Close()} {
		if !errors.Is(err, full) {
			t.Errorf("%s after a failure: %v", name, err)
		}
	}
	if to.lines != 10 {
		t.Error("something was written after a failure")
	}
}

func TestBundleReaderReturnsWhatWasWritten(t *testing.T) {
	h := header(translog.Extract)
	h.Witnesses = []string{fixedKey("witness.example").Verifier}
	var out bytes.Buffer
	w := newWorld(3)
	b := must(translog.NewBundleWriter(&out, h))
	proof := must(translog.ProveInclusion(3, 1, w.hashes))
	for _, err := range []error{b.Checkpoint(w.checkpoints[0]), b.Record(1, w.records[1].Data, proof), b.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if b.Close() == nil {
		t.Error("closed twice")
	}
	r := must(translog.NewBundleReader(&out))
	if got := r.Header(); got.Kind != h.Kind || got.Origin != h.Origin || !slices.Equal(got.Keys, h.Keys) || !slices.Equal(got.Witnesses, h.Witnesses) {
		t.Errorf("header %+v", got)
	}
	if entry := must(r.Next()); !bytes.Equal(entry.Checkpoint, w.checkpoints[0]) {
		t.Errorf("checkpoint %q", entry.Checkpoint)
	}
	if entry := must(r.Next()); entry.Record.Index != 1 || !bytes.Equal(entry.Record.Data, w.records[1].Data) || !slices.Equal(entry.Proof, proof) {
		t.Errorf("record %+v", entry)
	}
	for range 2 {
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("the end: %v", err)
		}
	}
}

// The largest record fits into a line, and any bytes come back as they were.
func TestRecordsOfAllBytesAndSizes(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	records := [][]byte{nil, all, []byte("a\nb\u2028<>&"), bytes.Repeat([]byte{0xff}, translog.MaxBundleRecord)}
	var leaves []translog.Hash
	for _, record := range records {
		leaves = append(leaves, translog.RecordHash(record))
	}
	growth := must(translog.Extend(0, nil, leaves))
	var out bytes.Buffer
	b := must(translog.NewBundleWriter(&out, header(translog.Whole)))
	for i, record := range records {
		if err := b.Record(int64(i), record, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Checkpoint(must(translog.Sign(translog.Checkpoint{Origin: origin, Size: 4, Root: growth.Root}, signer(origin)))); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	reader := must(translog.NewBundleReader(bytes.NewReader(out.Bytes())))
	for i, record := range records {
		entry, err := reader.Next()
		if err != nil || entry.Record.Index != int64(i) || !bytes.Equal(entry.Record.Data, record) {
			t.Fatalf("record %d: %v", i, err)
		}
	}
	if _, err := translog.AuditBundle(bytes.NewReader(out.Bytes()), trust()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), `{"header":{"format":"brdo-translog/1"`) {
		t.Error("the format is not named in the first bytes")
	}
}
