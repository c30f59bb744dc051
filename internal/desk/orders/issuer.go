package orders

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/referral"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

// Draft is what a person fills in to request an order.
type Draft struct {
	// Kind is what is ordered; empty means a removal.
	Kind law.OrderKind
	// From is the report (the id of its referral) that the order follows from; may
	// be empty. The address of the service and the digests that it names are taken
	// where Items is empty.
	From string
	// Provider is the node of the addressee.
	Provider string
	// LegalRep, ContactPoint and Service say more of the addressee; Languages are
	// those that it declared.
	LegalRep, ContactPoint, Service string
	Languages                       []string
	// Issuing names the authority that is asked to issue, with its details.
	Issuing, IssuingDetails string
	Reference               string
	Items                   []order.Item
	Elements                []string
	// SilentWeeks asks for non-disclosure of so many weeks, from issuing on; then
	// Consulted names the public authorities that were consulted.
	SilentWeeks int
	Consulted   []string
	// Blocking stands in a blocking order in place of Items and Elements. Evidence
	// says by its key how each condition of the form is met (Article 16(4)), Heard
	// when and how the provider was heard (Article 16(3)).
	Blocking order.Blocking
	Evidence map[string]string
	Heard    string
	// Replaces is the order that a blocking order modifies (Article 16(7)); may be
	// empty.
	Replaces string
	Reasons  string
	Redress  order.Redress
}

// Request asks that an order is issued, and returns its id.
//
// Errors: Invalid with the field that the form or the law asks for; NotFound for
// a provider or report that is not known; Conflict for a report that this
// authority has not claimed.
func (d *Desk) Request(ctx context.Context, actor mandate.Actor, draft Draft) (id string, err error) {
	act := ledger.Act{Actor: actor, Action: mandate.OrderRequest, Purpose: mandate.PurposeRemoval}
	err = d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		id = store.NewID("order")
		tx.Concerns(id)
		form, err := d.formOf(draft.Kind)
		if err != nil {
			return err
		}
		o, pdq, err := d.draft(tx, id, form, draft)
		if err != nil {
			return err
		}
		text, err := o.Marshal()
		if err != nil {
			return err
		}
		_, facts, err := order.ReadRequest(text, form)
		if err != nil {
			return err
		}
		value, effects, err := order.NewIssuance(form, order.Request{
			Facts: facts, Person: actor.ID, Decision: tx.EventID(), Consulted: draft.Consulted, Evidence: draft.Evidence, Heard: draft.Heard,
		}, tx.Now)
		if err != nil {
			return err
		}
		row := store.OrderRow{
			ID: id, Side: store.OrderIssued, Kind: string(form.Order), Source: d.options.Post.Self().NodeID, Name: id, Provider: draft.Provider, Reference: o.Reference,
			About: draft.From, Author: actor.ID, CreatedAt: tx.Now,
		}
		if err := d.insert(tx, row, value, value.Track, o, pdq); err != nil {
			return err
		}
		return d.carryOut(tx, row, deed{kind: DocumentRequest, text: text}, effects)
	})
	return id, err
}

// formOf is the form of new orders of a kind.
//
// Errors: Invalid for a kind that this node does not issue.
func (d *Desk) formOf(kind law.OrderKind) (*law.OrderForm, error) {
	profile, known := d.options.Profiles[cmp.Or(kind, law.OrderRemoval)]
	if !known {
		return nil, problem.InvalidField("kind", "this node issues no such orders", "order a removal, a blocking or a delisting")
	}
	return d.options.Law.LatestOrderForm(profile)
}

// insert writes a new order with its items.
func (d *Desk) insert(tx *ledger.Tx, row store.OrderRow, value any, track order.Track, o order.Order, pdq map[string]string) error {
	if err := put(tx, &row, value, track); err != nil {
		return err
	}
	if err := tx.InsertOrder(row); err != nil {
		return err
	}
	tx.Note("order", row.ID)
	if o.Material == nil {
		return nil
	}
	for position, item := range o.Material.Items {
		if err := tx.InsertOrderItem(store.OrderItem{OrderID: row.ID, Position: position, URL: item.URL, SHA256: item.SHA256, PDQ: pdq[item.SHA256]}); err != nil {
			return err
		}
	}
	return nil
}

