//go:build !js

package main_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/media/mediatest"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/vectortest"
)

func TestMain(m *testing.M) { mediatest.Main(m) }

// page runs the program and offers what the test asks of it.
const page = `<!doctype html><title>hash</title><script src="wasm_exec.js"></script><script>
const go = new Go();
const started = WebAssembly.instantiateStreaming(fetch("brdo-hash.wasm"), go.importObject).then(r => { go.run(r.instance); });
async function ask(how, path, width, height) {
  await started;
  const content = await (await fetch(path)).arrayBuffer();
  if (how === "pixels") return JSON.stringify(brdoHash.pixels(new Uint8ClampedArray(content), width, height));
  if (how === "jpeg") return JSON.stringify(brdoHash.jpeg(new Uint8Array(content)));
  const bitmap = await createImageBitmap(new Blob([content]), {colorSpaceConversion: "none", premultiplyAlpha: "none"});
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return JSON.stringify(brdoHash.pixels(context.getImageData(0, 0, bitmap.width, bitmap.height).data, bitmap.width, bitmap.height));
}
async function refused(expression) { await started; return eval(expression).error || ""; }
</script>`

// compile builds the program as its documentation says.
func compile(t *testing.T) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "brdo-hash.wasm")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, ".")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, said)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func glue(t *testing.T) []byte {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		t.Fatal(err)
	}
	return script
}

func browser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("BRDO_REQUIRE_ALL") == "1" {
			t.Fatal("BRDO_REQUIRE_ALL=1, and there is no Chromium on the PATH")
		}
		t.Skip("SKIP: no Chromium on the PATH; the hash was not run in a browser")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.DisableGPU)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	tab, stop := chromedp.NewContext(allocator)
	t.Cleanup(stop)
	return tab
}

// shapes paints overlapping rectangles of plain colours, and noise.
func shapes(width, height int, seed uint64) *image.NRGBA {
	random := rand.New(rand.NewPCG(seed, seed))
	picture := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(100 + random.IntN(20))
		if i%4 == 3 {
			picture.Pix[i] = 255
		}
	}
	for range 40 {
		x, y := random.IntN(width), random.IntN(height)
		colour := color.NRGBA{uint8(random.Uint32()), uint8(random.Uint32()), uint8(random.Uint32()), 255}
		for py := y; py < min(y+height/4+1, height); py++ {
			for px := x; px < min(x+width/4+1, width); px++ {
				picture.SetNRGBA(px, py, colour)
			}
		}
	}
	return picture
}

// asked is one picture: the content that the browser is given, and the file of the same pixels that the node is.
type asked struct {
	name          string
	how           string
	content, file []byte
	width, height int
}

func pictures(t *testing.T) []asked {
	t.Helper()
	written := func(write func(*bytes.Buffer) error) []byte {
		var buffer bytes.Buffer
		if err := write(&buffer); err != nil {
			t.Fatal(err)
		}
		return buffer.Bytes()
	}
	var all []asked
	for i, size := range []image.Point{{640, 480}, {1500, 1101}, {64, 64}, {513, 7}, {91, 700}, {2, 2}} {
		picture := shapes(size.X, size.Y, uint64(i))
		name := fmt.Sprintf("%dx%d", size.X, size.Y)
		asPNG := written(func(b *bytes.Buffer) error { return png.Encode(b, picture) })
		asJPEG := written(func(b *bytes.Buffer) error { return jpeg.Encode(b, picture, &jpeg.Options{Quality: 85}) })
		all = append(all, asked{name, "pixels", picture.Pix, asPNG, size.X, size.Y},
			asked{name + " canvas", "canvas", asPNG, asPNG, size.X, size.Y}, asked{name + " jpeg", "jpeg", asJPEG, asJPEG, size.X, size.Y})
		if i == 0 {
			all = append(all, asked{name + " cut", "jpeg", asJPEG[:len(asJPEG)/2], asJPEG[:len(asJPEG)/2], size.X, size.Y})
			clear := shapes(size.X, size.Y, 9)
			for i := 3; i < len(clear.Pix); i += 4 {
				clear.Pix[i] = uint8(i)
			}
			all = append(all, asked{"alpha", "pixels", clear.Pix, written(func(b *bytes.Buffer) error { return png.Encode(b, clear) }), size.X, size.Y})
		}
	}
	flat := image.NewNRGBA(image.Rect(0, 0, 300, 200))
	for i := range flat.Pix {
		flat.Pix[i] = 255
	}
	return append(all, asked{"flat", "pixels", flat.Pix, written(func(b *bytes.Buffer) error { return png.Encode(b, flat) }), 300, 200})
}

