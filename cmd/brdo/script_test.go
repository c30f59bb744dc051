package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/peer"
)

func TestMain(m *testing.M) {
	if media.IsChild(os.Args) {
		media.RunChild()
	}
	testscript.Main(m, map[string]func(){
		"brdo":      main,
		"mkpicture": func() { must(makePicture(os.Args[1:])) },
		"mkinner":   func() { must(makeInner(os.Args[1], os.Args[2], image.Rect(20, 20, 300, 220))) },
		"mkcrop":    func() { must(makeInner(os.Args[1], os.Args[2], image.Rect(25, 19, 296, 221))) },
		"mkscene":   func() { must(makeScene(os.Args[1:])) },
		"mknode":    func() { must(makeNode(os.Args[1])) },
		"mkpair":    func() { must(makePair(os.Args[1], os.Args[2])) },
		"altersql":  func() { must(alter(os.Args[1], os.Args[2])) },
	})
}

func TestScripts(t *testing.T) {
	jpegs, err := filepath.Abs(filepath.Join("..", "..", "engine", "luma", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("ffmpeg"); err != nil && os.Getenv("BRDO_REQUIRE_ALL") == "1" {
		t.Fatal("ffmpeg is required and not installed")
	}
	testscript.Run(t, testscript.Params{
		Setup: func(env *testscript.Env) error { env.Setenv("JPEGS", jpegs); return nil },
		Dir:   filepath.Join("testdata", "script"), RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"logkey": logKey, "nodeconfig": nodeConfig, "fetch": fetch, "damage": damage, "truncate": truncate,
		},
	})
}

// logKey sets KEY to the public key of the log of a data folder.
func logKey(script *testscript.TestScript, _ bool, arguments []string) {
	self, err := keyring.OpenIdentity(filepath.Join(script.MkAbs(arguments[0]), "identity"))
	script.Check(err)
	script.Setenv("KEY", self.Public().LogVerifier)
}

// nodeConfig writes a configuration with a free port and sets PORT and ORIGIN.
func nodeConfig(script *testscript.TestScript, _ bool, arguments []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	script.Check(err)
	port := listener.Addr().(*net.TCPAddr).Port
	script.Check(listener.Close())
	origin := fmt.Sprintf("http://localhost:%d", port)
	script.Setenv("PORT", strconv.Itoa(port))
	script.Setenv("ORIGIN", origin)
	text := fmt.Sprintf("organisation:\n  id: provider.example\n  name: Example provider\ndata: data\nlisten: 127.0.0.1:%d\norigin: %s\nlog:\n  level: warn\n", port, origin)
	script.Check(os.WriteFile(script.MkAbs(arguments[0]), []byte(text), 0o600))
}

// patience is how long a process may take to get ready on a slow machine.
const patience = 2 * time.Minute

// fetch asks an address until it answers well, and looks for a text in it.
func fetch(script *testscript.TestScript, _ bool, arguments []string) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(arguments[0])
		if err != nil {
			continue
		}
		text, err := io.ReadAll(answer.Body)
		script.Check(errors.Join(err, answer.Body.Close()))
		if answer.StatusCode == http.StatusOK && bytes.Contains(text, []byte(arguments[1])) {
			return
		}
	}
	script.Fatalf("%s does not answer with %q", arguments[0], arguments[1])
}

// damage changes one byte in the middle of a file.
func damage(script *testscript.TestScript, _ bool, arguments []string) {
	path := script.MkAbs(arguments[0])
	text, err := os.ReadFile(path)
	script.Check(err)
	text[len(text)/2] ^= 1
	script.Check(os.WriteFile(path, text, 0o600))
}

// truncate writes so many hundredths of a file as another.
func truncate(script *testscript.TestScript, _ bool, arguments []string) {
	text, err := os.ReadFile(script.MkAbs(arguments[0]))
	script.Check(err)
	share, err := strconv.Atoi(arguments[1])
	script.Check(err)
	script.Check(os.WriteFile(script.MkAbs(arguments[2]), text[:len(text)*share/100], 0o600))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// makePicture writes a generated pattern: FILE SEED [mirror|invert|frame|near].
func makePicture(arguments []string) error {
	seed, err := strconv.ParseUint(arguments[1], 10, 64)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(seed, 1))
	const width, height, waves = 320, 240, 12
	var wave [waves][4]float64
	for i := range wave {
		wave[i] = [4]float64{random.Float64() * 6, random.Float64() * 6, random.Float64() * 2 * math.Pi, random.Float64()}
	}
	picture := image.NewGray(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			value := 0.0
			for _, w := range wave {
				value += w[3] * math.Cos(2*math.Pi*(w[0]*float64(x)/width+w[1]*float64(y)/height)+w[2])
			}
			at := x
			level := uint8(min(255, max(0, 128+40*value)))
			switch slices.Concat(arguments, []string{""})[2] {
			case "mirror":
				at = width - 1 - x
			case "invert":
				level = 255 - level
			case "frame":
				if x < 20 || x >= width-20 || y < 20 || y >= height-20 {
					level = 255
				}
			case "near":
				if x < width/8 && y < height/8 {
					level = 128
				}
			}
			picture.SetGray(at, y, color.Gray{Y: level})
		}
	}
	file, err := os.Create(arguments[0])
	if err != nil {
		return err
	}
	defer file.Close()
	return png.Encode(file, picture)
}

