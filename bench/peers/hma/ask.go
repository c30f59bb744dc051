//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// asked is what a number of requests took.
type asked struct {
	Requests          int     `json:"requests"`
	RequestsPerSecond float64 `json:"requests_per_s"`
	P50               float64 `json:"p50_ms"`
	P99               float64 `json:"p99_ms"`
	// Processor is the time that processors spent for a request, Database the part of it
	// in PostgreSQL.
	Processor float64 `json:"processor_ms"`
	Database  float64 `json:"database_ms"`

	// named is how many answers named entries, unhashable how many had no hash to look up.
	named, unhashable int
}

// question is a request: POST where it has a body, GET otherwise.
type question struct {
	address, kind string
	body          []byte
}

// uploads asks about files, in the form that Hasher-Matcher-Actioner takes them.
func uploads(address string, files [][]byte) (all []question) {
	for _, file := range files {
		var body bytes.Buffer
		form := multipart.NewWriter(&body)
		part, _ := form.CreateFormFile("photo", "photo.jpg") // a buffer takes all that is written
		_, _ = part.Write(file)
		_ = form.Close()
		all = append(all, question{address, form.FormDataContentType(), body.Bytes()})
	}
	return all
}

// signals asks about hashes.
func signals(address string, hashes []string) (all []question) {
	for _, hash := range hashes {
		all = append(all, question{address: address + "?" + url.Values{"signal_type": {"pdq"}, "signal": {hash}}.Encode()})
	}
	return all
}

// noHash is in the answer about a picture of low quality: its hash is empty, which a lookup
// refuses, with status 400.
var noHash = []byte("invalid PDQ hash")

