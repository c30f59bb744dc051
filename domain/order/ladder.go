package order

import (
	"fmt"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/watch"
)

// States of a case of voluntary notices, beside Executed, Verified and
// Reappeared.
const (
	// Ready: a person may send the notice to the rung.
	Ready State = "ready"
	// Sending: handed to delivery, not yet proven.
	Sending State = "sending"
	// Waiting: the addressee has it, and the time of the rung runs.
	Waiting State = "waiting"
	// Undecided: refused, unanswered or undeliverable; a person sends it again or
	// decides on the next rung.
	Undecided State = "undecided"
	// Barred: an authority asked that no notice is sent.
	Barred State = "barred"
	// Exhausted: no rung is left; a person decides what else can be done.
	Exhausted State = "exhausted"
	// Closed: a person ended the case; final.
	Closed State = "closed"
)

// Events of a case of voluntary notices, beside DeliveryProven, DeliveryFailed,
// Looked, FoundElsewhere, Resolve and Strike.
const (
	// SendNotice: a person sends the text (Notice) after a look for holds (Check).
	SendNotice EventKind = "send-notice"
	// RemovalReported: the addressee (Receipt) or a person says that the material
	// was removed (At). It and the next, and what is said of a delivery, name the
	// notice that they are about (Digest); without it they are about the last.
	RemovalReported EventKind = "removal-reported"
	// Unwilling: the addressee will not remove it (Receipt, Reason).
	Unwilling EventKind = "unwilling"
	// NextRung: a person decides to go on to the next rung (Reason).
	NextRung EventKind = "next-rung"
	// Bar: an authority asks that no notice is sent Until a moment (Reason). The
	// hold itself is kept by package hold.
	Bar EventKind = "bar"
	// Unbar: the hold was released early (Reason).
	Unbar EventKind = "unbar"
	// Close: a person ends the case (Reason).
	Close EventKind = "close"
)

// NoticeTerms is what the life of a notice needs of its profile; a case keeps a
// copy.
type NoticeTerms struct {
	Ladder    []law.Rung     `json:"ladder"`
	Watch     law.WatchTerms `json:"watch"`
	Decision  law.Clock      `json:"decision"`
	Delivery  law.Clock      `json:"delivery"`
	Exhausted law.Rule       `json:"exhausted"`
}

// NoticeOpening is what a person decides on when a case of notices is opened.
type NoticeOpening struct {
	ID string `json:"id"`
	// Sender is a kind of sender of the profile.
	Sender string `json:"sender"`
	// Ground is a ground of the profile, Request the recorded request of the
	// victim or authority.
	Ground  string `json:"ground"`
	Request string `json:"request"`
	// Known names the assessment or indicator by which the material is known;
	// Found the search or report by which it was found at its places.
	Known    string   `json:"known"`
	Found    string   `json:"found"`
	Places   []string `json:"places"`
	Person   string   `json:"person"`
	Decision string   `json:"decision"`
}

// AnswerRemoved is the answer of an addressee who removed the material.
const AnswerRemoved = "removed"

// SentNotice is one notice that was sent.
type SentNotice struct {
	Notice    NoticeFacts `json:"notice"`
	Decision  Decision    `json:"decision"`
	Delivered *Proof      `json:"delivered,omitempty"`
	// Answer is what the addressee said, in words; empty for silence.
	Answer string `json:"answer,omitempty"`
}

