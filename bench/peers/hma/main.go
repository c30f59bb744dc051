//go:build linux

// Command hma measures Hasher-Matcher-Actioner over HTTP as `brdo bench detect` measures a
// node, for `brdo bench figures`:
//
//	hma N SECONDS AT_ONCE FILE...
//
// The folder of the program holds hma-root, which bench/peers/hma/build makes. With its own
// PostgreSQL, migrations, index and configuration (of a matcher that hashes too), gunicorn
// serves with one worker for each core, or as many as its WEB_CONCURRENCY says, and POST
// /m/lookup is asked, a file a request. A bank has N hashes: random ones, and that of a picture
// which must be found, and found as a poorer copy, before anything is measured. The first run
// for an N takes minutes more. One line of JSON; processor time is that of all its processes,
// PostgreSQL's included.
//
// faiss' IndexBinaryIDMap2 ends each search with a parallel loop, in which threads wait for each
// other by spinning: where processors are busy that takes longer than the search. Nothing of
// Hasher-Matcher-Actioner prevents it; OMP_NUM_THREADS=1 does, and is passed on.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/brdoproject/brdo/engine/pdq"
)

func main() {
	runtime.LockOSThread() // what is started is to end with this thread
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hma:", err)
		os.Exit(1)
	}
}

// line is the output.
type line struct {
	Kind string `json:"kind"`
	N    int    `json:"n"`
	// Files is how many files are asked about by turns.
	Files   int `json:"files"`
	AtOnce  int `json:"at_once"`
	Workers int `json:"workers"`
	asked
	// Matched is how many answers named entries of the bank, Unhashable how many said that
	// the picture's quality is too low for a hash: those were not looked up.
	Matched    int `json:"matched"`
	Unhashable int `json:"unhashable"`
	// MegabytesOfMemory is what the workers and the database have for themselves, and
	// their shares of what they have in common.
	MegabytesOfMemory float64 `json:"memory_mb"`
	// Alone is asked one at a time: the whole; POST /h/hash; GET /m/lookup with the hash;
	// and GET /status/live, which does nothing.
	Alone struct {
		Lookup asked `json:"lookup"`
		Hash   asked `json:"hash"`
		Match  asked `json:"match"`
		Live   asked `json:"live"`
	} `json:"alone"`
}

func run(ctx context.Context, arguments []string) error {
	if len(arguments) < 4 {
		return errors.New("it is called with N, SECONDS, AT_ONCE and files")
	}
	var numbers [3]int
	for i := range numbers {
		var err error
		if numbers[i], err = strconv.Atoi(arguments[i]); err != nil || numbers[i] < 1 {
			return fmt.Errorf("%q is no positive number", arguments[i])
		}
	}
	out := line{N: numbers[0], AtOnce: numbers[2], Workers: runtime.NumCPU()}
	if wanted := os.Getenv("WEB_CONCURRENCY"); wanted != "" {
		var err error
		if out.Workers, err = strconv.Atoi(wanted); err != nil || out.Workers < 1 {
			return fmt.Errorf("WEB_CONCURRENCY is %q, which is no positive number", wanted)
		}
	}
	took := time.Duration(numbers[1]) * time.Second
	var files [][]byte
	for _, path := range arguments[3:] {
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading a file: %w", err)
		}
		files = append(files, data)
	}
	out.Files = len(files)
	known, copied, hash, err := picture()
	if err != nil {
		return err
	}
	at, err := installed()
	if err != nil {
		return err
	}
	out.Kind = "Hasher-Matcher-Actioner " + at.version
	if threads := os.Getenv("OMP_NUM_THREADS"); threads != "" {
		out.Kind += ", OMP_NUM_THREADS=" + threads
	}

	database, err := at.database(ctx, out.N, hash)
	if err != nil {
		return err
	}
	defer database.end(syscall.SIGINT)
	address, workers, err := at.serve(ctx, out.Workers)
	if err != nil {
		return err
	}
	defer workers.end(syscall.SIGTERM)

	lookup := uploads(address+"/m/lookup", files)
	if err := ready(ctx, workers, uploads(address+"/m/lookup", [][]byte{known})); err != nil {
		return err
	}
	for _, file := range [][]byte{known, copied} {
		if err := found(ctx, address+"/m/lookup", file); err != nil {
			return err
		}
	}
	hashes, err := hashesOf(ctx, address, files)
	if err != nil {
		return err
	}

	if _, err = at.ask(ctx, lookup, out.AtOnce, took/10); err != nil { // warm
		return err
	}
	if out.asked, err = at.ask(ctx, lookup, out.AtOnce, took); err != nil {
		return err
	}
	out.Matched, out.Unhashable = out.named, out.unhashable
	if out.MegabytesOfMemory, err = at.memory(); err != nil {
		return err
	}
	for _, part := range []struct {
		into     *asked
		requests []question
	}{
		{&out.Alone.Lookup, lookup},
		{&out.Alone.Hash, uploads(address+"/h/hash", files)},
		{&out.Alone.Match, signals(address+"/m/lookup", hashes)},
		{&out.Alone.Live, []question{{address: address + "/status/live"}}},
	} {
		if *part.into, err = at.ask(ctx, part.requests, 1, took/5); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// picture makes a picture that the bank holds, a poorer copy of it, and its hash by our own
// code.
func picture() (known, copied []byte, hash pdq.Hash, err error) {
	random := rand.New(rand.NewPCG(1, 2))
	img := image.NewGray(image.Rect(0, 0, 640, 480))
	for top := 0; top < 480; top += 48 {
		for left := 0; left < 640; left += 64 {
			shade := color.Gray{Y: uint8(random.IntN(256))}
			for y := top; y < top+48; y++ {
				for x := left; x < left+64; x++ {
					img.SetGray(x, y, shade)
				}
			}
		}
	}
	var files [2]bytes.Buffer
	for i, quality := range []int{90, 30} {
		if err := jpeg.Encode(&files[i], img, &jpeg.Options{Quality: quality}); err != nil {
			return nil, nil, hash, fmt.Errorf("making a picture: %w", err)
		}
	}
	return files[0].Bytes(), files[1].Bytes(), pdq.FromImage(img).Hash, nil
}

// installation is what bench/peers/hma/build made.
type installation struct {
	root, version string
	user          syscall.Credential
	// port is where PostgreSQL listens.
	port int
}

func installed() (*installation, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	at := &installation{root: filepath.Join(filepath.Dir(program), "hma-root")}
	version, err := os.ReadFile(filepath.Join(at.root, "srv/hma/version.txt"))
	if err != nil {
		return nil, fmt.Errorf("finding what bench/peers/hma/build installs: %w", err)
	}
	at.version = strings.TrimSpace(string(version))
	if os.Geteuid() != 0 {
		return nil, errors.New("only root may enter the root that bench/peers/hma/build makes")
	}
	people, err := os.ReadFile(filepath.Join(at.root, "etc/passwd"))
	if err != nil {
		return nil, fmt.Errorf("finding its user: %w", err)
	}
	for person := range strings.Lines(string(people)) {
		if fields := strings.Split(person, ":"); fields[0] == "postgres" {
			uid, err := strconv.ParseUint(fields[2], 10, 32)
			gid, wrong := strconv.ParseUint(fields[3], 10, 32)
			if err = errors.Join(err, wrong); err != nil {
				return nil, fmt.Errorf("finding its user: %w", err)
			}
			at.user = syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
			return at, nil
		}
	}
	return nil, errors.New("the root has no user postgres")
}