// draft writes the text of a request. pdq holds the perceptual digests of its
// items by their SHA-256, as far as the report has them.
func (d *Desk) draft(tx *ledger.Tx, id string, form *law.OrderForm, draft Draft) (o order.Order, pdq map[string]string, err error) {
	provider, err := d.options.Post.Find(tx, draft.Provider)
	if err != nil {
		return o, nil, err
	}
	if provider.Organisation != mandate.Provider {
		return o, nil, problem.InvalidField("addressee", "it is no provider", "orders bind providers")
	}
	self := d.options.Post.Self()
	o = order.Order{
		ID: id, Profile: form.Ref(), Kind: form.Order, Language: form.Language, LegalBasis: form.LegalBasis, Reference: draft.Reference,
		Requesting: order.Authority{Name: self.Title, Contact: d.options.Self.ContactInfo, Country: self.Country},
		Issuing:    order.Authority{Name: draft.Issuing, Details: draft.IssuingDetails, Country: self.Country},
		Addressee: order.Addressee{
			Name: provider.Title, LegalRep: draft.LegalRep, ContactPoint: draft.ContactPoint, Service: draft.Service, Country: provider.Country, Languages: draft.Languages,
		},
		Replaces: draft.Replaces, Reasons: draft.Reasons, Redress: draft.Redress,
	}
	if form.Order == law.OrderBlocking {
		o.Blocking = &draft.Blocking
		if err := d.checkBlocking(tx, form, draft); err != nil {
			return o, nil, err
		}
	} else {
		o.Material = &order.Material{Items: draft.Items, Elements: draft.Elements}
		if draft.Replaces != "" {
			return o, nil, problem.InvalidField("replaces", "only a blocking order is modified", "withdraw the other one and leave this out")
		}
	}
	if draft.SilentWeeks > 0 && o.Material != nil {
		o.Material.NonDisclosure = &order.Period{From: tx.Now, Until: law.Period{Weeks: draft.SilentWeeks}.AddTo(tx.Now)}
	}
	if draft.From == "" {
		return o, nil, nil
	}
	row, r, err := claimed(tx, draft.From)
	if err != nil {
		return o, nil, err
	}
	pdq = map[string]string{}
	for _, file := range r.Control.Files {
		pdq[file.Item] = file.Hashes["pdq"]
		if o.Material != nil && len(draft.Items) == 0 {
			o.Material.Items = append(o.Material.Items, order.Item{URL: r.Form.Service.URL, SHA256: file.Item})
		}
	}
	tx.Note("report", row.ID)
	return o, pdq, nil
}

// maxText is the longest text of a person that is kept about an order, in bytes.
const maxText = 64 << 10

// checkBlocking checks what a blocking order has beside its text.
func (d *Desk) checkBlocking(tx *ledger.Tx, form *law.OrderForm, draft Draft) error {
	if draft.SilentWeeks > 0 {
		return problem.InvalidField("weeks", "non-disclosure is not foreseen for this kind of order", "leave it out")
	}
	if err := problem.TooLong("heard", draft.Heard, maxText); err != nil {
		return err
	}
	for key, evidence := range draft.Evidence {
		if !slices.ContainsFunc(form.Conditions, func(c law.Choice) bool { return c.Key == key }) {
			return problem.InvalidField("evidence", "it is for no condition of the form", "leave it out")
		}
		if err := problem.TooLong("evidence."+key, evidence, maxText); err != nil {
			return err
		}
	}
	if draft.Replaces == "" {
		return nil
	}
	old, err := tx.Order(draft.Replaces)
	if err != nil {
		return err
	}
	if old.Side != store.OrderIssued || old.Kind != string(form.Order) || old.Provider != draft.Provider {
		return problem.InvalidField("replaces", "it is no order of that kind to that provider", "name the order that is modified")
	}
	return nil
}

