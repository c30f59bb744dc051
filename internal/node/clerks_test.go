package node_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/internal/node/nodetest"
)

// clerk is somebody who works at a node through its pages, and goes on working
// when the node dies and comes back.
type clerk struct {
	*http.Client
	at *member
}

// page is what a clerk is shown.
type page struct {
	status         int
	location, text string
}

// done reports whether the node said that something was done.
func (p page) done() bool { return p.status == http.StatusSeeOther }

// outside is somebody who is not logged in, for example the upload service.
func (m *member) outside() (*clerk, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: 5 * time.Second}
	return &clerk{at: m, Client: &http.Client{
		Jar: jar, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		// Bad weather is between the organisations, not within them.
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", m.Config.Listen)
		}},
	}}, nil
}

// arrive logs somebody in by the next login link.
func (m *member) arrive() (*clerk, error) {
	c, err := m.outside()
	if err != nil {
		return nil, err
	}
	link := m.nextLink()
	p, err := c.post("/login/link", url.Values{"token": {link}})
	var operation *net.OpError
	if errors.As(err, &operation) && operation.Op == "dial" {
		m.giveBack(link)
	}
	if err != nil {
		return nil, err // a link that was used when the node died is not tried again
	}
	if !p.done() {
		return nil, fmt.Errorf("the login was answered with %d", p.status)
	}
	return c, nil
}

func (c *clerk) get(path string) (page, error) {
	r, err := http.NewRequest(http.MethodGet, c.at.Config.Origin+path, nil)
	if err != nil {
		return page{}, err
	}
	return c.ask(r)
}

