package node_test

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/racetest"
)

// TestKilledDuringTheFirstStart ends nodes while they make their database, keys
// and folders for the first time. The next start must need nobody's help.
func TestKilledDuringTheFirstStart(t *testing.T) {
	kills := 6
	if racetest.Enabled || testing.Short() {
		kills = 3
	}
	decoder := nodetest.Open(t, nodetest.Options{Kind: mandate.Centre}).Decoder
	whole, config := begin(t, 0)
	must(t, "starting again after a kill", again(t, config, decoder))
	for kill := 1; kill < kills; kill++ {
		_, config := begin(t, whole*time.Duration(kill)/time.Duration(kills))
		if err := again(t, config, decoder); err != nil {
			entries, _ := os.ReadDir(config.Data)
			t.Errorf("killed at part %d of %d of the first start, a node does not start any more: %v; there are %v", kill, kills, err, entries)
		}
	}
}

// begin starts a node for the first time in a process of its own and kills it
// after a time, or as soon as it serves. It returns how long the node had.
func begin(t *testing.T, after time.Duration) (time.Duration, node.Config) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, "choosing a port", err)
	must(t, "choosing a port", listener.Close())
	config := node.Defaults()
	config.Organisation = node.Organisation{ID: "centre.example", Name: "Example centre", Kind: mandate.Centre}
	config.Data, config.Listen, config.Origin = t.TempDir(), listener.Addr().String(), "http://"+strings.Replace(listener.Addr().String(), "127.0.0.1", "localhost", 1)
	text, err := json.Marshal(config)
	must(t, "writing a configuration", err)
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), servantEnvironment+"="+string(text))
	command.Stderr = t.Output()
	out, err := command.StdoutPipe()
	must(t, "starting a node", err)
	from := time.Now()
	must(t, "starting a node", command.Start())
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = command.Process.Kill() })
		defer timer.Stop()
	}
	served := bufio.NewScanner(out).Scan()
	had := time.Since(from)
	_ = command.Process.Kill()
	_ = command.Wait()
	if after == 0 && !served {
		t.Fatal("the node did not start")
	}
	return had, config
}

// again opens the node whose first start was cut short, in this process.
func again(t *testing.T, config node.Config, decoder *media.Service) error {
	t.Helper()
	n, err := node.Open(t.Context(), config, node.Options{Decoder: decoder})
	if err != nil {
		return err
	}
	return n.Close()
}