// claimed returns a report that this authority has claimed.
func claimed(tx *ledger.Tx, id string) (row store.ReferralRow, r report.Report, err error) {
	if row, err = tx.Referral(id); err != nil {
		return row, r, err
	}
	if row.Standing != string(referral.StandingClaimed) {
		return row, r, problem.New(problem.Conflict, "this authority has not claimed the report", "claim it first")
	}
	var offer struct {
		Report json.RawMessage `json:"report"`
	}
	if err := json.Unmarshal(row.Offer, &offer); err != nil {
		return row, r, fmt.Errorf("reading the offer of %s: %w", id, err)
	}
	r, err = report.Parse(offer.Report)
	return row, r, err
}

// heldOn looks for holds on what an order names, in the transaction of the act.
func heldOn(tx *ledger.Tx, id string) (hold.Check, error) {
	items, err := tx.OrderItems(id)
	if err != nil {
		return hold.Check{}, err
	}
	var subjects []string
	for _, item := range items {
		subjects = append(subjects, item.URL, item.SHA256)
	}
	return tx.LookForHolds(tx.Now, subjects...)
}

// Issue signs the order that was requested, by another person, and sends it.
//
// Errors: Denied to whoever requested it, and while a hold is in force; Conflict
// while others who were asked have not answered.
func (d *Desk) Issue(ctx context.Context, actor mandate.Actor, id string, appeal law.Period) error {
	return d.do(ctx, actor, mandate.OrderIssue, id, func(tx *ledger.Tx, row store.OrderRow) error {
		o, form, err := d.text(tx, row, DocumentRequest)
		if err != nil {
			return err
		}
		if o.Material != nil && o.Material.NonDisclosure != nil {
			// It is asked for from issuing on, however long that took.
			silence := o.Material.NonDisclosure
			o.Material.NonDisclosure = &order.Period{From: tx.Now, Until: tx.Now.Add(silence.Until.Sub(silence.From))}
		}
		does, err := d.sign(tx, o, form, DocumentOrder)
		if err != nil {
			return err
		}
		check, err := heldOn(tx, row.ID)
		if err != nil {
			return err
		}
		does.event.Kind, does.event.Check, does.event.Appeal = order.Issue, check, appeal
		if o.Replaces != "" {
			if err := tx.Ask(o.Replaces, "an order that replaces it was issued ("+id+"): withdraw it"); err != nil {
				return err
			}
		}
		return d.decided(tx, row, actor, does)
	})
}

// sign writes an order as the issuing authority's and signs its exact bytes.
func (d *Desk) sign(tx *ledger.Tx, o order.Order, form *law.OrderForm, kind string) (deed, error) {
	o.IssuedAt, o.Timestamp, o.Signature = tx.Now, order.Timestamp{At: tx.Now}, signature(d.options.Post.Self())
	text, err := o.Marshal()
	if err != nil {
		return deed{}, err
	}
	_, facts, err := order.ReadIssued(text, form)
	if err != nil {
		return deed{}, err
	}
	signed, err := d.options.Post.Sign(signedOrder, text)
	return deed{event: order.Event{Facts: &facts}, kind: kind, text: text, signed: signed}, err
}

// text returns the latest document of a kind that is an order, and its form.
func (d *Desk) text(tx *ledger.Tx, row store.OrderRow, kind string) (o order.Order, form *law.OrderForm, err error) {
	document, err := latest(tx, row.ID, kind)
	if err != nil {
		return o, nil, err
	}
	if o, err = order.Parse(document.Text); err != nil {
		return o, nil, err
	}
	form, err = d.options.Law.OrderForm(o.Profile)
	return o, form, err
}

func latest(tx *ledger.Tx, id, kind string) (found store.OrderDocument, err error) {
	all, err := tx.OrderDocuments(id)
	for _, document := range all {
		if document.Kind == kind {
			found = document
		}
	}
	if err == nil && found.ID == "" {
		err = store.NotFound(kind+" of", id)
	}
	return found, err
}

