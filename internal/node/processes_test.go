package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/postgrestest"
	"github.com/brdoproject/brdo/internal/store"
)

// asked sends a picture to a process and returns what it found.
func asked(origin, token string, number int, flagged bool) (found intake.Detection, err error) {
	r, err := http.NewRequest(http.MethodPost, fmt.Sprintf("%s/v1/detect?flagged=%v&name=picture.png", origin, flagged), bytes.NewReader(nodetest.Picture(number)))
	if err != nil {
		return found, err
	}
	r.Header.Set("Content-Type", "image/png")
	r.Header.Set("Authorization", "Bearer "+token)
	if flagged {
		r.Header.Set("Idempotency-Key", fmt.Sprintf("upload-%d", number))
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return found, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return found, err
	}
	if err := json.Unmarshal(text, &found); err != nil || answer.StatusCode != http.StatusOK || len(found.Files) != 1 {
		return found, fmt.Errorf("%s: %.300s", answer.Status, text)
	}
	return found, nil
}

// eventually asks until something holds.
func eventually(t *testing.T, what string, holds func() (bool, error)) {
	t.Helper()
	var last error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		held, err := holds()
		if held && err == nil {
			return
		}
		last = err
	}
	t.Fatalf("it never came to pass that %s: %v", what, last)
}

// TestProcessesOfOneNode runs two workers and two processes of the interface on
// one PostgreSQL database and one S3-compatible store, and kills one of each
// while they work. The store is a server of the S3 protocol in this process: what
// it acknowledges is not on any disk, so nothing is shown of the store's own durability.
func TestProcessesOfOneNode(t *testing.T) {
	undetected(t)
	backend := s3mem.New()
	must(t, "making a bucket", backend.CreateBucket("content"))
	s3 := httptest.NewServer(gofakes3.New(backend).Server())
	defer s3.Close()
	t.Setenv("BRDO_S3_ACCESS_KEY", "access")
	t.Setenv("BRDO_S3_SECRET_KEY", "secret")

	centre := nodetest.Open(t, nodetest.Options{Kind: mandate.Centre})
	centre.Clock.Set(time.Now())
	config := node.Defaults()
	config.Organisation = node.Organisation{ID: "provider.example", Name: "Example provider", Kind: mandate.Provider, LegalRep: "representative", ContactPoint: "contact point", ContactInfo: "1 Lake Road"}
	config.Data, config.Database, config.Origin, config.Centre = t.TempDir(), postgrestest.Start(t), "http://localhost:1", "centre.example"
	config.Content = node.S3{Endpoint: strings.TrimPrefix(s3.URL, "http://"), Region: "us-east-1", Bucket: "content", PathStyle: true, Insecure: true}
	config.Profiles = centre.Config.Profiles
	basis := law.Ref{ID: "demo/benign-pictures", Version: 1}
	config.Detection.Sources = []node.Source{{Name: "uploads", Service: "hosting", LegalBasis: basis, URL: "https://photos.example/"}}
	// The people's process: it serves nobody and works off nothing.
	desk, err := node.Open(t.Context(), config, node.Options{Decoder: centre.Decoder})
	must(t, "opening the node", err)
	defer desk.Close()
	person := func(kind mandate.OrganisationKind, name string, roles ...mandate.Role) mandate.Actor {
		return mandate.Actor{Kind: mandate.Person, ID: "person/" + name, Roles: roles, Organisation: kind}
	}
	must(t, "registering the Centre", desk.Post.Register(t.Context(), person(mandate.Provider, "operator", mandate.Operator), centre.Post.Self()))
	must(t, "registering the provider", centre.Post.Register(t.Context(), person(mandate.Centre, "operator", mandate.Operator), desk.Post.Self()))
	_, token, err := desk.Identity.CreateKey(t.Context(), person(mandate.Provider, "operator", mandate.Operator), "upload service", []mandate.Scope{mandate.ScopeDetect}, "uploads")
	must(t, "making a key", err)

	var origins []string
	var processes []int
	for _, role := range []node.Role{node.RoleAPI, node.RoleAPI, node.RoleWorker, node.RoleWorker} {
		one := config
		one.Role, one.Log.Level = role, "error"
		origin, process, _ := servant(t, one)
		origins, processes = append(origins, origin), append(processes, process)
	}
	for i, path := range []string{"/login", "/v1/lists"} { // a role serves its own alone
		if status, _ := get(t, origins[2*i]+path); status != http.StatusNotFound {
			t.Errorf("the process %d answers %s with %d", 2*i, path, status)
		}
	}
	kill := func(i int) {
		process, err := os.FindProcess(processes[i])
		must(t, "finding a process", err)
		must(t, "killing a process", process.Signal(syscall.SIGKILL))
	}

	// A list changes in one process; both others follow.
	manager := person(mandate.Provider, "list-manager", mandate.ListManager)
	l, err := desk.Lists.Create(t.Context(), manager, lists.NewList{Name: "patterns", Source: "made by the test", Verification: "double", LegalBasis: basis, Radius: -1})
	must(t, "making a list", err)
	rows := "sha256,category\n" + sumOf(t, 9999) + ",training\n"
	_, err = desk.Lists.Import(t.Context(), manager, l.ID, lists.Import{FileName: "list.csv", Content: strings.NewReader(rows), Reason: "made by the test"})
	must(t, "taking a list in", err)
	matches := func(want int) {
		for i, origin := range origins[:2] {
			eventually(t, fmt.Sprintf("process %d has %d matches", i, want), func() (bool, error) {
				found, err := asked(origin, token, 9999, false)
				return err == nil && len(found.Files[0].Matches) == want, err
			})
		}
	}
	matches(1)
	must(t, "suspending the list", desk.Lists.SetState(t.Context(), manager, l.ID, "suspended", "made by the test"))
	matches(0)

	// Uploads and reports are on their way when one process of each kind dies.
	const uploads = 60
	var mu sync.Mutex
	acknowledged := map[int]intake.FileResult{}
	begun, half := make(chan struct{}), sync.Once{}
	var uploading sync.WaitGroup
	for number := range 4 {
		uploading.Go(func() {
			for ; number < uploads; number += 4 {
				for try := number; ; try++ { // the other process, when one does not answer
					found, err := asked(origins[try%2], token, number, true)
					if err != nil && try < number+100 {
						time.Sleep(20 * time.Millisecond)
						continue
					}
					if err != nil {
						t.Errorf("upload %d: %v", number, err)
						return
					}
					mu.Lock()
					acknowledged[number] = found.Files[0]
					if len(acknowledged) == uploads/3 {
						half.Do(func() { close(begun) })
					}
					mu.Unlock()
					break
				}
			}
		})
	}
	<-begun
	kill(0)
	uploading.Wait()
	if t.Failed() {
		return
	}
	sent := reportAll(t, desk, person(mandate.Provider, "ada", mandate.Analyst), uploads, func(done int) {
		if done == uploads/2 {
			kill(2) // envelopes are on their way
		}
	})
	eventually(t, "every envelope has its receipt", func() (bool, error) {
		waiting := int64(0)
		err := desk.Store.Read(t.Context(), func(tx *store.Tx) (err error) { waiting, err = tx.CountEnvelopesWaiting(); return err })
		return waiting == 0, err
	})

	arrived := map[string]int{}
	centre.Look(t, func(tx *store.Tx) error {
		rows, err := tx.ReceivedReports("received", 1000)
		for _, row := range rows {
			arrived[row.Reference]++
		}
		return err
	})
	for _, id := range sent {
		if arrived[id] != 1 {
			t.Errorf("%s was sent; the Centre has it %d times", id, arrived[id])
		}
	}
	if len(arrived) != len(sent) || len(sent) < uploads/2 {
		t.Errorf("%d reports were sent, the Centre has %d", len(sent), len(arrived))
	}
	for number, file := range acknowledged {
		if err := wholly(t.Context(), desk, file.SHA256); err != nil {
			t.Errorf("upload %d was acknowledged: its content: %v", number, err)
		}
	}
	must(t, "counting", desk.Store.Read(t.Context(), func(tx *store.Tx) error {
		for number, file := range acknowledged {
			rows, err := tx.Sightings(file.SHA256, 10)
			if err != nil {
				return err
			}
			if len(rows) != 1 || rows[0].ID != file.Sighting {
				t.Errorf("upload %d was acknowledged as %s; there are %d sightings of it", number, file.Sighting, len(rows))
			}
		}
		delivered, err := tx.JobsOfKind("envelope.deliver")
		for _, job := range delivered {
			if job.State != store.JobDone {
				t.Errorf("a delivery is %s: %+v", job.State, job)
			}
		}
		if len(delivered) != len(sent) {
			t.Errorf("%d reports have %d deliveries", len(sent), len(delivered))
		}
		return err
	}))
	t.Logf("%d uploads acknowledged, each with one sighting and its whole content; %d reports, each at the Centre once", len(acknowledged), len(sent))
}

