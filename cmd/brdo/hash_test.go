package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/vectortest"
)

// TestHashMeetsTheManifest runs the command over the conformance vectors and
// compares what it prints with what the reference implementation computed.
func TestHashMeetsTheManifest(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: one goroutine, and ten times slower under the race detector; it is run without it")
	}
	directory := vectortest.Folder(t, "pdq")
	manifest, err := os.Open(filepath.Join(directory, "pdq-expected-cpp-reference.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer manifest.Close()

	var out, complaints bytes.Buffer
	code := run([]string{"hash", filepath.Join(directory, "pdq-exact"), filepath.Join(directory, "pdq-images")}, world{out: &out, err: &complaints})
	if code != 0 && code != exitIncomplete {
		t.Fatalf("exit code %d: %s", code, complaints.String())
	}
	type line struct {
		PDQ     pdq.Hash `json:"pdq"`
		Quality int      `json:"pdq_quality"`
		Status  string   `json:"status"`
	}
	printed := map[string]line{}
	for _, text := range bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n")) {
		var head struct{ Path, PDQ, Status string }
		if err := json.Unmarshal(text, &head); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if head.PDQ == "" {
			continue // a state with a reason, for example a format that comes later
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		printed[strings.TrimPrefix(filepath.ToSlash(head.Path), directory+"/")] = l
	}

	exact, photos := 0, 0
	lines := bufio.NewScanner(manifest)
	for lines.Scan() {
		var want struct {
			File        string   `json:"file"`
			ExactPNG    string   `json:"exact_png"`
			Hash        pdq.Hash `json:"hash"`
			Quality     int      `json:"quality"`
			FullHash    pdq.Hash `json:"fullres_hash"`
			FullQuality int      `json:"fullres_quality"`
		}
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		if got, found := printed[want.ExactPNG]; !found || got.PDQ != want.Hash || got.Quality != want.Quality {
			t.Errorf("%s: %+v, %d bits from the reference", want.ExactPNG, got, got.PDQ.Distance(want.Hash))
		} else {
			exact++
		}
		extension := strings.ToLower(filepath.Ext(want.File))
		if want.FullQuality < 80 || !strings.HasPrefix(want.File, "pdq-images/") || (extension != ".jpg" && extension != ".png") {
			continue
		}
		got := printed[want.File]
		if distance := got.PDQ.Distance(want.FullHash); distance > 2 {
			t.Errorf("%s: %d bits from the reference, at most 2 allowed", want.File, distance)
		}
		if d := got.Quality - want.FullQuality; d < -1 || d > 1 {
			t.Errorf("%s: quality %d, want %d", want.File, got.Quality, want.FullQuality)
		}
		photos++
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if exact != 66 || photos < 25 {
		t.Errorf("only %d exact pictures and %d photos were compared", exact, photos)
	}
	t.Logf("%d pictures at 0 bits, %d photos", exact, photos)
}
