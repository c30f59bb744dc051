package cybertip

import (
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// State is how far the delivery of one approved report is.
type State string

// The states.
const (
	// Queued: nothing is known to be open at the service. The next attempt begins anew.
	Queued State = "queued"
	// Open: the service has an unfinished report by a number that is known here. Whoever
	// comes next retracts it first, and learns by that whether it was finished.
	Open State = "open"
	// Stopped: a person has to look before anything more is sent.
	Stopped State = "stopped"
	// Finished: the service has the report, once; it cannot be taken back there.
	Finished State = "finished"
	// Refused: the service does not take the report as it is; nothing of it is open there.
	Refused State = "refused"
	// Retracted: a person took it back before it was finished; nothing of it is open there.
	Retracted State = "retracted"
)

// Over reports whether nothing more is sent.
func (s State) Over() bool { return s == Finished || s == Refused || s == Retracted }

// Ending is what is to become of a delivery once nothing of it is open at the service.
type Ending string

const (
	// ToRefuse: the service refused the report.
	ToRefuse Ending = "refuse"
	// ToRetract: a person takes it back.
	ToRetract Ending = "retract"
)

// Delivery is the life of one approved report on its way to the CyberTipline. The service
// takes a report in several steps and can be asked about none of them; what it opened is
// known by a number that it gives once. So the number is written down before the next step,
// and each attempt begins by retracting what an earlier one left open: the answer says
// whether that was finished, and then it is never sent again. What was opened by a call
// whose answer was lost has no number here; it cannot be finished by anybody, and the
// service deletes it.
type Delivery struct {
	State State `json:"state"`
	// Attempts counts how often it was begun. It fences off a worker that was overtaken.
	Attempts int `json:"attempts"`
	// Report is the number at the service; 0 while none is known.
	Report int64 `json:"report,omitempty"`
	// Ending is set once it shall end other than finished.
	Ending Ending `json:"ending,omitempty"`
	// Because is why it ends so, and Code what the service said.
	Code    Code   `json:"code,omitempty"`
	Because string `json:"because,omitempty"`
	// Trouble is why it was stopped, or why the last attempt failed.
	Trouble string `json:"trouble,omitempty"`
	// TakenBackBy, and the recorded decision, are of whoever takes it back.
	TakenBackBy string    `json:"taken_back_by,omitempty"`
	Decision    string    `json:"decision,omitempty"`
	Changed     time.Time `json:"changed,omitzero"`
}

// EventKind is what happens to a delivery.
type EventKind string

const (
	// Begin: a worker takes it on.
	Begin EventKind = "begin"
	// Opened: the service opened a report.
	Opened EventKind = "opened"
	// Gone: what was open at the service is not any more, and was not finished.
	Gone EventKind = "gone"
	// Done: the service says that it is finished, now or before.
	Done EventKind = "done"
	// Decline: the service does not take it as it is.
	Decline EventKind = "decline"
	// Fail: an attempt failed, and another follows.
	Fail EventKind = "fail"
	// Stop: a person has to look.
	Stop EventKind = "stop"
	// Resume: a person lets a stopped delivery go on.
	Resume EventKind = "resume"
	// TakeBack: a person takes it back.
	TakeBack EventKind = "take-back"
	// End: nothing is open at the service, and it ends as it was to.
	End EventKind = "end"
)

// Event is one of them. Decline, Fail, Stop and TakeBack have a reason; Opened and Done name the report;
// Resume and TakeBack carry the person and the recorded decision.
type Event struct {
	Kind     EventKind
	Report   int64
	Code     Code
	Reason   string
	Person   string
	Decision string
}

// Apply returns the delivery after an event; d itself is unchanged.
//
// Errors: Conflict when it does not fit; Invalid when the event lacks something.
func (d Delivery) Apply(e Event, now time.Time) (Delivery, error) {
	next := d
	next.Changed = now
	switch e.Kind {
	case Decline, Fail, Stop, TakeBack:
		if e.Reason == "" {
			return d, problem.InvalidField("reason", "it is missing", "say why")
		}
	}
	if (e.Kind == Resume || e.Kind == TakeBack) && (e.Person == "" || e.Decision == "") {
		return d, problem.InvalidField("decision", "no person's recorded decision is named", "a person has to decide; a machine cannot")
	}
	going := d.State == Queued || d.State == Open
	switch {
	case e.Kind == Begin && going:
		next.Attempts++
		return next, nil
	case e.Kind == Opened && d.State == Queued && d.Ending == "":
		if e.Report <= 0 {
			return d, problem.InvalidField("report", "the service named none", "")
		}
		next.State, next.Report = Open, e.Report
		return next, nil
	case e.Kind == Gone && d.State == Open:
		next.State, next.Report = Queued, 0
		return next, nil
	case e.Kind == Done && d.State == Open && e.Report == d.Report:
		next.State, next.Ending, next.Code, next.Because, next.Trouble = Finished, "", 0, "", ""
		return next, nil
	case e.Kind == Decline && going && d.Ending == "":
		next.Ending, next.Code, next.Because = ToRefuse, e.Code, e.Reason
		return next, nil
	case e.Kind == Fail && going:
		next.Trouble = e.Reason
		return next, nil
	case e.Kind == Stop && going:
		next.State, next.Trouble = Stopped, e.Reason
		return next, nil
	case e.Kind == Resume && d.State == Stopped:
		next.State = open(d.Report)
		return next, nil
	case e.Kind == TakeBack && d.Retractable():
		next.State, next.Ending, next.Because, next.TakenBackBy, next.Decision = open(d.Report), ToRetract, e.Reason, e.Person, e.Decision
		return next, nil
	case e.Kind == End && d.State == Queued && d.Ending == ToRefuse:
		next.State = Refused
		return next, nil
	case e.Kind == End && d.State == Queued && d.Ending == ToRetract:
		next.State = Retracted
		return next, nil
	}
	return d, problem.Newf(problem.Conflict, "a delivery that is %s cannot take the event %s", d.State, e.Kind)
}

// Retractable reports whether a person may take it back: it is under way or waits, and nobody has.
func (d Delivery) Retractable() bool {
	return (d.State == Queued || d.State == Open || d.State == Stopped) && d.Ending != ToRetract
}

// open is the state of a delivery that goes on.
func open(report int64) State {
	if report != 0 {
		return Open
	}
	return Queued
}
