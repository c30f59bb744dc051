package peer

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// longestWait is the longest time that a recipient can make an envelope wait:
// it is also the longest pause between attempts of an envelope that nobody answers.
const longestWait = time.Hour

// askedToWait is how long a recipient that has too much to do (429, RFC 6585) or
// does not work (503) asked to be left alone by Retry-After (RFC 9110, section
// 10.2.3); 0 when it asked nothing. A quarter more, at most, is drawn by lot, so
// that what was turned away together does not come back together.
func askedToWait(response *http.Response, now time.Time) time.Duration {
	if response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	text := response.Header.Get("Retry-After")
	pause := time.Duration(0)
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		pause = time.Duration(min(seconds, int64(longestWait/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		pause = at.Sub(now)
	}
	if pause <= 0 {
		return 0
	}
	pause = min(pause, longestWait)
	return pause + rand.N(pause/4+1)
}