// makeInner writes a part of a picture that makePicture made: what is within its frame, or 15.5 %
// less.
func makeInner(from, to string, part image.Rectangle) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	whole, err := png.Decode(in)
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	return png.Encode(out, pdq.Part(whole, part))
}

// makeScene writes generated shapes: FILE SEED, of which parts may be changed: cut, mirror, cover, small, plain.
func makeScene(arguments []string) error {
	seed, err := strconv.ParseUint(arguments[1], 10, 64)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(seed, 3))
	picture := image.NewGray(image.Rect(0, 0, 480, 360))
	fill := func(area image.Rectangle, level uint8) {
		draw.Draw(picture, area, image.NewUniform(color.Gray{Y: level}), image.Point{}, draw.Src)
	}
	fill(picture.Rect, 120)
	for range 120 {
		at := image.Pt(random.IntN(480), random.IntN(360))
		fill(image.Rectangle{at, at.Add(image.Pt(4+random.IntN(60), 4+random.IntN(60)))}, uint8(random.IntN(256)))
	}
	for _, change := range arguments[2:] {
		was := picture
		switch change {
		case "cut":
			picture = image.NewGray(image.Rect(0, 0, 360, 360))
			draw.Draw(picture, picture.Rect, was, image.Pt(120, 0), draw.Src)
		case "mirror":
			picture = image.NewGray(was.Rect)
			for y := range was.Rect.Dy() {
				for x := range was.Rect.Dx() {
					picture.SetGray(was.Rect.Dx()-1-x, y, was.GrayAt(x, y))
				}
			}
		case "plain":
			fill(picture.Rect, 120)
		case "cover":
			fill(image.Rect(200, 100, 300, 250), 255)
		case "small":
			picture = image.NewGray(image.Rect(0, 0, was.Rect.Dx()/2, was.Rect.Dy()/2))
			for y := range picture.Rect.Dy() {
				for x := range picture.Rect.Dx() {
					sum := 0
					for k := range 4 {
						sum += int(was.GrayAt(2*x+k%2, 2*y+k/2).Y)
					}
					picture.SetGray(x, y, color.Gray{Y: uint8(sum / 4)})
				}
			}
		default:
			return fmt.Errorf("no change is called %q", change)
		}
	}
	file, err := os.Create(arguments[0])
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(file, picture), file.Close())
}

// makeNode makes a node's data folder with a short log.
func makeNode(data string) error {
	config := node.Defaults()
	config.Data = data
	config.Organisation.ID, config.Organisation.Name = "provider.example", "Provider"
	n, err := node.Open(context.Background(), config, node.Options{})
	if err != nil {
		return err
	}
	defer n.Close()
	if _, _, err := n.FirstOperator(context.Background()); err != nil {
		return err
	}
	return n.Ledger.Sequence(context.Background())
}

// makePair registers the nodes of two configurations with each other, and lets an
// envelope wait at the first for the second.
func makePair(paths ...string) (err error) {
	ctx := context.Background()
	var nodes []*node.Node
	for _, path := range paths {
		n, err := openNode(ctx, path)
		if err != nil {
			return err
		}
		defer n.Close()
		nodes = append(nodes, n)
	}
	for i, n := range nodes {
		operator := mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: n.Config.Organisation.Kind}
		if err := n.Post.Register(ctx, operator, nodes[1-i].Post.Self()); err != nil {
			return err
		}
	}
	act := ledger.Act{
		Actor:  mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Supervisor}, Organisation: mandate.Provider},
		Action: mandate.ReportSend, Purpose: mandate.PurposeReporting,
	}
	return nodes[0].Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		_, err := nodes[0].Post.Send(tx, peer.Message{
			Recipient: nodes[1].Post.Self().NodeID, Kind: mandate.EnvelopeReceipt, Type: "eu.brdo.replay.requested.v1", Schema: "replay-1", Subject: "replay",
			Purpose: mandate.PurposeReporting, Body: map[string]any{"missing": []peer.Range{{First: 1, Last: 1}}},
		})
		return err
	})
}

// alter changes a database behind the node's back.
func alter(path, statement string) error {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}
