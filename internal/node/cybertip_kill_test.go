package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/exchange/exchangetest"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// courierEnvironment holds the order of a process that sends reports until it is killed.
const courierEnvironment = "BRDO_TEST_COURIER"

// courier is what such a process is told: which node it is, and how far its clock is ahead.
type courier struct {
	Config node.Config
	Past   time.Duration
}

func init() {
	if text := os.Getenv(courierEnvironment); text != "" && !media.IsChild(os.Args) {
		if err := carry(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
}

// carry runs a node, which works off what it has to send. It ends only with an error.
func carry(text string) error {
	var c courier
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	ctx := context.Background()
	decoder, err := media.Start(ctx, media.Options{Children: 1})
	if err != nil {
		return err
	}
	n, err := node.Open(ctx, c.Config, node.Options{Decoder: decoder, Now: func() time.Time { return time.Now().Add(c.Past) }})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return n.Run(ctx, listener)
}

// TestKilledOnTheWayToTheCyberTipline ends the process that sends a report with kill -9, again
// and again: at each call, before and after the service has worked it off, with the same
// report. At the end it is there finished, once. Of what the killed ones opened nothing stays
// open but what was opened by a call whose answer nobody heard.
func TestKilledOnTheWayToTheCyberTipline(t *testing.T) {
	undetected(t)
	nodetest.EachDatabase(t, func(t *testing.T, database func() string) {
		ctx := t.Context()
		service, internet := exchangetest.NewCyberTipline("brdo", "word"), nodetest.OpenInternet(t)
		internet.Host(exchangetest.CyberTiplineHost, service)
		certificate := filepath.Join(t.TempDir(), "authority.pem")
		must(t, "writing a certificate", os.WriteFile(certificate, internet.Certificate(), 0o600))
		t.Setenv(exchange.CyberTiplineVariable, "brdo:word")
		p := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Database: database(), Internet: internet, Configure: func(c *node.Config) {
			c.CyberTipline = node.CyberTipline{URL: exchangetest.CyberTiplineBase, LegalBasis: nodetest.Basis, Reporter: node.Correspondent{LastName: "Example", Email: "reports@provider.example"}}
		}})
		p.Clock.Set(time.Now())
		item := p.Flag(t, 1, "user1")
		for _, person := range []mandate.Actor{p.Analyst(), p.Second()} {
			p.Judge(t, person, item, nodetest.Yes)
			p.Settle(t)
		}
		id, err := p.Reports.Compose(ctx, p.Analyst(), item, "")
		must(t, "composing", err)
		must(t, "choosing the CyberTipline", p.Reports.Choose(ctx, p.Analyst(), id, &report.CyberTip{Incident: "misleading-domain-name"}, ""))
		must(t, "submitting", p.Reports.Submit(ctx, p.Analyst(), id))
		must(t, "approving", p.Reports.Approve(ctx, p.Second(), id))

		past, lost := 20*time.Minute, 0
		for _, at := range []struct {
			path   string
			worked bool
		}{
			{"/submit", false}, {"/submit", true}, {"/upload", false}, {"/retract", false}, {"/upload", true}, {"/retract", true}, {"/fileinfo", false}, {"/fileinfo", true}, {"/finish", false},
			{"/finish", true}, {"/retract", false}, {"/retract", true},
		} {
			past += 2 * time.Minute // the lease of whoever was killed runs out, and each pause
			killedAt(t, courier{p.Config, past}, service, certificate, at.path, at.worked)
			if at.path == "/submit" && at.worked {
				lost++
			}
			p.Clock.Set(time.Now().Add(past))
		}
		p.Clock.Add(2 * time.Minute)
		p.Work(t)
		v, err := p.Reports.Report(ctx, p.Analyst(), id)
		must(t, "reading the report", err)
		states := map[exchangetest.TipState]int{}
		var finished exchangetest.Tip
		for _, tip := range service.Tips() {
			states[tip.State]++
			if tip.State == exchangetest.TipFinished {
				finished = tip
			}
		}
		if states[exchangetest.TipFinished] != 1 || states[exchangetest.TipOpen] != lost || v.Life.State != report.Delivered || v.Life.Receipt != reports.ReceiptOf(finished.ID) {
			t.Errorf("at the service there are %v; here the report is %s with %s", states, v.Life.State, v.Life.Receipt)
		}
		if len(finished.Files) != 1 || !bytes.Equal(finished.Files[0].Content, nodetest.Picture(1)) || finished.Files[0].Details == "" {
			t.Errorf("its file did not arrive whole: %d files", len(finished.Files))
		}
		must(t, "reading jobs", p.Store.Read(ctx, func(tx *store.Tx) error {
			dead, err := tx.DeadJobs(10)
			if len(dead) > 0 {
				t.Errorf("%+v", dead)
			}
			return err
		}))
		latest, _ := v.CyberTip.Latest()
		if latest.State != cybertip.Finished {
			t.Errorf("%+v", latest.Delivery)
		}
		t.Logf("killed %d times; %d attempts; at the service %v", 12, latest.Attempts, states)
	})
}

// killedAt starts a process and kills it at a call, before the service has worked that off or
// after it, so that the answer is never heard.
func killedAt(t *testing.T, c courier, service *exchangetest.CyberTipline, certificate, path string, worked bool) {
	t.Helper()
	text, err := json.Marshal(c)
	must(t, "writing an order", err)
	command := exec.Command(os.Args[0])
	command.Env = append(slices.Clone(os.Environ()), courierEnvironment+"="+string(text), "SSL_CERT_FILE="+certificate)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var complaint bytes.Buffer
	command.Stderr = &complaint
	reached := make(chan struct{})
	var once sync.Once
	kill := func(now string) {
		if now != path {
			return
		}
		once.Do(func() {
			close(reached)
			_ = command.Process.Kill()
		})
		panic(http.ErrAbortHandler)
	}
	if worked {
		service.After(kill)
	} else {
		service.Before(func(_ http.ResponseWriter, r *http.Request) bool {
			kill(strings.TrimPrefix(r.URL.Path, "/ispws"))
			return false
		})
	}
	must(t, "starting a process", command.Start())
	late := time.AfterFunc(2*time.Minute, func() { _ = command.Process.Kill() })
	defer late.Stop()
	_ = command.Wait()
	service.Before(nil)
	service.After(nil)
	select {
	case <-reached:
	default:
		t.Fatalf("the process never came to %s: %s\n%s", path, command.ProcessState, complaint.Bytes())
	}
	if command.ProcessState.Exited() {
		t.Fatalf("the process ended by itself at %s: %s\n%s", path, command.ProcessState, complaint.Bytes())
	}
}
