package ledger_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if location := os.Getenv("BRDO_TEST_LEDGER_VICTIM"); location != "" {
		victim(location, os.Getenv("BRDO_TEST_LEDGER_KEY"))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

type keys struct{ signer, verifier string }

func newKeys(t testing.TB) keys {
	t.Helper()
	key, err := translog.GenerateKey(rand.Reader, "provider.example/log")
	if err != nil {
		t.Fatal(err)
	}
	return keys{key.Signer, key.Verifier}
}

func (k keys) trust() translog.Trust {
	trust, err := translog.NewTrust("provider.example/log", k.verifier)
	if err != nil {
		panic(err)
	}
	return trust
}

func open(s *store.Store, k keys) *ledger.Ledger {
	policy, err := access.Load(nil, "")
	if err != nil {
		panic(err)
	}
	signer, err := note.NewSigner(k.signer)
	if err != nil {
		panic(err)
	}
	return ledger.New(ledger.Options{Store: s, Policy: policy, NodeKind: mandate.Provider, Signer: signer, Trust: k.trust()})
}

var manager = mandate.Actor{Kind: mandate.Person, ID: "person/1", Roles: []mandate.Role{mandate.ListManager}, Organisation: mandate.Provider}

func listAct() ledger.Act {
	return ledger.Act{Actor: manager, Action: mandate.ListCreate, Purpose: mandate.PurposeListManagement, Resource: access.Resource{ID: "list/01890000-0000-7000-8000-000000000001"}}
}

func events(t *testing.T, s *store.Store) []ledger.Event {
	t.Helper()
	var found []ledger.Event
	err := s.Read(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.UnsequencedLogEvents(10_000)
		if err != nil {
			return err
		}
		placed, err := tx.LogEventsFrom(0, 10_000)
		for _, row := range append(placed, rows...) {
			event, err := ledger.ParseEvent(row.Record)
			if err != nil {
				return err
			}
			found = append(found, event)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEachCallWritesExactlyOneEvent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := open(s, newKeys(t))
		broken := problem.InvalidField("name", "it is empty", "give the list a name")
		calls := []struct {
			name    string
			call    func() error
			kind    problem.Kind
			outcome string
		}{
			{"a change", func() error {
				return l.Do(t.Context(), listAct(), func(tx *ledger.Tx) error { tx.Note("entries", 3); return nil })
			}, "", "done"},
			{"a change that fails", func() error { return l.Do(t.Context(), listAct(), func(*ledger.Tx) error { return broken }) }, problem.Invalid, "failed"},
			{"a change by somebody else", func() error {
				act := listAct()
				act.Actor.Roles = []mandate.Role{mandate.Auditor}
				return l.Do(t.Context(), act, func(*ledger.Tx) error { t.Error("the door was open"); return nil })
			}, problem.Denied, "denied"},
			{"another purpose", func() error {
				act := listAct()
				act.Purpose = mandate.PurposeAudit
				return l.Do(t.Context(), act, func(*ledger.Tx) error { t.Error("the door was open"); return nil })
			}, problem.Denied, "denied"},
			{"a reading", func() error {
				act := listAct()
				act.Action = mandate.ListConsult
				return l.Read(t.Context(), act, func(*ledger.Tx) error { return nil })
			}, "", "done"},
			{"a reading that writes", func() error {
				act := listAct()
				act.Action = mandate.ListConsult
				return l.Read(t.Context(), act, func(tx *ledger.Tx) error { return tx.SetLogSize(99) })
			}, problem.Internal, "failed"},
		}
		for i, c := range calls {
			err := c.call()
			if (err == nil) != (c.kind == "") || (err != nil && !problem.Is(err, c.kind)) {
				t.Errorf("%s: error %v, want kind %q", c.name, err, c.kind)
			}
			got := events(t, s)
			if len(got) != i+1 {
				t.Fatalf("%s: %d events, want %d", c.name, len(got), i+1)
			}
			last := got[i]
			if last.Outcome != c.outcome || last.Resource != "list/01890000-0000-7000-8000-000000000001" || last.Actor != "person/1" || last.Purpose == "" {
				t.Errorf("%s: event %+v", c.name, last)
			}
			if c.outcome == "done" && len(last.Rules) == 0 {
				t.Errorf("%s: the event does not name the rule that permitted it", c.name)
			}
		}
	})
}

// TestNobodyWritesWhatTheyLikeIntoTheLog: it is never erased, so what somebody
// else made up is a digest there; what is ours is there as it is.
func TestNobodyWritesWhatTheyLikeIntoTheLog(t *testing.T) {
	s := storetest.SQLite(t)
	l := open(s, newKeys(t))
	act := listAct()
	act.Basis = "provider/hosting-terms@1"
	nothing := func(*ledger.Tx) error { return nil }
	if err := l.Do(t.Context(), act, nothing); err != nil {
		t.Fatal(err)
	}
	foreign := act
	foreign.Resource.ID, foreign.Purpose, foreign.Basis = "list/canary", "canary", "a canary"
	if err := l.Do(t.Context(), foreign, nothing); !problem.Is(err, problem.Denied) {
		t.Fatalf("a purpose that does not exist: %v", err)
	}
	for _, event := range events(t, s) {
		switch event.Outcome {
		case "done":
			if event.Resource != act.Resource.ID || event.Purpose != act.Purpose || event.Basis != act.Basis {
				t.Errorf("our own names are logged as %+v", event)
			}
		default:
			for _, text := range []string{event.Resource, string(event.Purpose), event.Basis} {
				if !strings.HasPrefix(text, "unrecognised/") {
					t.Errorf("%q is in the log", text)
				}
			}
		}
	}
}

func TestChangeEventAndJobAreOneTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := open(s, newKeys(t))
		boom := errors.New("boom")
		for _, fail := range []bool{true, false} {
			err := l.Do(t.Context(), listAct(), func(tx *ledger.Tx) error {
				if _, err := job.Enqueue(tx.Tx, tx.Now, job.New{Kind: "follow-up"}); err != nil {
					return err
				}
				if fail {
					return boom
				}
				return nil
			})
			if fail != errors.Is(err, boom) {
				t.Fatalf("fail %v gave %v", fail, err)
			}
		}
		var jobs []store.Job
		if err := s.Read(t.Context(), func(tx *store.Tx) (err error) { jobs, err = tx.JobsOfKind("follow-up"); return err }); err != nil {
			t.Fatal(err)
		}
		if len(jobs) != 1 {
			t.Fatalf("%d follow-up jobs, want one", len(jobs))
		}
	})
}

