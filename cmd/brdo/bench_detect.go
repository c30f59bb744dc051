package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/store"
)

type benchDetectCommand struct {
	Folder string        `arg:"" optional:"" help:"A folder of JPEG files to be asked about; generated ones otherwise." type:"existingdir"`
	N      int           `help:"How many entries the lists hold." default:"1000000"`
	AtOnce int           `help:"How many requests are under way at once." default:"4"`
	For    time.Duration `help:"How long each of the two parts takes." default:"20s"`
}

func (benchDetectCommand) Help() string {
	return `Opens a provider's node in a temporary folder, fills its index, serves on loopback and asks POST /v1/detect, one file a request: digests, decoding in the
enclosed child, both forms of PDQ in eight orientations, the policy, and a durable line in the log are in each answer. Then it asks again while lists change. It prints one
line of JSON. Who asks runs on the same processors.`
}

// detectLine is the output; docs/cli.md explains its names.
type detectLine struct {
	N      int `json:"n"`
	Files  int `json:"files"`
	AtOnce int `json:"at_once"`
	asked
	Changing asked `json:"while_changing"`
	// Changes is how often a list took in a file meanwhile, of changedEntries entries.
	Changes  int     `json:"changes"`
	P99Ratio float64 `json:"p99_ratio"`
}

// asked is what a number of requests took.
type asked struct {
	Requests          int     `json:"requests"`
	RequestsPerSecond float64 `json:"requests_per_s"`
	P50               float64 `json:"p50_ms"`
	P99               float64 `json:"p99_ms"`
	// Processor is the time of all processors that a request took: of the node, of its children, and of
	// who asks. 0 where it is not measured.
	Processor float64 `json:"processor_ms"`
}

const changedEntries = 200