// Refuse does not issue an order, with a reason.
func (d *Desk) Refuse(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.OrderIssue, id, order.Event{Kind: order.Refuse, Reason: reason})
}

// ExtendNonDisclosure extends the time in which the provider tells nobody, once
// and by no more than the law allows (Article 15(4)).
//
// Errors: Denied for a further extension, Expired after the period has ended.
func (d *Desk) ExtendNonDisclosure(ctx context.Context, actor mandate.Actor, id string, weeks int, reasons string) error {
	return d.do(ctx, actor, mandate.OrderIssue, id, func(tx *ledger.Tx, row store.OrderRow) error {
		o, form, err := d.text(tx, row, DocumentOrder)
		if err != nil {
			return err
		}
		value, err := read[order.Issuance](row)
		if err != nil {
			return err
		}
		until := value.SilentUntil()
		if until.IsZero() {
			return problem.New(problem.Conflict, "the order has no non-disclosure that could be extended", "Article 15(4): it is set when the order is issued")
		}
		o.ID, o.Extends, o.Reasons = store.NewID("order"), row.Name, reasons
		o.Material.NonDisclosure = &order.Period{From: until, Until: law.Period{Weeks: weeks}.AddTo(until)}
		does, err := d.sign(tx, o, form, DocumentNonDisclosure)
		if err != nil {
			return err
		}
		does.event.Kind = order.ExtendNonDisclosure
		return d.decided(tx, row, actor, does)
	})
}

// Clarify sends the clarification that the addressee asked for (Article 14(6)).
func (d *Desk) Clarify(ctx context.Context, actor mandate.Actor, id, text string) error {
	return d.do(ctx, actor, mandate.OrderFollow, id, func(tx *ledger.Tx, row store.OrderRow) error {
		does, err := d.state(tx, row, DocumentClarification, signedClarification, text)
		if err != nil {
			return err
		}
		does.event.Kind = order.Clarify
		return d.decided(tx, row, actor, does)
	})
}

// Assess records the yearly assessment that an order stays (Article 16(7)).
func (d *Desk) Assess(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.OrderFollow, id, order.Event{Kind: order.Assess, Reason: reason})
}

// AskReassessment records that a user asks whether access to an address is
// prevented wrongly; at a provider it asks the authority (Article 18(5)). The
// reason names no person.
func (d *Desk) AskReassessment(ctx context.Context, actor mandate.Actor, id, place, reason string) error {
	action := mandate.OrderFollow
	if d.options.Ledger.NodeKind() == mandate.Provider {
		action = mandate.OrderAnswer
	}
	return d.decide(ctx, actor, action, id, order.Event{Kind: order.AskReassessment, By: "a user", Place: place, Reason: reason})
}

// Reassess answers all who asked about an address; what is blocked wrongly asks
// for another order, or for none.
func (d *Desk) Reassess(ctx context.Context, actor mandate.Actor, id, place string, wrong bool, reason string) error {
	return d.decide(ctx, actor, mandate.OrderFollow, id, order.Event{Kind: order.Reassess, Place: place, Wrong: wrong, Reason: reason})
}

// Challenge records that a court was seised; the court may suspend the order.
func (d *Desk) Challenge(ctx context.Context, actor mandate.Actor, id, court, reason string, suspends bool) error {
	return d.decide(ctx, actor, mandate.OrderFollow, id, order.Event{Kind: order.Challenge, By: court, Reason: reason, Suspends: suspends})
}

// LiftSuspension records that the court lifted its suspension.
func (d *Desk) LiftSuspension(ctx context.Context, actor mandate.Actor, id string, at time.Time, reason string) error {
	return d.decide(ctx, actor, mandate.OrderFollow, id, order.Event{Kind: order.LiftSuspension, At: at, Reason: reason})
}

