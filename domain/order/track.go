package order

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// State is where an order stands on its way, at one side.
type State string

const (
	// Requested: the Coordinating Authority asks for the order.
	Requested State = "requested"
	// Deconflicting: investigators are asked, or object.
	Deconflicting State = "deconflicting"
	// Deconflicted: nobody objects any more; it may be issued.
	Deconflicted State = "deconflicted"
	// Refused: the issuing authority does not issue it; final.
	Refused State = "refused"
	// Issued: signed and being sent; its receipt is not yet proven.
	Issued State = "issued"
	// Delivered: receipt is proven; the time for execution runs.
	Delivered State = "delivered"
	// Overdue: the time for execution has passed.
	Overdue State = "overdue"
	// Received: at the addressee, not yet evaluated.
	Received State = "received"
	// Evaluated: the addressee decided to execute.
	Evaluated State = "evaluated"
	// Impossible: it cannot be executed for now (Article 14(5)).
	Impossible State = "impossible"
	// Clarification: it cannot be executed before it is clarified (Article
	// 14(6), 17(5)).
	Clarification State = "clarification"
	// Executed: the measure was taken.
	Executed State = "executed"
	// Verified: somebody looked, and the material is gone.
	Verified State = "verified"
	// Reappeared: the material is there again; a person has to act.
	Reappeared State = "reappeared"
	// Restoring: annulled or withdrawn; what was done is to be undone.
	Restoring State = "restoring"
	// Restored: it was undone; final.
	Restored State = "restored"
	// NotRestored: it was not undone, for a reason that was recorded; final.
	NotRestored State = "not-restored"
	// Ended: the period of application is over; final.
	Ended State = "ended"
	// Withdrawn: an order before it was issued, or a notice that was taken back; final.
	Withdrawn State = "withdrawn"
)

// pending are the states in which an order was asked for and has neither been
// executed nor fallen.
var pending = []State{Requested, Deconflicting, Deconflicted, Issued, Delivered, Overdue, Received, Evaluated, Impossible, Clarification}

// Pending reports whether what is ordered has still to be done, so that nobody
// asks for the same beside it.
func (s State) Pending() bool { return slices.Contains(pending, s) }

// Standing is where an order stands before the courts, whatever its state.
type Standing string

const (
	// Open: it can be challenged, and nobody did.
	Open Standing = "open"
	// Challenged: a court was seised. The order stays in force unless the court
	// suspends it.
	Challenged Standing = "challenged"
	// Final: the time for appeal is over, or it was confirmed (Article 15(2)).
	Final Standing = "final"
	// Annulled by a court; final.
	Annulled Standing = "annulled"
	// Revoked: the issuing authority took it back after it was sent; final.
	Revoked Standing = "revoked"
)

// Waits says what the time for execution waits for.
type Waits struct {
	// Reason: that the reason of Article 14(5) ceases to exist.
	Reason bool `json:"reason,omitempty"`
	// Clarification: that the clarification of Article 14(6) is received.
	Clarification bool `json:"clarification,omitempty"`
	// Since is the latest moment from which the time can start anew.
	Since time.Time `json:"since,omitzero"`
}