// sumOf is the SHA-256 of a picture.
func sumOf(t *testing.T, number int) string {
	t.Helper()
	sum, err := digest.Reader(bytes.NewReader(nodetest.Picture(number)))
	must(t, "computing a digest", err)
	return sum.SHA256Hex()
}

// reportAll decides on everything that waits, one after the other, and reports it.
func reportAll(t *testing.T, n *node.Node, person mandate.Actor, items int, between func(done int)) (sent []string) {
	t.Helper()
	ctx := context.Background()
	no := new(false)
	for decided, shift := 0, 0; decided < items; decided++ {
		if decided%15 == 0 { // others come on duty, so that nobody is sent on a break
			shift++
			person.ID = fmt.Sprintf("person/ada-%d", shift)
		}
		id, err := n.Triage.GoOn(ctx, person)
		must(t, "taking an item", err)
		if id == "" {
			break
		}
		_, err = n.Triage.View(ctx, person, id, triage.Look{Level: item.LevelSketch})
		must(t, "looking at an item", err)
		must(t, "deciding", n.Triage.Decide(ctx, person, id, nodetest.Yes))
		queue, err := n.Triage.Queue(ctx, person)
		must(t, "reading the queue", err)
		for _, ready := range queue.Reportable {
			id, err := n.Reports.Compose(ctx, person, ready.ID, "")
			if problem.Is(err, problem.Conflict) {
				continue // its decision can still be taken back, or it has a report
			}
			must(t, "beginning a report", err)
			must(t, "answering", n.Reports.Amend(ctx, person, id, reports.Answers{Urgent: no, Removed: no, ThirdCountry: report.ThirdCountry{Reported: no}, UserDecision: report.UserDecision{Taken: no}}, ""))
			must(t, "sending", n.Reports.Submit(ctx, person, id))
			if !slices.Contains(sent, id) {
				sent = append(sent, id)
			}
		}
		between(decided)
	}
	return sent
}