func (q question) ask(ctx context.Context, client *http.Client) ([]byte, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if q.body != nil {
		method, body = http.MethodPost, bytes.NewReader(q.body)
	}
	request, err := http.NewRequestWithContext(ctx, method, q.address, body)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	if q.body != nil {
		request.Header.Set("Content-Type", q.kind)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("asking: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK && !bytes.Contains(text, noHash) {
		err = fmt.Errorf("it answered %s: %s", response.Status, text)
	}
	return text, err
}

// ask is how `brdo bench detect` asks.
func (at *installation) ask(ctx context.Context, questions []question, atOnce int, took time.Duration) (out asked, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}}
	defer client.CloseIdleConnections()
	var (
		group  sync.WaitGroup
		mu     sync.Mutex
		all    []time.Duration
		failed error
		next   int
	)
	before, err := at.spent()
	if err != nil {
		return asked{}, err
	}
	begun := time.Now()
	for range atOnce {
		group.Go(func() {
			for time.Since(begun) < took && ctx.Err() == nil {
				mu.Lock()
				q, stopped := questions[next%len(questions)], failed != nil
				next++
				mu.Unlock()
				if stopped {
					return
				}
				from := time.Now()
				text, err := q.ask(ctx, client)
				mu.Lock()
				if all = append(all, time.Since(from)); err != nil && failed == nil {
					failed = err
				}
				switch {
				case bytes.Contains(text, []byte("bank_content_id")):
					out.named++
				case bytes.Contains(text, noHash):
					out.unhashable++
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	elapsed := time.Since(begun)
	after, err := at.spent()
	if failed != nil || len(all) == 0 {
		return asked{}, failed
	}
	slices.Sort(all)
	milliseconds := func(share int) float64 { return float64(all[len(all)*share/100].Microseconds()) / 1000 }
	out.Requests, out.RequestsPerSecond = len(all), float64(len(all))/elapsed.Seconds()
	out.P50, out.P99 = milliseconds(50), milliseconds(99)
	out.Processor = float64((after.all - before.all).Milliseconds()) / float64(len(all))
	out.Database = float64((after.database - before.database).Milliseconds()) / float64(len(all))
	if err == nil {
		err = ctx.Err()
	}
	return out, err
}

// ready waits until each worker answers: one without its index refuses.
func ready(ctx context.Context, workers *service, questions []question) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return workers.until(ctx, func() error {
		failures := make(chan error, 64)
		for range cap(failures) {
			go func() { _, err := questions[0].ask(ctx, client); failures <- err }()
		}
		var failed error
		for range cap(failures) {
			if err := <-failures; err != nil {
				failed = err
			}
		}
		return failed
	})
}

// found checks that the answer about a file names the last entry of the bank alone.
func found(ctx context.Context, address string, file []byte) error {
	text, err := uploads(address, [][]byte{file})[0].ask(ctx, http.DefaultClient)
	if err != nil {
		return err
	}
	var answer struct {
		PDQ map[string][]struct {
			Distance string `json:"distance"`
		} `json:"pdq"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("reading its answer: %w", err)
	}
	if len(answer.PDQ) != 1 || len(answer.PDQ["BENCH"]) != 1 {
		return fmt.Errorf("it did not find the one picture that its bank holds: %s", text)
	}
	if distance, err := strconv.Atoi(answer.PDQ["BENCH"][0].Distance); err != nil || distance < 0 || distance > 31 {
		return fmt.Errorf("it found the picture at an odd distance: %s", text)
	}
	return nil
}

// hashesOf is what POST /h/hash answers; those of pictures of low quality are left out.
func hashesOf(ctx context.Context, address string, files [][]byte) (all []string, err error) {
	for _, q := range uploads(address+"/h/hash", files) {
		text, err := q.ask(ctx, http.DefaultClient)
		if err != nil {
			return nil, err
		}
		var answer struct {
			PDQ string `json:"pdq"`
		}
		if err := json.Unmarshal(text, &answer); err != nil {
			return nil, fmt.Errorf("it did not hash a file: %s", text)
		}
		if answer.PDQ != "" {
			all = append(all, answer.PDQ)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("it finds no file good enough for a hash")
	}
	return all, nil
}

// spending is processor time of all processes inside the root, those included that ended.
type spending struct{ all, database time.Duration }

// processes calls with the folder in /proc of each process inside the root.
func (at *installation) processes(visit func(folder string) error) error {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return fmt.Errorf("finding processes: %w", err)
	}
	for _, folder := range folders {
		// A process that ended meanwhile is left out.
		if root, err := os.Readlink(filepath.Join(folder, "root")); err == nil && root == at.root {
			if err := visit(folder); err != nil {
				return err
			}
		}
	}
	return nil
}

func (at *installation) spent() (total spending, err error) {
	err = at.processes(func(folder string) error {
		text, err := os.ReadFile(filepath.Join(folder, "stat"))
		if err != nil {
			return nil //nolint:nilerr // it ended meanwhile, and its time is its parent's
		}
		name, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		if len(fields) < 15 {
			return fmt.Errorf("%s/stat is odd", folder)
		}
		for _, field := range fields[11:15] { // user and system, of itself and of children that ended
			ticks, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return fmt.Errorf("%s/stat is odd: %w", folder, err)
			}
			spent := time.Duration(ticks) * time.Second / 100 // the unit of /proc, whatever the kernel's
			total.all += spent
			if strings.HasSuffix(name, "(postgres") {
				total.database += spent
			}
		}
		return nil
	})
	return total, err
}

// memory is proportional set sizes added up, in megabytes.
func (at *installation) memory() (total float64, err error) {
	err = at.processes(func(folder string) error {
		text, err := os.ReadFile(filepath.Join(folder, "smaps_rollup"))
		if err != nil {
			return nil //nolint:nilerr // it ended meanwhile
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "Pss:" {
				kilobytes, err := strconv.ParseFloat(fields[1], 64)
				if err != nil {
					return fmt.Errorf("%s/smaps_rollup is odd: %w", folder, err)
				}
				total += kilobytes * 1024 / 1e6
			}
		}
		return nil
	})
	return total, err
}