// Track is what both sides of an order keep.
type Track struct {
	Facts Facts `json:"facts"`
	// Terms is a copy of what the profile says, so that a case keeps it.
	Terms    law.OrderTerms `json:"terms"`
	State    State          `json:"state"`
	Standing Standing       `json:"standing"`
	// Suspended is true while a court has suspended the order, Paused when the
	// time for execution would run otherwise.
	Suspended bool `json:"suspended,omitempty"`
	Paused    bool `json:"paused,omitempty"`
	// Delivered is when the addressee received the order, and what proves it.
	Delivered *Proof    `json:"delivered,omitempty"`
	Waits     Waits     `json:"waits,omitzero"`
	Clocks    []Running `json:"clocks,omitempty"`
	// Lapses are the moments at which the time for execution ran out.
	Lapses []time.Time `json:"lapses,omitempty"`
	// NonDisclosure are the periods in which the provider tells nobody: the
	// first one and its extensions.
	NonDisclosure []Period `json:"non_disclosure,omitempty"`
	// Answers are the answers that were given, the last one last.
	Answers []AnswerFacts `json:"answers,omitempty"`
	// Counted says how often each figure was counted, so that an annulment can
	// correct them.
	Counted map[string]int `json:"counted,omitempty"`
	// Told are all who got the order or heard of it.
	Told    []string  `json:"told,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Changed time.Time `json:"changed"`
}

// Clock returns when a clock runs out; ok is false when it does not run.
func (t Track) Clock(id ClockID) (due time.Time, ok bool) { return clockOf(t.Clocks, id) }

// SilentUntil is the end of non-disclosure; zero when the order has none.
func (t Track) SilentUntil() time.Time {
	if len(t.NonDisclosure) == 0 {
		return time.Time{}
	}
	return t.NonDisclosure[len(t.NonDisclosure)-1].Until
}

// Fallen reports whether the order was annulled, or withdrawn after sending.
func (t Track) Fallen() bool { return t.Standing == Annulled || t.Standing == Revoked }

// Silent reports whether the provider must not tell anybody at that moment. An
// order that has fallen silences nobody.
func (t Track) Silent(now time.Time) bool { return !t.Fallen() && now.Before(t.SilentUntil()) }

// turn is one Apply under way at one side of an order.
type turn struct {
	clockwork
	*Track
}

// begin copies what a turn may change, so that the value before stays as it is.
func (t Track) begin(now time.Time, reason string) Track {
	t.Clocks = slices.Clone(t.Clocks)
	t.Lapses = slices.Clone(t.Lapses)
	t.NonDisclosure = slices.Clone(t.NonDisclosure)
	t.Answers = slices.Clone(t.Answers)
	t.Counted = maps.Clone(t.Counted)
	t.Told = slices.Clone(t.Told)
	t.Changed, t.Reason = now, reason
	return t
}

// send sends a document to whom the terms name for a step.
func (t *turn) send(step, document string) {
	to, article := t.Terms.To(step)
	t.pass(Effect{Kind: Send, To: to, Document: document, Article: article})
}

// tell tells whom the terms name for a step.
func (t *turn) tell(step, reason string) {
	to, article := t.Terms.To(step)
	t.pass(Effect{Kind: Tell, To: to, Article: article, Reason: reason})
}

func (t *turn) pass(effect Effect) {
	if len(effect.To) == 0 {
		return
	}
	t.told(effect.To)
	t.emit(effect)
}

func (t *turn) told(receivers []string) {
	for _, receiver := range receivers {
		if !slices.Contains(t.Told, receiver) {
			t.Told = append(t.Told, receiver)
		}
	}
}

func (t *turn) count(step, keeper string) {
	for _, figure := range t.Terms.Counted(step, keeper) {
		if t.Counted == nil {
			t.Counted = map[string]int{}
		}
		t.Counted[figure.Key]++
		t.emit(Effect{Kind: Count, Figures: []string{figure.Key}, Article: figure.Article})
	}
}

// deliver notes receipt and starts what counts from it.
func (t *turn) deliver(at time.Time, receipt string) {
	t.Delivered = &Proof{At: at, Receipt: receipt}
	t.start(at)
}

// start lets the time for execution run from a moment; a court that suspended
// the order lets it wait. Where no law sets a time, people are reminded from
// then on, and not before the start date.
func (t *turn) start(at time.Time) {
	if t.Suspended {
		t.Paused = true
		return
	}
	length := t.Terms.Clocks.Execution
	if length.Length.IsZero() {
		length = t.Terms.Clocks.Answer
	}
	if applies := t.Facts.Applies; applies != nil && applies.From.After(at) {
		at = applies.From
	}
	t.set(t.executionClock(), at, length)
}

// executionClock is the clock that runs until the order is executed.
func (t *turn) executionClock() ClockID {
	if t.Terms.Clocks.Execution.Length.IsZero() {
		return ClockAnswer
	}
	return ClockExecution
}

// applies starts the clocks of an order that applies for a period.
func (t *turn) applies() {
	if t.Facts.Applies == nil {
		return
	}
	from, until := t.Facts.Applies.From, t.Facts.Applies.Until
	t.setAt(ClockEnd, until, t.Terms.Clocks.Longest.Article)
	if over := t.Terms.Clocks.ReportOver; !over.Length.IsZero() && until.After(over.Length.AddTo(from)) {
		t.setAt(ClockReport, t.Facts.Applies.middle(), over.Article)
	}
}

// report takes in a report on the measures (Article 18(6)). One that comes before
// the middle of the period is welcome and ends no duty.
func (t *turn) report() error {
	if _, running := t.Clock(ClockReport); !running {
		return problem.New(problem.Conflict, "no report is awaited", "")
	}
	if !problem.IsContentAddress(t.event.Digest) {
		return problem.InvalidField("digest", "does not name the bytes of the report", "give their SHA-256")
	}
	if !t.now.Add(skew).Before(t.Facts.Applies.middle()) {
		t.stop(ClockReport)
	}
	return nil
}

// blocked checks the address that is said to be blocked wrongly.
func (t *turn) blocked() error {
	if t.Facts.Kind != law.OrderBlocking {
		return problem.New(problem.Conflict, "the order blocks nothing", "Article 18(5) is about blocking orders")
	}
	var f findings
	f.Address("place", t.event.Place, maxURL, "Article 18(5)")
	return f.First()
}

// wait stops the time for execution because of an answer that the order cannot
// be executed.
func (t *turn) wait(answer AnswerFacts, keeper string) error {
	if answer.Kind != AnswerNonExecution || !problem.IsContentAddress(answer.Digest) || (!answer.Impossible && !answer.Unclear) {
		return problem.InvalidField("answer", "is no answer that the order cannot be executed", "give the facts of its exact bytes (ReadAnswer)")
	}
	if t.ahead(answer.At) {
		return problem.InvalidField("answer.at", "is in the future", "")
	}
	t.Answers = append(t.Answers, answer)
	t.stop(ClockExecution)
	t.Paused = false
	if answer.Impossible {
		t.Waits.Reason = true
		t.count(law.OnImpossible, keeper)
	}
	if answer.Unclear {
		t.Waits.Clarification = true
		t.count(law.OnClarification, keeper)
	}
	t.waiting()
	return nil
}

func (t *turn) waiting() {
	t.State = Clarification
	if t.Waits.Reason {
		t.State = Impossible
	}
}

// resume lets the time for execution start anew once nothing is waited for any
// more: from the later of both moments (Article 14(5) and (6)). It reports
// whether it did.
func (t *turn) resume(at time.Time) bool {
	if at.After(t.Waits.Since) {
		t.Waits.Since = at
	}
	if t.Waits.Reason || t.Waits.Clarification {
		t.waiting()
		return false
	}
	since := t.Waits.Since
	t.Waits = Waits{}
	t.start(since)
	return true
}

// lastAnswer is when the last answer was given, or the order received.
func (t *turn) lastAnswer() time.Time {
	if len(t.Answers) > 0 {
		return t.Answers[len(t.Answers)-1].At
	}
	return t.Delivered.At
}

// measured checks the answer that the order was executed. A blocking order has
// no form for it: there a person records what the provider says.
func (t *turn) measured(answer AnswerFacts) error {
	bare := answer.Digest == "" && t.Facts.Kind == law.OrderBlocking
	switch {
	case answer.Kind != AnswerExecution || answer.Measure == "" || (!bare && !problem.IsContentAddress(answer.Digest)):
		return problem.InvalidField("answer", "is no answer that the order was executed", "give the facts of its exact bytes (ReadAnswer)")
	case answer.MeasuredAt.IsZero() || t.ahead(answer.MeasuredAt):
		return problem.InvalidField("answer.measured_at", "is missing or in the future", "")
	}
	return nil
}

// extend adds a period of non-disclosure (Article 15(4), third subparagraph).
func (t *turn) extend() error {
	facts := t.event.Facts
	if facts == nil || facts.NonDisclosure == nil || !problem.IsContentAddress(facts.Digest) {
		return problem.InvalidField("facts", "are not those of a decision that extends non-disclosure", "give the facts of its exact bytes (ReadIssued)")
	}
	switch {
	case facts.Extends != t.Facts.ID || facts.Kind != t.Facts.Kind:
		return problem.InvalidField("facts.extends", "names another order", "")
	case len(t.NonDisclosure) == 0:
		return problem.New(problem.Conflict, "the order has no non-disclosure that could be extended", "Article 15(4): it is set when the order is issued")
	case len(t.NonDisclosure) > t.Terms.NonDisclosureExtensions:
		return problem.New(problem.Denied, fmt.Sprintf("non-disclosure was extended %d times already", len(t.NonDisclosure)-1), t.Terms.Clocks.NonDisclosureExtension.Article+" allows no further period")
	}
	last, next := t.NonDisclosure[len(t.NonDisclosure)-1], *facts.NonDisclosure
	switch {
	case !t.now.Before(last.Until):
		return problem.New(problem.Expired, "the period of non-disclosure has ended", "Article 15(3): the user is to be informed now")
	case !next.From.Equal(last.Until):
		return problem.InvalidField("facts.non_disclosure.from", "is not the end of the period before", t.Terms.Clocks.NonDisclosureExtension.Article+": an extension follows on")
	case !next.Until.After(next.From) || next.Until.After(t.Terms.Clocks.NonDisclosureExtension.Length.AddTo(next.From)):
		return problem.InvalidField("facts.non_disclosure.until", fmt.Sprintf("is before its start or more than %s after it", t.Terms.Clocks.NonDisclosureExtension.Length), t.Terms.Clocks.NonDisclosureExtension.Article+" allows no longer")
	}
	t.NonDisclosure = append(t.NonDisclosure, next)
	return nil
}

// firstSilence takes over the period that the order itself sets.
func (t *turn) firstSilence() error {
	silence := t.Facts.NonDisclosure
	if silence == nil {
		return nil
	}
	longest := t.Terms.Clocks.NonDisclosure
	if longest.Length.IsZero() || !silence.Until.After(silence.From) || silence.Until.After(longest.Length.AddTo(silence.From)) {
		return problem.InvalidField("facts.non_disclosure", fmt.Sprintf("is before its start or more than %s after it", longest.Length), longest.Article+" allows no longer")
	}
	t.NonDisclosure = []Period{*silence}
	return nil
}

// challenge notes that a court was seised; it may suspend the order.
func (t *turn) challenge() error {
	if t.Standing != Open && t.Standing != Challenged {
		return problem.New(problem.Conflict, fmt.Sprintf("an order that is %s cannot be challenged", t.Standing), "")
	}
	if t.event.By == "" {
		return problem.InvalidField("by", "is missing", "name the court")
	}
	t.Standing = Challenged
	t.stop(ClockAppeal)
	if t.event.Suspends {
		t.Suspended = true
		if _, running := t.Clock(t.executionClock()); running {
			t.Paused = true
		}
		t.stop(t.executionClock())
	}
	return nil
}

// lift ends a suspension: the time for execution starts anew, where it ran.
func (t *turn) lift(at time.Time) {
	paused := t.Paused
	t.Suspended, t.Paused = false, false
	if paused {
		t.start(at)
	}
}

// confirm makes the order final (Articles 15(2) and 18(2)).
func (t *turn) confirm() error {
	if t.Standing != Open && t.Standing != Challenged {
		return problem.New(problem.Conflict, fmt.Sprintf("an order that is %s cannot become final", t.Standing), "")
	}
	t.Standing = Final
	t.stop(ClockAppeal)
	if t.Suspended {
		t.lift(t.now)
	}
	return nil
}

// undo is what follows when an order falls after it was sent: whatever was done
// is restored, whatever was counted is corrected, and all who ever heard of it
// are told, the owners of indicators first.
func (t *turn) undo(standing Standing, step string) error {
	if t.Fallen() {
		return problem.New(problem.Conflict, "the order has fallen already", "")
	}
	t.Standing, t.State, t.Suspended, t.Paused, t.Waits = standing, Restoring, false, false, Waits{}
	t.stopAll(ClockRetention)
	t.emit(Effect{Kind: Restore, Reason: t.Reason})
	var figures []string
	for _, key := range slices.Sorted(maps.Keys(t.Counted)) {
		figures = append(figures, slices.Repeat([]string{key}, t.Counted[key])...)
	}
	if len(figures) > 0 {
		t.emit(Effect{Kind: CorrectStatistics, Figures: figures})
	}
	t.Counted = nil
	t.emit(Effect{Kind: TellIndicatorOwner, To: []string{law.ToIndicatorOwner}, Reason: t.Reason})
	to, article := t.Terms.To(step)
	t.pass(Effect{Kind: Tell, To: unique(append(slices.Clone(to), t.Told...)), Article: article, Reason: t.Reason})
	t.set(ClockRestoration, t.now, t.Terms.Clocks.Restoration)
	return nil
}
