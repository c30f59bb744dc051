package node_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// weather is what happens on the way between the nodes.
type weather struct {
	mu sync.Mutex
	// behind are the addresses on which the nodes listen, by their names.
	behind map[string]string
	// cut are the pairs that are parted, and how often each is at the same time; of
	// those in deaf, requests are taken and never answered.
	cut, deaf map[[2]string]int
	calm      bool
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
	case w.cut[pairOf(from, to)] > 0:
		fate = "parted"
		if w.deaf[pairOf(from, to)] > 0 {
			fate = "swallowed"
		}
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

// pairOf names a pair of nodes, in whatever order they are given.
func pairOf(a, b string) [2]string { return [2]string{min(a, b), max(a, b)} }

// host is the name by which the others know a node. It leads nowhere: whoever asks
// for it needs the gate.
func host(name string) string { return name + ".localhost" }

// gate is the HTTP proxy of a node: all that it sends to others goes through the
// weather, and so it is known who sends.
func (w *weather) gate(t testing.TB, from string) string {
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
				for in := bufio.NewReader(connection); w.pass(connection, in, from) == nil; {
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

var errBroken = errors.New("the connection breaks")

// pass takes one request from a connection and does with it what the weather wants.
func (w *weather) pass(connection net.Conn, in *bufio.Reader, from string) error {
	request, err := http.ReadRequest(in)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return err
	}
	to := strings.TrimSuffix(request.Host, host(""))
	send := func() ([]byte, error) {
		again := request.Clone(context.Background())
		again.Body, again.Close = io.NopCloser(bytes.NewReader(body)), true
		there, err := net.DialTimeout("tcp", w.behind[to], 5*time.Second)
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
	case "swallowed":
		for w.parted(from, to) {
			time.Sleep(20 * time.Millisecond)
		}
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

func (w *weather) parted(a, b string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut[pairOf(a, b)] > 0
}

// part cuts a pair of nodes off from each other for a while, or until the end.
// Every other time the connections do not break, but nobody answers on them.
func (w *weather) part(a, b string, while time.Duration, end <-chan struct{}) {
	pair, deaf := pairOf(a, b), rand.N(2)
	change := func(by int) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.cut[pair] += by
		w.deaf[pair] += by * deaf
	}
	w.count("partitions")
	if while > time.Minute {
		w.count("partitions of more than a minute")
	}
	change(1)
	defer change(-1)
	select {
	case <-time.After(while):
	case <-end:
	}
}

// blow parts pairs of nodes until the end: mostly for moments, now and then for as
// long as longest says.
func (w *weather) blow(names []string, longest time.Duration, end <-chan struct{}) {
	var parting sync.WaitGroup
	defer parting.Wait()
	for number := 1; ; number++ {
		select {
		case <-end:
			return
		case <-time.After(time.Second + rand.N(2*time.Second)):
		}
		while := rand.N(min(longest, 3*time.Second))
		if number%12 == 0 {
			while = longest/2 + rand.N(longest/2)
		}
		pair := rand.Perm(len(names))
		parting.Go(func() { w.part(names[pair[0]], names[pair[1]], while, end) })
	}
}

// partAll cuts everybody off from everybody; heal ends that, and all bad weather.
func (w *weather) partAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for a := range w.behind {
		for b := range w.behind {
			w.cut[pairOf(a, b)]++
		}
	}
}

func (w *weather) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calm, w.cut, w.deaf = true, map[[2]string]int{}, map[[2]string]int{}
}

// said is what happened to requests until now.
func (w *weather) said() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.counts)
}
