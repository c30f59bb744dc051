package ledger_test

import (
	"bytes"
	"database/sql"
	"errors"
	"testing"

	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

func TestAnExportedBundleIsTheWholeLog(t *testing.T) {
	k := newKeys(t)
	s := storetest.SQLite(t)
	fill(t, s, open(s, k), 18)
	var bundle bytes.Buffer
	written, err := ledger.ExportBundle(t.Context(), s, k.trust().Origin, []string{k.verifier}, &bundle)
	if err != nil || written != 18 {
		t.Fatalf("wrote %d records, %v", written, err)
	}
	stored, err := ledger.Verify(t.Context(), s, k.trust())
	if err != nil {
		t.Fatal(err)
	}
	exported, err := translog.AuditBundle(bytes.NewReader(bundle.Bytes()), k.trust())
	if err != nil {
		t.Fatal(err)
	}
	if exported.Records != 18 || exported.Root != stored.Root || exported.Checkpoints != stored.Checkpoints || exported.Uncovered != 0 {
		t.Fatalf("exported %+v, stored %+v", exported, stored)
	}
}

func TestAnEmptyLogIsNotExported(t *testing.T) {
	k := newKeys(t)
	var bundle bytes.Buffer
	_, err := ledger.ExportBundle(t.Context(), storetest.SQLite(t), k.trust().Origin, []string{k.verifier}, &bundle)
	if !errors.Is(err, store.ErrEmptyLog) || bundle.Len() != 0 {
		t.Fatalf("%d bytes, %v", bundle.Len(), err)
	}
}

func TestAChangedLogIsNotExported(t *testing.T) {
	for name, statement := range map[string]string{
		"a flipped byte":   `UPDATE log_events SET record = CAST(REPLACE(CAST(record AS TEXT), 'number', 'numbex') AS BLOB) WHERE position = 5`,
		"a dropped record": `DELETE FROM log_events WHERE position = 6`,
		"the end cut off":  `DELETE FROM log_events WHERE position >= 15`,
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeys(t)
			s := storetest.SQLite(t)
			fill(t, s, open(s, k), 18)
			raw, err := sql.Open("sqlite", "file:"+s.Path())
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			if _, err := raw.Exec(statement); err != nil {
				t.Fatal(err)
			}
			var bundle bytes.Buffer
			if _, err := ledger.ExportBundle(t.Context(), s, k.trust().Origin, []string{k.verifier}, &bundle); err == nil {
				t.Fatal("a changed log was exported")
			}
			if _, err := translog.AuditBundle(&bundle, k.trust()); err == nil {
				t.Fatal("what was written of it passes an audit")
			}
		})
	}
}
