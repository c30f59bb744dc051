package node_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/routing"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// citizenEnvironment holds the order of a process that is one node of a union of
// four, with the people who work there.
const citizenEnvironment = "BRDO_TEST_CITIZEN"

// errand is what a citizen is told.
type errand struct {
	Config node.Config
	Token  string
	// Round numbers the lives of the process, so that each uploads pictures of its own.
	Round int
	// Authorities are node ids, for the Centre.
	Authorities []string
}

func init() {
	if text := os.Getenv(citizenEnvironment); text != "" && !media.IsChild(os.Args) {
		if err := citizen(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
}

// citizen runs a node as `brdo serve` does, and lets people work at it. Each line
// that it prints tells of a call that has returned.
func citizen(text string) error {
	var e errand
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return err
	}
	ctx := context.Background()
	decoder, err := media.Start(ctx, media.Options{Children: 1})
	if err != nil {
		return err
	}
	n, err := node.Open(ctx, e.Config, node.Options{Decoder: decoder, Log: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", e.Config.Listen)
	if err != nil {
		return err
	}
	failed := make(chan error, 4)
	go func() { failed <- n.Run(ctx, listener) }()
	say("serving")
	kind := e.Config.Organisation.Kind
	person := func(name string, role mandate.Role) mandate.Actor {
		return mandate.Actor{Kind: mandate.Person, ID: fmt.Sprintf("person/%s-%d", name, e.Round), Roles: []mandate.Role{role}, Organisation: kind}
	}
	switch kind {
	case mandate.Provider:
		go func() { failed <- keepHandingIn(ctx, n, e) }()
		go func() { failed <- keepReviewing(ctx, n, person("ada", mandate.Analyst), keepReporting) }()
	case mandate.Centre:
		go func() { failed <- keepRouting(ctx, n, person("cora", mandate.Analyst), e.Authorities) }()
	default:
		go func() { failed <- keepAnswering(ctx, n, person("ines", mandate.Investigator)) }()
	}
	return <-failed
}

// keepHandingIn hands in a picture now and then.
func keepHandingIn(ctx context.Context, n *node.Node, e errand) error {
	uploads, err := n.Identity.Machine(ctx, e.Token)
	if err != nil {
		return err
	}
	for number := e.Round * 1000; ; number++ {
		s := nodetest.Submission(number, "")
		s.Flagged = true
		s.Context.IPEvents = []report.IPEvent{{IP: "192.0.2.7", Port: 40_000, At: time.Now().Add(-time.Hour), TZ: "Z"}}
		if _, err := n.Intake.Detect(ctx, uploads, s); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// settled says what a person did; that another fault or an earlier answer was
// faster is no failure.
func settled(err error, words ...string) error {
	switch {
	case err == nil:
		say(words...)
	case problem.Is(err, problem.Conflict), problem.Is(err, problem.Invalid):
	default:
		return err
	}
	return nil
}

// keepRouting assesses what came, and sends it on to one authority or to both.
func keepRouting(ctx context.Context, n *node.Node, person mandate.Actor, authorities []string) error {
	for {
		o, err := n.Routing.Overview(ctx, person)
		if err != nil {
			return err
		}
		for _, line := range o.Lines {
			switch referral.State(line.State) {
			case referral.Received:
				err = settled(n.Routing.Found(ctx, person, line.ID, rand.N(4) == 0), "found", line.ID)
			case referral.Assessed, referral.Held:
				to := authorities
				if at := rand.N(4); at < len(authorities) {
					to = authorities[at : at+1]
				}
				err = settled(n.Routing.Route(ctx, person, line.ID, routing.Direction{To: to, Reason: "jurisdiction is not certain"}), "route", line.ID)
			}
			if err != nil {
				return err
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// keepAnswering claims or declines what was offered, gives some of it back, and
// says of the rest what became of it: of some that it was not confirmed, which
// goes to everybody as a correction.
func keepAnswering(ctx context.Context, n *node.Node, person mandate.Actor) error {
	for {
		all, err := n.Routing.Referrals(ctx, person)
		if err != nil {
			return err
		}
		for _, r := range all {
			id, dice := r.Row.ID, rand.N(4)
			switch {
			case r.Value.Standing == referral.StandingOffered && dice == 0:
				err = settled(n.Routing.Decline(ctx, person, id, "another State is nearer"), "decline", id)
			case r.Value.Standing == referral.StandingOffered:
				err = settled(n.Routing.Claim(ctx, person, id), "claim", id)
			case r.Value.Standing == referral.StandingClaimed && dice == 0:
				err = settled(n.Routing.Release(ctx, person, id, "another State is nearer"), "release", id)
			case r.Value.Standing == referral.StandingClaimed && dice < 3:
				outcome := []string{"new-investigation", referral.OutcomeUnlawfulNot}[dice-1]
				err = settled(n.Routing.Finish(ctx, person, id, outcome), "finish", id)
			}
			if err != nil {
				return err
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// weather is what happens on the way between the nodes.
type weather struct {
	mu sync.Mutex
	// names are the names of the nodes by their ids, cut the pairs that are parted.
	names map[string]string
	cut   map[[2]string]bool
	calm  bool
	// counts say what happened to requests.
	counts map[string]int
}

func (w *weather) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[what]++
}

// fate draws what happens to a request.
func (w *weather) fate(from, to string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts["requests"]++
	fate := "passed"
	switch dice := rand.N(100); {
	case w.cut[[2]string{from, to}] || w.cut[[2]string{to, from}]:
		fate = "parted"
	case w.calm:
	case dice < 10:
		fate = "lost"
	case dice < 20:
		fate = "answer lost"
	case dice < 30:
		fate = "doubled"
	case dice < 60:
		fate = "delayed" // what is sent later overtakes it
	}
	w.counts[fate]++
	return fate
}

// gate is the address of a node for the others: what they send goes through the weather.
func (w *weather) gate(t testing.TB, name, behind string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "listening", err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer connection.Close()
				for in := bufio.NewReader(connection); w.pass(connection, in, name, behind) == nil; {
				}
			}()
		}
	}()
	return listener.Addr().String()
}

var errBroken = errors.New("the connection breaks")

// pass takes one request from a connection and does with it what the weather wants.
func (w *weather) pass(connection net.Conn, in *bufio.Reader, to, behind string) error {
	request, err := http.ReadRequest(in)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return err
	}
	from := "somebody"
	for id, name := range w.names {
		if strings.Contains(request.Header.Get("Signature-Input"), id) {
			from = name
		}
	}
	send := func() ([]byte, error) {
		again := request.Clone(context.Background())
		again.Body, again.Close = io.NopCloser(bytes.NewReader(body)), true
		there, err := net.DialTimeout("tcp", behind, 5*time.Second)
		if err != nil {
			return nil, err
		}
		defer there.Close()
		if err := errors.Join(there.SetDeadline(time.Now().Add(30*time.Second)), again.Write(there)); err != nil {
			return nil, err
		}
		return io.ReadAll(there)
	}
	w.count(request.Method + " " + request.URL.Path)
	fate := w.fate(from, to)
	switch fate {
	case "parted", "lost":
		return errBroken
	case "delayed":
		time.Sleep(rand.N(300 * time.Millisecond))
	case "doubled":
		if _, err := send(); err != nil {
			return err
		}
	}
	answer, err := send()
	if err != nil {
		w.count("nobody there")
		return err
	}
	if fate == "answer lost" {
		return errBroken
	}
	if _, err := connection.Write(answer); err != nil {
		return err
	}
	return errBroken // one request a connection
}

// part cuts a pair of nodes off from each other for a while.
func (w *weather) part(a, b string, while time.Duration) {
	w.mu.Lock()
	w.cut[[2]string{a, b}] = true
	w.counts["partitions"]++
	w.mu.Unlock()
	time.Sleep(while)
	w.mu.Lock()
	delete(w.cut, [2]string{a, b})
	w.mu.Unlock()
}

// member is one node of the union, as the test keeps it.
type member struct {
	errand
	name string
	node *node.Node
	said map[string][]string
}

// TestFourNodesInBadWeather lets a provider, the Centre and two authorities work
// in processes of their own, over a network that loses, doubles, delays and parts,
// and kills them again and again. Afterwards each envelope has had its effect
// once, and every open report has somebody responsible. BRDO_EXCHANGE_ROUNDS is
// how often each of the four is killed.
func TestFourNodesInBadWeather(t *testing.T) {
	undetected(t)
	lives := 2
	if text := os.Getenv("BRDO_EXCHANGE_ROUNDS"); text != "" {
		var err error
		lives, err = strconv.Atoi(text)
		must(t, "reading BRDO_EXCHANGE_ROUNDS", err)
	}
	sky := &weather{names: map[string]string{}, cut: map[[2]string]bool{}, counts: map[string]int{}}
	members := assembleUnion(t, sky)

	var working, blowing sync.WaitGroup
	ended := make(chan struct{})
	for _, m := range members {
		working.Go(func() {
			for m.Round = range lives {
				m.live(t, 2*time.Second)
			}
		})
	}
	blowing.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(time.Second + rand.N(2*time.Second)):
			}
			pair := rand.Perm(len(members))
			sky.part(members[pair[0]].name, members[pair[1]].name, rand.N(3*time.Second))
		}
	})
	working.Wait()
	close(ended)
	blowing.Wait()
	if t.Failed() {
		return
	}
	sky.mu.Lock()
	sky.calm = true
	sky.mu.Unlock()
	healUnion(t, members)
	countUnion(t, members)
	sky.mu.Lock()
	defer sky.mu.Unlock()
	t.Logf("%d kills; on the way: %v", lives*len(members), sky.counts)
}

// assembleUnion makes the four nodes and registers them with each other.
func assembleUnion(t *testing.T, sky *weather) []*member {
	t.Helper()
	model := nodetest.Open(t, nodetest.Options{Kind: mandate.Centre}) // for its profiles, without the sample
	places := filepath.Join(t.TempDir(), "places.csv")
	must(t, "writing places", os.WriteFile(places, []byte("192.0.2.0/24,SI\n"), 0o600))
	var members []*member
	for _, one := range []node.Organisation{
		{ID: "provider.example", Name: "Provider", Kind: mandate.Provider, LegalRep: "representative", ContactPoint: "contact point", ContactInfo: "1 Lake Road"},
		{ID: "centre.example", Name: "Centre", Kind: mandate.Centre},
		{ID: "authority-a.example", Name: "Authority A", Kind: mandate.Authority, Country: "SI"},
		{ID: "authority-b.example", Name: "Authority B", Kind: mandate.Authority, Country: "HR"},
	} {
		m := &member{name: one.ID, said: map[string][]string{}}
		c := node.Defaults()
		c.Organisation, c.Data, c.Centre, c.Places, c.Profiles = one, t.TempDir(), "centre.example", places, model.Config.Profiles
		free, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, "finding a free port", err)
		c.Listen = free.Addr().String()
		must(t, "freeing it", free.Close())
		_, port, err := net.SplitHostPort(sky.gate(t, one.ID, c.Listen))
		must(t, "reading an address", err)
		c.Origin = "http://localhost:" + port
		if one.Kind == mandate.Provider {
			c.Detection.Sources = []node.Source{{Name: "uploads", Service: "hosting", LegalBasis: law.Ref{ID: "demo/benign-pictures", Version: 1}, URL: "https://photos.example/"}}
		}
		m.Config = c
		m.node, err = node.Open(t.Context(), c, node.Options{Decoder: model.Decoder})
		must(t, "opening a node", err)
		sky.names[m.node.Post.Self().NodeID] = one.ID
		members = append(members, m)
	}
	operator := func(m *member) mandate.Actor {
		return mandate.Actor{Kind: mandate.Person, ID: "person/operator", Roles: []mandate.Role{mandate.Operator}, Organisation: m.Config.Organisation.Kind}
	}
	centre := members[1]
	for _, m := range members {
		if m != centre {
			must(t, "registering the Centre", m.node.Post.Register(t.Context(), operator(m), centre.node.Post.Self()))
			must(t, "registering at the Centre", centre.node.Post.Register(t.Context(), operator(centre), m.node.Post.Self()))
		}
		if m.Config.Organisation.Kind == mandate.Authority {
			centre.Authorities = append(centre.Authorities, m.node.Post.Self().NodeID)
		}
	}
	var err error
	_, members[0].Token, err = members[0].node.Identity.CreateKey(t.Context(), operator(members[0]), "upload service", []mandate.Scope{mandate.ScopeDetect}, "uploads")
	must(t, "making a key", err)
	for _, m := range members {
		must(t, "closing a node", m.node.Close())
	}
	return members
}

// live starts the member's process and kills it within a time after its first word.
func (m *member) live(t *testing.T, life time.Duration) {
	text, err := json.Marshal(m.errand)
	if err != nil {
		t.Error(err)
		return
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), citizenEnvironment+"="+string(text))
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var complaint safely
	command.Stderr = &complaint
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Errorf("starting %s: %v", m.name, err)
		return
	}
	kill := time.AfterFunc(2*time.Minute, func() { _ = command.Process.Kill() })
	defer kill.Stop()
	heard := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if !heard {
			heard = true
			kill.Reset(life/4 + rand.N(life))
		}
		if words := strings.Fields(lines.Text()); len(words) > 1 {
			m.said[words[0]] = append(m.said[words[0]], words[1])
		}
	}
	_ = command.Wait()
	if command.ProcessState.Exited() {
		t.Errorf("%s ended by itself in its life %d: %s\n%s", m.name, m.Round, command.ProcessState, complaint.String())
	}
}

