package job_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if location := os.Getenv("BRDO_TEST_JOB_VICTIM"); location != "" {
		victim(location)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func enqueue(t testing.TB, s *store.Store, now time.Time, n job.New) {
	t.Helper()
	err := s.Write(context.Background(), func(tx *store.Tx) error { _, err := job.Enqueue(tx, now, n); return err })
	if err != nil {
		t.Fatalf("enqueueing: %v", err)
	}
}

func counts(t testing.TB, s *store.Store) map[store.JobState]int64 {
	t.Helper()
	var found map[store.JobState]int64
	err := s.Read(context.Background(), func(tx *store.Tx) (err error) { found, err = tx.CountJobs(); return err })
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEnqueuedInARolledBackTransactionNeverRuns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		boom := errors.New("boom")
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			if _, err := job.Enqueue(tx, time.Now(), job.New{Kind: "k"}); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatalf("got %v", err)
		}
		runner := job.NewRunner(s, job.Options{})
		runner.Handle("k", func(context.Context, *job.Running) error { t.Error("it ran"); return nil })
		if err := runner.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestFailuresAreRepeatedThenGivenUpAndRevived(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		clock := newClock()
		runner := job.NewRunner(s, job.Options{Now: clock.Now, Backoff: func(attempt int) time.Duration { return time.Duration(attempt) * time.Minute }})
		var attempts []int
		fail := true
		runner.Handle("k", func(_ context.Context, r *job.Running) error {
			attempts = append(attempts, r.Attempt())
			if fail {
				return errors.New("not yet")
			}
			return nil
		})
		enqueue(t, s, clock.Now(), job.New{Kind: "k", Attempts: 3})
		for range 20 {
			if err := runner.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			clock.Add(time.Minute)
		}
		if len(attempts) != 3 || counts(t, s)[store.JobDead] != 1 {
			t.Fatalf("attempts %v, states %v; want three attempts and a dead job", attempts, counts(t, s))
		}
		fail = false
		err := s.Write(t.Context(), func(tx *store.Tx) error {
			dead, err := tx.DeadJobs(10)
			if err != nil {
				return err
			}
			return tx.ReviveJob(dead[0].ID, clock.Now(), 2)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := runner.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if counts(t, s)[store.JobDone] != 1 {
			t.Fatalf("the revived job did not complete: %v", counts(t, s))
		}
	})
}

// TestWhatIsPostponedDidNotFail: a job that was postponed often, and fails once, is
// repeated after the first pause.
func TestWhatIsPostponedDidNotFail(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		clock := newClock()
		var failures []int
		runner := job.NewRunner(s, job.Options{Now: clock.Now, Backoff: func(failure int) time.Duration { failures = append(failures, failure); return time.Minute }})
		runner.Handle("k", func(_ context.Context, r *job.Running) error {
			if r.Attempt()%5 == 0 {
				return errors.New("not now")
			}
			return job.Later(r.Now().Add(time.Minute), "again")
		})
		enqueue(t, s, clock.Now(), job.New{Kind: "k"})
		for range 16 {
			if err := runner.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			clock.Add(time.Minute)
		}
		if !slices.Equal(failures, []int{1, 2, 3}) {
			t.Errorf("the pauses were those after failures %v", failures)
		}
	})
}

