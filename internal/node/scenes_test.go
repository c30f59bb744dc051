package node_test

import (
	"bytes"
	"context"
	"image"
	"image/draw"
	"image/png"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/node"
)

// sameScene is an item that shows a part of one that people decided about, taken by somebody who
// asked for that and has a login link.
type sameScene struct{ item, token string }

// scenes lets somebody flag a picture that was cut on one side, and an analyst without a script
// ask what it shows, see both, and hide them.
func (w worked) scenes(t *testing.T) sameScene {
	t.Helper()
	ctx, p := t.Context(), w.Provider
	whole, err := png.Decode(bytes.NewReader(node.Reference(3)))
	must(t, "decoding a picture", err)
	size := whole.Bounds()
	cut := image.NewRGBA(image.Rect(0, 0, size.Dx()*8/10, size.Dy()))
	draw.Draw(cut, cut.Rect, whole, image.Pt(size.Dx()/5, 0), draw.Src)
	var file bytes.Buffer
	must(t, "writing a picture", png.Encode(&file, cut))
	uploads, err := p.Identity.Machine(ctx, w.Key)
	must(t, "logging the service in", err)
	found, err := p.Intake.Detect(ctx, uploads, intake.Submission{Flagged: true, Files: []intake.Upload{{Name: "picture.png", Content: bytes.NewReader(file.Bytes())}}})
	must(t, "flagging", err)
	id := found.Files[0].SHA256
	operator := mandate.Actor{Kind: mandate.Person, ID: "person/test", Roles: []mandate.Role{mandate.Operator}, Organisation: mandate.Provider}
	person, link, err := p.Identity.Invite(ctx, operator, "who compares", []mandate.Role{mandate.Analyst})
	must(t, "inviting", err)
	must(t, "taking", p.Triage.Take(ctx, p.Identity.Actor(person), id))

	c, card := client(t, p.Config.Origin, link.Token), "/items/"+id
	want := func(pattern, path, form string, status int, texts ...string) string {
		t.Helper()
		got, text := send(t, c, p.Config.Origin, pattern, path, form)
		if got != status {
			t.Fatalf("%s: answered with %d: %.300s", pattern, got, text)
		}
		for _, wanted := range texts {
			if !strings.Contains(text, wanted) {
				t.Errorf("%s: does not say %q:\n%s", pattern, wanted, text)
			}
		}
		return text
	}
	want("GET", card, "", http.StatusOK, "The same scene", "Look for the same scene")
	want("POST", card+"/scenes", "reason="+url.QueryEscape("it looks cut"), http.StatusSeeOther)
	w.deliver(t)
	text := want("GET", card, "", http.StatusOK, "it looks cut", "people decided: reportable", "Strong:", "neither turned, mirrored nor scaled", "It shows 80 % of the other; 100 % of it is from there.")
	if !strings.Contains(text, w.decided[:12]) {
		t.Errorf("the card does not name %s", w.decided)
	}
	show := regexp.MustCompile(`/items/[0-9a-f]+(/scenes/[0-9a-f-]+/show)`).FindStringSubmatch(text)
	if show == nil {
		t.Fatalf("nothing can be shown:\n%s", text)
	}
	text = want("POST", card+show[1], "item="+w.decided, http.StatusOK, "Two pictures beside each other")
	var form []string
	for _, picture := range regexp.MustCompile(`src="(/pictures/([^"]+))"`).FindAllStringSubmatch(text, -1) {
		if data := want("GET", picture[1], "", http.StatusOK); !strings.HasPrefix(data, "\x89PNG") {
			t.Errorf("%s is no picture", picture[1])
		}
		form = append(form, "exposure="+url.QueryEscape(picture[2]))
	}
	if len(form) != 2 {
		t.Fatalf("%d pictures are shown:\n%s", len(form), text)
	}
	want("POST", card+"/scenes/hide", strings.Join(form, "&"), http.StatusSeeOther)
	for _, exposure := range form {
		name, _ := url.QueryUnescape(strings.TrimPrefix(exposure, "exposure="))
		want("GET", "/pictures/"+name, "", http.StatusGone)
	}
	again, err := p.Identity.NewLink(context.WithoutCancel(ctx), operator, person.ID)
	must(t, "making another link", err)
	return sameScene{id, again.Token}
}

// lookAtBoth shows both sides of the finding on the card by its button.
func (v *visitor) lookAtBoth() {
	v.t.Helper()
	v.submitBy("form[action$='/show'] button")
	v.until("document.querySelectorAll('.pair img').length == 2 && [...document.querySelectorAll('.pair img')].every(i => i.naturalWidth > 0)")
}

// hidesBoth hides them by the key, from which the card follows.
func (v *visitor) hidesBoth() {
	v.t.Helper()
	v.lookAtBoth()
	v.press("h")
	v.until("document.querySelector('#scenes-title') && !document.querySelector('.pair')")
}
