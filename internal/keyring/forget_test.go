package keyring

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// ticking opens a vault with a clock that the test moves.
func ticking(t *testing.T, source string, node NodeKey) (*Vault, *atomic.Int64) {
	t.Helper()
	var at atomic.Int64
	at.Store(noon.UnixMicro())
	vault, err := OpenVault(t.Context(), source, node, func() time.Time { return time.UnixMicro(at.Load()).UTC() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vault.Close() })
	return vault, &at
}

func put(t *testing.T, vault *Vault, node NodeKey, id, body string) (header []byte) {
	t.Helper()
	header, _ = sealedFile(t, node, id)
	if err := vault.Put(t.Context(), Record{ItemID: id, Class: "item", Body: body, Header: header}); err != nil {
		t.Fatal(err)
	}
	return header
}

// unsettled are the names of what is unsettled and was sealed before a time.
func unsettled(t *testing.T, vault *Vault, before time.Time) (names []string) {
	t.Helper()
	found, err := vault.Unsettled(t.Context(), before, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range found {
		names = append(names, one.ItemID)
	}
	return names
}

func forgets(t *testing.T, vault *Vault, id string, before time.Time) bool {
	t.Helper()
	forgot, err := vault.Forget(t.Context(), id, before)
	if err != nil {
		t.Fatal(err)
	}
	return forgot
}

func TestForgottenKeysMayComeAgain(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		ctx, node := t.Context(), newNodeKey(t)
		vault, at := ticking(t, source, node)
		hour := noon.Add(time.Hour)
		for _, id := range []string{"item/left", "item/named", "item/again", "item/erased"} {
			put(t, vault, node, id, "sealed/"+id)
		}
		if names := unsettled(t, vault, noon); len(names) != 0 {
			t.Fatalf("sealed before they were: %v", names)
		}
		at.Store(noon.Add(time.Minute).UnixMicro())
		if _, err := vault.Renew(ctx, "item/again"); err != nil {
			t.Fatal(err)
		}
		if err := vault.Settle(ctx, []string{"item/named", "item/unknown"}); err != nil {
			t.Fatal(err)
		}
		if err := vault.Destroy(ctx, "item/erased"); err != nil {
			t.Fatal(err)
		}
		if names := unsettled(t, vault, noon.Add(time.Second)); !slices.Equal(names, []string{"item/left"}) {
			t.Fatalf("unsettled: %v", names)
		}
		for _, id := range []string{"item/named", "item/again", "item/erased", "item/unknown"} {
			if forgets(t, vault, id, noon.Add(time.Second)) {
				t.Errorf("%s was forgotten", id)
			}
		}
		if forgets(t, vault, "item/left", noon) {
			t.Error("it was forgotten although it is too new")
		}
		if !forgets(t, vault, "item/left", hour) || forgets(t, vault, "item/left", hour) {
			t.Error("it was not forgotten once")
		}
		// No mark is left of it: it is unknown, not erased, and may come again.
		for _, ask := range []func() error{
			func() error { _, err := vault.Header(ctx, "item/left"); return err },
			func() error { _, err := vault.Renew(ctx, "item/left"); return err },
		} {
			err := ask()
			wantKind(t, err, problem.NotFound)
			if errors.As(err, new(*ErasedError)) {
				t.Errorf("forgotten counts as erased: %v", err)
			}
		}
		count, err := vault.Count(ctx)
		if err != nil || count.Present["item"] != 2 || count.Destroyed != 1 {
			t.Errorf("%+v %v", count, err)
		}
		if err := vault.Each(ctx, func(r Record) error {
			if r.ItemID != "item/named" && r.ItemID != "item/again" && r.ItemID != "item/erased" {
				t.Errorf("visited %+v", r)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		header := put(t, vault, node, "item/left", "sealed/second")
		if got, err := vault.Header(ctx, "item/left"); err != nil || string(got) != string(header) {
			t.Errorf("what came again: %v", err)
		}
		if bodies, err := vault.ForgottenBodies(ctx, 10); err != nil || !slices.Equal(bodies, []string{"sealed/item/left"}) {
			t.Errorf("bodies %v %v", bodies, err)
		}
		for range 2 {
			if err := vault.BodyGone(ctx, "sealed/item/left"); err != nil {
				t.Fatal(err)
			}
		}
		if bodies, err := vault.ForgottenBodies(ctx, 10); err != nil || len(bodies) != 0 {
			t.Errorf("bodies %v %v", bodies, err)
		}
		if !forgets(t, vault, "item/left", hour) {
			t.Error("what came again is not forgotten again")
		}
		if err := vault.Compact(ctx); err != nil {
			t.Fatal(err)
		}
		if bodies, err := vault.ForgottenBodies(ctx, 10); err != nil || !slices.Equal(bodies, []string{"sealed/second"}) {
			t.Errorf("compacting lost a body: %v %v", bodies, err)
		}
		var rows int
		if err := vault.database.QueryRow(`SELECT count(*) FROM item_keys WHERE item_id >= '~'`).Scan(&rows); err != nil || rows != 1 {
			t.Errorf("compacting left %d rows of what was forgotten, %v", rows, err)
		}
		// What was erased stays so, whatever is forgotten.
		if forgets(t, vault, "item/erased", hour) {
			t.Error("an erased item was forgotten")
		}
		late, _ := sealedFile(t, node, "late")
		err = vault.Put(ctx, Record{ItemID: "item/erased", Class: "item", Body: "b", Header: late})
		if !errors.As(err, new(*ErasedError)) {
			t.Errorf("sealing what was erased: %v", err)
		}
	})
}

// TestCopiesKnowWhatIsUnsettled: what a process left that died is found after a
// restore too, and what was forgotten does not come back with a later copy.
func TestCopiesKnowWhatIsUnsettled(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		ctx, node := t.Context(), newX25519NodeKey(t)
		vault, _ := ticking(t, source, node)
		for _, id := range []string{"item/left", "item/named", "item/forgotten"} {
			put(t, vault, node, id, "sealed/"+id)
		}
		if err := vault.Settle(ctx, []string{"item/named"}); err != nil {
			t.Fatal(err)
		}
		if !forgets(t, vault, "item/forgotten", noon.Add(time.Hour)) {
			t.Fatal("nothing was forgotten")
		}
		path := filepath.Join(t.TempDir(), "copy.db")
		if err := vault.CopyTo(ctx, path); err != nil {
			t.Fatal(err)
		}
		restored, _ := ticking(t, filepath.Join(t.TempDir(), "restored.db"), node)
		if err := restored.Restore(ctx, path); err != nil {
			t.Fatal(err)
		}
		if names := unsettled(t, restored, noon.Add(time.Hour)); !slices.Equal(names, []string{"item/left"}) {
			t.Errorf("unsettled after a restore: %v", names)
		}
		if _, err := restored.Header(ctx, "item/forgotten"); !problem.Is(err, problem.NotFound) {
			t.Errorf("what was forgotten came back: %v", err)
		}
		put(t, restored, node, "item/forgotten", "sealed/second")
	})
}

