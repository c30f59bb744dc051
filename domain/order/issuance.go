package order

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/watch"
)

// Events at the side of the authorities. All but those of clocks, proofs and
// answers carry a person's recorded decision.
const (
	// Ask: investigators whom the removal could harm are asked (Asked).
	Ask EventKind = "ask-investigators"
	// NobodyToAsk: a person looked and found nobody to ask (Reason).
	NobodyToAsk EventKind = "nobody-to-ask"
	// Answered: an investigator (By) has no objection, or Objects Until a moment
	// for a Reason. It may come unasked, and may take an objection back.
	Answered EventKind = "investigator-answered"
	// Proceed: a person decides to go on despite silence or objection (Reason).
	Proceed EventKind = "proceed-despite"
	// Issue: the issuing authority's person issues the signed text (Facts), after
	// a look for holds (Check). Appeal is the time for challenging, if known.
	Issue EventKind = "issue"
	// Refuse: the issuing authority does not issue it (Reason).
	Refuse EventKind = "refuse"
	// DeliveryProven: the addressee received it (At, Receipt).
	DeliveryProven EventKind = "delivered"
	// DeliveryFailed: delivery gave up (Reason).
	DeliveryFailed EventKind = "delivery-failed"
	// CannotExecute: the addressee says why not (Answer; Receipt, when the order's
	// own receipt is not proven yet).
	CannotExecute EventKind = "cannot-execute"
	// ReasonEnded: the reason of Article 14(5) ceased to exist (At), as the
	// addressee says (Receipt) or a person finds.
	ReasonEnded EventKind = "reason-ended"
	// Clarify: a person sends the clarification (Digest).
	Clarify EventKind = "clarify"
	// ClarificationReceived: the addressee received it (At, Receipt).
	ClarificationReceived EventKind = "clarification-received"
	// ExecutionReported: the addressee says that it executed the order (Answer;
	// Receipt, when the order's own receipt is not proven yet).
	ExecutionReported EventKind = "execution-reported"
	// Looked: somebody looked whether the material is gone (Round).
	Looked EventKind = "looked"
	// FoundElsewhere: the material was found at another address (Place).
	FoundElsewhere EventKind = "found-elsewhere"
	// Resolve: a person decides that what reappeared is dealt with (Reason).
	Resolve EventKind = "resolve"
	// ExtendNonDisclosure: the issuing authority extends it (Facts).
	ExtendNonDisclosure EventKind = "extend-non-disclosure"
	// Challenge: a court (By) was seised (Reason); it may suspend the order.
	Challenge EventKind = "challenge"
	// LiftSuspension: the court lifted its suspension (At, Reason).
	LiftSuspension EventKind = "lift-suspension"
	// Confirm: the order became final (Reason: time for appeal over, or confirmed).
	Confirm EventKind = "confirm"
	// Annul: the court (By) annulled it (Reason).
	Annul EventKind = "annul"
	// Withdraw: the authority takes it back, before or after sending (Reason).
	Withdraw EventKind = "withdraw"
	// RestorationProven: the addressee says that it undid the measure (At, Receipt).
	RestorationProven EventKind = "restored"
	// RestorationRefused: the addressee says why it did not (Receipt, Reason).
	RestorationRefused EventKind = "not-restored"
	// Assess: the yearly assessment of a blocking order found that it stays
	// (Reason); otherwise withdraw it or issue one that replaces it.
	Assess EventKind = "assess"
	// Reported: a report on the measures of a blocking order came (Digest, Receipt).
	Reported EventKind = "halfway-report"
	// Reassess: a person answers whether access to an address (Place) is prevented
	// wrongly (Wrong, Reason).
	Reassess EventKind = "reassess"
	// Strike: the Clock has run out.
	Strike EventKind = "strike"
)

// Request is what a Coordinating Authority decides on when it requests an order.
type Request struct {
	// Facts of the requested text ([ReadRequest]).
	Facts    Facts  `json:"facts"`
	Person   string `json:"person"`
	Decision string `json:"decision"`
	// Consulted are the public authorities consulted on non-disclosure (Article
	// 15(4)); needed where the text has it.
	Consulted []string `json:"consulted,omitempty"`
	// Evidence says by key how each condition of the profile is met (Article 16(4)).
	Evidence map[string]string `json:"evidence,omitempty"`
	// Heard says when and how the provider was heard (Article 16(3)); needed
	// where the profile has conditions.
	Heard string `json:"heard,omitempty"`
}

