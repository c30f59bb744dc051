package order

import (
	"fmt"
	"time"

	"github.com/brdoproject/brdo/domain/hold"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Further events at the side of the addressee. Those of the courts and of the
// authorities (Challenge, LiftSuspension, Confirm, Annul, Withdraw,
// ExtendNonDisclosure, ClarificationReceived) come here by message: they carry
// its Receipt instead of a decision.
const (
	// Accept: a person evaluated the order and decides to execute it.
	Accept EventKind = "accept"
	// Decline: a person decides that it cannot be executed; the answer (Answer) is
	// ready to be sent.
	Decline EventKind = "decline"
	// CarriedOut: the service took the Measure (At).
	CarriedOut EventKind = "carried-out"
	// SendAnswer: a person sends the answer that it was executed (Answer).
	SendAnswer EventKind = "send-answer"
	// Reopened: the authority says that the material reappeared (Receipt, Reason).
	Reopened EventKind = "reopened"
	// UserInformed: a person informed the user.
	UserInformed EventKind = "user-informed"
	// NobodyToInform: a person found that there is no user to inform (Reason).
	NobodyToInform EventKind = "nobody-to-inform"
	// CopyAsked: the user asks for a copy of the order (Article 15(3)(b)).
	CopyAsked EventKind = "copy-asked"
	// Undo: a person undid the measure after the order fell (At).
	Undo EventKind = "undo"
	// Keep: a person decides that the measure stays, on another ground (Reason).
	Keep EventKind = "keep"
	// AskReassessment, at either side: somebody (By) says that access to an address
	// (Place) is prevented wrongly (Reason; Article 18(5)). At the authority it
	// comes by message (Receipt), or a person takes it in.
	AskReassessment EventKind = "ask-reassessment"
)

// UserState is where informing the user stands (Articles 15(3) and 18(4)).
type UserState string

const (
	// UserNone: nothing was done yet that a user would have to know.
	UserNone UserState = "none"
	// UserHeld: the user must not be told before non-disclosure has ended.
	UserHeld UserState = "held"
	// UserDue: the user is to be told without undue delay.
	UserDue UserState = "due"
	// UserSent: the user was told.
	UserSent UserState = "sent"
	// UserNobody: there is no user to tell, for a reason that was recorded.
	UserNobody UserState = "nobody"
)

// User is the duty to inform the user.
type User struct {
	State UserState `json:"state"`
	// About says of what: the measure, or that it was undone.
	About string    `json:"about,omitempty"`
	Sent  *Decision `json:"sent,omitempty"`
	// Copies is how often a copy of the order was sent.
	Copies int `json:"copies,omitempty"`
}

// Execution is the life of one order where it is received and executed.
type Execution struct {
	Track
	// Findings are what was found wrong with the text on receipt, for the person
	// who evaluates.
	Findings []string `json:"findings,omitempty"`
	// Accepted is the decision to execute, Declined the last one not to.
	Accepted *Decision `json:"accepted,omitempty"`
	Declined *Decision `json:"declined,omitempty"`
	// Measure and MeasuredAt are what the service did.
	Measure    string    `json:"measure,omitempty"`
	MeasuredAt time.Time `json:"measured_at,omitzero"`
	User       User      `json:"user"`
	// Undone is the decision after the order fell.
	Undone *Decision `json:"undone,omitempty"`
}

// Receive takes in an order at the moment at which it was received. What is
// wrong with the text does not stop it, and neither does a hold: a person
// evaluates both. check is the look for holds on the material.
func Receive(profile *law.OrderForm, facts Facts, findings []*problem.Error, proof Proof, check hold.Check, now time.Time) (Execution, []Effect, error) {
	switch {
	case facts.Profile != profile.Ref() || facts.Kind != profile.Order:
		return Execution{}, nil, problem.InvalidField("profile", fmt.Sprintf("is %s but is checked against %s", facts.Profile, profile.Ref()), "use the version that the order began under")
	case facts.ID == "" || !problem.IsContentAddress(facts.Digest):
		return Execution{}, nil, problem.InvalidField("facts", "are not those of an order", "give the facts of its exact bytes (ReadReceived)")
	case facts.Extends != "":
		return Execution{}, nil, problem.InvalidField("facts.extends", "is set", "a decision that extends non-disclosure belongs to the order that it extends")
	case proof.At.IsZero() || proof.At.After(now) || proof.Receipt == "":
		return Execution{}, nil, problem.InvalidField("proof", "does not say when and by which message it was received", "Article 14(4): the time of receipt can be established")
	}
	x := Execution{
		Track: Track{Facts: facts, Terms: profile.Terms, Standing: Open, Changed: now},
		User:  User{State: UserNone},
	}
	t := &executing{turn: turn{clockwork{now: now, clocks: &x.Clocks}, &x.Track}, x: &x}
	if err := t.firstSilence(); err != nil {
		x.Findings = append(x.Findings, err.Error())
		// Too long a period is a fault of the text, and no leave to talk: the
		// provider keeps silent for as long as the law allows.
		if silence := facts.NonDisclosure; silence.Until.After(silence.From) {
			x.NonDisclosure = []Period{{From: silence.From, Until: profile.Terms.Clocks.NonDisclosure.Length.AddTo(silence.From)}}
		}
	}
	for _, found := range findings {
		x.Findings = append(x.Findings, found.Error())
	}
	x.State = Received
	t.deliver(proof.At, proof.Receipt)
	t.applies()
	t.count(law.OnIssued, law.KeptByProvider)
	t.ask("evaluate the order: execute it, or say why not")
	if len(x.Findings) > 0 {
		t.alarm("the text of the order has faults: see whether it can be executed all the same")
	}
	if facts.Kind != law.OrderBlocking {
		switch err := check.Bars(hold.NoRemove, now); {
		case problem.Is(err, problem.Denied):
			t.alarm("an authority asked that the material stays, and another orders its removal: ask the requesting authority at once")
		case err != nil:
			return Execution{}, nil, err
		}
	}
	return x, t.effects, nil
}

// Took is how long the service needed from receipt to the measure; ok is false
// while the order is not executed (Article 83(1)(b)).
func (x Execution) Took() (length time.Duration, ok bool) {
	if x.Measure == "" {
		return 0, false
	}
	return x.MeasuredAt.Sub(x.Delivered.At), true
}

// executing is one Apply of an execution under way.
type executing struct {
	turn
	x *Execution
}

var (
	binding = []State{Received, Evaluated, Impossible, Clarification, Executed, Reappeared}
	// touching are the states in which a user may have been affected.
	touching = append([]State{Ended, Restoring, Restored, NotRestored}, binding...)
)

var executionRules = map[EventKind]rule[*executing]{
	Accept:                {from: []State{Received, Impossible, Clarification, Reappeared}, decides: true, apply: (*executing).accept},
	Decline:               {from: []State{Received, Evaluated, Impossible, Clarification, Reappeared}, decides: true, apply: (*executing).decline},
	ReasonEnded:           {from: []State{Impossible}, decides: true, apply: (*executing).reasonEnded},
	ClarificationReceived: {from: []State{Impossible, Clarification}, apply: (*executing).clarified},
	CarriedOut:            {from: []State{Evaluated}, apply: (*executing).carriedOut},
	SendAnswer:            {from: []State{Executed}, decides: true, apply: (*executing).sendAnswer},
	Reopened:              {from: []State{Executed}, reasoned: true, apply: (*executing).reopened},
	UserInformed:          {from: touching, decides: true, apply: (*executing).userInformed},
	NobodyToInform:        {from: touching, decides: true, reasoned: true, apply: (*executing).nobodyToInform},
	CopyAsked:             {from: touching, apply: (*executing).copyAsked},
	ExtendNonDisclosure:   {from: binding, apply: (*executing).extendNonDisclosure},
	Challenge:             {from: append([]State{Ended}, binding...), reasoned: true, apply: (*executing).challenged},
	LiftSuspension:        {from: binding, reasoned: true, apply: (*executing).liftSuspension},
	Confirm:               {from: append([]State{Ended}, binding...), reasoned: true, apply: (*executing).confirmed},
	Annul:                 {from: append([]State{Ended}, binding...), reasoned: true, apply: (*executing).annulled},
	Withdraw:              {from: append([]State{Ended}, binding...), reasoned: true, apply: (*executing).withdrawn},
	Undo:                  {from: []State{Restoring, Ended}, decides: true, apply: (*executing).undone},
	Keep:                  {from: []State{Restoring, Ended}, decides: true, reasoned: true, apply: (*executing).keep},
	AskReassessment:       {from: binding, decides: true, reasoned: true, apply: (*executing).askReassessment},
	Reported:              {from: binding, decides: true, apply: (*executing).reported},
}

// Apply returns the next state and what has to be done. x itself is unchanged.
// Problems are as with [Issuance.Apply].
func (x Execution) Apply(event Event, now time.Time) (Execution, []Effect, error) {
	next := x
	next.Track = x.begin(now, event.Reason)
	t := &executing{turn: turn{clockwork{event: event, now: now, clocks: &next.Clocks}, &next.Track}, x: &next}
	if event.Kind == Strike {
		if due, running := x.Clock(event.Clock); !running || now.Before(due) {
			return x, nil, nil
		}
		t.drop(event.Clock)
		t.strike()
		return next, t.effects, nil
	}
	rule, known := executionRules[event.Kind]
	if !known {
		return x, nil, problem.InvalidField("kind", fmt.Sprintf("%q is no event of an execution", event.Kind), "")
	}
	if err := rule.admit(x.State, event); err != nil {
		return x, nil, err
	}
	if err := rule.apply(t); err != nil {
		return x, nil, err
	}
	return next, t.effects, nil
}

func (t *executing) accept() error {
	t.x.Accepted = t.decision()
	if t.Waits != (Waits{}) {
		// Whoever executes waits for nothing any more: the time runs again, so
		// that nothing stays undone without a clock.
		t.Waits = Waits{}
		t.stop(ClockObstacle, ClockClarification)
		t.start(t.now)
	}
	t.State = Evaluated
	t.emit(Effect{Kind: CarryOut})
	return nil
}

func (t *executing) decline() error {
	if t.event.Answer == nil {
		return problem.InvalidField("answer", "is missing", "say in the form of the annex why it cannot be executed")
	}
	if err := t.wait(*t.event.Answer, law.KeptByProvider); err != nil {
		return err
	}
	t.x.Declined, t.x.Accepted = t.decision(), nil
	t.stop(ClockDecision)
	t.stop(ClockAnswer)
	if t.event.Answer.Impossible {
		t.set(ClockObstacle, t.now, t.Terms.Clocks.Obstacle)
	}
	if t.event.Answer.Unclear {
		t.set(ClockClarification, t.now, t.Terms.Clocks.Clarification)
	}
	t.send(law.OnNonExecution, DocumentAnswer)
	return nil
}

func (t *executing) reasonEnded() error {
	if err := t.happened(t.lastAnswer()); err != nil {
		return err
	}
	t.Waits.Reason = false
	t.stop(ClockObstacle)
	t.tell(law.OnReasonEnded, "the reason for which the order could not be executed has ceased to exist at "+t.event.At.Format(time.RFC3339))
	t.again(t.event.At)
	return nil
}

func (t *executing) clarified() error {
	if !t.Waits.Clarification {
		return problem.New(problem.Conflict, "no clarification was asked for", "")
	}
	if err := t.happened(t.lastAnswer()); err != nil {
		return err
	}
	if err := t.proven(); err != nil {
		return err
	}
	t.Waits.Clarification = false
	t.stop(ClockClarification)
	t.again(t.event.At)
	return nil
}

// again lets the time start anew where nothing is waited for any more.
func (t *executing) again(at time.Time) {
	if t.resume(at) {
		t.State = Received
		t.ask("evaluate the order again: the time for execution runs")
	}
}

func (t *executing) carriedOut() error {
	if t.event.Measure == "" {
		return problem.InvalidField("measure", "is missing", "say which box of the form was done")
	}
	if err := t.happened(t.x.Accepted.At); err != nil {
		return err
	}
	first := t.x.Measure == ""
	t.State, t.x.Measure, t.x.MeasuredAt = Executed, t.event.Measure, t.event.At
	t.Paused = false
	t.stop(ClockExecution, ClockObstacle, ClockDecision)
	t.ask("answer that the order was executed (Article 14(7), or our own rule where no form is printed)")
	t.set(ClockAnswer, t.now, t.Terms.Clocks.Answer)
	if !first {
		return nil
	}
	t.count(law.OnExecuted, law.KeptByProvider)
	t.set(ClockRetention, t.event.At, t.Terms.Clocks.Retention)
	t.x.User.About = law.OnExecuted
	t.inform()
	return nil
}

// inform makes informing the user due, or holds it while non-disclosure runs.
func (t *executing) inform() {
	if t.Silent(t.now) {
		t.x.User.State = UserHeld
		t.setAt(ClockNonDisclosure, t.SilentUntil(), t.Terms.Clocks.NonDisclosure.Article)
		return
	}
	t.x.User.State = UserDue
	t.stop(ClockNonDisclosure)
	t.emit(Effect{Kind: InformUser, Reason: t.x.User.About, Article: t.Terms.Clocks.UserInformation.Article})
	t.set(ClockUserInformation, t.now, t.Terms.Clocks.UserInformation)
}

func (t *executing) sendAnswer() error {
	answer := t.event.Answer
	if answer == nil {
		return problem.InvalidField("answer", "is missing", "")
	}
	if err := t.measured(*answer); err != nil {
		return err
	}
	if answer.Measure != t.x.Measure || !answer.MeasuredAt.Equal(t.x.MeasuredAt) {
		return problem.New(problem.Conflict, "the answer says something else than what was done", "write the measure and its time as they are recorded")
	}
	t.Answers = append(t.Answers, *answer)
	t.stop(ClockAnswer)
	t.send(law.OnExecuted, DocumentAnswer)
	return nil
}

func (t *executing) reopened() error {
	if err := t.proven(); err != nil {
		return err
	}
	t.State = Reappeared
	t.alarm("the authority says that the material is there again")
	t.ask("look, and execute the order again or say why not")
	t.set(ClockDecision, t.now, t.Terms.Clocks.Decision)
	return nil
}

func (t *executing) userInformed() error {
	if t.State == Restoring {
		return problem.New(problem.Conflict, "the measure is being undone", "tell the user when it is: both together")
	}
	if t.x.User.State != UserDue {
		return problem.New(problem.Denied, fmt.Sprintf("informing the user is %s and not due", t.x.User.State), "wait until non-disclosure has ended (Article 15(4))")
	}
	t.x.User.State, t.x.User.Sent = UserSent, t.decision()
	t.stop(ClockUserInformation)
	return nil
}

func (t *executing) nobodyToInform() error {
	if t.x.User.State != UserDue && t.x.User.State != UserHeld {
		return problem.New(problem.Conflict, fmt.Sprintf("informing the user is %s", t.x.User.State), "")
	}
	t.x.User.State, t.x.User.Sent = UserNobody, t.decision()
	t.stop(ClockUserInformation, ClockNonDisclosure)
	return nil
}

func (t *executing) copyAsked() error {
	switch {
	case t.x.Measure == "":
		return problem.New(problem.Conflict, "nothing was done yet", "Article 15(3)(b): a copy is for the user whose material was removed")
	case t.Silent(t.now):
		return problem.New(problem.Denied, "nothing can be given out now", "Article 15(4): not while non-disclosure runs")
	}
	t.x.User.Copies++
	t.emit(Effect{Kind: SendCopy, Document: DocumentOrder, Article: "Articles 15(3)(b) and 18(4)(b)"})
	return nil
}

func (t *executing) extendNonDisclosure() error {
	if err := t.proven(); err != nil {
		return err
	}
	if err := t.extend(); err != nil {
		return err
	}
	if t.x.User.State == UserHeld {
		t.inform()
	}
	return nil
}

// byMessageOrPerson: a message proves it, or a person here decided it.
func (t *executing) byMessageOrPerson() error {
	if t.event.Receipt == "" && (t.event.Person == "" || t.event.Decision == "") {
		return problem.InvalidField("receipt", "is missing", "name the message that says so, or the decision of a person here")
	}
	return nil
}

func (t *executing) challenged() error {
	if err := t.byMessageOrPerson(); err != nil {
		return err
	}
	return t.challenge()
}

func (t *executing) liftSuspension() error {
	if !t.Suspended {
		return problem.New(problem.Conflict, "no court has suspended the order", "")
	}
	if err := t.byMessageOrPerson(); err != nil {
		return err
	}
	if err := t.happened(t.Delivered.At); err != nil {
		return err
	}
	t.lift(t.event.At)
	return nil
}

func (t *executing) confirmed() error {
	if err := t.byMessageOrPerson(); err != nil {
		return err
	}
	return t.confirm()
}

func (t *executing) annulled() error { return t.fall(Annulled, law.OnAnnulled) }

func (t *executing) withdrawn() error { return t.fall(Revoked, law.OnWithdrawn) }

func (t *executing) fall(standing Standing, step string) error {
	if err := t.proven(); err != nil {
		return err
	}
	if err := t.undo(standing, step); err != nil {
		return err
	}
	t.ask("undo the measure, or record on which other ground it stays")
	return nil
}

func (t *executing) undone() error {
	since := t.x.Delivered.At
	if t.State == Ended {
		since = t.Facts.Applies.Until
	}
	if err := t.happened(since); err != nil {
		return err
	}
	if err := t.undoes(); err != nil {
		return err
	}
	t.close(Restored, "the measure was undone")
	return nil
}

// undoes reports a conflict where nothing is left to undo.
func (t *executing) undoes() error {
	if _, waits := t.Clock(ClockRestoration); !waits {
		return problem.New(problem.Conflict, "there is no measure to undo", "")
	}
	return nil
}

func (t *executing) keep() error {
	if err := t.undoes(); err != nil {
		return err
	}
	t.close(NotRestored, "the measure stays on another ground: "+t.Reason)
	return nil
}

// close ends the case; the user is told what became of it. An order that has
// ended stays so: a court may still annul it.
func (t *executing) close(state State, reason string) {
	t.x.Undone = t.decision()
	if t.State != Ended {
		t.State = state
	}
	t.stopAll(ClockRetention)
	t.tell(law.OnRestored, reason)
	if t.x.User.State != UserNone && t.x.User.State != UserNobody {
		t.x.User.About = law.OnRestored
		t.inform()
	}
}

func (t *executing) reported() error {
	if err := t.report(); err != nil {
		return err
	}
	t.send(law.OnReported, DocumentReport)
	return nil
}

func (t *executing) askReassessment() error {
	if err := t.blocked(); err != nil {
		return err
	}
	t.tell(law.OnReassessment, t.Reason)
	return nil
}

// strike is what follows when a clock has run out.
func (t *executing) strike() {
	clocks := t.Terms.Clocks
	switch t.event.Clock {
	case ClockExecution:
		t.Lapses = append(t.Lapses, t.now)
		t.alarm("the time for execution has passed")
		t.ask("execute the order at once, or say why not")
		t.set(ClockAnswer, t.now, clocks.Answer)
	case ClockAnswer:
		t.remind(ClockAnswer, clocks.Answer, "the order is not executed, or the answer that it was is not sent")
	case ClockClarification:
		t.remind(ClockClarification, clocks.Clarification, "the authority has not clarified the order: ask again")
	case ClockObstacle:
		t.remind(ClockObstacle, clocks.Obstacle, "see whether the reason still exists; when it has ceased, the time for execution runs")
	case ClockNonDisclosure:
		t.inform()
	case ClockUserInformation:
		t.remind(ClockUserInformation, clocks.UserInformation, "the user is not informed yet")
	case ClockDecision:
		t.remind(ClockDecision, clocks.Decision, "nobody has decided on what reappeared")
	case ClockRestoration:
		t.remind(ClockRestoration, clocks.Restoration, "the measure is not undone yet")
	case ClockRetention:
		t.emit(Effect{Kind: EraseKept, Article: clocks.Retention.Article})
	case ClockReport:
		t.ask("report on the measures taken (" + clocks.ReportOver.Article + ")")
		t.set(ClockReport, t.now, clocks.Obstacle)
	case ClockEnd:
		t.State = Ended
		t.stopAll(ClockUserInformation)
		if t.x.Measure != "" {
			t.emit(Effect{Kind: Restore, Reason: "the period of application is over", Article: clocks.Longest.Article})
			t.ask("the period of application is over: undo the measure, or record on which other ground it stays")
			t.set(ClockRestoration, t.now, clocks.Restoration)
		}
	}
}
