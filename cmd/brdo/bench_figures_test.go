package main

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// peerScripts writes a photo and what plays the reference, and returns their folders and how to write more.
func peerScripts(t *testing.T) (photos, peers string, put func(path, text string)) {
	if runtime.GOOS == "windows" {
		t.Skip("the peers of this test are shell scripts")
	}
	put = func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	photos, peers = t.TempDir(), t.TempDir()
	var file bytes.Buffer
	if err := jpeg.Encode(&file, benchPicture(64, 64), nil); err != nil {
		t.Fatal(err)
	}
	put(filepath.Join(photos, "one.jpg"), file.String())
	put(filepath.Join(peers, "pdq"), "#!/bin/sh\n[ $1 = full ] && echo '{\"images_per_s\":200}' || echo '{\"images_per_s\":1}'\n")
	return photos, peers, put
}

func TestTheFirstLookIsBesideADecoderOfAnEighth(t *testing.T) {
	photos, peers, put := peerScripts(t)
	c := benchFiguresCommand{Photos: []string{photos}, Peers: peers, Rounds: 2}
	put(filepath.Join(peers, "turbo"), "#!/bin/sh\n[ \"$1 ${2##*/} $3\" = '2 one.jpg ' ] && echo '{\"mode\":\"libjpeg-turbo\",\"images_per_s\":50}'\n")
	rows, err := c.hashing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if closely, look := rows[0].beside, rows[1].beside; strings.Contains(closely, "turbo") || !strings.HasPrefix(look, "libjpeg-turbo: 20.0 ms (") || !strings.Contains(look, ": 5.0 ms (") {
		t.Errorf("beside a hash stands %q, beside a first look %q", closely, look)
	}
	put(filepath.Join(peers, "turbo"), "#!/bin/sh\nexit 3\n")
	if _, err := c.hashing(t.Context()); err == nil || !strings.Contains(err.Error(), "turbo") {
		t.Errorf("a peer that fails is taken for measured: %v", err)
	}
}

func TestFiguresBesidePeers(t *testing.T) {
	photos, peers, put := peerScripts(t)
	put(filepath.Join(peers, "faiss"), "#!/bin/sh\n[ $1 = 300 ] && echo '{\"ns_per_query\":5e6}'\n")
	c := benchFiguresCommand{Peers: peers, N: 300, Rounds: 1}
	asks, here := benchDetectCommand{AtOnce: 3, For: 20 * time.Second}, asked{RequestsPerSecond: 1000}
	beside := func() string {
		text, err := c.detectingPeers(t.Context(), asks, here)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}

	if text := beside(); text != "" {
		t.Errorf("without photos it says %q", text)
	}
	asks.Folder = photos
	atBest := "; reference at full size and faiss, without HTTP, on as many cores: "
	rate := float64(runtime.GOMAXPROCS(0)) * 100 // 5 ms for the hash, 5 ms for the search
	if text, want := beside(), fmt.Sprintf("%s%.0f a second (%.1f×)", atBest, rate, 1000/rate); text != want {
		t.Errorf("without Hasher-Matcher-Actioner it says %q, want %q", text, want)
	}
	put(filepath.Join(peers, "hma"), "#!/bin/sh\n[ \"$1 $2 $3 ${4##*/} $5\" = '300 20 3 one.jpg ' ] && echo '{\"kind\":\"HMA 1\",\"workers\":7,\"requests_per_s\":80,\"p50_ms\":2,\"p99_ms\":3.25}'\n")
	if text, want := beside(), "; HMA 1 itself over HTTP, 7 workers: 80 a second, p50 2.0 ms, p99 3.2 ms (12.5×)"; !strings.HasPrefix(text, atBest) || !strings.HasSuffix(text, want) {
		t.Errorf("it says %q, want the end %q", text, want)
	}
	put(filepath.Join(peers, "hma"), "#!/bin/sh\nexit 3\n")
	if _, err := c.detectingPeers(t.Context(), asks, here); err == nil || !strings.Contains(err.Error(), "hma") {
		t.Errorf("a peer that fails is taken for measured: %v", err)
	}
}
