package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/jpeg"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/digest"
	"github.com/brdoproject/brdo/engine/luma"
	"github.com/brdoproject/brdo/engine/pdq"
)

type benchFiguresCommand struct {
	Photos []string `help:"A folder of JPEG files of one size. May be given more than once; generated pictures otherwise." type:"existingdir"`
	Peers  string   `help:"A folder with the programs that bench/peers/build makes, and bench/peers/hma/build, to be measured beside." type:"existingdir"`
	N      int      `help:"How many hashes are searched." default:"1000000"`
	Rounds int      `help:"How often each file is hashed; the quickest counts." default:"5"`
	Quick  bool     `help:"A shorter run."`
	Write  string   `help:"A file whose table between the lines <!-- figures --> and <!-- end of figures --> is replaced." type:"existingfile"`
}

func (benchFiguresCommand) Help() string {
	return `Measures what the table of figures in the README says, and prints it or writes it there:

  $ brdo bench figures --photos photos/ --peers /tmp/peers --write README.md

Hashing and searching are on one core. Peers are measured in the same run, file by file after ours. The row of
videos needs ffmpeg.`
}

// figureRow is a row of the table: what, here, and beside a peer.
type figureRow struct{ what, here, beside string }

const (
	figuresBegin = "<!-- figures -->"
	figuresEnd   = "<!-- end of figures -->"
)

func (c benchFiguresCommand) Run(ctx context.Context, w world) error {
	if c.N < 1 || c.Rounds < 1 {
		return problem.InvalidField("n", "it is not positive", "leave it out")
	}
	before, after, err := c.around()
	if err != nil {
		return err
	}
	var rows []figureRow
	for _, measure := range []func(context.Context) ([]figureRow, error){c.hashing, c.scanning, c.videos, c.searching, c.detecting} {
		some, err := measure(ctx)
		if err != nil {
			return err
		}
		rows = append(rows, some...)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%s, %s, %s; one core where not said otherwise; the least of %d rounds.\n\n| | Here | Beside |\n|---|---|---|\n",
		time.Now().UTC().Format("2 January 2006"), processor(), runtime.Version(), c.Rounds)
	for _, row := range rows {
		fmt.Fprintf(&table, "| %s | %s | %s |\n", row.what, row.here, row.beside)
	}
	if c.Write == "" {
		_, err := fmt.Fprint(w.out, table.String())
		return err
	}
	if err := os.WriteFile(c.Write, []byte(before+figuresBegin+"\n"+table.String()+figuresEnd+after), 0o644); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	return nil
}

// around is what stands before and after the table.
func (c benchFiguresCommand) around() (before, after string, err error) {
	if c.Write == "" {
		return "", "", nil
	}
	text, err := os.ReadFile(c.Write)
	if err != nil {
		return "", "", problem.InvalidField("write", err.Error(), "name a file that can be read").Because(err)
	}
	before, rest, found := strings.Cut(string(text), figuresBegin)
	_, after, ended := strings.Cut(rest, figuresEnd)
	if !found || !ended {
		return "", "", problem.InvalidField("write", "it has no lines "+figuresBegin+" and "+figuresEnd, "put them where the table is to stand")
	}
	return before, after, nil
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // where there is none, the kind of processor is said
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// album is files of one kind.
type album struct {
	what  string
	files [][]byte
	paths []string
}

// albums are those of the folders, or of generated pictures.
func (c benchFiguresCommand) albums() (all []album, err error) {
	for _, folder := range c.Photos {
		files, paths, err := jpegs(folder)
		if err != nil {
			return nil, err
		}
		all = append(all, album{about(files), files, paths})
	}
	if len(all) > 0 {
		return all, nil
	}
	for _, size := range [][2]int{{4000, 3000}, {1600, 1200}, {640, 480}} {
		var file bytes.Buffer
		if err := jpeg.Encode(&file, benchPicture(size[0], size[1]), &jpeg.Options{Quality: 85}); err != nil {
			return nil, fmt.Errorf("making a picture: %w", err)
		}
		all = append(all, album{what: about([][]byte{file.Bytes()}) + ", generated", files: [][]byte{file.Bytes()}})
	}
	return all, nil
}

// about says how large pictures are, and how many of them progressive.
func about(files [][]byte) string {
	pixels, progressive := 0.0, 0
	for _, data := range files {
		if config, err := jpeg.DecodeConfig(bytes.NewReader(data)); err == nil {
			pixels += float64(config.Width) * float64(config.Height)
		}
		if bytes.Contains(data, []byte{0xff, 0xc2}) {
			progressive++
		}
	}
	kind := "baseline"
	if 2*progressive > len(files) {
		kind = "progressive"
	}
	return fmt.Sprintf("%.2g megapixels, %s", pixels/float64(len(files))/1e6, kind)
}

func (c benchFiguresCommand) hashing(ctx context.Context) (rows []figureRow, err error) {
	all, err := c.albums()
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		options := luma.Options{MaxPixels: 1 << 28}
		both, err := measureHashing(ctx, "", a.files, c.Rounds, func(data []byte) error { _, err := pdq.FromJPEG(data, options); return err })
		if err != nil {
			return nil, err
		}
		peers, err := c.hashingPeers(ctx, a)
		if err != nil {
			return nil, err
		}
		eighth, err := c.eighthPeer(ctx, a)
		if err != nil {
			return nil, err
		}
		options.Means = true
		means, err := measureHashing(ctx, "", a.files, c.Rounds, func(data []byte) error { _, err := pdq.FromJPEG(data, options); return err })
		if err != nil {
			return nil, err
		}
		rows = append(rows,
			figureRow{"JPEG file to both forms of PDQ, " + a.what, perPicture(both), besides(peers, both)},
			figureRow{"the same at an eighth of its size, for a first look", perPicture(means), besides(append(eighth, peers...), means)})
	}
	digests, err := measureHashing(ctx, "", all[0].files, c.Rounds, func(data []byte) error { _, err := digest.Reader(bytes.NewReader(data)); return err })
	if err != nil {
		return nil, err
	}
	beside, err := c.hashdeep(ctx, all[0], digests)
	if err != nil {
		return nil, err
	}
	return append(rows, figureRow{"MD5, SHA-1 and SHA-256 in one pass", fmt.Sprintf("%.0f MB/s", digests.MegabytesPerSec), beside}), nil
}