// healUnion opens all nodes again and lets time pass until nothing is on its way.
func healUnion(t *testing.T, members []*member) {
	t.Helper()
	past := time.Duration(0)
	now := func() time.Time { return time.Now().Add(past) }
	decoder, err := media.Start(t.Context(), media.Options{Children: 1})
	must(t, "starting a decoder", err)
	t.Cleanup(func() { _ = decoder.Close() })
	for _, m := range members {
		m.node, err = node.Open(t.Context(), m.Config, node.Options{Decoder: decoder, Now: now})
		must(t, "opening "+m.name+" after the last kill", err)
		listener, err := net.Listen("tcp", m.Config.Listen)
		must(t, "listening", err)
		server := &http.Server{Handler: m.node.Handler()}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() {
			_ = server.Close()
			if err := m.node.Close(); err != nil {
				t.Errorf("closing %s: %v", m.name, err)
			}
		})
	}
	begun := time.Now()
	for step := 0; ; step++ {
		open := int64(0)
		for _, m := range members {
			must(t, "working off the jobs", m.node.Drain(t.Context()))
		}
		for _, m := range members {
			must(t, "counting what waits", m.node.Store.Read(t.Context(), func(tx *store.Tx) error {
				waiting, err := tx.CountEnvelopesWaiting()
				if err != nil {
					return err
				}
				gaps, err := tx.CountGaps()
				open += waiting + gaps
				return err
			}))
		}
		if open == 0 {
			t.Logf("all is quiet %s after the last kill, by the nodes' clocks %s", time.Since(begun).Round(time.Millisecond), past)
			return
		}
		if step == 100 {
			t.Fatalf("after %s by the nodes' clocks %d envelopes or gaps are open", past, open)
		}
		past += 10 * time.Second
	}
}