func fill(t testing.TB, s *store.Store, l *ledger.Ledger, count int) {
	t.Helper()
	for i := range count {
		err := l.Do(context.Background(), listAct(), func(tx *ledger.Tx) error { tx.Note("number", i); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if i%4 == 3 {
			if err := l.Sequence(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Sequence(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsWhatWasDoneToTheDatabase(t *testing.T) {
	manipulations := map[string][]string{
		"a flipped byte":                 {`UPDATE log_events SET record = CAST(REPLACE(CAST(record AS TEXT), 'number', 'numbex') AS BLOB) WHERE position = 5`},
		"a dropped record":               {`DELETE FROM log_events WHERE position = 6`},
		"two records exchanged":          {`UPDATE log_events SET position = -9 WHERE position = 3`, `UPDATE log_events SET position = 3 WHERE position = 4`, `UPDATE log_events SET position = 4 WHERE position = -9`},
		"the end cut off":                {`DELETE FROM log_events WHERE position >= 15`},
		"the end cut off with its hash":  {`DELETE FROM log_events WHERE position >= 15`, `DELETE FROM log_hashes WHERE number >= 26`},
		"a record added":                 {`INSERT INTO log_events SELECT 'event/extra', 18, record, at, actor, action, operation, purpose, resource, outcome FROM log_events WHERE position = 2`},
		"a hash of the tree changed":     {`UPDATE log_hashes SET hash = (SELECT hash FROM log_hashes WHERE number = 1) WHERE number = 4`},
		"a hash of the tree dropped":     {`DELETE FROM log_hashes WHERE number = 4`},
		"a checkpoint changed":           {`UPDATE log_checkpoints SET note = REPLACE(note, 'provider.example/log', 'provider.example/lag') WHERE size = 8`},
		"a record behind a hidden index": {`UPDATE log_events SET position = -1 WHERE position = 7`},
	}
	k := newKeys(t)
	for name, statements := range manipulations {
		t.Run(name, func(t *testing.T) {
			s := storetest.SQLite(t)
			l := open(s, k)
			fill(t, s, l, 18)
			report, err := ledger.Verify(t.Context(), s, k.trust())
			if err != nil || report.Records != 18 {
				t.Fatalf("before: %+v, %v", report, err)
			}
			raw, err := sql.Open("sqlite", "file:"+s.Path())
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			for _, statement := range statements {
				if _, err := raw.Exec(statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			_, err = ledger.Verify(t.Context(), s, k.trust())
			var fault *translog.Fault
			if !errors.As(err, &fault) {
				t.Fatalf("verification said %v", err)
			}
			t.Log(fault)
		})
	}
}

func TestAShortenedLogIsFoundByACheckpointSeenElsewhere(t *testing.T) {
	k := newKeys(t)
	s := storetest.SQLite(t)
	l := open(s, k)
	fill(t, s, l, 16)
	text, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	seen, err := translog.Open([]byte(text), k.trust())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", "file:"+s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for _, statement := range []string{
		`DELETE FROM log_events WHERE position >= 12`, `DELETE FROM log_checkpoints WHERE size > 12`,
		fmt.Sprintf(`DELETE FROM log_hashes WHERE number >= %d`, translog.StoredCount(12)), `UPDATE log_head SET size = 12`,
	} {
		if _, err := raw.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ledger.Verify(t.Context(), s, k.trust()); err != nil {
		t.Fatalf("the shortened log by itself: %v", err)
	}
	trust := k.trust()
	trust.Known = append(trust.Known, seen.Checkpoint)
	_, err = ledger.Verify(t.Context(), s, trust)
	var fault *translog.Fault
	if !errors.As(err, &fault) {
		t.Fatalf("with the checkpoint seen elsewhere: %v", err)
	}
}

func TestNothingIsSignedOnChangedHistory(t *testing.T) {
	k := newKeys(t)
	s := storetest.SQLite(t)
	l := open(s, k)
	fill(t, s, l, 8)
	raw, err := sql.Open("sqlite", "file:"+s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if _, err := raw.Exec(`UPDATE log_hashes SET hash = (SELECT hash FROM log_hashes WHERE number = 1)`); err != nil {
		t.Fatal(err)
	}
	if err := l.Do(t.Context(), listAct(), func(*ledger.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := l.Sequence(t.Context()); !errors.Is(err, ledger.ErrForked) {
		t.Fatalf("sequencing on changed history gave %v", err)
	}
}

func TestProofOfARecord(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k := newKeys(t)
		l := open(s, k)
		fill(t, s, l, 11)
		err := s.Read(t.Context(), func(tx *store.Tx) error {
			rows, err := tx.LogEventsFrom(7, 1)
			if err != nil {
				return err
			}
			proof, err := ledger.Prove(tx, k.trust(), rows[0])
			if err != nil {
				return err
			}
			head, err := translog.Open([]byte(proof.Checkpoint), k.trust())
			if err != nil {
				return err
			}
			return translog.CheckInclusion(proof.Hashes, head.Size, head.Root, 7, translog.RecordHash(rows[0].Record))
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestRandomHistories runs random sequences of changes, failures, denials and
// sequencing, by several goroutines: the log holds one event for each call and
// verifies.
func TestRandomHistories(t *testing.T) {
	k := newKeys(t)
	rapid.Check(t, func(rt *rapid.T) {
		s := storetest.SQLite(t)
		l := open(s, k)
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"do", "fail", "deny", "read", "sequence"}), 1, 40).Draw(rt, "steps")
		var group sync.WaitGroup
		want := 0
		var mu sync.Mutex
		for worker := range 2 {
			group.Go(func() {
				for i, step := range steps {
					if i%2 != worker {
						continue
					}
					act := listAct()
					switch step {
					case "sequence":
						if err := l.Sequence(t.Context()); err != nil {
							rt.Errorf("sequencing: %v", err)
						}
						continue
					case "deny":
						act.Actor.Roles = nil
						_ = l.Do(t.Context(), act, func(*ledger.Tx) error { return nil })
					case "fail":
						_ = l.Do(t.Context(), act, func(*ledger.Tx) error { return errors.New("fail") })
					case "read":
						act.Action = mandate.ListConsult
						_ = l.Read(t.Context(), act, func(*ledger.Tx) error { return nil })
					case "do":
						_ = l.Do(t.Context(), act, func(*ledger.Tx) error { return nil })
					}
					mu.Lock()
					want++
					mu.Unlock()
				}
			})
		}
		group.Wait()
		if err := l.Sequence(t.Context()); err != nil {
			rt.Fatal(err)
		}
		report, err := ledger.Verify(t.Context(), s, k.trust())
		if err != nil || report.Records != int64(want) || report.Uncovered != 0 {
			rt.Fatalf("report %+v, error %v, want %d records", report, err, want)
		}
		_ = s.Close()
	})
}

// TestKillNineKeepsEveryAcknowledgedEvent kills a process that changes and
// sequences; afterwards each acknowledged event is in the log once and the log
// verifies.
func TestKillNineKeepsEveryAcknowledgedEvent(t *testing.T) {
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	for _, engine := range []string{"sqlite", "postgresql"} {
		t.Run(engine, func(t *testing.T) {
			location := ""
			if engine == "sqlite" {
				location = storetest.SQLiteLocation(t)
			} else {
				location = storetest.PostgreSQLLocation(t)
			}
			k := newKeys(t)
			key, err := json.Marshal(map[string]string{"signer": k.signer, "verifier": k.verifier})
			if err != nil {
				t.Fatal(err)
			}
			acknowledged := map[string]bool{}
			for range rounds {
				command := exec.Command(os.Args[0])
				command.Env = append(os.Environ(), "BRDO_TEST_LEDGER_VICTIM="+location, "BRDO_TEST_LEDGER_KEY="+string(key))
				command.Stderr = os.Stderr
				output, err := command.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := command.Start(); err != nil {
					t.Fatal(err)
				}
				decoder := json.NewDecoder(output)
				stopAfter := 5 + mathrand.IntN(40)
				for seen := 0; ; seen++ {
					var id string
					if err := decoder.Decode(&id); err != nil {
						break
					}
					acknowledged[id] = true
					if seen == stopAfter {
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
			if err := open(s, k).Sequence(t.Context()); err != nil {
				t.Fatal(err)
			}
			report, err := ledger.Verify(t.Context(), s, k.trust())
			if err != nil {
				t.Fatal(err)
			}
			times := map[string]int{}
			for _, event := range events(t, s) {
				times[event.ID]++
			}
			for id := range acknowledged {
				if times[id] != 1 {
					t.Errorf("acknowledged event %s is in the log %d times", id, times[id])
				}
			}
			t.Logf("%d kills, %d acknowledged, %d records, %d checkpoints", rounds, len(acknowledged), report.Records, report.Checkpoints)
			if len(acknowledged) < rounds*5 {
				t.Error("too few acknowledgements: the test tested little")
			}
		})
	}
}

func victim(location, key string) {
	var k struct{ Signer, Verifier string }
	if err := json.NewDecoder(strings.NewReader(key)).Decode(&k); err != nil {
		panic(err)
	}
	s, err := store.Open(context.Background(), location)
	if err != nil {
		panic(err)
	}
	l := open(s, keys{k.Signer, k.Verifier})
	go func() { _ = l.Run(context.Background()) }()
	out := json.NewEncoder(os.Stdout)
	for {
		var id string
		err := l.Do(context.Background(), listAct(), func(tx *ledger.Tx) error { id = tx.EventID(); return nil })
		if err != nil {
			panic(err)
		}
		if err := out.Encode(id); err != nil {
			os.Exit(0)
		}
		time.Sleep(time.Millisecond)
	}
}