// TestBrowserHashesAsTheNode runs the program in a browser and asks the node's decoder for the same pictures.
func TestBrowserHashesAsTheNode(t *testing.T) {
	racetest.Skip(t, "one goroutine that waits for a browser")
	program := compile(t)
	var packed bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if _, err := zip.Write(program); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes, %d compressed", len(program), packed.Len())
	if most := 1 << 20; packed.Len() > most {
		t.Errorf("%d bytes compressed, at most %d", packed.Len(), most)
	}

	all, script := pictures(t), glue(t)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, page) })
	mux.HandleFunc("/wasm_exec.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		_, _ = w.Write(script)
	})
	mux.HandleFunc("/brdo-hash.wasm", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/wasm")
		_, _ = w.Write(program)
	})
	var served []byte
	mux.HandleFunc("/picture", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(served) })
	server := httptest.NewServer(mux)
	defer server.Close()

	tab := browser(t)
	if err := chromedp.Do(tab, chromedp.Navigate(server.URL)); err != nil {
		t.Fatal(err)
	}
	evaluate := func(expression string) string {
		t.Helper()
		text, err := chromedp.Run(tab, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		return text
	}
	decoder := mediatest.Decoder(t)
	compare := func(t *testing.T, one asked) {
		served = one.content
		text := evaluate(fmt.Sprintf("ask(%q, '/picture', %d, %d)", one.how, one.width, one.height))
		var got struct {
			Width, Height, Quality, QualityNearest int
			PDQ, PDQNearest, Error                 string
			Read                                   float64
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Error != "" {
			t.Fatalf("%s, %v", text, err)
		}
		want, err := decoder.Fingerprint(context.Background(), bytes.NewReader(one.file), int64(len(one.file)))
		if err != nil || !want.Status.Decoded() {
			t.Fatalf("%+v, %v", want, err)
		}
		if got.PDQ != want.Forms.Full.Hash.String() || got.Quality != want.Forms.Full.Quality ||
			got.PDQNearest != want.Forms.Nearest.Hash.String() || got.QualityNearest != want.Forms.Nearest.Quality {
			t.Errorf("in the browser %s\nat the node %+v", text, want.Forms)
		}
		if got.Width != one.width || got.Height != one.height || (got.Read < 1) != (want.Status == media.StatusPartial) {
			t.Errorf("in the browser %s\nat the node %+v", text, want)
		}
	}
	for _, one := range all {
		t.Run(one.name, func(t *testing.T) { compare(t, one) })
	}
	t.Run("photo", func(t *testing.T) {
		photo, err := os.ReadFile(filepath.Join(vectortest.Folder(t, "pdq"), "pdq-images", "bridge-mods", "aaa-orig.jpg"))
		if err != nil {
			t.Fatal(err)
		}
		config, err := jpeg.DecodeConfig(bytes.NewReader(photo))
		if err != nil {
			t.Fatal(err)
		}
		compare(t, asked{how: "jpeg", content: photo, file: photo, width: config.Width, height: config.Height})
	})
	for _, wrong := range []string{
		"brdoHash.pixels(new Uint8Array(15), 2, 2)", "brdoHash.pixels([1, 2, 3, 4], 1, 1)", "brdoHash.pixels(new Uint8Array(4), 0, 1)",
		"brdoHash.pixels(new Uint8Array(4), 1 << 20, 1 << 20)", "brdoHash.pixels()", "brdoHash.pixels(new Uint8Array(4), '1', 1)",
		"brdoHash.jpeg(new Uint8Array(9))", "brdoHash.jpeg()", "brdoHash.jpeg('text')", "brdoHash.jpeg(null)", "brdoHash.pixels(new Uint8Array(4), NaN, 1)",
	} {
		if evaluate(fmt.Sprintf("refused(%q)", wrong)) == "" {
			t.Errorf("%s is not refused", wrong)
		}
	}
}