// TestAVaultOfFormatOne: of its keys nobody knows whether a row names the item.
func TestAVaultOfFormatOne(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		node := newX25519NodeKey(t)
		vault, _ := ticking(t, source, node)
		put(t, vault, node, "item/1", "sealed/1")
		put(t, vault, node, "item/2", "sealed/2")
		if err := vault.Destroy(t.Context(), "item/2"); err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{`DROP TABLE unsettled_keys`, `UPDATE vault SET format = 1`} {
			if _, err := vault.database.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			again, _ := ticking(t, source, node)
			if names := unsettled(t, again, noon.Add(time.Second)); !slices.Equal(names, []string{"item/1"}) {
				t.Fatalf("unsettled: %v", names)
			}
		}
	})
}

// TestNothingIsForgottenUnderWhoeverSealsItAgain: of two that come at one moment,
// one has its way, and whoever seals knows which.
func TestNothingIsForgottenUnderWhoeverSealsItAgain(t *testing.T) {
	onBothEngines(t, func(t *testing.T, source string) {
		ctx, node := t.Context(), newX25519NodeKey(t)
		vault, at := ticking(t, source, node)
		other, _ := ticking(t, source, node) // another process
		forgotten := 0
		for round := range 40 {
			id := fmt.Sprintf("item/%d", round)
			at.Store(noon.UnixMicro())
			put(t, vault, node, id, "sealed/"+id)
			at.Store(noon.Add(2 * time.Hour).UnixMicro())
			var group sync.WaitGroup
			var forgot bool
			var forgetting, renewing error
			group.Go(func() { forgot, forgetting = other.Forget(ctx, id, noon.Add(time.Hour)) })
			group.Go(func() { _, renewing = vault.Renew(ctx, id) })
			group.Wait()
			if forgetting != nil || forgot == (renewing == nil) || renewing != nil && !problem.Is(renewing, problem.NotFound) {
				t.Fatalf("forgotten %v, %v; whoever seals it again was told %v", forgot, forgetting, renewing)
			}
			if _, err := vault.Header(ctx, id); (err == nil) == forgot {
				t.Fatalf("forgotten %v, and its key: %v", forgot, err)
			}
			if forgot {
				forgotten++
			}
		}
		t.Logf("%d of 40 were forgotten", forgotten)
	})
}