// TestWhatWaitsForSomethingRunsWhenThatCame: released by its name, once, and at the
// latest at its time; what waits for its time alone is not.
func TestWhatWaitsForSomethingRunsWhenThatCame(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		clock := newClock()
		runner := job.NewRunner(s, job.Options{Now: clock.Now})
		runs := map[string]int{}
		runner.Handle("k", func(_ context.Context, r *job.Running) error {
			var name string
			if err := r.Payload(&name); err != nil {
				return err
			}
			if runs[name]++; runs[name] > 1 {
				return nil
			}
			if name == "time" {
				return job.Later(r.Now().Add(time.Hour), "asked to")
			}
			return job.Await(name, r.Now().Add(time.Hour), "nobody there")
		})
		for _, name := range []string{"a", "a", "b", "time"} {
			enqueue(t, s, clock.Now(), job.New{Kind: "k", Payload: name})
		}
		release := func(name string, want int64) {
			t.Helper()
			err := s.Write(t.Context(), func(tx *store.Tx) error {
				released, err := tx.ReleaseJobs(name, clock.Now())
				if released != want {
					t.Errorf("%d were released for %s, want %d", released, name, want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := runner.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		runs["a"] = -1 // so that both begin by waiting
		release("nothing", 0)
		release("a", 2)
		release("a", 0)
		if runs["a"] != 3 || runs["b"] != 1 || runs["time"] != 1 {
			t.Errorf("%v", runs)
		}
		clock.Add(time.Hour)
		release("a", 0)
		if runs["b"] != 2 || runs["time"] != 2 || counts(t, s)[store.JobDone] != 4 {
			t.Errorf("an hour later: %v, %v", runs, counts(t, s))
		}
	})
}

func TestPermanentPanicUnknownAndLater(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		clock := newClock()
		var told bytes.Buffer
		runner := job.NewRunner(s, job.Options{Now: clock.Now, Log: slog.New(slog.NewJSONHandler(&told, nil))})
		runner.Handle("permanent", func(context.Context, *job.Running) error { return job.Permanent(errors.New("never")) })
		runner.Handle("panics", func(context.Context, *job.Running) error { panic("boom") })
		postponed := 0
		runner.Handle("later", func(context.Context, *job.Running) error {
			if postponed++; postponed <= 5 {
				return job.Later(clock.Now().Add(time.Hour), "the peer asked for it")
			}
			return nil
		})
		enqueue(t, s, clock.Now(), job.New{Kind: "permanent"})
		enqueue(t, s, clock.Now(), job.New{Kind: "panics"})
		enqueue(t, s, clock.Now(), job.New{Kind: "unknown"})
		enqueue(t, s, clock.Now(), job.New{Kind: "later", Attempts: 1})
		for range 7 {
			if err := runner.Drain(t.Context()); err != nil {
				t.Fatal(err)
			}
			clock.Add(time.Hour)
		}
		if text := told.String(); !strings.Contains(text, "a panic with a string") || strings.Contains(text, "boom") {
			t.Errorf("a panic is told without its value, which may be personal: %s", text)
		}
		if got := counts(t, s); got[store.JobDead] != 3 || got[store.JobDone] != 1 || postponed != 6 {
			t.Fatalf("states %v, postponed %d; want 3 dead, 1 done after 5 postponements", got, postponed)
		}
	})
}

func TestClockJobRunsAtItsTimeAndCanBeCancelled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		clock := newClock()
		runner := job.NewRunner(s, job.Options{Now: clock.Now})
		ran := 0
		runner.Handle("notice", func(context.Context, *job.Running) error { ran++; return nil })
		for _, key := range []string{"report-1", "report-2"} {
			enqueue(t, s, clock.Now(), job.New{Kind: "notice", UniqueKey: key, RunAt: clock.Now().AddDate(0, 3, 0)})
		}
		if err := s.Write(t.Context(), func(tx *store.Tx) error { return tx.CancelJobs("notice", "report-2") }); err != nil {
			t.Fatal(err)
		}
		clock.Add(91 * 24 * time.Hour)
		if err := runner.Drain(t.Context()); err != nil || ran != 0 {
			t.Fatalf("it ran %d times a day early (%v)", ran, err)
		}
		clock.Add(2 * 24 * time.Hour)
		if err := runner.Drain(t.Context()); err != nil || ran != 1 {
			t.Fatalf("it ran %d times, want once (%v)", ran, err)
		}
	})
}

func TestCompletionAndEffectAreOneTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		clock := newClock()
		runner := job.NewRunner(s, job.Options{Now: clock.Now, Backoff: func(int) time.Duration { return 0 }})
		runner.Handle("parent", func(ctx context.Context, r *job.Running) error {
			return s.Write(ctx, func(tx *store.Tx) error {
				if _, err := job.Enqueue(tx, clock.Now(), job.New{Kind: "effect"}); err != nil {
					return err
				}
				if r.Attempt() < 3 {
					return errors.New("after the effect, before the completion")
				}
				return r.Complete(tx)
			})
		})
		effects := 0
		runner.Handle("effect", func(context.Context, *job.Running) error { effects++; return nil })
		enqueue(t, s, clock.Now(), job.New{Kind: "parent"})
		if err := runner.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if effects != 1 {
			t.Fatalf("the effect happened %d times, want once", effects)
		}
	})
}