// NoticeCase is the life of voluntary notices about one finding, up the ladder.
type NoticeCase struct {
	Opening NoticeOpening `json:"opening"`
	Profile law.Ref       `json:"profile"`
	Terms   NoticeTerms   `json:"terms"`
	State   State         `json:"state"`
	// Resumes is the state after a bar.
	Resumes State `json:"resumes,omitempty"`
	// Rung is the step of the ladder, from 0.
	Rung      int          `json:"rung"`
	Sent      []SentNotice `json:"sent,omitempty"`
	Clocks    []Running    `json:"clocks,omitempty"`
	Watch     *watch.Watch `json:"watch,omitempty"`
	Elsewhere []string     `json:"elsewhere,omitempty"`
	Closed    *Decision    `json:"closed,omitempty"`
	// Withdrawn is the decision to take back every notice that was sent.
	Withdrawn *Decision `json:"withdrawn,omitempty"`
	// Outcome is the state in which the case was closed: what became of it.
	Outcome State     `json:"outcome,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Changed time.Time `json:"changed"`
}

// OpenNotice opens a case. Without a recorded ground that the profile gives to
// this sender there is none: nobody searches and notifies of its own will
// (Article 49(1)).
func OpenNotice(profile *law.NoticeForm, opening NoticeOpening, now time.Time) (NoticeCase, []Effect, error) {
	ground, known := profile.Ground(opening.Ground)
	switch {
	case opening.Person == "" || opening.Decision == "":
		return NoticeCase{}, nil, problem.InvalidField("decision", "no person's recorded decision is named", "a person has to decide; a machine cannot")
	case !known:
		return NoticeCase{}, nil, problem.New(problem.Denied, fmt.Sprintf("%q is no ground on which a notice may be sent", opening.Ground), "Article 49(1): a search needs the request of a victim or of an authority")
	case !slices.Contains(ground.Senders, opening.Sender):
		return NoticeCase{}, nil, problem.New(problem.Denied, fmt.Sprintf("a sender of kind %q cannot rely on the ground %s", opening.Sender, opening.Ground), ground.Article)
	case opening.Request == "":
		return NoticeCase{}, nil, problem.InvalidField("request", "is missing", ground.Article+": name the recorded request of the victim or authority")
	case opening.Known == "" || opening.Found == "":
		return NoticeCase{}, nil, problem.InvalidField("known", "it is not said by what the material is known, or how it was found there", profile.Scope.Article+": notices are about known material, after a search")
	case opening.ID == "" || len(opening.Places) == 0 || slices.Contains(opening.Places, ""):
		return NoticeCase{}, nil, problem.InvalidField("places", "the case or its places are not named", "")
	}
	c := NoticeCase{
		Opening: opening, Profile: profile.Ref(), State: Ready, Changed: now,
		Terms: NoticeTerms{Ladder: profile.Ladder, Watch: profile.Watch, Decision: profile.Decision, Delivery: profile.Delivery, Exhausted: profile.Exhausted},
	}
	t := &noticing{clockwork: clockwork{now: now, clocks: &c.Clocks}, c: &c}
	t.ask("send the notice to: " + profile.Ladder[0].Title)
	t.remember("")
	return c, t.effects, nil
}

// Clock returns when a clock runs out; ok is false when it does not run.
func (c NoticeCase) Clock(id ClockID) (due time.Time, ok bool) { return clockOf(c.Clocks, id) }

// CurrentRung is the step of the ladder on which the case stands.
func (c NoticeCase) CurrentRung() law.Rung { return c.Terms.Ladder[c.Rung] }

// noticing is one Apply of a case of notices under way.
type noticing struct {
	clockwork
	c *NoticeCase
}

var (
	climbing    = []State{Ready, Sending, Waiting, Undecided}
	noticeRules = map[EventKind]rule[*noticing]{
		SendNotice:      {from: []State{Ready, Undecided}, decides: true, apply: (*noticing).send},
		DeliveryProven:  {from: append([]State{Barred, Exhausted}, climbing...), apply: (*noticing).delivered},
		DeliveryFailed:  {from: append([]State{Barred, Exhausted}, climbing...), reasoned: true, apply: (*noticing).deliveryFailed},
		RemovalReported: {from: append([]State{Barred, Exhausted, Reappeared}, climbing...), apply: (*noticing).removed},
		Unwilling:       {from: []State{Ready, Waiting, Undecided, Barred, Exhausted}, reasoned: true, apply: (*noticing).unwilling},
		NextRung:        {from: []State{Ready, Undecided}, decides: true, reasoned: true, apply: (*noticing).nextRung},
		Bar:             {from: append([]State{Barred}, climbing...), reasoned: true, apply: (*noticing).bar},
		Unbar:           {from: []State{Barred}, reasoned: true, apply: (*noticing).unbar},
		Looked:          {from: []State{Ready, Waiting, Undecided, Exhausted, Executed, Verified}, apply: (*noticing).looked},
		FoundElsewhere:  {from: []State{Ready, Waiting, Undecided, Exhausted, Executed, Verified, Reappeared}, apply: (*noticing).foundElsewhere},
		Resolve:         {from: []State{Reappeared}, decides: true, reasoned: true, apply: (*noticing).resolve},
		Withdraw:        {from: append([]State{Barred, Exhausted, Executed, Verified, Reappeared, Closed}, climbing...), decides: true, reasoned: true, apply: (*noticing).withdraw},
		Close:           {from: append([]State{Barred, Exhausted, Executed, Verified, Reappeared}, climbing...), decides: true, reasoned: true, apply: (*noticing).close},
	}
)

// Apply returns the next state and what has to be done. c itself is unchanged.
// Problems are as with [Issuance.Apply].
func (c NoticeCase) Apply(event Event, now time.Time) (NoticeCase, []Effect, error) {
	next := c
	next.Clocks, next.Sent, next.Elsewhere = slices.Clone(c.Clocks), slices.Clone(c.Sent), slices.Clone(c.Elsewhere)
	next.Changed, next.Reason = now, event.Reason
	t := &noticing{clockwork: clockwork{event: event, now: now, clocks: &next.Clocks}, c: &next}
	if event.Kind == Strike {
		if due, running := c.Clock(event.Clock); !running || now.Before(due) {
			return c, nil, nil
		}
		t.drop(event.Clock)
		t.strike()
		t.remember(c.State)
		return next, t.effects, nil
	}
	rule, known := noticeRules[event.Kind]
	if !known {
		return c, nil, problem.InvalidField("kind", fmt.Sprintf("%q is no event of a notice", event.Kind), "")
	}
	if err := rule.admit(c.State, event); err != nil {
		return c, nil, err
	}
	if err := rule.apply(t); err != nil {
		return c, nil, err
	}
	t.remember(c.State)
	return next, t.effects, nil
}

// remember lets no matter wait for a person without a reminder.
func (t *noticing) remember(before State) {
	state := t.c.State
	lies := state == Ready || state == Undecided || state == Exhausted || state == Reappeared
	t.decide(lies, before != state, t.c.Terms.Decision)
}

// Watched reports whether people can say what they found at its addresses.
func (c NoticeCase) Watched() bool {
	return c.Watch != nil && slices.Contains(noticeRules[Looked].from, c.State)
}

// NextLook is when its addresses are looked at again; zero when nobody will.
func (c NoticeCase) NextLook() time.Time { return nextLook(c.Watch, c.State, noticeRules[Looked].from) }

// meant is the notice that the event is about, and whether it was sent last. An
// addressee may answer after the case has gone on to the next rung.
func (t *noticing) meant() (sent *SentNotice, last bool, err error) {
	for index := len(t.c.Sent) - 1; index >= 0; index-- {
		if found := &t.c.Sent[index]; t.event.Digest == "" || found.Notice.Digest == t.event.Digest {
			return found, index == len(t.c.Sent)-1, nil
		}
	}
	return nil, false, problem.New(problem.Conflict, "no such notice was sent", "")
}

func (t *noticing) send() error {
	facts := t.event.Notice
	switch {
	case facts == nil || !problem.IsContentAddress(facts.Digest):
		return problem.InvalidField("notice", "is no notice", "give the facts of its exact bytes (ReadNotice)")
	case facts.Profile != t.c.Profile || facts.Sender != t.c.Opening.Sender:
		return problem.New(problem.Conflict, "the text is of another profile or sender than the case", "")
	case facts.Rung != t.c.CurrentRung().Key:
		return problem.New(problem.Conflict, fmt.Sprintf("the text is for the rung %s, the case stands at %s", facts.Rung, t.c.CurrentRung().Key), "")
	case len(facts.Places) == 0 || slices.ContainsFunc(facts.Places, func(place string) bool { return !slices.Contains(t.c.Opening.Places, place) }):
		return problem.New(problem.Conflict, "the text names a place that the case is not about", "open a case for it: each finding has its own ground")
	}
	// Whoever holds that the material stays does not ask for its removal.
	for _, kind := range []hold.Kind{hold.NoNotice, hold.NoRemove} {
		if err := t.event.Check.Bars(kind, t.now); err != nil {
			return err
		}
	}
	t.c.Sent = append(t.c.Sent, SentNotice{Notice: *facts, Decision: *t.decision()})
	t.c.State = Sending
	t.stop(ClockRung)
	rung := t.c.CurrentRung()
	t.emit(Effect{Kind: Send, To: []string{rung.Key}, Document: DocumentNotice, Article: rung.Article})
	t.set(ClockDelivery, t.now, t.c.Terms.Delivery)
	return nil
}

func (t *noticing) delivered() error {
	sent, last, err := t.meant()
	switch {
	case err != nil:
		return err
	case sent.Delivered != nil:
		return problem.New(problem.Conflict, "it was delivered already", "")
	}
	if err := t.happened(sent.Decision.At); err != nil {
		return err
	}
	if err := t.proven(); err != nil {
		return err
	}
	sent.Delivered = &Proof{At: t.event.At, Receipt: t.event.Receipt}
	switch {
	case !last || (t.c.State != Sending && t.c.State != Barred):
		t.ask("a notice arrived late: " + sent.Notice.Rung)
		return nil
	case t.c.State == Barred:
		t.stop(ClockDelivery)
		t.c.Resumes = Undecided
		return nil
	}
	t.stop(ClockDelivery)
	t.c.State = Waiting
	t.set(ClockRung, t.event.At, t.c.CurrentRung().Wait)
	t.watchFrom(t.event.At)
	return nil
}

func (t *noticing) deliveryFailed() error {
	sent, last, err := t.meant()
	if err != nil {
		return err
	}
	sent.Delivered = nil // what was recorded as sent may come back
	t.alarm(t.c.Reason)
	if !last {
		return nil
	}
	t.stop(ClockDelivery, ClockRung)
	switch t.c.State {
	case Barred:
		t.c.Resumes = Undecided
	case Sending, Waiting:
		t.undecided("the notice could not be delivered")
		t.watchOn()
	}
	return nil
}

func (t *noticing) undecided(reason string) {
	t.c.State = Undecided
	t.ask(reason + ": decide whether to go on to the next rung")
}

func (t *noticing) watchFrom(since time.Time) {
	begun := watch.Begin(t.c.Terms.Watch, t.c.Opening.Places, since)
	t.c.Watch = &begun
	t.emit(Effect{Kind: ScheduleVerification, At: begun.Due, Article: t.c.Terms.Watch.Article})
}

// watchOn lets a watch go on that was not looked at for a while.
func (t *noticing) watchOn() {
	if t.c.Watch == nil || t.c.Watch.Due.IsZero() {
		return
	}
	due := t.c.Watch.Due
	if due.Before(t.now) {
		due = t.now
	}
	t.emit(Effect{Kind: ScheduleVerification, At: due, Article: t.c.Terms.Watch.Article})
}

func (t *noticing) removed() error {
	if t.event.Receipt == "" && (t.event.Person == "" || t.event.Decision == "") {
		return problem.InvalidField("receipt", "is missing", "name the message that says so, or the decision of a person here")
	}
	sent, _, err := t.meant()
	if err != nil {
		return err
	}
	if err := t.happened(t.c.Sent[0].Decision.At); err != nil {
		return err
	}
	sent.Answer = AnswerRemoved
	t.stopAll()
	t.c.State, t.c.Resumes = Executed, ""
	t.watchFrom(t.event.At)
	return nil
}

func (t *noticing) unwilling() error {
	if err := t.proven(); err != nil {
		return err
	}
	sent, last, err := t.meant()
	if err != nil {
		return err
	}
	sent.Answer = t.c.Reason
	switch {
	case last && t.c.State == Barred:
		t.stop(ClockDelivery)
		t.c.Resumes = Undecided
	case last && (t.c.State == Waiting || t.c.State == Undecided):
		t.stop(ClockRung)
		t.undecided("the addressee will not remove the material")
	default:
		t.ask("an addressee asked before will not remove the material: " + sent.Notice.Rung)
	}
	return nil
}

func (t *noticing) nextRung() error {
	t.stop(ClockRung)
	t.watchOn()
	if t.c.Rung+1 == len(t.c.Terms.Ladder) {
		t.c.State = Exhausted
		t.emit(Effect{Kind: AskPerson, Reason: t.c.Terms.Exhausted.Text, Article: t.c.Terms.Exhausted.Article})
		return nil
	}
	t.c.Rung++
	t.c.State = Ready
	rung := t.c.CurrentRung()
	t.emit(Effect{Kind: AskPerson, Reason: "send the notice to: " + rung.Title, Article: rung.Article})
	return nil
}

func (t *noticing) bar() error {
	if !t.event.Until.After(t.now) {
		return problem.InvalidField("until", "is missing or has passed", "a hold has an end (Article 49(3))")
	}
	if t.c.State != Barred {
		t.c.Resumes = t.c.State
		if t.c.State == Waiting {
			t.c.Resumes = Undecided
		}
	}
	t.c.State = Barred
	t.stop(ClockRung)
	t.setAt(ClockBar, t.event.Until, "Article 49(3)")
	return nil
}

func (t *noticing) unbar() error {
	t.stop(ClockBar)
	t.free()
	return nil
}

// free lets the case go on after a bar. What waited for an answer is put before
// a person: nobody could press for it meanwhile.
func (t *noticing) free() {
	t.c.State, t.c.Resumes = t.c.Resumes, ""
	t.ask("the bar has ended: decide how to go on")
	t.watchOn()
}

func (t *noticing) looked() error {
	if t.event.Round == nil || t.c.Watch == nil {
		return problem.InvalidField("round", "is missing, or nothing is watched yet", "")
	}
	next, found, err := t.c.Watch.Apply(*t.event.Round, t.now)
	if err != nil {
		return err
	}
	after := t.c.State == Executed || t.c.State == Verified
	switch found {
	case watch.Gone:
		t.c.State = Verified
		t.stop(ClockRung)
	case watch.Unknown:
		if next.Unknown%stubborn == 0 {
			t.alarm("it could not be told whether the material is gone: a person looks")
		}
	case watch.Present:
		if after {
			t.reappeared("the material is still, or again, at its address")
		} else {
			next = next.Again(t.now)
		}
	}
	t.c.Watch = &next
	if !next.Due.IsZero() {
		t.emit(Effect{Kind: ScheduleVerification, At: next.Due, Article: t.c.Terms.Watch.Article})
	}
	return nil
}

func (t *noticing) reappeared(reason string) {
	t.c.State = Reappeared
	t.stop(ClockRung)
	t.alarm(reason)
	t.ask("decide what follows: another notice, or a proposal of an order")
}

func (t *noticing) foundElsewhere() error {
	if t.event.Place == "" || slices.Contains(t.c.Opening.Places, t.event.Place) {
		return problem.InvalidField("place", "is missing or is a place of the case itself", "give the other address; the case's own are looked at in rounds")
	}
	if !slices.Contains(t.c.Elsewhere, t.event.Place) {
		t.c.Elsewhere = append(t.c.Elsewhere, t.event.Place)
	}
	if t.c.State == Executed || t.c.State == Verified {
		t.reappeared("the material was found at another address, which the case does not name")
		return nil
	}
	t.alarm("the material was found at another address too: open a case for it")
	return nil
}

func (t *noticing) resolve() error {
	t.c.State = Ready
	t.ask("send the notice again to: " + t.c.CurrentRung().Title + ", or close the case")
	return nil
}

func (t *noticing) close() error {
	t.c.State, t.c.Closed, t.c.Outcome = Closed, t.decision(), t.c.State
	t.stopAll()
	return nil
}

// withdraw takes back every notice that was sent, also after the end of the case:
// that it was wrong may come out late.
func (t *noticing) withdraw() error {
	if len(t.c.Sent) == 0 {
		return problem.New(problem.Conflict, "no notice was sent", "close the case")
	}
	t.c.State, t.c.Withdrawn = Withdrawn, t.decision()
	t.stopAll()
	t.emit(Effect{Kind: Send, Document: DocumentWithdrawal, Reason: t.c.Reason})
	return nil
}

// strike is what follows when a clock has run out.
func (t *noticing) strike() {
	switch t.event.Clock {
	case ClockDelivery:
		t.remind(ClockDelivery, t.c.Terms.Delivery, "delivery of the notice is not proven: reach the addressee another way")
	case ClockRung:
		t.undecided("the time of " + t.c.CurrentRung().Title + " is over without an answer")
	case ClockBar:
		t.free()
	case ClockDecision:
		t.remind(ClockDecision, t.c.Terms.Decision, "nobody has decided on a notice that is "+string(t.c.State))
	}
}