// countUnion holds the rows of all nodes against each other and against what
// people were told.
func countUnion(t *testing.T, members []*member) {
	t.Helper()
	ctx := t.Context()
	byID := map[string]*member{}
	for _, m := range members {
		byID[m.node.Post.Self().NodeID] = m
	}
	messages := map[string]int{}
	for _, m := range members {
		var sent []store.EnvelopeOut
		must(t, "reading what was sent", m.node.Store.Read(ctx, func(tx *store.Tx) error {
			for to := range byID {
				rows, err := tx.EnvelopesInRange(to, 1, 1<<53, 1_000_000)
				if err != nil {
					return err
				}
				for i, row := range rows {
					if row.Sequence != int64(i)+1 {
						t.Errorf("%s counts %d for its envelope %d to %s", m.name, row.Sequence, i+1, byID[to].name)
					}
				}
				sent = append(sent, rows...)
			}
			dead, err := tx.DeadJobs(10)
			if len(dead) > 0 {
				t.Errorf("%s has %d dead jobs, the first: %+v", m.name, len(dead), dead[0])
			}
			return err
		}))
		for _, e := range sent {
			messages[e.Kind]++
			takenOnce(t, m, byID[e.Recipient], e)
		}
		must(t, "sequencing", m.node.Ledger.Sequence(ctx))
		log, err := ledger.Verify(ctx, m.node.Store, m.node.Ledger.Trust())
		if err != nil {
			t.Errorf("the log of %s: %v", m.name, err)
		}
		t.Logf("log of %s: %d records, %d checkpoints, verified", m.name, log.Records, log.Checkpoints)
	}
	t.Logf("envelopes, each taken in once: %v", messages)
	reportsOfUnion(t, members)
}