func TestRunIsWokenAndStops(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		runner := job.NewRunner(s, job.Options{Poll: time.Hour, Workers: 3})
		done := make(chan struct{}, 100)
		runner.Handle("k", func(context.Context, *job.Running) error { done <- struct{}{}; return nil })
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { _ = runner.Run(ctx) })
		for range 10 {
			enqueue(t, s, time.Now(), job.New{Kind: "k"})
		}
		runner.Wake()
		for range 10 {
			<-done
		}
		stop()
		group.Wait()
	})
}

func TestJobOfDyingWorkersIsGivenUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		clock := newClock()
		enqueue(t, s, clock.Now(), job.New{Kind: "deadly", Attempts: 3})
		for range 3 { // three workers lease it and are never heard of again
			err := s.WriteShared(t.Context(), func(tx *store.Tx) error {
				got, err := tx.ClaimJobs("dying", clock.Now(), clock.Now().Add(time.Second), 1)
				if len(got) != 1 {
					t.Fatalf("claimed %d", len(got))
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			clock.Add(time.Minute)
		}
		runner := job.NewRunner(s, job.Options{Now: clock.Now})
		runner.Handle("deadly", func(context.Context, *job.Running) error { t.Error("it ran a fourth time"); return nil })
		if err := runner.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if counts(t, s)[store.JobDead] != 1 {
			t.Fatalf("states %v, want it dead", counts(t, s))
		}
	})
}

