package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func insertJob(t *testing.T, s *store.Store, j store.Job) bool {
	t.Helper()
	if j.ID == "" {
		j.ID = store.NewID("job")
	}
	j.MaxAttempt, j.CreatedAt = max(j.MaxAttempt, 1), noon
	var inserted bool
	err := s.Write(t.Context(), func(tx *store.Tx) (err error) {
		inserted, err = tx.InsertJob(j)
		return err
	})
	if err != nil {
		t.Fatalf("inserting a job: %v", err)
	}
	return inserted
}

func claim(t *testing.T, s *store.Store, worker string, now time.Time, limit int) []store.Job {
	t.Helper()
	var claimed []store.Job
	err := s.WriteShared(t.Context(), func(tx *store.Tx) (err error) {
		claimed, err = tx.ClaimJobs(worker, now, now.Add(time.Minute), limit)
		return err
	})
	if err != nil {
		t.Fatalf("claiming: %v", err)
	}
	return claimed
}

func TestJobsAreClaimedByPriorityOnceAndOnlyWhenDue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		insertJob(t, s, store.Job{ID: "late", Kind: "k", Payload: []byte("1"), Priority: 1, RunAt: noon.Add(time.Hour)})
		insertJob(t, s, store.Job{ID: "low", Kind: "k", Payload: []byte("2"), Priority: 5, RunAt: noon.Add(-time.Hour)})
		insertJob(t, s, store.Job{ID: "high", Kind: "k", Payload: []byte("3"), Priority: 1, RunAt: noon})
		if got := claim(t, s, "w1", noon, 1); len(got) != 1 || got[0].ID != "high" || got[0].Attempt != 1 {
			t.Fatalf("first claim = %+v, want the due job of the highest priority", got)
		}
		if got := claim(t, s, "w2", noon, 10); len(got) != 1 || got[0].ID != "low" {
			t.Fatalf("second claim = %+v, want only the other due job", got)
		}
		if got := claim(t, s, "w3", noon, 10); len(got) != 0 {
			t.Fatalf("third claim = %+v, want nothing", got)
		}
	})
}

// TestWorkIsFoundWithoutReadingAllRows: each turn of a worker and each receipt
// looks for what is due, and must not read what is done or due next year.
func TestWorkIsFoundWithoutReadingAllRows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			for i := range 3_000 {
				id := fmt.Sprint(i)
				if _, err := tx.InsertJob(store.Job{ID: id, Kind: fmt.Sprint("k", i%7), UniqueKey: id, Payload: []byte("x"), Priority: i % 3, RunAt: noon.Add(time.Duration(i) * time.Hour), MaxAttempt: 1, CreatedAt: noon}); err != nil {
					return err
				}
			}
			if err := tx.PutPeer(store.Peer{ID: "node/a", Document: []byte("{}"), State: store.PeerActive, Origin: store.PeerFromOperator, RegisteredAt: noon}); err != nil {
				return err
			}
			for i := range 1_000 {
				id := fmt.Sprint(i)
				if err := tx.InsertEnvelopeOut(store.EnvelopeOut{ID: id, Recipient: "node/a", Kind: "report", Sequence: int64(i + 1), Body: make([]byte, 100), Digest: id, CreatedAt: noon}); err != nil {
					return err
				}
				if err := tx.AnswerEnvelopeOut(id, "receipt", noon); i%2 == 0 && err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		claim(t, s, "w", noon.Add(2_000*time.Hour), 1_500)
		err = s.Write(t.Context(), func(tx *store.Tx) error { return tx.Analyze() })
		if err != nil {
			t.Fatal(err)
		}
		at := store.Micros(noon.Add(time.Hour))
		arguments := map[string][]any{
			"jobs_leases": {at, 1}, "jobs_due (priority=": {1, at, 1}, "jobs_due (priority>": {1}, "jobs_unique": {"k1", "2"}, "jobs_unique (kind": {at, "k1", "2", at},
			"jobs_later": {at, "k1", store.Micros(noon.Add(2_990 * time.Hour)), "node/a", 1, 9}, "jobs_waits": {at, "node/a"}, "jobs_dead": {"k1", "node/a", 1, 9, 5}, "envelopes_out_answered": {"node/a", 1, 500, 5},
		}
		err = s.Read(t.Context(), func(tx *store.Tx) error {
			for index, query := range store.JobQueries {
				plan, err := tx.Plan(query, arguments[index]...)
				if err != nil {
					return fmt.Errorf("%s: %w", query, err)
				}
				if s.Dialect() == store.PostgreSQL {
					index, _, _ = strings.Cut(index, " ")
				}
				if lower := strings.ToLower(plan); !strings.Contains(plan, index) || strings.Contains(lower, "scan jobs") || strings.Contains(lower, "seq scan") {
					t.Errorf("%s\nis read like this:\n%s", query, plan)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestLostLeaseFencesTheFirstWorker(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		insertJob(t, s, store.Job{ID: "one", Kind: "k", RunAt: noon, Payload: []byte("x")})
		first := claim(t, s, "w1", noon, 1)[0]
		second := claim(t, s, "w2", noon.Add(2*time.Minute), 1)
		if len(second) != 1 || second[0].Attempt != 2 {
			t.Fatalf("the job whose lease ran out was not taken over: %+v", second)
		}
		err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.FinishJob("one", first.Attempt, noon) })
		if !errors.Is(err, store.ErrFenced) {
			t.Fatalf("the first worker's completion gave %v, want ErrFenced", err)
		}
		if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.FinishJob("one", 2, noon) }); err != nil {
			t.Fatalf("the second worker's completion: %v", err)
		}
	})
}