// takenOnce holds one envelope against what its recipient has of it.
func takenOnce(t *testing.T, from, to *member, e store.EnvelopeOut) {
	t.Helper()
	receipt, err := peer.OpenReceipt(e.Receipt, to.node.Post.Self(), from.node.Post.Self().NodeID, e.ID, e.Digest)
	if err != nil || e.State != store.EnvelopeAnswered || receipt.Status != peer.Received {
		t.Errorf("the %s %s of %s to %s is %s, its receipt %+v %v", e.Kind, e.ID, from.name, to.name, e.State, receipt, err)
	}
	must(t, "reading what was received", to.node.Store.Read(t.Context(), func(tx *store.Tx) error {
		row, found, err := tx.EnvelopeIn(from.node.Post.Self().NodeID, e.ID)
		if err != nil {
			return err
		}
		if !found || row.Digest != e.Digest || row.Receipt != e.Receipt {
			t.Errorf("%s has of the %s %s: %v %+v", to.name, e.Kind, e.ID, found, row)
		}
		rows, err := tx.LogEventsOf("envelope/"+e.ID, 10_000)
		taken := 0
		for _, row := range rows {
			event, err := ledger.ParseEvent(row.Record)
			if err != nil {
				return err
			}
			if event.Outcome == "done" && event.Detail["repeated"] == nil {
				taken++
			}
		}
		if taken != 1 {
			t.Errorf("the log of %s says %d times that the %s %s was taken in", to.name, taken, e.Kind, e.ID)
		}
		return err
	}))
}