// Confirm records that the order is final, and sends it to the other authorities
// (Article 15(2)).
func (d *Desk) Confirm(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.do(ctx, actor, mandate.OrderFollow, id, func(tx *ledger.Tx, row store.OrderRow) error {
		document, err := latest(tx, row.ID, DocumentOrder)
		if err != nil {
			return err
		}
		return d.decided(tx, row, actor, deed{event: order.Event{Kind: order.Confirm, Reason: reason}, signed: document.Signed})
	})
}

// Annul records that a court annulled the order: all who have it are told until
// they have receipted.
func (d *Desk) Annul(ctx context.Context, actor mandate.Actor, id, court, reason string) error {
	return d.decide(ctx, actor, mandate.OrderFollow, id, order.Event{Kind: order.Annul, By: court, Reason: reason})
}

// Withdraw takes an order back, before or after it was sent.
func (d *Desk) Withdraw(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.OrderFollow, id, order.Event{Kind: order.Withdraw, Reason: reason})
}

// Resolve records that what reappeared is dealt with.
func (d *Desk) Resolve(ctx context.Context, actor mandate.Actor, id, reason string) error {
	return d.decide(ctx, actor, mandate.OrderFollow, id, order.Event{Kind: order.Resolve, Reason: reason})
}

// receipted takes note of receipts of what was sent about an order: the time for
// execution runs from the proven receipt (Article 14(4)).
func (d *Desk) receipted(tx *ledger.Tx, sent store.EnvelopeOut, receipt peer.Receipt) error {
	if receipt.Status != peer.Received && receipt.Status != peer.Rejected {
		return nil
	}
	row, err := tx.Order(sent.Subject)
	if err != nil {
		return err
	}
	envelope, err := peer.Parse(sent.Body)
	if err != nil {
		return err
	}
	event := order.Event{At: receipt.At, Receipt: sent.ID}
	switch {
	case receipt.Status == peer.Rejected && sent.Recipient == row.Provider && row.State == string(order.Issued):
		event = order.Event{Kind: order.DeliveryFailed, Reason: "the addressee refused it: " + receipt.Reason}
	case receipt.Status == peer.Rejected:
		return tx.Alarm(row.ID, "what was sent was refused: "+receipt.Reason)
	case sent.Recipient != row.Provider:
		return nil
	case envelope.Type == "eu.brdo.order."+DocumentOrder+".v1":
		event.Kind = order.DeliveryProven
	case envelope.Type == "eu.brdo.order."+DocumentClarification+".v1":
		event.Kind = order.ClarificationReceived
	default:
		return nil
	}
	err = d.apply(tx, row, deed{event: event})
	if problem.Is(err, problem.Conflict) {
		return nil // an answer crossed with the receipt, and proved the same
	}
	return err
}

// takeAnswer takes in what the addressee says.
func (d *Desk) takeAnswer(tx *ledger.Tx, from peer.Node, envelope peer.Opened) error {
	reply, err := opened[Reply](envelope.Message)
	if err != nil {
		return err
	}
	row, err := d.known(tx, from, reply.Order)
	if err != nil {
		return err
	}
	tx.Note("order", row.ID)
	event := order.Event{At: reply.At, Receipt: envelope.ID, Reason: reply.Reason}
	switch reply.Says {
	case DocumentNonExecution, DocumentExecution:
		return d.takeForm(tx, from, row, reply, envelope)
	case string(order.ReasonEnded), string(order.RestorationProven), string(order.RestorationRefused):
		event.Kind = order.EventKind(reply.Says)
	case string(order.CarriedOut):
		return d.takeMeasure(tx, row, reply, envelope)
	case DocumentReport:
		return d.takeReport(tx, from, row, reply, envelope)
	case string(order.AskReassessment):
		if err := problem.TooLong("message.reason", reply.Reason, problem.MaxReason); err != nil {
			return err
		}
		event.Kind, event.By, event.Place = order.AskReassessment, from.Title, reply.Place
	case saysSeenAgain:
		if d.options.Ledger.NodeKind() == mandate.Authority && row.Side == store.OrderIssued {
			return d.seenAgain(tx, row, reply)
		}
		return problem.InvalidField("message.says", "it is for the authority that issued the order", "send it there")
	default:
		return problem.InvalidField("message.says", "it is no answer that this node knows", "see docs/orders.md")
	}
	return d.apply(tx, row, deed{event: event})
}

