package ledger_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// TestABusyLogIsSignedTenTimesASecond: however many records come, and although the ticker
// strikes too, two checkpoints of a process are a tenth of a second apart, and no record waits
// longer for its place. The clock moves only when everybody waits for it, so the machine's
// speed has no part in it; nor has the database.
func TestABusyLogIsSignedTenTimesASecond(t *testing.T) {
	s := storetest.SQLite(t)
	k := newKeys(t)
	synctest.Test(t, func(t *testing.T) {
		const busy, apart = 3 * time.Second, 100 * time.Millisecond
		l, other := open(s, k), open(s, k) // of the other process only the ticker knows
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.Run(ctx) }()
		begun, records := time.Now(), int64(0)
		write := func(l *ledger.Ledger) {
			if err := l.Do(ctx, listAct(), func(*ledger.Tx) error { return nil }); err != nil {
				t.Fatal(err)
			}
			records++
		}
		for ; time.Since(begun) < busy; time.Sleep(7 * time.Millisecond) {
			write(l)
		}
		for _, at := range []struct {
			time.Duration
			by *ledger.Ledger
		}{{busy + 940*time.Millisecond, l}, {busy + 990*time.Millisecond, other}} {
			time.Sleep(at.Duration - time.Since(begun))
			write(at.by)
		}
		time.Sleep(apart)
		synctest.Wait()
		var signed []store.LogCheckpoint
		if err := s.Read(ctx, func(tx *store.Tx) (err error) { signed, err = tx.LogCheckpoints(0, 1000); return err }); err != nil {
			t.Fatal(err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(signed); i++ {
			if gap := signed[i].At.Sub(signed[i-1].At); gap < apart {
				t.Errorf("checkpoints %d and %d of %d are %s apart", i-1, i, len(signed), gap)
			}
		}
		if last := signed[len(signed)-1]; last.Size != records || len(signed) < int(busy/apart) {
			t.Errorf("%d records came in %s; %d have their place, in %d checkpoints", records, busy, last.Size, len(signed))
		}
	})
}