func TestUniqueKeyAllowsOneOpenJob(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if !insertJob(t, s, store.Job{ID: "a", Kind: "k", UniqueKey: "u", RunAt: noon, Payload: []byte("x")}) {
			t.Fatal("the first job was not inserted")
		}
		if insertJob(t, s, store.Job{ID: "b", Kind: "k", UniqueKey: "u", RunAt: noon, Payload: []byte("x")}) {
			t.Fatal("a second open job with the same key was inserted")
		}
		job := claim(t, s, "w", noon, 1)[0]
		if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.FinishJob("a", job.Attempt, noon) }); err != nil {
			t.Fatal(err)
		}
		if !insertJob(t, s, store.Job{ID: "c", Kind: "k", UniqueKey: "u", RunAt: noon, Payload: []byte("x")}) {
			t.Fatal("after completion the key is still taken")
		}
	})
}

func TestConcurrentWorkersShareTheQueueWithoutOverlap(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const jobs = 60
		for i := range jobs {
			insertJob(t, s, store.Job{ID: fmt.Sprint("job", i), Kind: "k", RunAt: noon, Payload: []byte("x")})
		}
		var mu sync.Mutex
		seen := map[string]int{}
		var group sync.WaitGroup
		for w := range 4 {
			group.Go(func() {
				for {
					var got []store.Job
					err := s.WriteShared(t.Context(), func(tx *store.Tx) (err error) {
						got, err = tx.ClaimJobs(fmt.Sprint("w", w), noon, noon.Add(time.Hour), 3)
						return err
					})
					if err != nil {
						t.Errorf("claiming: %v", err)
						return
					}
					if len(got) == 0 {
						return
					}
					mu.Lock()
					for _, j := range got {
						seen[j.ID]++
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		if len(seen) != jobs {
			t.Errorf("%d different jobs were claimed, want %d", len(seen), jobs)
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("job %s was claimed %d times", id, times)
			}
		}
	})
}

func TestSerializableWritesDoNotSkew(t *testing.T) {
	// Two transactions each count the open jobs and add one if there is none:
	// run alone, exactly one would add. Write must give that on both engines.
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				err := s.Write(t.Context(), func(tx *store.Tx) error {
					counts, err := tx.CountJobs()
					if err != nil {
						return err
					}
					if counts[store.JobWaiting] > 0 {
						return nil
					}
					_, err = tx.InsertJob(store.Job{ID: store.NewID("job"), Kind: "k", RunAt: noon, CreatedAt: noon, Payload: []byte("x"), MaxAttempt: 1})
					return err
				})
				if err != nil {
					t.Errorf("writing: %v", err)
				}
			})
		}
		group.Wait()
		var counts map[store.JobState]int64
		err := s.Read(t.Context(), func(tx *store.Tx) (err error) { counts, err = tx.CountJobs(); return err })
		if err != nil || counts[store.JobWaiting] != 1 {
			t.Fatalf("%v jobs, error %v; want exactly one", counts, err)
		}
	})
}

func TestReadCannotWrite(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		err := s.Read(t.Context(), func(tx *store.Tx) error {
			_, err := tx.InsertJob(store.Job{ID: "x", Kind: "k", RunAt: noon, Payload: []byte("x")})
			return err
		})
		if err == nil {
			t.Fatal("a reading transaction wrote a row")
		}
	})
}

func TestNextJobAt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var next time.Time
		read := func() time.Time {
			t.Helper()
			if err := s.Read(t.Context(), func(tx *store.Tx) (err error) { next, err = tx.NextJobAt(); return err }); err != nil {
				t.Fatal(err)
			}
			return next
		}
		if got := read(); !got.IsZero() {
			t.Fatalf("an empty queue is due at %v", got)
		}
		insertJob(t, s, store.Job{ID: "a", Kind: "k", RunAt: noon.Add(time.Hour), Payload: []byte("x")})
		if got := read(); !got.Equal(noon.Add(time.Hour)) {
			t.Fatalf("next = %v", got)
		}
	})
}
