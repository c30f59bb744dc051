package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/form"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/watch"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/print"
	"github.com/brdoproject/brdo/internal/store"
)

func (v *visit) orders() *orders.Desk { return v.s.options.Desks.Orders }

// field is a field of the form without spaces around it.
func (v *visit) field(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }

func showOrders(v *visit) error {
	overview, err := v.orders().Overview(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.show(ordersPage(v.frame("orders.title", "/orders"), overview, v.actor, v.takeDone()))
}

// drafting is the form of a request: what it holds and, when it was not taken,
// why.
type drafting struct {
	orders.Draft
	URL, SHA256, Identification string
	Refused                     *problem.Error
}

func newOrder(v *visit) error {
	asked := v.r.URL.Query()
	draft := orders.Draft{Kind: law.OrderKind(asked.Get("kind")), From: asked.Get("from"), Replaces: asked.Get("replaces")}
	return v.draft(drafting{Draft: draft}, http.StatusOK)
}

func (v *visit) draft(form drafting, status int) error {
	blank, err := v.orders().Prepare(v.r.Context(), v.actor, form.Draft)
	if err != nil {
		return err
	}
	if form.Refused == nil {
		form.Draft = blank.Draft
		if len(blank.Items) > 0 {
			form.URL, form.SHA256 = blank.Items[0].URL, blank.Items[0].SHA256
		}
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	return v.show(draftPage(v.frame("order.any", "/orders"), blank, form))
}

func requestOrder(v *visit) error {
	weeks, wrong := v.number("weeks")
	form := drafting{
		Draft: orders.Draft{
			Kind: law.OrderKind(v.field("kind")), From: v.field("from"), Provider: v.field("provider"), ContactPoint: v.field("contact_point"), LegalRep: v.field("legal_rep"), Service: v.field("service"),
			Languages: []string{"en"}, Issuing: v.field("issuing"), Reference: v.field("reference"), Elements: v.r.PostForm["element"], SilentWeeks: weeks,
			Consulted: lines(v.field("consulted")), Reasons: v.field("reasons"),
			Redress: order.Redress{Court: v.field("court"), TimePeriods: v.field("time_periods"), Law: v.field("law")},
		},
		URL: v.field("url"), SHA256: v.field("sha256"), Identification: v.field("identification"),
	}
	id, err := "", wrong
	if form.Kind == law.OrderBlocking {
		if late := v.blocking(&form.Draft); err == nil {
			err = late
		}
	} else {
		form.Items = []order.Item{{URL: form.URL, SHA256: form.SHA256, Identification: form.Identification}}
	}
	if err == nil {
		id, err = v.orders().Request(v.r.Context(), v.actor, form.Draft)
	}
	if problem.Is(err, problem.Invalid) {
		form.Refused = problem.From(err)
		return v.draft(form, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	return v.done("/"+pathOf(id), "order.done")
}

// blocking reads what a blocking order has in place of items.
func (v *visit) blocking(d *orders.Draft) (err error) {
	d.Replaces, d.Heard, d.Evidence = v.field("replaces"), v.field("heard"), map[string]string{}
	for name := range v.r.PostForm {
		if key, is := strings.CutPrefix(name, "evidence."); is {
			d.Evidence[key] = v.field(name)
		}
	}
	d.Blocking = order.Blocking{
		List:       order.List{Reference: v.field("list"), SHA256: v.field("sha256"), URLs: strings.Fields(v.field("urls"))},
		Safeguards: v.field("safeguards"), Reporting: v.field("reporting"),
	}
	for name, at := range map[string]*time.Time{"applies": &d.Blocking.Period.From, "until": &d.Blocking.Period.Until} {
		day, wrong := time.Parse(time.DateOnly, v.field(name))
		if wrong != nil {
			err = problem.InvalidField(name, "is no date", "write it as 2026-12-31")
		}
		*at = day
	}
	return err
}

// dayOf is a day in a field of a form; empty while none is given.
func dayOf(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return day(at)
}

func (v *visit) orderID() string { return "order/" + v.r.PathValue("id") }

func showOrder(v *visit) error {
	view, err := v.orders().Order(v.r.Context(), v.actor, v.orderID())
	if err != nil {
		return err
	}
	return v.show(orderPage(v.frame("order.one", "/orders"), view, v.actor, v.takeDone()))
}

// paper returns the document that the request names.
func (v *visit) paper() (orders.Paper, error) {
	return v.orders().Document(v.r.Context(), v.actor, v.orderID(), "document/"+v.r.PathValue("document"))
}

func showPaper(v *visit) error {
	paper, err := v.paper()
	if err != nil {
		return err
	}
	return v.show(paperPage(v.frame("order.paper", "/orders"), paper.Row.ID, paper.Document.ID, paper.Form))
}

// paperPath is the page of a document about an order or a notice.
func paperPath(subject, document string) string {
	return "/" + pathOf(subject) + "/documents/" + strings.TrimPrefix(document, "document/")
}

// placeName is how a page names what is looked at: an address, or the digest of a
// list that is blocked.
func placeName(place string, blocks bool) string {
	if blocks {
		return "SHA-256 " + short(place)
	}
	return place
}

// watched is what a page says of addresses that are looked at.
type watched struct {
	seen      []store.PlaceSeen
	looks     []store.PlaceLook
	next, now time.Time
	byMachine bool
	// blocks: it is not whether something is gone, but whether access is prevented.
	blocks bool
}

func printPaper(v *visit) error {
	paper, err := v.paper()
	if err != nil {
		return err
	}
	return v.printed(paper.Form, paper.Document.At, paper.Document.Kind)
}

// printed answers with a form as tagged PDF.
func (v *visit) printed(paper form.Form, at time.Time, name string) error {
	file, err := print.PDF(paper, at)
	if err != nil {
		return err
	}
	return v.pdf(name, file)
}

// pdf answers with a print.
func (v *visit) pdf(name string, file []byte) error {
	v.w.Header().Set("Content-Type", "application/pdf")
	v.w.Header().Set("Content-Disposition", `inline; filename="`+name+`.pdf"`)
	_, err := v.w.Write(file)
	return err
}

// number reads a whole number of the form that is not negative; empty is 0.
func (v *visit) number(name string) (int, error) {
	text := v.field(name)
	if text == "" {
		return 0, nil
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < 0 {
		return 0, problem.InvalidField(name, "is no whole number", "write it in digits, for example 6, or leave it empty")
	}
	return value, nil
}

// moment reads a date and time of the form, in UTC; empty is now.
func (v *visit) moment(name string) (time.Time, error) {
	text := v.field(name)
	if text == "" {
		return v.s.options.Ledger.Now(), nil
	}
	at, err := time.Parse("2006-01-02T15:04", text)
	if err != nil {
		return at, problem.InvalidField(name, "is no date and time", "write it as 2026-12-31T17:30, in UTC")
	}
	return at, nil
}

// orderSteps are what people do with an order, by the last part of the path.
var orderSteps = map[string]func(v *visit, id string) error{
	"ask": func(v *visit, id string) error {
		return v.orders().Ask(v.r.Context(), v.actor, id, v.r.PostForm["asked"])
	},
	"nobody":   func(v *visit, id string) error { return v.orders().NobodyToAsk(v.r.Context(), v.actor, id, v.reason()) },
	"proceed":  func(v *visit, id string) error { return v.orders().Proceed(v.r.Context(), v.actor, id, v.reason()) },
	"refuse":   func(v *visit, id string) error { return v.orders().Refuse(v.r.Context(), v.actor, id, v.reason()) },
	"clarify":  func(v *visit, id string) error { return v.orders().Clarify(v.r.Context(), v.actor, id, v.reason()) },
	"confirm":  func(v *visit, id string) error { return v.orders().Confirm(v.r.Context(), v.actor, id, v.reason()) },
	"withdraw": func(v *visit, id string) error { return v.orders().Withdraw(v.r.Context(), v.actor, id, v.reason()) },
	"resolve":  func(v *visit, id string) error { return v.orders().Resolve(v.r.Context(), v.actor, id, v.reason()) },
	"assess":   func(v *visit, id string) error { return v.orders().Assess(v.r.Context(), v.actor, id, v.reason()) },
	"report":   func(v *visit, id string) error { return v.orders().Report(v.r.Context(), v.actor, id, v.reason()) },
	"ask-reassessment": func(v *visit, id string) error {
		return v.orders().AskReassessment(v.r.Context(), v.actor, id, v.field("place"), v.reason())
	},
	"reassess": func(v *visit, id string) error {
		wrong := v.field("wrong")
		if wrong != "yes" && wrong != "no" {
			return problem.InvalidField("wrong", "is missing", "say whether it is blocked wrongly")
		}
		return v.orders().Reassess(v.r.Context(), v.actor, id, v.field("place"), wrong == "yes", v.reason())
	},
	"issue": func(v *visit, id string) error {
		days, err := v.number("appeal")
		if err != nil {
			return err
		}
		return v.orders().Issue(v.r.Context(), v.actor, id, law.Period{Days: days})
	},
	"extend": func(v *visit, id string) error {
		weeks, err := v.number("weeks")
		if err != nil {
			return err
		}
		return v.orders().ExtendNonDisclosure(v.r.Context(), v.actor, id, weeks, v.reason())
	},
	"annul": func(v *visit, id string) error {
		return v.orders().Annul(v.r.Context(), v.actor, id, v.field("court"), v.reason())
	},
	"challenge": func(v *visit, id string) error {
		return v.orders().Challenge(v.r.Context(), v.actor, id, v.field("court"), v.reason(), v.field("suspends") != "")
	},
	"lift": func(v *visit, id string) error {
		return v.orders().LiftSuspension(v.r.Context(), v.actor, id, v.s.options.Ledger.Now(), v.reason())
	},
	"look": func(v *visit, id string) error { return v.orders().Looked(v.r.Context(), v.actor, id, v.checks()) },
	"elsewhere": func(v *visit, id string) error {
		return v.orders().FoundElsewhere(v.r.Context(), v.actor, id, v.field("place"))
	},

	"tell-upload": func(v *visit, id string) error {
		return v.orders().TellUpload(v.r.Context(), v.actor, id, v.field("upload"))
	},
	"leave-upload": func(v *visit, id string) error {
		return v.orders().LeaveUpload(v.r.Context(), v.actor, id, v.field("upload"), v.reason())
	},

	"accept": func(v *visit, id string) error { return v.orders().Accept(v.r.Context(), v.actor, id, "") },
	"decline": func(v *visit, id string) error {
		return v.orders().Decline(v.r.Context(), v.actor, id, v.r.PostForm["ground"], v.reason())
	},
	"answer":   func(v *visit, id string) error { return v.orders().SendAnswer(v.r.Context(), v.actor, id) },
	"informed": func(v *visit, id string) error { return v.orders().UserInformed(v.r.Context(), v.actor, id) },
	"nobody-to-inform": func(v *visit, id string) error {
		return v.orders().NobodyToInform(v.r.Context(), v.actor, id, v.reason())
	},
	"copy": func(v *visit, id string) error { return v.orders().CopyAsked(v.r.Context(), v.actor, id) },
	"keep": func(v *visit, id string) error { return v.orders().Keep(v.r.Context(), v.actor, id, v.reason()) },
	"ended": func(v *visit, id string) error {
		at, err := v.moment("at")
		if err != nil {
			return err
		}
		return v.orders().ReasonEnded(v.r.Context(), v.actor, id, at)
	},
	"carried": func(v *visit, id string) error {
		at, err := v.moment("at")
		if err != nil {
			return err
		}
		return v.orders().CarriedOut(v.r.Context(), v.actor, id, v.field("measure"), at)
	},
	"undo": func(v *visit, id string) error {
		at, err := v.moment("at")
		if err != nil {
			return err
		}
		return v.orders().Undo(v.r.Context(), v.actor, id, at)
	},
}

// checks are what a person found at each place, in the order of the page.
func (v *visit) checks() (checks []watch.Check) {
	for i, place := range v.r.PostForm["place"] {
		checks = append(checks, watch.Check{Place: place, Finding: watch.Finding(v.field(fmt.Sprintf("finding.%d", i))), Reason: v.reason()})
	}
	return checks
}

func stepOrder(v *visit) error {
	step, known := orderSteps[v.r.PathValue("step")]
	if !known {
		return problem.New(problem.NotFound, "there is no such step", "go back to the order")
	}
	if err := step(v, v.orderID()); err != nil {
		return err
	}
	return v.done("/"+pathOf(v.orderID()), "order.done")
}

func answerQuestion(v *visit) error {
	until, err := time.Time{}, error(nil)
	if v.field("until") != "" {
		if until, err = time.Parse(time.DateOnly, v.field("until")); err != nil {
			return problem.InvalidField("until", "is no date", "write it as 2026-12-31")
		}
	}
	if err := v.orders().AnswerQuestion(v.r.Context(), v.actor, "deconfliction/"+v.r.PathValue("id"), v.field("objects") == "yes", until, v.reason()); err != nil {
		return err
	}
	return v.done("/orders", "order.done")
}

// inState reports whether an order is in one of some states.
func inState(v orders.View, states ...order.State) bool {
	return slices.Contains(states, v.Track().State)
}

// requests and issues say what the page offers to a person; the policy decides.
func requests(actor mandate.Actor) bool { return actor.Has(mandate.Investigator) }
func issues(actor mandate.Actor) bool   { return actor.Has(mandate.Supervisor) }
func executes(actor mandate.Actor) bool {
	return actor.Has(mandate.Analyst) || actor.Has(mandate.Supervisor)
}
