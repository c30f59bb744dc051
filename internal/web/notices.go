package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/notices"
	"github.com/brdoproject/brdo/internal/desk/orders"
)

func (v *visit) notices() *notices.Desk { return v.s.options.Desks.Notices }

func showNotices(v *visit) error {
	overview, err := v.notices().Overview(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.show(noticesPage(v.frame("notices.title", "/notices"), overview, v.actor, v.takeDone()))
}

// openingForm is the form of a new case: what it holds and, when it was not
// taken, why.
type openingForm struct {
	notices.Opening
	// Places are the items as they are typed: an address in each line, and after a
	// space the SHA-256 where it is known.
	Places  string
	Refused *problem.Error
}

func newNotice(v *visit) error {
	return v.openNotice(openingForm{Opening: notices.Opening{From: v.r.URL.Query().Get("from")}}, http.StatusOK)
}

func (v *visit) openNotice(form openingForm, status int) error {
	blank, err := v.notices().Prepare(v.r.Context(), v.actor, form.From)
	if err != nil {
		return err
	}
	if form.Refused == nil {
		form.Found = blank.Opening.Found
		var places []string
		for _, item := range blank.Opening.Items {
			places = append(places, strings.TrimSpace(item.URL+" "+item.SHA256))
		}
		form.Places = strings.Join(places, "\n")
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	return v.show(openingPage(v.frame("voluntary.new", "/notices"), blank, form))
}

// items reads the items of a form: an address in each line, with its SHA-256
// after a space.
func items(text string) (all []order.Item) {
	for line := range strings.Lines(text) {
		address, sum, _ := strings.Cut(strings.TrimSpace(line), " ")
		if address != "" {
			all = append(all, order.Item{URL: address, SHA256: strings.ToLower(strings.TrimSpace(sum))})
		}
	}
	return all
}

func openNotice(v *visit) error {
	form := openingForm{Places: v.field("places")}
	form.Opening = notices.Opening{
		From: v.field("from"), Reference: v.field("reference"), Ground: v.field("ground"), Request: v.field("request"), Known: v.field("known"), Found: v.field("found"),
		Items: items(form.Places),
	}
	id, err := v.notices().Open(v.r.Context(), v.actor, form.Opening)
	if problem.Is(err, problem.Invalid) {
		form.Refused = problem.From(err)
		return v.openNotice(form, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	return v.done("/"+pathOf(id), "voluntary.done")
}

func (v *visit) noticeID() string { return "notice/" + v.r.PathValue("id") }

// letterForm is the form of a notice that is sent: what it holds and, when it was
// not taken, why.
type letterForm struct {
	notices.Letter
	Refused *problem.Error
}

func showNotice(v *visit) error {
	view, err := v.notices().Notice(v.r.Context(), v.actor, v.noticeID())
	if err != nil {
		return err
	}
	form := letterForm{Letter: notices.Letter{Reasons: lastReasons(view)}}
	if view.Case != nil {
		form.LegalBasis = basisOf(view.Form, view.Case.Opening.Sender)
	}
	return v.show(noticePage(v.frame("voluntary.one", "/notices"), view, form, v.actor, v.takeDone()))
}

// sendNotice shows a letter that was not taken as it was typed.
func sendNotice(v *visit) error {
	form := letterForm{Letter: notices.Letter{
		Node: v.field("node"), Name: v.field("name"), Contact: v.field("contact"), Reasons: v.field("reasons"), LegalBasis: v.field("legal_basis"),
	}}
	err := v.notices().Send(v.r.Context(), v.actor, v.noticeID(), form.Letter)
	if !problem.Is(err, problem.Invalid) {
		if err != nil {
			return err
		}
		return v.done("/"+pathOf(v.noticeID()), "voluntary.done")
	}
	form.Refused = problem.From(err)
	view, err := v.notices().Notice(v.r.Context(), v.actor, v.noticeID())
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(http.StatusUnprocessableEntity)
	return v.show(noticePage(v.frame("voluntary.one", "/notices"), view, form, v.actor, ""))
}

func (v *visit) noticePaper() (notices.Paper, error) {
	return v.notices().Document(v.r.Context(), v.actor, v.noticeID(), "document/"+v.r.PathValue("document"))
}

func showNoticePaper(v *visit) error {
	paper, err := v.noticePaper()
	if err != nil {
		return err
	}
	return v.show(paperPage(v.frame("order.paper", "/notices"), paper.Row.ID, paper.Document.ID, paper.Form))
}

func printNoticePaper(v *visit) error {
	paper, err := v.noticePaper()
	if err != nil {
		return err
	}
	return v.printed(paper.Form, paper.Document.At, "notice")
}

// noticeSteps are what people do with a notice beside sending one, by the last
// part of the path.
var noticeSteps = map[string]func(v *visit, id string) error{
	"next": func(v *visit, id string) error { return v.notices().NextRung(v.r.Context(), v.actor, id, v.reason()) },
	"undeliverable": func(v *visit, id string) error {
		return v.notices().Undeliverable(v.r.Context(), v.actor, id, v.reason())
	},
	"withdraw": func(v *visit, id string) error { return v.notices().Withdraw(v.r.Context(), v.actor, id, v.reason()) },
	"resolve":  func(v *visit, id string) error { return v.notices().Resolve(v.r.Context(), v.actor, id, v.reason()) },
	"close":    func(v *visit, id string) error { return v.notices().Close(v.r.Context(), v.actor, id, v.reason()) },
	"refused": func(v *visit, id string) error {
		return v.notices().Refused(v.r.Context(), v.actor, id, v.field("proof"), v.reason())
	},
	"delivered": func(v *visit, id string) error {
		at, err := v.moment("at")
		if err != nil {
			return err
		}
		return v.notices().Delivered(v.r.Context(), v.actor, id, at, v.field("proof"))
	},
	"removed": func(v *visit, id string) error {
		at, err := v.moment("at")
		if err != nil {
			return err
		}
		return v.notices().Removed(v.r.Context(), v.actor, id, at, v.field("proof"))
	},
	"look": func(v *visit, id string) error { return v.notices().Looked(v.r.Context(), v.actor, id, v.checks()) },
	"elsewhere": func(v *visit, id string) error {
		return v.notices().FoundElsewhere(v.r.Context(), v.actor, id, v.field("place"))
	},

	"accept":  func(v *visit, id string) error { return v.notices().Accept(v.r.Context(), v.actor, id) },
	"decline": func(v *visit, id string) error { return v.notices().Decline(v.r.Context(), v.actor, id, v.reason()) },
	"carried": func(v *visit, id string) error {
		at, err := v.moment("at")
		if err != nil {
			return err
		}
		return v.notices().CarriedOut(v.r.Context(), v.actor, id, at)
	},
}

func stepNotice(v *visit) error {
	if v.r.PathValue("step") == "send" {
		return sendNotice(v)
	}
	step, known := noticeSteps[v.r.PathValue("step")]
	if !known {
		return problem.New(problem.NotFound, "there is no such step", "go back to the notice")
	}
	if err := step(v, v.noticeID()); err != nil {
		return err
	}
	return v.done("/"+pathOf(v.noticeID()), "voluntary.done")
}

// sends says whether the page offers to send notices; the policy decides.
func sends(p page, actor mandate.Actor) bool {
	switch mandate.OrganisationKind(p.Node.Kind) {
	case mandate.Centre, mandate.Hotline:
		return executes(actor)
	case mandate.Authority:
		return requests(actor) || issues(actor)
	}
	return false
}

// noticeIn reports whether a notice is in one of some states.
func noticeIn(v notices.View, states ...order.State) bool {
	return slices.Contains(states, order.State(v.Row.State))
}

// rungTitle is what the profile calls a step of the ladder.
func rungTitle(form *law.NoticeForm, key string) string {
	for _, rung := range form.Ladder {
		if rung.Key == key {
			return rung.Title
		}
	}
	return key
}

// basisOf is what the law says of a sender. The profile says "Own rule" where no
// law does.
func basisOf(form *law.NoticeForm, key string) string {
	for _, sender := range form.Senders {
		if sender.Key == key && !strings.HasPrefix(sender.Article, "Own rule") {
			return sender.Article
		}
	}
	return ""
}

// holdForm is the form of a hold, or of an extension: what it holds and, when it
// was not taken, why.
type holdForm struct {
	orders.HoldRequest
	// Extended is the id of the hold that is extended; empty for a new one.
	Extended string
	Date     string
	Refused  *problem.Error
}

func showHolds(v *visit) error {
	return v.holds(holdForm{HoldRequest: orders.HoldRequest{Subject: v.r.URL.Query().Get("subject")}}, http.StatusOK)
}

func (v *visit) holds(form holdForm, status int) error {
	all, now, err := v.orders().Holds(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	done := v.takeDone()
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	return v.show(holdsPage(v.frame("holds.title", "/holds"), all, now, form, v.actor, done))
}

func recordHold(v *visit) error {
	form := holdForm{HoldRequest: orders.HoldRequest{
		Kind: hold.Kind(v.field("kind")), Subject: v.field("subject"), Requester: v.field("requester"), LegalBasis: v.field("legal_basis"), Reason: v.reason(),
	}}
	return v.takeHold(form, func(until time.Time) error {
		form.Until = until
		_, err := v.orders().RecordHold(v.r.Context(), v.actor, form.HoldRequest)
		return err
	})
}

func extendHold(v *visit) error {
	form := holdForm{Extended: "hold/" + v.r.PathValue("id"), HoldRequest: orders.HoldRequest{LegalBasis: v.field("legal_basis"), Reason: v.reason()}}
	return v.takeHold(form, func(until time.Time) error {
		return v.orders().ExtendHold(v.r.Context(), v.actor, form.Extended, orders.Extension{LegalBasis: form.LegalBasis, Reason: form.Reason, Until: until})
	})
}

// takeHold records what a form says, or shows it as it was typed.
func (v *visit) takeHold(form holdForm, record func(until time.Time) error) error {
	form.Date = v.field("until")
	until, err := time.Parse(time.DateOnly, form.Date)
	if err != nil {
		err = problem.InvalidField("until", "is no date", "write it as 2026-12-31: a hold has an end")
	} else {
		err = record(until)
	}
	if problem.Is(err, problem.Invalid) {
		form.Refused = problem.From(err)
		return v.holds(form, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	return v.done("/holds", "hold.done")
}

func releaseHold(v *visit) error {
	if err := v.orders().ReleaseHold(v.r.Context(), v.actor, "hold/"+v.r.PathValue("id"), v.field("by"), v.reason()); err != nil {
		return err
	}
	return v.done("/holds", "hold.done")
}
