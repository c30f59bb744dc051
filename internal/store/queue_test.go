package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

// TestTheQueueIsReadInTheOrderOfItsIndex asks both databases how they read the
// queue: nobody sorts rows that the index has in order already.
func TestTheQueueIsReadInTheOrderOfItsIndex(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		first := store.ItemRow{Item: store.Item{ID: "first", ReceivedAt: noon}, State: string(item.Open), Assessment: []byte("{}")}
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			if err := tx.InsertItem(first); err != nil {
				return err
			}
			if err := tx.Multiply("first", 3_000); err != nil {
				return err
			}
			return tx.Analyze()
		})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Read(t.Context(), func(tx *store.Tx) error {
			page, err := tx.Plan(store.QueueQuery, string(item.Open), "person/ada", store.Micros(noon.Add(time.Hour)), 50)
			if err != nil {
				return err
			}
			if lower := strings.ToLower(page); !strings.Contains(lower, "items_queue") || strings.Contains(lower, "temp b-tree") || strings.Contains(lower, "sort") {
				t.Errorf("a page of the queue is read like this:\n%s", page)
			}
			// PostgreSQL may count by reading all rows while most of them wait.
			figures, err := tx.Plan(store.QueueFiguresQuery, string(item.Open))
			if s.Dialect() == store.SQLite && figures != "SEARCH items USING COVERING INDEX items_queue (state=?)" {
				t.Errorf("the figures of the queue are read like this:\n%s", figures)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