func (c *clerk) post(path string, form url.Values) (page, error) {
	r, err := http.NewRequest(http.MethodPost, c.at.Config.Origin+path, strings.NewReader(form.Encode()))
	if err != nil {
		return page{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.ask(r)
}

// refusedWrongly are answers that no fault of the network or of a process explains.
var refusedWrongly = []int{http.StatusInternalServerError, http.StatusForbidden, http.StatusBadRequest}

func (c *clerk) ask(r *http.Request) (page, error) {
	answer, err := c.Do(r)
	if err != nil {
		return page{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return page{}, err
	}
	p := page{answer.StatusCode, answer.Header.Get("Location"), string(text)}
	if slices.Contains(refusedWrongly, p.status) {
		c.at.complain(fmt.Sprintf("%s %s was answered with %d: %.300s", r.Method, r.URL.Path, p.status, p.text))
	}
	return p, nil
}

// row is a line of a table of reports or referrals: where it leads, and how it stands.
type row struct{ path, stands string }

var (
	rowLink = regexp.MustCompile(`href="(/(?:received|referrals)/[^"]+)"`)
	rowTag  = regexp.MustCompile(`<span class="tag[^"]*">([^<]*)</span>`)
	itemRow = regexp.MustCompile(`href="/items/([0-9a-f]{64})"`)
)

func rowsOf(p page) (all []row) {
	for _, text := range strings.Split(p.text, "<tr data-row")[1:] {
		link, tags := rowLink.FindStringSubmatch(text), rowTag.FindAllStringSubmatch(text, -1)
		if link != nil && len(tags) > 0 {
			all = append(all, row{link[1], tags[len(tags)-1][1]})
		}
	}
	return all
}

// handIn uploads a picture through the interface for machines, again until it is
// answered.
func (c *clerk) handIn(number int) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	at := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	err := form.WriteField("context", `{"flagged":true,"ip_events":[{"ip":"192.0.2.7","port":40000,"at":"`+at+`","tz":"Z"}]}`)
	if err != nil {
		return err
	}
	file, err := form.CreateFormFile("file", "picture.png")
	if err != nil {
		return err
	}
	if _, err := file.Write(nodetest.Picture(number)); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	r, err := http.NewRequest(http.MethodPost, c.at.Config.Origin+"/v1/detect", &body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Authorization", "Bearer "+c.at.token)
	r.Header.Set("Idempotency-Key", fmt.Sprintf("upload-%d", number))
	p, err := c.ask(r)
	if err == nil && p.status != http.StatusOK {
		err = fmt.Errorf("an upload was answered with %d", p.status)
	}
	return err
}

// review takes the next item, looks at it and decides.
func (c *clerk) review() error {
	next, err := c.post("/queue/next", nil)
	item, found := strings.CutPrefix(next.location, "/items/")
	if err != nil || !found {
		return err
	}
	look, err := http.NewRequest(http.MethodPost, c.at.Config.Origin+"/items/"+item+"/view", strings.NewReader(`{"level":"sketch"}`))
	if err != nil {
		return err
	}
	look.Header.Set("Content-Type", "application/json")
	if _, err := c.ask(look); err != nil {
		return err
	}
	_, err = c.post("/items/"+item+"/decide", url.Values{"fact.same-picture": {"yes"}, "fact.picture": {"landscape"}})
	return err
}

// report reports on up to three items that were decided.
func (c *clerk) report() error {
	queue, err := c.get("/queue")
	if err != nil {
		return err
	}
	_, decided, _ := strings.Cut(queue.text, "<h2>Decided, not reported yet</h2>")
	for _, item := range itemRow.FindAllStringSubmatch(decided, 3) {
		made, err := c.post("/reports", url.Values{"item": {item[1]}})
		if err != nil {
			return err
		}
		if !made.done() {
			continue // it may still be taken back
		}
		path, no := made.location, []string{"no"}
		if _, err := c.post(path+"/amend", url.Values{"urgent": no, "removed": no, "third_country": no, "user_decision": no}); err != nil {
			return err
		}
		sent, err := c.post(path+"/submit", nil)
		if err != nil {
			return err
		}
		if sent.done() {
			c.at.say("report", strings.Replace(path, "/reports/", "report/", 1))
		}
	}
	return nil
}

// assess assesses what came, and sends it on to one authority or to both.
func (c *clerk) assess(authorities []string) error {
	received, err := c.get("/received")
	if err != nil {
		return err
	}
	for _, r := range rowsOf(received) {
		switch r.stands {
		case "to assess":
			_, err = c.post(r.path+"/found", url.Values{"urgent": {[]string{"no", "no", "no", "yes"}[rand.N(4)]}})
		case "to send on", "held by us":
			to := authorities
			if at := rand.N(4); at < len(authorities) {
				to = authorities[at : at+1]
			}
			_, err = c.post(r.path+"/route", url.Values{"to": to, "reason": {"jurisdiction is not certain"}})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// answer claims or declines what was offered, gives some of it back, and says of
// the rest what became of it: of some that it was not confirmed, which goes to
// everybody as a correction.
func (c *clerk) answer() error {
	offered, err := c.get("/referrals")
	if err != nil {
		return err
	}
	reason := url.Values{"reason": {"another State is nearer"}}
	for _, r := range rowsOf(offered) {
		dice := rand.N(4)
		switch {
		case r.stands == "to claim or decline" && dice == 0:
			_, err = c.post(r.path+"/decline", reason)
		case r.stands == "to claim or decline":
			var p page
			if p, err = c.post(r.path+"/claim", nil); err == nil && p.done() {
				c.at.say("claim", r.path)
			}
		case r.stands == "ours" && dice == 0:
			_, err = c.post(r.path+"/release", reason)
		case r.stands == "ours" && dice < 3:
			var p page
			p, err = c.post(r.path+"/finish", url.Values{"outcome": {[]string{"new-investigation", referral.OutcomeUnlawfulNot}[dice-1]}})
			if err == nil && p.done() {
				c.at.say("finish", strings.Replace(r.path, "/referrals/", "referral/", 1))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// staff has people work at a node until the end.
func (m *member) staff(authorities []string, end <-chan struct{}) {
	var working sync.WaitGroup
	defer working.Wait()
	switch m.Config.Organisation.Kind {
	case mandate.Provider:
		number := 0
		working.Go(func() {
			m.keepDoing(end, 100*time.Millisecond, m.outside, func(c *clerk) error {
				err := c.handIn(number)
				if err == nil {
					number++
				}
				return err
			})
		})
		working.Go(func() {
			m.keepDoing(end, 10*time.Millisecond, m.arrive, func(c *clerk) error { return cmp.Or(c.review(), c.report()) })
		})
	case mandate.Centre:
		working.Go(func() {
			m.keepDoing(end, 50*time.Millisecond, m.arrive, func(c *clerk) error { return c.assess(authorities) })
		})
	default:
		working.Go(func() { m.keepDoing(end, 50*time.Millisecond, m.arrive, (*clerk).answer) })
	}
}

// keepDoing has somebody do something again and again. Whoever finds the node dead
// tries again; now and then others come on duty, so that nobody is sent on a break.
func (m *member) keepDoing(end <-chan struct{}, pause time.Duration, come func() (*clerk, error), what func(c *clerk) error) {
	var on *clerk
	begun := time.Now()
	for {
		select {
		case <-end:
			return
		case <-time.After(pause):
		}
		if on == nil || time.Since(begun) > 20*time.Second {
			arrived, err := come()
			if err != nil && on == nil {
				continue
			}
			on, begun = cmp.Or(arrived, on), time.Now()
		}
		// What goes wrong here is that the node is dead, or that another was faster.
		_ = what(on)
	}
}
