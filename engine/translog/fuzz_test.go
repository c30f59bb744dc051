package translog_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/brdoproject/brdo/engine/translog"
)

// What is accepted is written back byte for byte.
func FuzzParseCheckpoint(f *testing.F) {
	f.Add([]byte("go.sum database tree\n123456789012\nTszzRgjTG6xce+z2AG31kAXYKBgQVtCSCE40HmuwBb0=\n"))
	f.Add([]byte(origin + "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextension\n"))
	f.Add([]byte("\n\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := translog.ParseCheckpoint(text)
		if err != nil {
			wantCheckpointError(t, err, translog.Malformed)
			return
		}
		if again, err := c.Marshal(); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%q is written back as %q, %v", text, again, err)
		}
	})
}

// Nobody without the key makes a note that opens: what opens is what was
// signed, whatever else a note says.
func FuzzOpen(f *testing.F) {
	w := newWorld(3)
	f.Add(w.checkpoints[0])
	f.Add([]byte(sumdbNote))
	f.Add(must(translog.Sign(w.heads[0], signer(origin), signer("stranger.example"))))
	f.Fuzz(func(t *testing.T, text []byte) {
		signed, err := translog.Open(text, trust())
		var wrong *translog.CheckpointError
		switch {
		case err == nil && !signed.Checkpoint.Equal(w.heads[0]):
			t.Fatalf("opened %+v, which was never signed", signed)
		case err != nil && !errors.As(err, &wrong):
			t.Fatalf("an untyped error: %v", err)
		}
	})
}

func FuzzBundleReader(f *testing.F) {
	w := newWorld(2, 1)
	f.Add(w.whole())
	f.Add(w.extract(0, 2))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, bundle []byte) {
		report, err := translog.AuditBundle(bytes.NewReader(bundle), trust())
		if err == nil && report.Head.Size > 3 {
			t.Fatalf("audited %+v, which was never signed", report)
		}
		reader, err := translog.NewBundleReader(bytes.NewReader(bundle))
		for err == nil {
			_, err = reader.Next()
		}
		var wrong *translog.BundleError
		if !errors.Is(err, io.EOF) && !errors.As(err, &wrong) {
			t.Fatalf("an untyped error: %v", err)
		}
	})
}
