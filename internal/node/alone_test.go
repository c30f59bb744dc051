package node_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// TestWhatADeadProcessLeftIsTakenUpAtTheStart: on an embedded database the next
// process does not wait for the leases of the one that died. A further process
// beside it takes nothing away.
func TestWhatADeadProcessLeftIsTakenUpAtTheStart(t *testing.T) {
	first := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider})
	runs := func(n *node.Node) (stop func()) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, "listening", err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx, listener) }()
		eventually(t, "it serves, which it does when it has begun to work", func() (bool, error) {
			answer, err := http.Get("http://" + listener.Addr().String() + "/healthz")
			if err != nil {
				return false, err
			}
			return true, answer.Body.Close()
		})
		return func() { cancel(); must(t, "running", <-ended) }
	}
	due := func(tx *store.Tx, kind string) (id string, err error) {
		id = store.NewID("job")
		_, err = tx.InsertJob(store.Job{ID: id, Kind: kind, Payload: []byte(`"x"`), MaxAttempt: 99, RunAt: time.Unix(0, 0), CreatedAt: time.Now()})
		return id, err
	}
	// claimed leases a job that is due, as a worker that dies then.
	claimed := func(kind string) (id string) {
		must(t, "claiming", first.Store.Write(t.Context(), func(tx *store.Tx) (err error) {
			if id, err = due(tx, kind); err != nil {
				return err
			}
			jobs, err := tx.ClaimJobs("worker/dead", time.Unix(1, 0), time.Now().AddDate(9, 0, 0), 99)
			if err == nil && (len(jobs) != 1 || jobs[0].ID != id) {
				err = fmt.Errorf("other jobs were claimed: %+v", jobs)
			}
			return err
		}))
		return id
	}
	attempts := func(id string) (count int) {
		must(t, "reading a job", first.Store.Read(t.Context(), func(tx *store.Tx) error {
			job, err := tx.Job(id)
			count = job.Attempt
			return err
		}))
		return count
	}
	left := claimed("exchange.watch")
	stop := runs(first.Node)
	eventually(t, "the job of the dead process runs again", func() (bool, error) { return attempts(left) > 1, nil })

	held := claimed("no.such.kind")
	second, err := node.Open(t.Context(), first.Config, node.Options{Decoder: first.Decoder})
	must(t, "opening a second process", err)
	defer second.Close()
	stopSecond := runs(second)
	// Whatever is abandoned is claimed before what waits.
	var next string
	must(t, "enqueueing", first.Store.Write(t.Context(), func(tx *store.Tx) (err error) { next, err = due(tx, "no.such.kind"); return err }))
	eventually(t, "another job runs", func() (bool, error) { return attempts(next) > 0, nil })
	stopSecond()
	stop()
	if attempts(held) != 1 {
		t.Error("a process took away what another one, which may live, has leased")
	}
}
