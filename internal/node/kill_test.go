package node_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/lossydisk"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/postgrestest"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
)

// victimEnvironment holds the order of a process that is there to be killed.
const victimEnvironment = "BRDO_TEST_VICTIM"

// order is what a victim is told.
type order struct {
	Config node.Config
	Token  string
	Round  int
	// Again are uploads that an earlier victim began and never acknowledged.
	Again []int
}

// init comes before TestMain, which runs tests; the decoder's children inherit
// the order and are none of its victims.
func init() {
	if text := os.Getenv(victimEnvironment); text != "" && !media.IsChild(os.Args) {
		if err := victim(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// victim is a provider's node with its upload service, two analysts and a
// second-looker. Each line that it prints tells of a call that has returned,
// except those that begin with "try".
func victim(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	ctx := context.Background()
	decoder, err := media.Start(ctx, media.Options{Children: 1})
	if err != nil {
		return err
	}
	n, err := node.Open(ctx, o.Config, node.Options{Decoder: decoder})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 4)
	go func() { failed <- n.Run(ctx, listener) }()
	go func() { failed <- keepUploading(o, "http://"+listener.Addr().String()) }()
	// Now and then others come on duty, so that nobody is sent on a break.
	person := func(name string, role mandate.Role) mandate.Actor {
		return mandate.Actor{Kind: mandate.Person, ID: fmt.Sprintf("person/%s-%d", name, o.Round/5), Roles: []mandate.Role{role}, Organisation: mandate.Provider}
	}
	for _, name := range []string{"ada", "dora"} {
		go func() { failed <- keepReviewing(ctx, n, person(name, mandate.Analyst), keepReporting) }()
	}
	go func() { failed <- keepReviewing(ctx, n, person("bela", mandate.SecondLooker), keepApproving) }()
	return <-failed
}

// uploaded is an upload as a request: every other one names a user, so that two
// people decide on the item and on the report.
func uploaded(number int) (body *bytes.Buffer, kind string, err error) {
	if number%2 == 0 {
		return bytes.NewBuffer(nodetest.Picture(number)), "image/png", nil
	}
	body = &bytes.Buffer{}
	parts := multipart.NewWriter(body)
	if err := parts.WriteField("context", fmt.Sprintf(`{"flagged":true,"users":[{"username":"user%d"}]}`, number)); err != nil {
		return nil, "", err
	}
	file, err := parts.CreateFormFile("file", "picture.png")
	if err != nil {
		return nil, "", err
	}
	if _, err := file.Write(nodetest.Picture(number)); err != nil {
		return nil, "", err
	}
	return body, parts.FormDataContentType(), parts.Close()
}

// keepUploading ends only with an error.
func keepUploading(o order, origin string) error {
	upload := func(number int) error {
		say("try", strconv.Itoa(number))
		content, kind, err := uploaded(number)
		if err != nil {
			return err
		}
		r, err := http.NewRequest(http.MethodPost, origin+"/v1/detect?flagged=true&name=picture.png", content)
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Authorization", "Bearer "+o.Token)
		r.Header.Set("Idempotency-Key", fmt.Sprintf("upload-%d", number))
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return err
		}
		var found intake.Detection
		if err := json.Unmarshal(body, &found); err != nil || answer.StatusCode != http.StatusOK || len(found.Files) != 1 || found.Files[0].Sighting == "" {
			return fmt.Errorf("the upload was answered with %s: %s", answer.Status, body)
		}
		say("upload", strconv.Itoa(number), found.Files[0].Sighting, found.Files[0].SHA256)
		return nil
	}
	for _, number := range o.Again {
		if err := upload(number); err != nil {
			return err
		}
	}
	for number := o.Round * 1000; ; number++ {
		if err := upload(number); err != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond) // leaves room for the reviewers
	}
}

