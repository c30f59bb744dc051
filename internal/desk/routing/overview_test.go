package routing_test

import (
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// TestWhatWaitsAtTheCentre: how much, since when, what is urgent and what is over
// its time, the most pressing first.
func TestWhatWaitsAtTheCentre(t *testing.T) {
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		u := pair(t, database())
		ctx, ada := t.Context(), u.centre.Analyst()
		_, first := u.reported(1, false)
		template := u.matter(first).Report
		u.clock.Add(time.Hour)
		send := func(urgent bool, number int) {
			r := template
			r.ID, r.Form.Urgent, r.Control = store.NewID("report"), &urgent, report.Control{}
			u.another(t, number).report(t, u, r)
		}
		send(false, 2)
		send(true, 3)
		o, err := u.centre.Routing.Overview(ctx, ada)
		must(t, err)
		f := o.Figures[string(referral.Received)]
		if f.Waiting != 3 || f.Urgent != 1 || f.Overdue != 0 || !f.Oldest.Equal(u.matter(first).Value.ReceivedAt) || !f.Next.Equal(u.clock.Now().Add(time.Hour)) {
			t.Errorf("%+v", f)
		}
		if len(o.Lines) != 3 || !o.Lines[0].Urgent || o.Lines[1].ID != first || !o.Lines[1].Until.Before(o.Lines[2].Until) {
			t.Errorf("%+v", o.Lines)
		}
		u.clock.Add(2 * time.Hour)
		o, err = u.centre.Routing.Overview(ctx, ada)
		must(t, err)
		if f := o.Figures[string(referral.Received)]; f.Overdue != 1 {
			t.Errorf("an hour over the time of the urgent one: %+v", f)
		}
		// What others act on has no clock here, and waits for nobody here.
		must(t, u.centre.Store.Write(ctx, func(tx *store.Tx) error {
			row, err := tx.Matter(o.Lines[0].ID)
			if err != nil {
				return err
			}
			row.State, row.Until = string(referral.Claimed), time.Time{}
			return tx.UpdateMatter(row)
		}))
		o, err = u.centre.Routing.Overview(ctx, ada)
		must(t, err)
		if last := o.Lines[2]; o.Lines[0].ID != first || !last.Urgent || last.State != string(referral.Claimed) {
			t.Errorf("%+v", o.Lines)
		}
	})
}
