package media

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// told keeps what ffmpeg says on standard error, line by line. All of it was made up by whoever made the file: it is cut, cleaned and
// used for what it can tell about that file, and for nothing else.
type told struct {
	mutex   sync.Mutex
	rest    []byte // of a line that has not ended
	lasts   time.Duration
	streams int // of video in the file
	output  bool
	errors  int
	first   string // the first error
	refused string // a codec that is not in the list
}

const longestTold = 512

// Write never fails, blocks or grows.
func (t *told) Write(text []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for _, b := range text {
		switch {
		case b == '\n' || b == '\r':
			t.line(string(t.rest))
			t.rest = t.rest[:0]
		case len(t.rest) < longestTold:
			t.rest = append(t.rest, b)
		}
	}
	return len(text), nil
}

var (
	toldLength  = regexp.MustCompile(`^\[info\]   Duration: (\d{1,4}):(\d\d):(\d\d)\.(\d\d),`)
	toldStream  = regexp.MustCompile(`^\[info\]   Stream #0:\d+.*: Video: `)
	toldOutput  = regexp.MustCompile(`^\[info\] Output #0`)
	toldError   = regexp.MustCompile(`^(?:\[[^\]]* @ [^\]]*\] )*\[(?:error|fatal|panic)\] (.*)`)
	toldRefusal = regexp.MustCompile(`Codec \(([a-z0-9_]+)\) ` + refusedCodec)
)

func (t *told) line(line string) {
	if found := toldLength.FindStringSubmatch(line); found != nil && t.lasts == 0 {
		var parts [4]int
		for i := range parts {
			parts[i], _ = strconv.Atoi(found[i+1]) // digits only, by the expression
		}
		t.lasts = time.Duration(parts[0])*time.Hour + time.Duration(parts[1])*time.Minute + time.Duration(parts[2])*time.Second + time.Duration(parts[3])*10*time.Millisecond
	}
	t.output = t.output || toldOutput.MatchString(line)
	if !t.output && toldStream.MatchString(line) {
		t.streams++
	}
	if refusal := toldRefusal.FindStringSubmatch(line); refusal != nil {
		t.refused = refusal[1]
		return // sound, as a rule; if it is the picture, no frame comes
	}
	if found := toldError.FindStringSubmatch(line); found != nil {
		if t.errors == 0 {
			t.first = plain(found[1])
		}
		t.errors++
	}
}

// plain is printable ASCII, short.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), 100)]
}

func (t *told) length() time.Duration {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.lasts
}

func (t *told) worst() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return fmt.Sprintf("%d errors, the first %q, the last line %q", t.errors, t.first, plain(string(t.rest)))
}