// keepReviewing decides on one item after the other, and does what else the
// person does in between. It ends only with an error.
func keepReviewing(ctx context.Context, n *node.Node, person mandate.Actor, between func(context.Context, *node.Node, mandate.Actor) error) error {
	for {
		next, err := n.Triage.GoOn(ctx, person)
		if err != nil {
			// Two people reach for the same item; one of them gets it.
			time.Sleep(5 * time.Millisecond)
			continue
		}
		if err := between(ctx, n, person); err != nil {
			return err
		}
		if next == "" {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		if _, err := n.Triage.View(ctx, person, next, triage.Look{Level: item.LevelSketch}); err != nil {
			return err
		}
		if err := n.Triage.Decide(ctx, person, next, nodetest.Yes); err != nil {
			return err
		}
		say("decision", next, person.ID)
	}
}

// keepReporting reports on what was decided.
func keepReporting(ctx context.Context, n *node.Node, person mandate.Actor) error {
	queue, err := n.Triage.Queue(ctx, person)
	if err != nil {
		return err
	}
	no := new(false)
	answers := reports.Answers{Urgent: no, Removed: no, ThirdCountry: report.ThirdCountry{Reported: no}, UserDecision: report.UserDecision{Taken: no}}
	for _, decided := range queue.Reportable[:min(len(queue.Reportable), 3)] {
		id, err := n.Reports.Compose(ctx, person, decided.ID, "")
		if problem.Is(err, problem.Conflict) {
			continue // the colleague was faster, or the second person may still take the decision back
		}
		if err != nil {
			return err
		}
		if err := n.Reports.Amend(ctx, person, id, answers, ""); err != nil {
			return err
		}
		if err := n.Reports.Submit(ctx, person, id); err != nil {
			return err
		}
		say("report", id)
	}
	return nil
}

// keepApproving approves what others submitted.
func keepApproving(ctx context.Context, n *node.Node, person mandate.Actor) error {
	page, err := n.Reports.Reports(ctx, person, time.Time{}, 20)
	if err != nil {
		return err
	}
	for _, row := range page.Reports {
		if row.State != string(report.AwaitingSecondLook) {
			continue
		}
		if err := n.Reports.Approve(ctx, person, row.ID); err != nil {
			return err
		}
		say("approval", row.ID, person.ID)
	}
	return nil
}

var sayOne sync.Mutex

func say(words ...string) {
	sayOne.Lock()
	defer sayOne.Unlock()
	fmt.Fprintln(os.Stdout, strings.Join(words, " ")) // one write, unbuffered
}

// acknowledged is what victims said that they had done.
type acknowledged struct {
	uploads map[int][]string // number: sighting, item
	tried   map[int]bool
	// decisions are pairs of an item and a person.
	decisions [][]string
	reports   []string
	// approvals are pairs of a report and a person.
	approvals [][]string
}

func (a *acknowledged) hear(t testing.TB, line string) {
	t.Helper()
	words := strings.Fields(line)
	switch {
	case len(words) == 2 && words[0] == "try":
		number, _ := strconv.Atoi(words[1])
		a.tried[number] = true
	case len(words) == 4 && words[0] == "upload":
		number, _ := strconv.Atoi(words[1])
		if earlier := a.uploads[number]; earlier != nil && earlier[0] != words[2] {
			t.Errorf("upload %d was acknowledged as %s and as %s", number, earlier[0], words[2])
		}
		a.uploads[number] = words[2:]
	case len(words) == 3 && words[0] == "decision":
		a.decisions = append(a.decisions, words[1:])
	case len(words) == 3 && words[0] == "approval":
		a.approvals = append(a.approvals, words[1:])
	case len(words) == 2 && words[0] == "report":
		a.reports = append(a.reports, words[1])
	default:
		t.Errorf("a victim said %q", line)
	}
}

func (a *acknowledged) open() (numbers []int) {
	for number := range a.tried {
		if a.uploads[number] == nil {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// TestKillNine ends a working node at random moments, again and again, and
// counts afterwards what the node had promised. BRDO_KILL_ROUNDS is how often on
// each database; without it there are fewer rounds, so that CI stays short.
func TestKillNine(t *testing.T) {
	undetected(t)
	t.Run("sqlite", func(t *testing.T) { killNine(t, "", rounds(t, 30), nil) })
	t.Run("postgresql", func(t *testing.T) { killNine(t, postgrestest.Start(t), rounds(t, 12), nil) })
}

// undetected skips what asks for whole nodes that work hard before they die.
func undetected(t *testing.T) {
	t.Helper()
	if racetest.Enabled {
		t.Skip("SKIP: under the race detector SQLite is a hundred times slower and victims die before they work; this is tested without it")
	}
}

func rounds(t *testing.T, usual int) int {
	t.Helper()
	if testing.Short() {
		return 5
	}
	if text := os.Getenv("BRDO_KILL_ROUNDS"); text != "" {
		count, err := strconv.Atoi(text)
		must(t, "reading BRDO_KILL_ROUNDS", err)
		return count
	}
	return usual
}

// killNine works on an ordinary disk, or on a lossy one.
func killNine(t testing.TB, database string, rounds int, lossy *lossydisk.Options) {
	ctx := t.Context()
	centre := nodetest.Open(t, nodetest.Options{Kind: mandate.Centre})
	centre.Clock.Set(time.Now())
	var o order
	o.Config = node.Defaults()
	o.Config.Organisation = node.Organisation{ID: "provider.example", Name: "Example provider", Kind: mandate.Provider, LegalRep: "representative", ContactPoint: "contact point", ContactInfo: "1 Lake Road"}
	o.Config.Data, o.Config.Database, o.Config.Origin, o.Config.Centre = t.TempDir(), database, "http://localhost:1", "centre.example"
	o.Config.Profiles = centre.Config.Profiles
	o.Config.Detection.Sources = []node.Source{{Name: "uploads", Service: "hosting", LegalBasis: law.Ref{ID: "demo/benign-pictures", Version: 1}, URL: "https://photos.example/"}}
	provider, err := node.Open(ctx, o.Config, node.Options{Decoder: centre.Decoder})
	must(t, "opening the provider's node", err)
	operator := func(kind mandate.OrganisationKind) mandate.Actor {
		return mandate.Actor{Kind: mandate.Person, ID: "person/operator", Roles: []mandate.Role{mandate.Operator}, Organisation: kind}
	}
	must(t, "registering the Centre", provider.Post.Register(ctx, operator(mandate.Provider), centre.Post.Self()))
	must(t, "registering the provider", centre.Post.Register(ctx, operator(mandate.Centre), provider.Post.Self()))
	_, o.Token, err = provider.Identity.CreateKey(ctx, operator(mandate.Provider), "upload service", []mandate.Scope{mandate.ScopeDetect}, "uploads")
	must(t, "making a key", err)
	must(t, "closing the provider's node", provider.Close())

	told := &acknowledged{uploads: map[int][]string{}, tried: map[int]bool{}}
	for o.Round = range rounds {
		centre.Clock.Set(time.Now())
		o.Again = told.open()
		if lossy == nil {
			killed(t, o, told, 80)
			continue
		}
		// What the power failure leaves is what the next victim finds.
		disk, left := lossydisk.Mount(t, o.Config.Data, *lossy), t.TempDir()
		onDisk := o
		onDisk.Config.Data = disk.Folder()
		killed(t, onDisk, told, 80)
		must(t, "letting the power fail", disk.Fail(rand.New(rand.NewPCG(uint64(o.Round), 17)), left))
		o.Config.Data = left
	}

	past := time.Duration(0)
	provider, err = node.Open(ctx, o.Config, node.Options{Now: func() time.Time { return time.Now().Add(past) }, Decoder: centre.Decoder})
	must(t, "opening the provider's node after the last kill", err)
	defer provider.Close()
	for range 12 { // leases of the dead run out, and what failed is tried again
		past += 7 * time.Minute
		centre.Clock.Set(time.Now().Add(past))
		must(t, "working off the jobs", provider.Drain(ctx))
	}
	count(t, provider, centre, told, rounds)
}

// killed starts a victim, hears what it says and kills it a moment after one of the
// first deeds that it tells of.
func killed(t testing.TB, o order, told *acknowledged, deeds int) {
	t.Helper()
	text, err := json.Marshal(o)
	must(t, "writing an order", err)
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), victimEnvironment+"="+string(text))
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var complaint bytes.Buffer
	command.Stderr = &complaint
	out, err := command.StdoutPipe()
	must(t, "starting a victim", err)
	must(t, "starting a victim", command.Start())
	// Some die while they start, most after some deeds: machines differ in how long
	// these take.
	kill := func() { _ = command.Process.Kill() }
	least := time.AfterFunc(time.Minute, kill)
	defer least.Stop()
	if o.Round%4 == 3 {
		least.Reset(rand.N(time.Second))
	}
	last := 1 + rand.N(deeds)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		told.hear(t, lines.Text())
		if strings.HasPrefix(lines.Text(), "try ") {
			continue
		}
		if last--; last == 0 {
			moment := time.AfterFunc(rand.N(20*time.Millisecond), kill)
			defer moment.Stop()
		}
	}
	_ = command.Wait()
	if command.ProcessState.Exited() {
		t.Fatalf("victim %d ended by itself: %s\n%s", o.Round, command.ProcessState, complaint.Bytes())
	}
}

// count compares the rows with what was acknowledged.
func count(t testing.TB, provider *node.Node, centre *nodetest.Node, told *acknowledged, rounds int) {
	t.Helper()
	ctx := t.Context()
	var sightings, sent int
	err := provider.Store.Read(ctx, func(tx *store.Tx) error {
		for number, upload := range told.uploads {
			rows, err := tx.Sightings(upload[1], 10)
			if err != nil {
				return err
			}
			if len(rows) != 1 || rows[0].ID != upload[0] {
				t.Errorf("upload %d was acknowledged as %s; there are %d sightings of it", number, upload[0], len(rows))
			}
			sightings += len(rows)
			if err := wholly(ctx, provider, upload[1]); err != nil {
				t.Errorf("upload %d was acknowledged: its content: %v", number, err)
			}
		}
		for _, decision := range told.decisions {
			rows, err := tx.Decisions(decision[0])
			if err != nil {
				return err
			}
			made := 0
			for _, row := range rows {
				if row.Person == decision[1] && row.Undone.IsZero() {
					made++
				}
			}
			if made != 1 || len(rows) > 2 {
				t.Errorf("the decision of %s on %s was acknowledged; there is %+v", decision[1], decision[0], rows)
			}
		}
		dead, err := tx.DeadJobs(10)
		if len(dead) > 0 {
			t.Errorf("%d jobs are dead, the first: %+v", len(dead), dead[0])
		}
		return err
	})
	must(t, "counting", err)

	arrived, standing := map[string]int{}, 0
	centre.Look(t, func(tx *store.Tx) error {
		rows, err := tx.ReceivedReports("received", 1_000_000)
		for _, row := range rows {
			arrived[row.Reference]++
		}
		return err
	})
	must(t, "counting reports", provider.Store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Reports(time.Time{}, 1_000_000)
		known, approved, heard := map[string]string{}, map[string]string{}, map[string]int{}
		for _, row := range rows {
			known[row.ID] = row.State
			var life report.Lifecycle
			if err := json.Unmarshal(row.Lifecycle, &life); err != nil {
				return err
			}
			if life.Approved != nil {
				approved[row.ID] = life.Approved.Person
			}
			switch report.State(row.State) {
			case report.Draft, report.AwaitingSecondLook:
			case report.Delivered:
				sent++
				if arrived[row.ID] != 1 {
					t.Errorf("%s is delivered; the Centre has it %d times", row.ID, arrived[row.ID])
				}
			default:
				t.Errorf("%s is stuck: %s", row.ID, row.State)
			}
		}
		for _, id := range told.reports {
			if state := known[id]; state != string(report.Delivered) && state != string(report.AwaitingSecondLook) {
				t.Errorf("%s was acknowledged and is %q", id, state)
			}
		}
		for _, approval := range told.approvals {
			id, person := approval[0], approval[1]
			if heard[id]++; heard[id] > 1 {
				t.Errorf("the approval of %s was acknowledged %d times", id, heard[id])
			}
			if approved[id] != person || known[id] != string(report.Delivered) {
				t.Errorf("the approval of %s by %s was acknowledged; it is %q, approved by %q", id, person, known[id], approved[id])
			}
		}
		// An approval that was cut off before it was acknowledged may stand or
		// not, but what stands is in the log once.
		for id, person := range approved {
			events, err := tx.LogEventsOf(id, 1000)
			if err != nil {
				return err
			}
			done := 0
			for _, event := range events {
				if event.Action == mandate.ReportApprove.Name && event.Outcome == "done" {
					done++
				}
			}
			if done != 1 {
				t.Errorf("%s approved %s; the log tells of it %d times", person, id, done)
			}
		}
		if len(approved) < len(heard) {
			t.Errorf("%d approvals were acknowledged, %d are there", len(heard), len(approved))
		}
		standing = len(approved)
		return err
	}))
	if len(arrived) != sent {
		t.Errorf("the Centre has %d reports, %d were sent", len(arrived), sent)
	}
	for _, n := range []*node.Node{provider, centre.Node} {
		must(t, "sequencing", n.Ledger.Sequence(ctx))
		log, err := ledger.Verify(ctx, n.Store, n.Ledger.Trust())
		if err != nil {
			t.Errorf("the log of the %s: %v", n.Config.Organisation.Kind, err)
		}
		t.Logf("log of the %s: %d records, %d checkpoints, verified", n.Config.Organisation.Kind, log.Records, log.Checkpoints)
	}
	t.Logf("%d kills: %d uploads acknowledged of %d begun, %d sightings; %d decisions; %d reports acknowledged, %d delivered, each once; %d approvals acknowledged, %d in the rows, each once",
		rounds, len(told.uploads), len(told.tried), sightings, len(told.decisions), len(told.reports), sent, len(told.approvals), standing)
	if len(told.uploads) < rounds/4 || len(told.decisions) < rounds/8 || len(told.reports) < rounds/20 || len(told.approvals) < rounds/20 { // a slow machine starts few of them up
		t.Errorf("the victims hardly worked, so this shows little")
	}
}

// wholly reads the content of an item to its end: body, key and all.
func wholly(ctx context.Context, n *node.Node, id string) error {
	content, err := n.Content.Open(ctx, id)
	if err != nil {
		return err
	}
	defer content.Close()
	sum, err := digest.Reader(content)
	if err == nil && sum.SHA256Hex() != id {
		err = fmt.Errorf("it is that of %s", sum.SHA256Hex())
	}
	return err
}