// takeForm takes in an answer in the form of an annex.
func (d *Desk) takeForm(tx *ledger.Tx, from peer.Node, row store.OrderRow, reply Reply, envelope peer.Opened) error {
	text, err := from.OpenStatement(signedAnswer, reply.Signed)
	if err != nil {
		return err
	}
	facts, err := factsOf(row)
	if err != nil {
		return err
	}
	form, err := d.options.Law.OrderForm(facts.Profile)
	if err != nil {
		return err
	}
	_, answer, err := order.ReadAnswer(text, form, facts)
	if err != nil {
		return err
	}
	if string(answer.Kind) != reply.Says {
		return problem.InvalidField("message.says", "the form says something else", "")
	}
	kind := order.CannotExecute
	if answer.Kind == order.AnswerExecution {
		kind = order.ExecutionReported
	}
	if err := keep(tx, row.ID, reply.Says, text, reply.Signed, envelope.ID); err != nil {
		return err
	}
	return d.apply(tx, row, deed{event: order.Event{Kind: kind, Answer: &answer, Receipt: envelope.ID}})
}

// takeMeasure takes in that an order was executed for which no form of that
// answer is printed. It was received by then at the latest.
func (d *Desk) takeMeasure(tx *ledger.Tx, row store.OrderRow, reply Reply, envelope peer.Opened) error {
	_, form, err := d.text(tx, row, DocumentOrder)
	if err != nil {
		return err
	}
	if !form.HasMeasure(reply.Measure) {
		return problem.InvalidField("message.measure", "it is no box of the form", "")
	}
	answer := order.AnswerFacts{Kind: order.AnswerExecution, Measure: reply.Measure, MeasuredAt: reply.At, ReceivedAt: reply.At, At: tx.Now}
	return d.apply(tx, row, deed{event: order.Event{Kind: order.ExecutionReported, Answer: &answer, Receipt: envelope.ID}})
}

// takeReport takes in a report on the measures (Article 18(6)).
func (d *Desk) takeReport(tx *ledger.Tx, from peer.Node, row store.OrderRow, reply Reply, envelope peer.Opened) error {
	text, err := from.OpenStatement(signedReport, reply.Signed)
	if err != nil {
		return err
	}
	facts, err := factsOf(row)
	if err != nil {
		return err
	}
	said, err := opened[Statement](text)
	if err != nil {
		return err
	}
	if said.Order != row.Name || said.Digest != facts.Digest {
		return problem.InvalidField("message.signed", "it is about another order, or another text of it", "report on the order that was received")
	}
	if err := checkStatement(said.Text); err != nil {
		return err
	}
	if err := keep(tx, row.ID, DocumentReport, text, reply.Signed, envelope.ID); err != nil {
		return err
	}
	return d.apply(tx, row, deed{event: order.Event{Kind: order.Reported, Digest: order.Digest(text), Receipt: envelope.ID}})
}

// known returns the order that a provider answers, by the authority's name of
// it. A provider speaks only about orders that bind it.
func (d *Desk) known(tx *ledger.Tx, from peer.Node, name string) (store.OrderRow, error) {
	rows, err := tx.OrdersNamed(name)
	if err != nil {
		return store.OrderRow{}, err
	}
	for _, row := range rows {
		if row.Provider == from.NodeID {
			return row, nil
		}
	}
	return store.OrderRow{}, problem.InvalidField("message.order", "no order of that name binds this provider", "name the order that was received")
}

func factsOf(row store.OrderRow) (order.Facts, error) {
	value, err := read[struct {
		Facts order.Facts `json:"facts"`
	}](row)
	return value.Facts, err
}