// reportsOfUnion: each report that was delivered is at the Centre once, each open
// one has somebody responsible with a clock, and what people were told stands.
func reportsOfUnion(t *testing.T, members []*member) {
	t.Helper()
	ctx := t.Context()
	provider, centre := members[0], members[1]
	person := func(m *member, role mandate.Role) mandate.Actor {
		return mandate.Actor{Kind: mandate.Person, ID: "person/count", Roles: []mandate.Role{role}, Organisation: m.Config.Organisation.Kind}
	}
	arrived, states := map[string]int{}, map[string]int{}
	var matters []store.MatterRow
	must(t, "reading the Centre's rows", centre.node.Store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.ReceivedReports("received", 1_000_000)
		for _, row := range rows {
			arrived[row.Reference]++
			m, err := tx.Matter(row.ID)
			if err != nil {
				return err
			}
			matters = append(matters, m)
		}
		return err
	}))
	sent := 0
	must(t, "reading the provider's rows", provider.node.Store.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.Reports(time.Time{}, 1_000_000)
		known := map[string]string{}
		for _, row := range rows {
			known[row.ID] = row.State
			if arrived[row.ID] > 0 {
				sent++
			}
		}
		for _, id := range provider.said["report"] {
			if arrived[id] != 1 || known[id] == string(report.Draft) {
				t.Errorf("%s was acknowledged; it is %q and at the Centre %d times", id, known[id], arrived[id])
			}
		}
		return err
	}))
	if sent != len(arrived) || len(matters) != len(arrived) {
		t.Errorf("the Centre has %d reports and %d matters, %d of which the provider knows", len(arrived), len(matters), sent)
	}
	covered := map[string]string{}
	standings := map[string]int{}
	for _, m := range members[2:] {
		all, err := m.node.Routing.Referrals(ctx, person(m, mandate.Investigator))
		must(t, "reading referrals", err)
		seen := map[string]referral.Standing{}
		for _, r := range all {
			if _, twice := seen[r.Row.Matter]; twice {
				t.Errorf("%s has %s twice", m.name, r.Row.Matter)
			}
			seen[r.Row.Matter] = r.Value.Standing
			standings[string(r.Value.Standing)]++
			if until, responsible := r.Value.Responsible(); responsible && !until.IsZero() {
				covered[r.Row.Matter] = m.name
			}
			if slices.Contains(m.said["finish"], r.Row.ID) && r.Value.Standing != referral.StandingFinished {
				t.Errorf("at %s the end of %s was acknowledged; it is %s", m.name, r.Row.ID, r.Value.Standing)
			}
		}
	}
	for _, row := range matters {
		states[row.State]++
		m, err := centre.node.Routing.Matter(ctx, person(centre, mandate.Analyst), row.ID)
		must(t, "reading a matter", err)
		until, responsible := m.Value.Responsible()
		if m.Value.State.Open() && (!responsible || until.IsZero()) && covered[row.ID] == "" {
			t.Errorf("nobody is responsible for %s: %+v", row.ID, m.Value)
		}
	}
	t.Logf("%d reports delivered, each once, %d acknowledged; matters %v; referrals %v", sent, len(provider.said["report"]), states, standings)
	if sent == 0 || len(standings) == 0 {
		t.Error("hardly anything was done, so this shows little")
	}
}