// hashdeep computes the same digests of the same files, where it is installed.
func (c benchFiguresCommand) hashdeep(ctx context.Context, a album, here hashModeLine) (string, error) {
	program, err := exec.LookPath("hashdeep")
	if c.Peers == "" || a.paths == nil || err != nil {
		return "", nil
	}
	least, size := time.Duration(1<<62), 0
	for _, data := range a.files {
		size += len(data)
	}
	for range c.Rounds {
		command := exec.CommandContext(ctx, program, append([]string{"-j0", "-c", "md5,sha1,sha256"}, a.paths...)...)
		if err := command.Run(); err != nil {
			return "", fmt.Errorf("measuring beside hashdeep: %w", err)
		}
		least = min(least, command.ProcessState.UserTime()+command.ProcessState.SystemTime())
	}
	rate := float64(size) / 1e6 / least.Seconds()
	return fmt.Sprintf("hashdeep: %.0f MB/s (%.1f×)", rate, here.MegabytesPerSec/rate), nil
}

func perPicture(l hashModeLine) string {
	return fmt.Sprintf("%.2f ms, %.0f MB/s", 1000/l.ImagesPerSecond, l.MegabytesPerSec)
}

// peerLine is what a program of bench/peers prints.
type peerLine struct {
	Mode            string  `json:"mode"`
	ImagesPerSecond float64 `json:"images_per_s"`
	Kind            string  `json:"kind"`
	PerQuery        float64 `json:"ns_per_query"`
	Workers         int     `json:"workers"`
	asked
}

