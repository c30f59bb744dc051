package door_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/door"
)

// arrive comes to the door.
func arrive(t *testing.T, d *door.Door, urgent bool) *door.Visit {
	t.Helper()
	visit, err := d.Arrive(urgent)
	if err != nil {
		t.Fatal(err)
	}
	return visit
}

// enter goes through the door and returns how to leave it.
func enter(t *testing.T, d *door.Door, urgent bool) func() {
	t.Helper()
	visit := arrive(t, d, urgent)
	if err := visit.Begin(t.Context(), urgent); err != nil {
		t.Fatal(err)
	}
	return visit.Leave
}

func wantFull(t *testing.T, what string, err error, pause time.Duration) {
	t.Helper()
	p := problem.From(err)
	if !door.IsTooMuch(err) || p.Kind != problem.Unavailable || p.RetryAfter != pause || p.Remedy == "" {
		t.Errorf("%s: %v with a pause of %s, want that the door is full and %s", what, err, p.RetryAfter, pause)
	}
}

// TestUrgentFirst: what is urgent has a reserve, and its turn before others that
// came earlier.
func TestUrgentFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door.New(door.Limit{AtOnce: 2, Reserve: 1, Waiting: 4, Patience: time.Minute}, time.Now)
		leave := []func(){enter(t, d, false), enter(t, d, true), enter(t, d, true)}
		if f := d.Figures(); f.Inside != 3 || f.Reserved != 1 {
			t.Fatalf("%+v", f)
		}
		var mu sync.Mutex
		var order []string
		come := func(name string, urgent bool) {
			visit := arrive(t, d, urgent)
			go func() {
				defer visit.Leave()
				if err := visit.Begin(t.Context(), urgent); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				time.Sleep(time.Second)
			}()
			synctest.Wait()
		}
		come("first", false)
		come("second", false)
		come("urgent", true)
		come("urgent too", true)
		if f := d.Figures(); f.Waiting != 4 || f.Inside != 3 {
			t.Fatalf("%+v", f)
		}
		for _, leave := range leave {
			leave()
			synctest.Wait()
			time.Sleep(time.Millisecond) // so that no two of those who wait come in at one moment
		}
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if want := []string{"urgent", "urgent too", "first", "second"}; !slices.Equal(order, want) {
			t.Errorf("they came in as %v, want %v", order, want)
		}
		if f := d.Figures(); f.Waiting != 0 || f.Inside != 0 || f.Refused != 0 {
			t.Errorf("afterwards %+v", f)
		}
	})
}

// TestTooMuchIsTurnedAway before its body is read, or when its turn does not
// come; the time to come back grows with the work that waits.
func TestTooMuchIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door.New(door.Limit{AtOnce: 1, Reserve: 1, Waiting: 1, Patience: 10 * time.Second}, time.Now)
		leave := enter(t, d, false)
		waits := arrive(t, d, false)
		if _, err := d.Arrive(false); true {
			wantFull(t, "a third one", err, time.Second)
		}
		claims := arrive(t, d, true)
		if _, err := d.Arrive(true); true {
			wantFull(t, "a fourth one", err, time.Second)
		}
		begun := time.Now()
		wantFull(t, "who waited", waits.Begin(t.Context(), false), time.Second)
		if waited := time.Since(begun); waited != 10*time.Second {
			t.Errorf("it waited for %s", waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := claims.Begin(ctx, false); !errors.Is(err, context.DeadlineExceeded) { // it is not urgent after all
			t.Errorf("who only said that it was urgent: %v", err)
		}
		waits.Leave()
		claims.Leave()
		time.Sleep(9 * time.Minute)
		leave() // ten minutes, an eighth of which counts
		leave = enter(t, d, false)
		defer arrive(t, d, false).Leave()
		_, err := d.Arrive(false)
		wantFull(t, "while each takes minutes", err, time.Minute)
		leave()
		if f := d.Figures(); f.Refused != 4 || f.Inside != 0 {
			t.Errorf("%+v", f)
		}
	})
}