// Question is one investigator who was asked, or spoke up.
type Question struct {
	Who        string    `json:"who"`
	AskedAt    time.Time `json:"asked_at,omitzero"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	Objects    bool      `json:"objects,omitempty"`
	Until      time.Time `json:"until,omitzero"`
	Reason     string    `json:"reason,omitempty"`
	// Overruled: a person decided to go on all the same.
	Overruled bool `json:"overruled,omitempty"`
}

// bars reports whether the question keeps the order from being issued.
func (q Question) bars(now time.Time) bool {
	return !q.Overruled && (q.AnsweredAt.IsZero() || (q.Objects && now.Before(q.Until)))
}

// Reassessment is the request of the provider or of a user to look again whether
// access to an address is prevented wrongly (Article 18(5)).
type Reassessment struct {
	Place string `json:"place"`
	// By is who asks; Receipt proves it where it came by message.
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Receipt string    `json:"receipt,omitempty"`
	Reason  string    `json:"reason"`
	// Answer is the decision of a person, Wrong what it says.
	Answer *Decision `json:"answer,omitempty"`
	Wrong  bool      `json:"wrong,omitempty"`
}

// Issuance is the life of one order where it is requested, issued and followed
// up.
type Issuance struct {
	Track
	Request   Request    `json:"request"`
	Requested Decision   `json:"requested"`
	Questions []Question `json:"questions,omitempty"`
	// Cleared is the decision to ask nobody, or to go on despite objections.
	Cleared *Decision `json:"cleared,omitempty"`
	Issued  *Decision `json:"issued,omitempty"`
	// Appeal is the time for challenging, counted from receipt.
	Appeal law.Period `json:"appeal,omitzero"`
	// Clarified is the clarification that was sent last.
	Clarified *Decision `json:"clarified,omitempty"`
	// Watch are the checks whether the material is gone.
	Watch *watch.Watch `json:"watch,omitempty"`
	// Elsewhere are other addresses at which the material was found.
	Elsewhere []string `json:"elsewhere,omitempty"`
	// Assessments are the yearly ones of a blocking order.
	Assessments   []Decision     `json:"assessments,omitempty"`
	Reassessments []Reassessment `json:"reassessments,omitempty"`
	// Closed is the decision of the court or authority that ended the order.
	Closed *Decision `json:"closed,omitempty"`
}

// NewIssuance takes in a request.
func NewIssuance(profile *law.OrderForm, request Request, now time.Time) (Issuance, []Effect, error) {
	facts := request.Facts
	switch {
	case request.Person == "" || request.Decision == "":
		return Issuance{}, nil, problem.InvalidField("decision", "no person's recorded decision is named", "a person has to decide; a machine cannot")
	case facts.Profile != profile.Ref() || facts.Kind != profile.Order:
		return Issuance{}, nil, problem.InvalidField("profile", fmt.Sprintf("is %s but is checked against %s", facts.Profile, profile.Ref()), "use the version that the order began under")
	case profile.Status == law.Unverified:
		return Issuance{}, nil, problem.New(problem.Denied, fmt.Sprintf("%s is not verified", profile.Ref()), "nothing is ordered under a text that nobody has read; install a verified profile")
	case !problem.IsContentAddress(facts.Digest) || len(facts.Places) == 0 || facts.ID == "":
		return Issuance{}, nil, problem.InvalidField("facts", "are not those of an order", "give the facts of its exact bytes (ReadRequest)")
	case facts.Extends != "":
		return Issuance{}, nil, problem.InvalidField("facts.extends", "is set", "a decision that extends non-disclosure belongs to the order that it extends")
	case facts.NonDisclosure != nil && len(request.Consulted) == 0:
		return Issuance{}, nil, problem.InvalidField("consulted", "is empty", "Article 15(4): non-disclosure is requested after having consulted with relevant public authorities")
	case len(profile.Conditions) > 0 && request.Heard == "":
		return Issuance{}, nil, problem.InvalidField("heard", "is missing", "Article 16(3): the provider is told of the intention and can comment")
	}
	for _, condition := range profile.Conditions {
		if strings.TrimSpace(request.Evidence[condition.Key]) == "" {
			return Issuance{}, nil, problem.InvalidField("evidence."+condition.Key, "is missing", condition.Article+": "+condition.Title)
		}
	}
	i := Issuance{
		Track:   Track{Facts: facts, Terms: profile.Terms, State: Requested, Standing: Open, Changed: now},
		Request: request, Requested: Decision{ID: request.Decision, Person: request.Person, At: now},
	}
	t := &issuing{turn: turn{clockwork{now: now, clocks: &i.Clocks}, &i.Track}, i: &i}
	t.ask("ask investigators whom the removal could harm, or record that there are none")
	t.remember("")
	return i, t.effects, nil
}

// Took is how long the addressee needed from receipt to the measure; ok is false
// while the order is not executed (Article 83(2)(f)).
func (i Issuance) Took() (length time.Duration, ok bool) {
	for _, answer := range i.Answers {
		if answer.Kind == AnswerExecution && i.Delivered != nil {
			return answer.MeasuredAt.Sub(i.Delivered.At), true
		}
	}
	return 0, false
}

// underway are the states after sending in which the order binds.
var underway = []State{Issued, Delivered, Overdue, Impossible, Clarification, Executed, Verified, Reappeared}

// NextLook is when its addresses are looked at again; zero when nobody will.
func (i Issuance) NextLook() time.Time { return nextLook(i.Watch, i.State, issuanceRules[Looked].from) }

// issuing is one Apply of an issuance under way.
type issuing struct {
	turn
	i *Issuance
}

var issuanceRules = map[EventKind]rule[*issuing]{
	Ask:                   {from: []State{Requested, Deconflicting, Deconflicted}, decides: true, apply: (*issuing).askInvestigators},
	NobodyToAsk:           {from: []State{Requested}, decides: true, reasoned: true, apply: (*issuing).nobodyToAsk},
	Answered:              {from: append([]State{Requested, Deconflicting, Deconflicted}, underway...), apply: (*issuing).answered},
	Proceed:               {from: []State{Deconflicting}, decides: true, reasoned: true, apply: (*issuing).proceed},
	Issue:                 {from: []State{Deconflicted}, decides: true, apply: (*issuing).issue},
	Refuse:                {from: []State{Requested, Deconflicting, Deconflicted}, decides: true, reasoned: true, apply: (*issuing).refuse},
	DeliveryProven:        {from: []State{Issued}, apply: (*issuing).delivered},
	DeliveryFailed:        {from: []State{Issued, Impossible, Clarification}, reasoned: true, apply: (*issuing).deliveryFailed},
	CannotExecute:         {from: []State{Issued, Delivered, Overdue, Impossible, Clarification, Reappeared, Restoring, Restored, NotRestored, Ended}, apply: (*issuing).cannotExecute},
	ReasonEnded:           {from: []State{Impossible}, apply: (*issuing).reasonEnded},
	Clarify:               {from: []State{Impossible, Clarification}, decides: true, apply: (*issuing).clarify},
	ClarificationReceived: {from: []State{Impossible, Clarification}, apply: (*issuing).clarificationReceived},
	ExecutionReported:     {from: append([]State{Restoring, Restored, NotRestored, Ended}, underway...), apply: (*issuing).executionReported},
	Looked:                {from: []State{Executed, Verified}, apply: (*issuing).looked},
	FoundElsewhere:        {from: []State{Executed, Verified, Reappeared}, apply: (*issuing).foundElsewhere},
	Resolve:               {from: []State{Reappeared}, decides: true, reasoned: true, apply: (*issuing).resolve},
	ExtendNonDisclosure:   {from: underway, decides: true, apply: (*issuing).extendNonDisclosure},
	Challenge:             {from: append([]State{Ended}, underway...), decides: true, reasoned: true, apply: (*issuing).challenged},
	LiftSuspension:        {from: underway, decides: true, reasoned: true, apply: (*issuing).liftSuspension},
	Confirm:               {from: append([]State{Ended}, underway...), decides: true, reasoned: true, apply: (*issuing).confirmed},
	Annul:                 {from: append([]State{Ended}, underway...), decides: true, reasoned: true, apply: (*issuing).annul},
	Withdraw:              {from: append([]State{Requested, Deconflicting, Deconflicted}, underway...), decides: true, reasoned: true, apply: (*issuing).withdraw},
	RestorationProven:     {from: []State{Restoring, Ended}, apply: (*issuing).restored},
	RestorationRefused:    {from: []State{Restoring, Ended}, reasoned: true, apply: (*issuing).notRestored},
	Assess:                {from: []State{Delivered, Overdue, Impossible, Clarification, Executed, Verified, Reappeared}, decides: true, reasoned: true, apply: (*issuing).assess},
	Reported:              {from: []State{Delivered, Overdue, Impossible, Clarification, Executed, Verified, Reappeared}, apply: (*issuing).reported},
	AskReassessment:       {from: underway, reasoned: true, apply: (*issuing).askReassessment},
	Reassess:              {from: append([]State{Ended}, underway...), decides: true, reasoned: true, apply: (*issuing).reassess},
}

// Apply returns the next state and what has to be done. i itself is unchanged.
// An event that does not fit is a problem of kind Conflict, one by the wrong
// person or against a hold of kind Denied, one too late of kind Expired, one
// that lacks something of kind Invalid. The strike of a clock that does not run
// or is not due changes nothing: an older strike may come late.
func (i Issuance) Apply(event Event, now time.Time) (Issuance, []Effect, error) {
	next := i
	next.Track = i.begin(now, event.Reason)
	next.Questions, next.Elsewhere = slices.Clone(i.Questions), slices.Clone(i.Elsewhere)
	next.Assessments, next.Reassessments = slices.Clone(i.Assessments), slices.Clone(i.Reassessments)
	t := &issuing{turn: turn{clockwork{event: event, now: now, clocks: &next.Clocks}, &next.Track}, i: &next}
	if event.Kind == Strike {
		if due, running := i.Clock(event.Clock); !running || now.Before(due) {
			return i, nil, nil
		}
		t.drop(event.Clock)
		t.strike()
		t.remember(i.State)
		return next, t.effects, nil
	}
	rule, known := issuanceRules[event.Kind]
	if !known {
		return i, nil, problem.InvalidField("kind", fmt.Sprintf("%q is no event of an issuance", event.Kind), "")
	}
	if err := rule.admit(i.State, event); err != nil {
		return i, nil, err
	}
	if err := rule.apply(t); err != nil {
		return i, nil, err
	}
	t.remember(i.State)
	return next, t.effects, nil
}

// remember lets no matter wait for a person without a reminder.
func (t *issuing) remember(before State) {
	lies := t.State == Requested || t.State == Deconflicted || t.State == Reappeared
	asked := len(t.i.Unanswered()) > 0 && !t.Fallen()
	t.decide(lies || asked, lies && before != t.State, t.Terms.Clocks.Decision)
}

func (t *issuing) question(who string) *Question {
	for index := range t.i.Questions {
		if t.i.Questions[index].Who == who {
			return &t.i.Questions[index]
		}
	}
	t.i.Questions = append(t.i.Questions, Question{Who: who})
	return &t.i.Questions[len(t.i.Questions)-1]
}

func (t *issuing) askInvestigators() error {
	if len(t.event.Asked) == 0 || slices.Contains(t.event.Asked, "") {
		return problem.InvalidField("asked", "names nobody", "name the investigators; if there are none, record that")
	}
	asked := unique(t.event.Asked)
	for _, who := range asked {
		if q := t.question(who); q.AskedAt.IsZero() || !q.AnsweredAt.IsZero() {
			*q = Question{Who: who, AskedAt: t.now}
		}
	}
	t.told([]string{law.ToInvestigators})
	t.emit(Effect{Kind: AskInvestigators, To: asked, Article: t.Terms.Clocks.Deconfliction.Article})
	t.set(ClockDeconfliction, t.now, t.Terms.Clocks.Deconfliction)
	t.settle()
	return nil
}

func (t *issuing) nobodyToAsk() error {
	t.i.Cleared, t.State = t.decision(), Deconflicted
	t.ask("issue the order, or refuse it")
	return nil
}

func (t *issuing) answered() error {
	switch {
	case t.event.By == "":
		return problem.InvalidField("by", "is missing", "say which investigator answered")
	case t.event.Objects && (t.event.Reason == "" || t.event.Until.IsZero()):
		return problem.InvalidField("until", "an objection lacks its reason or its end", "ask for both: nobody waits without an end")
	}
	longest := t.Terms.Clocks.Objection
	if t.event.Objects && (!t.event.Until.After(t.now) || t.event.Until.After(longest.Length.Expiry(t.now))) {
		return problem.InvalidField("until", fmt.Sprintf("has passed or is more than %s ahead", longest.Length), longest.Article+" allows no longer")
	}
	q := t.question(t.event.By)
	q.AnsweredAt, q.Objects, q.Until, q.Reason, q.Overruled = t.now, t.event.Objects, t.event.Until, t.event.Reason, false
	if !t.event.Objects {
		q.Until = time.Time{}
	}
	if slices.Contains(underway, t.State) {
		if t.event.Objects {
			t.alarm("an investigator objects to an order that was sent: a person decides whether to withdraw it")
		}
		return nil
	}
	t.settle()
	return nil
}

// settle says whether anybody still bars the order. Somebody who spoke up
// unasked bars it, and does not stand for those who have to be asked.
func (t *issuing) settle() {
	open, asked, until := false, false, time.Time{}
	for _, q := range t.i.Questions {
		asked = asked || !q.AskedAt.IsZero()
		switch {
		case !q.bars(t.now):
		case q.AnsweredAt.IsZero():
			open = true
		case until.IsZero() || q.Until.Before(until):
			until = q.Until
		}
	}
	if !open {
		t.stop(ClockDeconfliction)
	}
	if due, running := t.Clock(ClockObjection); running && !due.Equal(until) {
		t.stop(ClockObjection)
	}
	if _, running := t.Clock(ClockObjection); !until.IsZero() && !running {
		t.setAt(ClockObjection, until, t.Terms.Clocks.Objection.Article)
		t.ask("an investigator asks to wait: wait, narrow the request, or decide to go on")
	}
	switch {
	case open || !until.IsZero():
		t.State = Deconflicting
	case t.State == Deconflicting && !asked:
		t.State = Requested
	case t.State == Deconflicting:
		t.State = Deconflicted
		t.ask("issue the order, or refuse it")
	}
}

func (t *issuing) proceed() error {
	t.i.Cleared = t.decision()
	for index := range t.i.Questions {
		if q := &t.i.Questions[index]; q.bars(t.now) {
			q.Overruled = true
		}
	}
	t.emit(Effect{Kind: Tell, To: []string{law.ToInvestigators}, Reason: t.Reason, Article: t.Terms.Clocks.Deconfliction.Article})
	t.settle()
	return nil
}

func (t *issuing) issue() error {
	facts := t.event.Facts
	switch {
	case t.event.Person == t.i.Requested.Person:
		return problem.New(problem.Denied, "the same person requested the order", "a different person issues it: the requesting and the issuing authority are two (Articles 14(1) and 16(1))")
	case t.event.Decision == t.i.Requested.ID || (t.i.Cleared != nil && t.event.Decision == t.i.Cleared.ID):
		return problem.InvalidField("decision", "is a decision made before", "record a decision of its own")
	case facts == nil || !problem.IsContentAddress(facts.Digest) || len(facts.Places) == 0:
		return problem.InvalidField("facts", "are not those of an order", "give the facts of its exact bytes (ReadIssued)")
	case facts.ID != t.Facts.ID || facts.Kind != t.Facts.Kind || facts.Profile != t.Facts.Profile || facts.Extends != "":
		return problem.New(problem.Conflict, "the text is that of another order", "issue the order that was requested")
	case facts.IssuedAt.IsZero() || facts.IssuedAt.After(t.now):
		return problem.InvalidField("facts.issued_at", "is missing or in the future", "Article 14(3)(h)")
	case t.event.Appeal != (law.Period{}) && !t.event.Appeal.AddTo(t.now).After(t.now):
		return problem.InvalidField("appeal", "is no time", "")
	}
	for _, place := range facts.Places {
		if !slices.Contains(t.i.Request.Facts.Places, place) {
			return problem.New(problem.Conflict, "the text names a place that was not requested", "investigators were not asked about it: request it anew")
		}
	}
	if facts.NonDisclosure != nil && t.i.Request.Facts.NonDisclosure == nil {
		return problem.New(problem.Conflict, "the text has a non-disclosure that was not requested", "Article 15(4): the Coordinating Authority requests it")
	}
	if facts.Kind != law.OrderBlocking {
		if err := t.event.Check.Bars(hold.NoRemove, t.now); err != nil {
			return err
		}
	}
	t.Facts = *facts
	if err := t.firstSilence(); err != nil {
		return err
	}
	t.State, t.i.Issued, t.i.Appeal = Issued, t.decision(), t.event.Appeal
	t.send(law.OnIssued, DocumentOrder)
	t.count(law.OnIssued, law.KeptByAuthority)
	t.set(ClockDelivery, t.now, t.Terms.Clocks.Delivery)
	return nil
}

func (t *issuing) refuse() error {
	t.State = Refused
	t.stopAll()
	t.end()
	return nil
}

// end tells those inside who worked on an order that was never sent.
func (t *issuing) end() {
	t.i.Closed = t.decision()
	to := []string{law.ToRequester}
	if len(t.i.Questions) > 0 {
		to = append(to, law.ToInvestigators)
	}
	t.emit(Effect{Kind: Tell, To: to, Reason: t.Reason})
}

func (t *issuing) delivered() error {
	if err := t.happened(t.Facts.IssuedAt); err != nil {
		return err
	}
	if err := t.proven(); err != nil {
		return err
	}
	t.arrived(t.event.At, t.event.Receipt)
	return nil
}

// arrived starts all that counts from receipt.
func (t *issuing) arrived(at time.Time, receipt string) {
	t.stop(ClockDelivery)
	t.State = Delivered
	t.deliver(at, receipt)
	t.applies()
	if t.Facts.Applies != nil {
		t.set(ClockReview, t.Facts.Applies.From, t.Terms.Clocks.Review)
	}
	if !t.i.Appeal.IsZero() && t.Standing == Open {
		t.setAt(ClockAppeal, t.i.Appeal.Expiry(at), "Articles 15(2) and 18(2), with the time of national law")
	}
}

// arriving proves receipt by an answer that comes before any receipt did.
func (t *issuing) arriving() error {
	if t.State != Issued {
		return nil
	}
	answer := t.event.Answer
	if err := t.proven(); err != nil {
		return err
	}
	if answer.ReceivedAt.Before(t.Facts.IssuedAt.Add(-skew)) || t.ahead(answer.ReceivedAt) {
		return problem.InvalidField("answer.received_at", "is before the order was issued or in the future", "")
	}
	t.arrived(answer.ReceivedAt, t.event.Receipt)
	return nil
}

func (t *issuing) deliveryFailed() error {
	t.alarm(t.Reason)
	return nil
}

func (t *issuing) cannotExecute() error {
	if t.event.Answer == nil {
		return problem.InvalidField("answer", "is missing", "")
	}
	if t.Fallen() || t.State == Ended {
		t.late(*t.event.Answer)
		return nil
	}
	if err := t.arriving(); err != nil {
		return err
	}
	if err := t.wait(*t.event.Answer, law.KeptByAuthority); err != nil {
		return err
	}
	t.stop(ClockAnswer)
	if t.event.Answer.Impossible {
		t.set(ClockObstacle, t.now, t.Terms.Clocks.Obstacle)
	}
	if t.event.Answer.Unclear {
		t.i.Clarified = nil
		t.stop(ClockDelivery)
		t.set(ClockClarification, t.now, t.Terms.Clocks.Clarification)
		t.ask("clarify the order, or withdraw it")
	}
	return nil
}

func (t *issuing) reasonEnded() error {
	if t.event.Receipt == "" && (t.event.Person == "" || t.event.Decision == "") {
		return problem.InvalidField("receipt", "is missing", "the addressee says so, or a person finds it and records why")
	}
	if err := t.happened(t.lastAnswer()); err != nil {
		return err
	}
	t.Waits.Reason = false
	t.stop(ClockObstacle)
	if t.resume(t.event.At) {
		t.State = Delivered
	}
	return nil
}

func (t *issuing) clarify() error {
	switch {
	case !t.Waits.Clarification:
		return problem.New(problem.Conflict, "the addressee asked for no clarification", "")
	case !problem.IsContentAddress(t.event.Digest):
		return problem.InvalidField("digest", "does not name the bytes of the clarification", "give their SHA-256")
	}
	t.i.Clarified = t.decision()
	t.stop(ClockClarification)
	t.send(law.OnClarified, DocumentClarification)
	t.set(ClockDelivery, t.now, t.Terms.Clocks.Delivery)
	return nil
}

func (t *issuing) clarificationReceived() error {
	if !t.Waits.Clarification || t.i.Clarified == nil {
		return problem.New(problem.Conflict, "no clarification was sent", "")
	}
	if err := t.happened(t.i.Clarified.At); err != nil {
		return err
	}
	if err := t.proven(); err != nil {
		return err
	}
	t.Waits.Clarification = false
	t.stop(ClockDelivery)
	if t.resume(t.event.At) {
		t.State = Delivered
	}
	return nil
}

func (t *issuing) executionReported() error {
	answer := t.event.Answer
	if answer == nil {
		return problem.InvalidField("answer", "is missing", "")
	}
	if err := t.measured(*answer); err != nil {
		return err
	}
	if t.Fallen() || t.State == Executed || t.State == Verified || t.State == Ended {
		t.late(*answer)
		return nil
	}
	if err := t.arriving(); err != nil {
		return err
	}
	if t.i.Watch == nil {
		t.count(law.OnExecuted, law.KeptByAuthority)
	}
	t.Answers = append(t.Answers, *answer)
	t.Waits, t.Paused = Waits{}, false
	t.stop(ClockExecution, ClockObstacle, ClockClarification, ClockDelivery, ClockAnswer)
	t.State = Executed
	t.watchFrom(answer.MeasuredAt)
	return nil
}

// late keeps an answer that changes nothing any more: it crossed with another
// message, or it corrects an earlier answer. People are told; it is not dropped.
func (t *issuing) late(answer AnswerFacts) {
	t.Answers = append(t.Answers, answer)
	t.alarm("a further answer came, which changes no state: a person reads it")
}

func (t *issuing) watchFrom(since time.Time) {
	begun := watch.Begin(t.Terms.Watch, t.Facts.Places, since)
	t.i.Watch = &begun
	t.emit(Effect{Kind: ScheduleVerification, At: begun.Due, Article: t.Terms.Watch.Article})
}

// stubborn is after how many rounds that could not tell people are alarmed.
const stubborn = 3

func (t *issuing) looked() error {
	if t.event.Round == nil {
		return problem.InvalidField("round", "is missing", "")
	}
	next, found, err := t.i.Watch.Apply(*t.event.Round, t.now)
	if err != nil {
		return err
	}
	t.i.Watch = &next
	switch found {
	case watch.Gone:
		t.State = Verified
	case watch.Unknown:
		if next.Unknown%stubborn == 0 {
			t.alarm("it could not be told whether the material is gone: a person looks")
		}
	case watch.Present:
		t.reappeared("the material is still, or again, at its address")
		t.tell(law.OnReappeared, "the material is still, or again, at its address")
	}
	if !next.Due.IsZero() {
		t.emit(Effect{Kind: ScheduleVerification, At: next.Due, Article: t.Terms.Watch.Article})
	}
	return nil
}

func (t *issuing) reappeared(reason string) {
	t.State = Reappeared
	t.alarm(reason)
	t.ask("decide what follows: the addressee again, a new order, or a notice")
}

func (t *issuing) foundElsewhere() error {
	if t.event.Place == "" || slices.Contains(t.Facts.Places, t.event.Place) {
		return problem.InvalidField("place", "is missing or is an address of the order itself", "give the other address; the order's own are looked at in rounds")
	}
	if !slices.Contains(t.i.Elsewhere, t.event.Place) {
		t.i.Elsewhere = append(t.i.Elsewhere, t.event.Place)
	}
	t.reappeared("the material was found at another address, which this order does not name")
	return nil
}

func (t *issuing) resolve() error {
	t.State = Executed
	t.watchFrom(t.now)
	return nil
}

func (t *issuing) extendNonDisclosure() error {
	if t.event.Person == t.i.Requested.Person {
		return problem.New(problem.Denied, "the same person requested the order", "Article 15(4): the issuing authority decides on an extension")
	}
	if err := t.extend(); err != nil {
		return err
	}
	t.send(law.OnNonDisclosure, DocumentNonDisclosure)
	return nil
}

func (t *issuing) challenged() error {
	if err := t.challenge(); err != nil {
		return err
	}
	if t.Suspended {
		t.emit(Effect{Kind: Tell, To: []string{law.ToProvider, law.ToRequester}, Reason: t.Reason})
	}
	return nil
}

func (t *issuing) liftSuspension() error {
	if !t.Suspended {
		return problem.New(problem.Conflict, "no court has suspended the order", "")
	}
	if err := t.happened(t.Facts.IssuedAt); err != nil {
		return err
	}
	t.lift(t.event.At)
	t.emit(Effect{Kind: Tell, To: []string{law.ToProvider, law.ToRequester}, Reason: t.Reason})
	return nil
}

func (t *issuing) confirmed() error {
	if err := t.confirm(); err != nil {
		return err
	}
	t.send(law.OnFinal, DocumentOrder)
	return nil
}

func (t *issuing) annul() error {
	if t.event.By == "" {
		return problem.InvalidField("by", "is missing", "name the court")
	}
	t.i.Closed = t.decision()
	return t.undo(Annulled, law.OnAnnulled)
}

func (t *issuing) withdraw() error {
	if t.i.Issued == nil {
		t.State = Withdrawn
		t.stopAll()
		t.end()
		return nil
	}
	t.i.Closed = t.decision()
	return t.undo(Revoked, law.OnWithdrawn)
}

func (t *issuing) restored() error {
	var since time.Time
	if t.State == Ended {
		since = t.Facts.Applies.Until
	} else {
		since = t.i.Closed.At
	}
	if err := t.happened(since); err != nil {
		return err
	}
	if err := t.proven(); err != nil {
		return err
	}
	t.close(Restored)
	t.tell(law.OnRestored, "the addressee undid the measure")
	return nil
}

// close ends the case; an order that has ended stays so, and may be challenged.
func (t *issuing) close(state State) {
	if t.State == Ended {
		t.stop(ClockRestoration)
		return
	}
	t.State = state
	t.stopAll()
}

func (t *issuing) notRestored() error {
	if err := t.proven(); err != nil {
		return err
	}
	t.close(NotRestored)
	t.alarm("the addressee did not undo the measure: " + t.Reason)
	t.tell(law.OnRestored, "the addressee did not undo the measure: "+t.Reason)
	return nil
}

func (t *issuing) assess() error {
	if t.Facts.Applies == nil {
		return problem.New(problem.Conflict, "the order applies for no period", "only a blocking order is assessed every year")
	}
	t.i.Assessments = append(t.i.Assessments, *t.decision())
	t.set(ClockReview, t.now, t.Terms.Clocks.Review)
	return nil
}

func (t *issuing) reported() error {
	if err := t.report(); err != nil {
		return err
	}
	if err := t.proven(); err != nil {
		return err
	}
	t.ask("the addressee reported on its measures: read the report")
	return nil
}

// Unanswered are the requests to look again that nobody answered yet.
func (i Issuance) Unanswered() (open []Reassessment) {
	for _, asked := range i.Reassessments {
		if asked.Answer == nil {
			open = append(open, asked)
		}
	}
	return open
}

// maxUnanswered is how many requests to look again may wait; the value of an order
// is read and written as a whole.
const maxUnanswered = 100

func (t *issuing) askReassessment() error {
	if err := t.blocked(); err != nil {
		return err
	}
	switch {
	case t.event.By == "":
		return problem.InvalidField("by", "is missing", "say who asks")
	case t.event.Receipt == "" && (t.event.Person == "" || t.event.Decision == ""):
		return problem.InvalidField("receipt", "is missing", "name the message that asks, or the person who took it in")
	case len(t.i.Unanswered()) >= maxUnanswered:
		return problem.New(problem.Conflict, "too many requests wait for an answer", "the authority answers those first")
	}
	t.i.Reassessments = append(t.i.Reassessments, Reassessment{Place: t.event.Place, By: t.event.By, At: t.now, Receipt: t.event.Receipt, Reason: t.Reason})
	t.ask("assess whether access to an address is prevented wrongly, and answer (Article 18(5))")
	return nil
}

// reassess answers all who asked about the address.
func (t *issuing) reassess() error {
	answered := false
	for index := range t.i.Reassessments {
		if asked := &t.i.Reassessments[index]; asked.Place == t.event.Place && asked.Answer == nil {
			asked.Answer, asked.Wrong, answered = t.decision(), t.event.Wrong, true
		}
	}
	if !answered {
		return problem.New(problem.Conflict, "nobody asked about this address, or it is answered", "")
	}
	said := "access is not prevented wrongly to "
	if t.event.Wrong {
		said = "access is prevented wrongly to "
		t.ask("an address is blocked wrongly: withdraw the order, or issue one that replaces it (Article 18(5))")
	}
	t.tell(law.OnReassessed, said+t.event.Place+": "+t.Reason)
	return nil
}

// strike is what follows when a clock has run out.
func (t *issuing) strike() {
	clocks := t.Terms.Clocks
	switch t.event.Clock {
	case ClockDeconfliction:
		var silent []string
		for _, q := range t.i.Questions {
			if q.AnsweredAt.IsZero() && !q.Overruled {
				silent = append(silent, q.Who)
			}
		}
		t.remind(ClockDeconfliction, clocks.Deconfliction, "no answer from "+strings.Join(silent, ", ")+": ask again, or decide to go on")
	case ClockObjection:
		t.settle()
	case ClockDelivery:
		t.remind(ClockDelivery, clocks.Delivery, "no receipt has come: reach the addressee another way")
	case ClockExecution:
		t.State = Overdue
		t.Lapses = append(t.Lapses, t.now)
		t.alarm("the time for execution has passed")
		t.tell(law.OnOverdue, "the time for execution has passed without an answer")
		t.set(ClockAnswer, t.now, clocks.Answer)
	case ClockAnswer:
		t.remind(ClockAnswer, clocks.Answer, "the order is still not executed, and nobody has said why")
	case ClockObstacle:
		t.remind(ClockObstacle, clocks.Obstacle, "ask the addressee whether the reason still exists")
	case ClockClarification:
		t.remind(ClockClarification, clocks.Clarification, "the addressee waits for a clarification")
	case ClockDecision:
		reason := "nobody has decided on an order that is " + string(t.State)
		if len(t.i.Unanswered()) > 0 {
			reason = "nobody has answered whether an address is blocked wrongly"
		}
		t.remind(ClockDecision, clocks.Decision, reason)
	case ClockRestoration:
		t.remind(ClockRestoration, clocks.Restoration, "the addressee has not confirmed that it undid the measure")
	case ClockAppeal:
		t.ask("the time for challenging is over: record whether the order is final (Articles 15(2) and 18(2))")
	case ClockReview:
		t.alarm("assess whether the conditions are still met (" + clocks.Review.Article + ")")
		t.set(ClockReview, t.now, clocks.Obstacle)
	case ClockReport:
		t.alarm("the report that was due halfway has not come (" + clocks.ReportOver.Article + ")")
		t.set(ClockReport, t.now, clocks.Obstacle)
	case ClockEnd:
		t.State = Ended
		t.stopAll(ClockAppeal)
		if t.i.Watch != nil {
			t.set(ClockRestoration, t.now, clocks.Restoration)
		}
		t.tell(law.OnEnded, "the period of application is over")
	}
}