func (c benchFiguresCommand) peer(ctx context.Context, program string, arguments ...string) (line peerLine, err error) {
	command := exec.CommandContext(ctx, filepath.Join(c.Peers, program), arguments...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err == nil {
		err = json.Unmarshal(out, &line)
	}
	if err != nil {
		err = fmt.Errorf("measuring beside %s: %w", program, err)
	}
	return line, err
}

// hashingPeers measures the reference on the same files, in both forms.
func (c benchFiguresCommand) hashingPeers(ctx context.Context, a album) (all []peerLine, err error) {
	if c.Peers == "" || a.paths == nil {
		return nil, nil
	}
	for _, form := range []string{"nn512", "full"} {
		line, err := c.peer(ctx, "pdq", append([]string{form, strconv.Itoa(c.Rounds)}, a.paths...)...)
		if err != nil {
			return nil, err
		}
		all = append(all, line)
	}
	return all, nil
}

// eighthPeer measures what libjpeg-turbo takes for the same files at an eighth of their size, before anything is hashed.
func (c benchFiguresCommand) eighthPeer(ctx context.Context, a album) ([]peerLine, error) {
	if c.Peers == "" || a.paths == nil {
		return nil, nil
	}
	line, err := c.peer(ctx, "turbo", append([]string{strconv.Itoa(c.Rounds)}, a.paths...)...)
	return []peerLine{line}, err
}

// besides says what peers took, and how many times less we took.
func besides(peers []peerLine, here hashModeLine) string {
	var all []string
	for _, line := range peers {
		all = append(all, fmt.Sprintf("%s: %.1f ms (%.1f×)", line.Mode, 1000/line.ImagesPerSecond, here.ImagesPerSecond/line.ImagesPerSecond))
	}
	return strings.Join(all, "; ")
}

func (c benchFiguresCommand) searching(ctx context.Context) (rows []figureRow, err error) {
	for _, clustered := range []bool{false, true} {
		line, err := benchMatchCommand{N: c.N, Radius: 31, Clustered: clustered, Quick: c.Quick}.measure(ctx)
		if err != nil {
			return nil, err
		}
		row := figureRow{
			fmt.Sprintf("near hashes among %d, distance up to 31, all that there are", c.N),
			fmt.Sprintf("%.1f µs a hit, %.1f µs a miss, %.0f bytes an entry", line.PerHit/1000, line.PerMiss/1000, line.BytesPerEntry),
			fmt.Sprintf("comparing with each: %.0f µs (%.0f×)", line.PerScan/1000, line.Faster),
		}
		if clustered {
			row.what = "the same, three twentieths of them near copies: of one, less near of another, of fifty"
			row.here = fmt.Sprintf("%.1f µs a miss, %.0f µs a miss beside the copies", line.PerMiss/1000, line.PerNear/1000)
		}
		if c.Peers != "" && !clustered {
			peer, err := c.peer(ctx, "faiss", strconv.Itoa(c.N))
			if err != nil {
				return nil, err
			}
			row.beside += fmt.Sprintf("; %s: %.0f µs (%.0f×)", peer.Kind, peer.PerQuery/1000, peer.PerQuery/line.PerQuery)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (c benchFiguresCommand) detecting(ctx context.Context) ([]figureRow, error) {
	asks := benchDetectCommand{N: c.N, AtOnce: 4, For: 20 * time.Second}
	if c.Quick {
		asks.For /= 10
	}
	if len(c.Photos) > 0 {
		asks.Folder = c.Photos[len(c.Photos)-1]
	}
	line, err := asks.measure(ctx)
	if err != nil {
		return nil, err
	}
	beside := fmt.Sprintf("while a list takes in %d entries each second: %.0f a second, p99 %.1f ms", changedEntries, line.Changing.RequestsPerSecond, line.Changing.P99)
	peers, err := c.detectingPeers(ctx, asks, line.asked)
	if err != nil {
		return nil, err
	}
	beside += peers
	return []figureRow{{
		fmt.Sprintf("a node of %d cores, %d entries: POST /v1/detect, a file a request, all that it needs, logged", runtime.GOMAXPROCS(0), c.N),
		fmt.Sprintf("%.0f a second, p50 %.1f ms, p99 %.1f ms", line.RequestsPerSecond, line.P50, line.P99), beside,
	}}, nil
}

// detectingPeers says what the reference and faiss would answer at best, and what
// Hasher-Matcher-Actioner does answer, where it is installed.
func (c benchFiguresCommand) detectingPeers(ctx context.Context, asks benchDetectCommand, here asked) (string, error) {
	if c.Peers == "" || asks.Folder == "" {
		return "", nil
	}
	_, paths, err := jpegs(asks.Folder)
	if err != nil {
		return "", err
	}
	peers, err := c.hashingPeers(ctx, album{paths: paths})
	if err != nil {
		return "", err
	}
	search, err := c.peer(ctx, "faiss", strconv.Itoa(c.N))
	if err != nil {
		return "", err
	}
	full := peers[len(peers)-1]
	rate := float64(runtime.GOMAXPROCS(0)) / (1/full.ImagesPerSecond + search.PerQuery/1e9)
	beside := fmt.Sprintf("; reference at full size and faiss, without HTTP, on as many cores: %.0f a second (%.1f×)", rate, here.RequestsPerSecond/rate)
	if _, err := os.Stat(filepath.Join(c.Peers, "hma")); errors.Is(err, fs.ErrNotExist) {
		return beside, nil
	}
	whole, err := c.peer(ctx, "hma", append([]string{strconv.Itoa(c.N), strconv.Itoa(int(asks.For.Seconds())), strconv.Itoa(asks.AtOnce)}, paths...)...)
	if err != nil {
		return "", err
	}
	return beside + fmt.Sprintf("; %s itself over HTTP, %d workers: %.0f a second, p50 %.1f ms, p99 %.1f ms (%.1f×)",
		whole.Kind, whole.Workers, whole.RequestsPerSecond, whole.P50, whole.P99, here.RequestsPerSecond/whole.RequestsPerSecond), nil
}