func (c benchDetectCommand) Run(ctx context.Context, w world) error {
	line, err := c.measure(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(w.out).Encode(line)
}

func (c benchDetectCommand) measure(ctx context.Context) (detectLine, error) {
	line := detectLine{N: c.N, AtOnce: c.AtOnce}
	if c.N < 1 || c.AtOnce < 1 || c.For <= 0 {
		return line, problem.InvalidField("n", "it is not positive", "leave it out")
	}
	files, err := c.files()
	if err != nil {
		return line, err
	}
	line.Files = len(files)
	folder, err := os.MkdirTemp("", "brdo-bench-")
	if err != nil {
		return line, fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(folder)
	n, key, err := unlimited(ctx, folder)
	if err != nil {
		return line, err
	}
	defer n.Close()
	list, err := c.fill(ctx, n)
	if err != nil {
		return line, err
	}
	listener, err := net.Listen("tcp", n.Config.Listen)
	if err != nil {
		return line, fmt.Errorf("listening: %w", err)
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- n.Run(serving, listener) }()
	defer func() { stop(); <-served }()

	customer := &customer{address: n.Config.Origin + "/v1/detect", key: key, files: files, atOnce: c.AtOnce}
	if _, err = customer.ask(ctx, c.For/10); err != nil { // warm
		return line, err
	}
	if line.asked, err = customer.ask(ctx, c.For); err != nil {
		return line, err
	}
	changing, end := context.WithCancel(ctx)
	changed := make(chan error, 1)
	go func() { changed <- change(changing, n, list, &line.Changes) }()
	line.Changing, err = customer.ask(ctx, c.For)
	end()
	if failed := <-changed; err == nil {
		err = failed
	}
	if err != nil {
		return line, err
	}
	line.P99Ratio = line.Changing.P99 / line.P99
	return line, nil
}

// files are those of the folder, or generated ones.
func (c benchDetectCommand) files() (files [][]byte, err error) {
	if c.Folder != "" {
		files, _, err = jpegs(c.Folder)
		return files, err
	}
	img := benchPicture(640, 480)
	for i := range 64 {
		for k := range img.Y {
			img.Y[k] = uint8(int(img.Y[k]) + (k%640)/(16+i))
		}
		var file bytes.Buffer
		if err := jpeg.Encode(&file, img, &jpeg.Options{Quality: 80}); err != nil {
			return nil, fmt.Errorf("making a picture: %w", err)
		}
		files = append(files, file.Bytes())
	}
	return files, nil
}

// unlimited opens the provider of the demonstration alone, and lets its key ask as
// much as it can.
func unlimited(ctx context.Context, folder string) (n *node.Node, key string, err error) {
	world, err := node.OpenWorld(ctx, folder, 0, logger(io.Discard, "error"))
	if err != nil {
		return nil, "", err
	}
	config, key := world.Provider.Config, world.Key
	if err := world.Close(); err != nil {
		return nil, "", err
	}
	config.Detection.Sources = slices.Clone(config.Detection.Sources)
	config.Detection.Sources[0].Limit = node.Limit{PerSecond: 1e6, Burst: 1e6}
	n, err = node.Open(ctx, config, node.Options{Demo: true, Log: logger(io.Discard, "error")})
	return n, key, err
}

// fill makes a list, takes in the first entries as a person does, and holds the others
// in the index alone: writing their rows measures something else.
func (c benchDetectCommand) fill(ctx context.Context, n *node.Node) (list string, err error) {
	l, err := n.Lists.Create(ctx, benchManager, lists.NewList{Name: "bench", Source: "made by bench", Verification: "double", LegalBasis: n.Config.Detection.Sources[0].LegalBasis, Radius: -1})
	if err != nil {
		return "", err
	}
	random := rand.NewChaCha8([32]byte{9})
	if err := takeIn(ctx, n, l.ID, random, 1); err != nil {
		return "", err
	}
	version := int64(0)
	for _, held := range n.Index.Lists() {
		if held.ID == l.ID {
			version = held.Version
		}
	}
	return l.ID, fillIndex(n.Index, l.ID, version, random, c.N-1)
}

// fillIndex adds entries to a list that an index holds.
func fillIndex(index *match.Index, list string, version int64, random *rand.ChaCha8, entries int) error {
	for left := entries; left > 0; left -= 10_000 {
		put := make([]match.Entry, min(left, 10_000))
		for i := range put {
			digests := make([]byte, 16+20+32+32)
			_, _ = random.Read(digests) // it never fails
			put[i] = match.Entry{
				ID: store.NewID("entry"), Category: "training", Verification: "double",
				MD5: digests[:16], SHA1: digests[16:36], SHA256: digests[36:68], PDQ: digests[68:],
			}
		}
		if err := index.Apply(match.Delta{List: list, From: version, To: version, Put: put}); err != nil {
			return err
		}
	}
	return nil
}

var benchManager = mandate.Actor{Kind: mandate.Person, ID: "person/bench", Roles: []mandate.Role{mandate.ListManager}, Organisation: mandate.Provider}

// takeIn lets a list manager take a file of new entries into a list.
func takeIn(ctx context.Context, n *node.Node, list string, random *rand.ChaCha8, entries int) error {
	var text bytes.Buffer
	text.WriteString("md5,sha1,sha256,pdq,category\n")
	digests := make([]byte, 16+20+32+32)
	for range entries {
		_, _ = random.Read(digests) // it never fails
		fmt.Fprintf(&text, "%x,%x,%x,%x,training\n", digests[:16], digests[16:36], digests[36:68], digests[68:])
	}
	_, err := n.Lists.Import(ctx, benchManager, list, lists.Import{FileName: "list.csv", Content: &text, Reason: "made by bench"})
	return err
}

// change lets a list grow each second.
func change(ctx context.Context, n *node.Node, list string, changes *int) error {
	random := rand.NewChaCha8([32]byte{10})
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
		if err := takeIn(context.WithoutCancel(ctx), n, list, random, changedEntries); err != nil {
			return err
		}
		*changes++
	}
}

// customer asks a node about files.
type customer struct {
	address, key string
	files        [][]byte
	atOnce       int
}

func (c *customer) ask(ctx context.Context, took time.Duration) (asked, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: c.atOnce}}
	defer client.CloseIdleConnections()
	var (
		group  sync.WaitGroup
		mu     sync.Mutex
		all    []time.Duration
		failed error
		next   int
	)
	begun, spent := time.Now(), processorTime()
	for range c.atOnce {
		group.Go(func() {
			for time.Since(begun) < took && ctx.Err() == nil {
				mu.Lock()
				file := c.files[next%len(c.files)]
				next++
				stopped := failed != nil
				mu.Unlock()
				if stopped {
					return
				}
				from := time.Now()
				err := c.once(ctx, client, file)
				mu.Lock()
				if all = append(all, time.Since(from)); err != nil && failed == nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if failed != nil || len(all) == 0 {
		return asked{}, failed
	}
	elapsed := time.Since(begun)
	spent = processorTime() - spent
	slices.Sort(all)
	milliseconds := func(share int) float64 { return float64(all[len(all)*share/100].Microseconds()) / 1000 }
	return asked{Requests: len(all), RequestsPerSecond: float64(len(all)) / elapsed.Seconds(), P50: milliseconds(50), P99: milliseconds(99), Processor: 1000 * spent.Seconds() / float64(len(all))}, ctx.Err()
}

func (c *customer) once(ctx context.Context, client *http.Client, file []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address, bytes.NewReader(file))
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	request.Header.Set("Content-Type", "application/octet-stream")
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the node answered %s: %s", response.Status, text)
	}
	return err
}