// TestADoorNeverLosesAPlace: whoever comes, waits, gives up and leaves in
// whatever order, no more are inside than may be, and in the end all places are free.
func TestADoorNeverLosesAPlace(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		limit := door.Limit{
			AtOnce: rapid.IntRange(1, 3).Draw(r, "at once"), Reserve: rapid.IntRange(1, 2).Draw(r, "reserve"),
			Waiting: rapid.IntRange(0, 4).Draw(r, "waiting"), Patience: 100 * time.Microsecond,
		}
		d := door.New(limit, time.Now)
		var group sync.WaitGroup
		var mu sync.Mutex
		inside := map[bool]int{}
		count := func(urgent bool, by int) {
			mu.Lock()
			defer mu.Unlock()
			inside[urgent] += by
			if inside[false] > limit.AtOnce || inside[false]+inside[true] > limit.AtOnce+limit.Reserve {
				r.Errorf("%d and %d urgent ones are inside %+v", inside[false], inside[true], limit)
			}
		}
		for _, urgent := range rapid.SliceOfN(rapid.Bool(), 1, 40).Draw(r, "visits") {
			group.Go(func() {
				visit, err := d.Arrive(urgent)
				if err != nil {
					return
				}
				defer visit.Leave()
				if visit.Begin(t.Context(), urgent) == nil {
					count(urgent, 1)
					time.Sleep(20 * time.Microsecond)
					count(urgent, -1)
				}
			})
		}
		group.Wait()
		if f := d.Figures(); f.Inside != 0 || f.Waiting != 0 {
			r.Errorf("in the end %+v", f)
		}
		for range limit.AtOnce + limit.Waiting {
			if _, err := d.Arrive(false); err != nil {
				r.Errorf("a place was lost: %v", err)
			}
		}
	})
}

// TestASlowBodyLosesItsPlace: who sends a byte now and then keeps nobody out, and
// the work on a body that came in time may take longer than the body.
func TestASlowBodyLosesItsPlace(t *testing.T) {
	d := door.New(door.Limit{AtOnce: 1, Reserve: 1, Waiting: 0, Patience: time.Second}, time.Now)
	const reading = 500 * time.Millisecond
	read := make(chan error, 2)
	server := httptest.NewServer(d.Behind(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
		if err == nil {
			err = door.Begin(r.Context(), false)
		}
		if err == nil {
			select {
			case <-r.Context().Done():
				err = r.Context().Err()
			case <-time.After(reading + reading/4):
			}
		}
		if err != nil {
			http.Error(w, "broken off", http.StatusBadRequest)
		}
	}), door.Guard{Urgent: door.SaysUrgent, Reading: reading, Problem: func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.WriteHeader(http.StatusTooManyRequests)
	}}))
	defer server.Close()
	slow, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if _, err := io.WriteString(slow, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx"); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err == nil {
		t.Error("the slow body was read")
	}
	for range 2 { // the deadline of the first must not end the second on its connection
		var answer *http.Response
		for answer == nil || answer.StatusCode == http.StatusTooManyRequests { // the slow one may be about to leave
			if answer, err = http.Post(server.URL, "text/plain", strings.NewReader("message 17")); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = io.ReadAll(answer.Body)
		answer.Body.Close()
		if err := <-read; err != nil || answer.StatusCode != http.StatusOK {
			t.Errorf("a body that came in time: %v, %s", err, answer.Status)
		}
	}
}

func TestLimitsThatCannotBe(t *testing.T) {
	good := door.Limit{AtOnce: 1, Reserve: 1, Patience: time.Second}
	if err := good.Validate("doors.api"); err != nil {
		t.Error(err)
	}
	for field, spoil := range map[string]func(*door.Limit){
		"at_once": func(l *door.Limit) { l.AtOnce = 0 }, "reserve": func(l *door.Limit) { l.Reserve = 0 },
		"waiting": func(l *door.Limit) { l.Waiting = -1 }, "patience": func(l *door.Limit) { l.Patience = 0 },
	} {
		bad := good
		spoil(&bad)
		if p := problem.From(bad.Validate("doors.api")); p == nil || p.Kind != problem.Invalid || p.Field != "doors.api."+field || p.Remedy == "" {
			t.Errorf("%s: %+v", field, p)
		}
	}
}

func TestSaysUrgent(t *testing.T) {
	for header, want := range map[string]bool{"u=0": true, "i, u=0": true, "u=0 , i": true, "": false, "u=1": false, "u=00": false, "U=0": false} {
		if got := door.SaysUrgent(&http.Request{Header: http.Header{"Priority": {header}}}); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}
