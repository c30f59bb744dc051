package node_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/node/nodetest"
)

// TestRefusedAnswersComeBack types what the form does not take: nothing of it is
// lost, and the reason stands beside the field.
func TestRefusedAnswersComeBack(t *testing.T) {
	centre := nodetest.Open(t, nodetest.Options{Kind: mandate.Centre})
	n := nodetest.Open(t, nodetest.Options{Kind: mandate.Provider, Clock: centre.Clock, NewerForm: true})
	nodetest.Meet(t, n, centre)
	ctx := t.Context()
	ada, c := enrolled(t, n, "ada", mandate.Analyst)
	item := n.Flag(t, 1, "")
	n.Judge(t, ada, item, nodetest.Yes)
	n.Settle(t)
	id, err := n.Reports.Compose(ctx, ada, item, "")
	must(t, "composing", err)
	send := func(action string, form url.Values) (int, string) {
		t.Helper()
		answer, err := c.PostForm(n.Config.Origin+path(id)+action, form)
		must(t, "sending a form", err)
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		must(t, "reading a page", err)
		return answer.StatusCode, string(text)
	}
	state := func() reports.View {
		t.Helper()
		v, err := n.Reports.Report(ctx, ada, id)
		must(t, "reading a report", err)
		return v
	}
	before := state().Report.Form

	typed := url.Values{
		"urgent": {"yes"}, "removed": {"no"}, "third_country": {"no"}, "third_country_name": {"An <authority>"}, "third_country_ref": {"case 17"},
		"details": {"message 17 was flagged"}, "extra": {"a typed remark"},
	}
	status, page := send("/amend", typed)
	if status != http.StatusUnprocessableEntity {
		t.Fatalf("answered with %d: %.300s", status, page)
	}
	for _, kept := range []string{
		`name="urgent" value="yes" checked`, `name="removed" value="no" checked`, `name="third_country" value="no" checked`,
		`name="third_country_name" value="An &lt;authority&gt;"`, `value="case 17"`, `>message 17 was flagged</textarea>`, `>a typed remark</textarea>`,
	} {
		if !strings.Contains(page, kept) {
			t.Errorf("the page does not bring back %s", kept)
		}
	}
	beside(t, page, "third_country_name", "Names an authority although the answer is not yes. Answer yes or remove the name.")
	if now := state().Report.Form; now.Awareness.Details != before.Awareness.Details || now.Urgent == nil || *now.Urgent || now.Extra != nil {
		t.Errorf("something of it was saved: %+v", now)
	}

	typed.Set("third_country", "yes")
	typed.Set("user_decision_details", "the account was closed")
	_, page = send("/amend", typed)
	beside(t, page, "user_decision_details", "Describes a decision although the answer is not yes. Answer yes or remove the details.")
	typed.Set("user_decision", "yes")
	if status, page = send("/amend", typed); status != http.StatusSeeOther {
		t.Fatalf("right answers were refused with %d: %.300s", status, page)
	}
	if now := state().Report.Form; now.ThirdCountry.Name != "An <authority>" || now.UserDecision.Details != "the account was closed" {
		t.Errorf("not everything was saved: %+v", now)
	}

	must(t, "submitting", n.Reports.Submit(ctx, ada, id))
	if status, page := send("/amend", typed); status != http.StatusConflict || strings.Contains(page, `name="details"`) {
		t.Errorf("a report on its way was answered with %d, and a form: %.300s", status, page)
	}
	n.Work(t)
	if v := state(); v.Life.State != report.Rejected {
		t.Fatalf("the report is %s, not rejected", v.Life.State)
	}
	typed.Set("details", "mended")
	_, page = send("/amend", typed)
	beside(t, page, "reason", "Is missing. Say why it goes back to draft.")
	if !strings.Contains(page, `>mended</textarea>`) || !strings.Contains(page, "this node does not know the form") {
		t.Errorf("the page of a rejected report lacks what was typed or why it was rejected: %s", page)
	}
	typed.Set("reason", "the Centre does not know the form")
	if status, page = send("/amend", typed); status != http.StatusSeeOther {
		t.Fatalf("mending was refused with %d: %.300s", status, page)
	}
	if v := state(); v.Life.State != report.Draft || v.Report.Form.Awareness.Details != "mended" {
		t.Errorf("the mended report is %s: %+v", v.Life.State, v.Report.Form.Awareness)
	}
}

var tags = regexp.MustCompile(`<[^>]*>|\s+`)

// beside fails unless a page's refusal follows the input that it is about, and
// the input names it.
func beside(t *testing.T, page, input, want string) {
	t.Helper()
	_, after, found := strings.Cut(page, `name="`+input+`"`)
	opening, _, _ := strings.Cut(after, ">")
	if !found || !strings.Contains(opening, `aria-invalid="true"`) || !strings.Contains(opening, `aria-describedby="refusal"`) || strings.Count(page, "aria-invalid") != 1 {
		t.Errorf("%s is not the one input that says it was refused: %s", input, opening)
		return
	}
	between, refusal, found := strings.Cut(after, `id="refusal"`)
	refusal, _, _ = strings.Cut(refusal, "</div>")
	_, refusal, _ = strings.Cut(refusal, ">")
	text := strings.TrimSpace(regexp.MustCompile(` +`).ReplaceAllString(tags.ReplaceAllString(refusal, " "), " "))
	if !found || strings.Contains(between, "<input") || strings.Contains(between, "<textarea") || text != want {
		t.Errorf("beside %s stands %q, want %q", input, text, want)
	}
}