// TestQueueAgainstModel drives random sequences of enqueueing, failing,
// succeeding, dying and waiting against a model: every job that was committed
// takes effect exactly once or is dead, and none is lost.
func TestQueueAgainstModel(t *testing.T) {
	s := storetest.SQLite(t)
	rapid.Check(t, func(t *rapid.T) {
		kind := store.NewID("kind")
		clock := newClock()
		effects := map[int]int{}
		outcome := map[int][]string{}
		runner := job.NewRunner(s, job.Options{Now: clock.Now, Lease: time.Minute, Backoff: func(int) time.Duration { return time.Second }})
		runner.Handle(kind, func(ctx context.Context, r *job.Running) error {
			var number int
			if err := r.Payload(&number); err != nil {
				return err
			}
			plan := outcome[number]
			step := "ok"
			if r.Attempt() <= len(plan) {
				step = plan[r.Attempt()-1]
			}
			switch step {
			case "fail":
				return errors.New("failing")
			case "fenced": // another worker takes over while this one works
				clock.Add(2 * time.Minute)
				err := s.WriteShared(ctx, func(tx *store.Tx) error {
					_, err := tx.ClaimJobs("other", clock.Now(), clock.Now().Add(time.Minute), 1)
					return err
				})
				if err != nil {
					return err
				}
				clock.Add(2 * time.Minute) // and dies
			}
			return s.Write(ctx, func(tx *store.Tx) error {
				if err := r.Complete(tx); err != nil {
					return err
				}
				tx.AfterCommit(func() { effects[number]++ })
				return nil
			})
		})
		count := rapid.IntRange(1, 6).Draw(t, "jobs")
		for i := range count {
			outcome[i] = rapid.SliceOfN(rapid.SampledFrom([]string{"ok", "fail", "fenced"}), 0, 3).Draw(t, "plan")
			err := s.Write(context.Background(), func(tx *store.Tx) error {
				_, err := job.Enqueue(tx, clock.Now(), job.New{Kind: kind, Payload: i, Attempts: 20})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 12 {
			if err := runner.Drain(context.Background()); err != nil {
				t.Fatal(err)
			}
			clock.Add(3 * time.Minute)
		}
		for i := range count {
			if effects[i] != 1 {
				t.Fatalf("job %d with plan %v took effect %d times", i, outcome[i], effects[i])
			}
		}
	})
}

// TestKillNineLosesAndDoublesNothing kills a process that enqueues and works,
// again and again, and then compares what it acknowledged with what took effect.
func TestKillNineLosesAndDoublesNothing(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	storetestLocations(t, func(t *testing.T, location string) {
		acknowledged := map[int]bool{}
		var mu sync.Mutex
		for round := range rounds {
			command := exec.Command(os.Args[0], strconv.Itoa(round))
			command.Env = append(os.Environ(), "BRDO_TEST_JOB_VICTIM="+location)
			output, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			command.Stderr = os.Stderr
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			var killed atomic.Bool
			decoder := json.NewDecoder(output)
			seen := 0
			for {
				var number int
				if err := decoder.Decode(&number); err != nil {
					break
				}
				mu.Lock()
				acknowledged[number] = true
				mu.Unlock()
				if seen++; seen == 5+round*3 && !killed.Swap(true) {
					_ = command.Process.Kill()
				}
			}
			_ = command.Wait()
		}
		s, err := store.Open(t.Context(), location)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		later := func() time.Time { return time.Now().Add(time.Hour) }
		runner := job.NewRunner(s, job.Options{Now: later})
		runner.Handle("work", work(s, later))
		runner.Handle("effect", func(context.Context, *job.Running) error { return nil })
		if err := runner.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		effects := effectsOf(t, s)
		for number := range acknowledged {
			if effects[number] != 1 {
				t.Errorf("acknowledged job %d took effect %d times", number, effects[number])
			}
		}
		for number, times := range effects {
			if times != 1 {
				t.Errorf("job %d took effect %d times", number, times)
			}
		}
		t.Logf("%d kills, %d acknowledged, %d effects", rounds, len(acknowledged), len(effects))
		if len(acknowledged) < rounds*5 {
			t.Errorf("only %d acknowledgements: the test tested little", len(acknowledged))
		}
	})
}

func storetestLocations(t *testing.T, test func(t *testing.T, location string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, storetest.SQLiteLocation(t)) })
	t.Run("postgresql", func(t *testing.T) { test(t, storetest.PostgreSQLLocation(t)) })
}

// work records its effect as another job, in the transaction of its completion.
func work(s *store.Store, now func() time.Time) job.Handler {
	return func(ctx context.Context, r *job.Running) error {
		var number int
		if err := r.Payload(&number); err != nil {
			return err
		}
		return s.Write(ctx, func(tx *store.Tx) error {
			if _, err := job.Enqueue(tx, now(), job.New{Kind: "effect", Payload: number}); err != nil {
				return err
			}
			return r.Complete(tx)
		})
	}
}

func effectsOf(t *testing.T, s *store.Store) map[int]int {
	t.Helper()
	effects := map[int]int{}
	err := s.Read(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.JobsOfKind("effect")
		for _, row := range rows {
			var number int
			if err := json.Unmarshal(row.Payload, &number); err != nil {
				return err
			}
			effects[number]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return effects
}

// victim is the process that gets killed: it enqueues numbers, acknowledges
// each on its standard output after the commit, and works them off.
func victim(location string) {
	ctx := context.Background()
	s, err := store.Open(ctx, location)
	if err != nil {
		panic(err)
	}
	round, _ := strconv.Atoi(os.Args[1])
	runner := job.NewRunner(s, job.Options{Workers: 2, Poll: time.Millisecond, Lease: time.Second})
	runner.Handle("work", work(s, time.Now))
	runner.Handle("effect", func(context.Context, *job.Running) error { time.Sleep(time.Millisecond); return nil })
	go func() { _ = runner.Run(ctx) }()
	out := json.NewEncoder(os.Stdout)
	for i := 0; ; i++ {
		number := round*1_000_000 + i
		err := s.Write(ctx, func(tx *store.Tx) error {
			_, err := job.Enqueue(tx, time.Now(), job.New{Kind: "work", Payload: number})
			return err
		})
		if err != nil {
			panic(err)
		}
		if err := out.Encode(number); err != nil {
			os.Exit(0)
		}
	}
}
