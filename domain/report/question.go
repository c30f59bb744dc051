package report

import (
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// QuestionState is where a question about a report stands, at whichever side.
type QuestionState string

const (
	// QuestionOpen waits for an answer; it may be overdue.
	QuestionOpen QuestionState = "open"
	// QuestionSecond waits, at the reporter, for another person to look at an
	// answer that names somebody.
	QuestionSecond QuestionState = "awaiting-second"
	// QuestionAnswered has its answer.
	QuestionAnswered QuestionState = "answered"
	// QuestionWithdrawn was taken back by whoever asked.
	QuestionWithdrawn QuestionState = "withdrawn"
	// QuestionRefused could not be taken in by the other side, or its answer could
	// not; Reason says why.
	QuestionRefused QuestionState = "refused"
)

// QuestionStates lists every state.
var QuestionStates = []QuestionState{QuestionOpen, QuestionSecond, QuestionAnswered, QuestionWithdrawn, QuestionRefused}

// Question asks a reporter for fields of a report (Article 48(5) of COM(2022)
// 209). It stops no report: what it is about moves on meanwhile.
type Question struct {
	// Fields are the keys of the fields that are asked for.
	Fields []string      `json:"fields"`
	Due    time.Time     `json:"due"`
	State  QuestionState `json:"state"`
	// Overdue says that the clock struck before the answer came.
	Overdue bool `json:"overdue,omitempty"`
	// Asker and Asked are the person who asked and the recorded decision, at the
	// side that asks.
	Asker string `json:"asker,omitempty"`
	Asked string `json:"asked,omitempty"`
	// For are the authorities whose people asked for it, at the Centre that passed
	// their questions on.
	For []Requester `json:"for,omitempty"`
	// Supplement is the answer, Author and Decision the person who gave it and the
	// recorded decision, Second whoever looked at it again; at the reporter's side.
	Supplement *Supplement `json:"supplement,omitempty"`
	Author     string      `json:"author,omitempty"`
	Decision   string      `json:"decision,omitempty"`
	Second     string      `json:"second,omitempty"`
	AnsweredAt time.Time   `json:"answered_at,omitzero"`
	// Reason says why it was withdrawn, refused, or given back to its author.
	Reason string `json:"reason,omitempty"`
	// Before and After are the completeness of the report around the answer, at
	// the side that asked.
	Before int `json:"before,omitempty"`
	After  int `json:"after,omitempty"`
}

// Requester is an authority that asks through the Centre: its node, and the
// envelope of its question.
type Requester struct {
	Node     string `json:"node"`
	Envelope string `json:"envelope"`
}

// QuestionEventKind is what happens to a question.
type QuestionEventKind string

const (
	AnswerGiven       QuestionEventKind = "answered"
	AnswerApproved    QuestionEventKind = "approved"
	AnswerReturned    QuestionEventKind = "returned"
	QuestionClock     QuestionEventKind = "clock-struck"
	QuestionTakenBack QuestionEventKind = "withdrawn"
	QuestionDenied    QuestionEventKind = "refused"
)

// QuestionEvent is one step of a question.
type QuestionEvent struct {
	Kind QuestionEventKind
	// Person and Decision are who decided, and the recorded decision; empty when
	// the answer came from another organisation.
	Person, Decision string
	Supplement       *Supplement
	// SecondPerson says that another person has to look at the answer.
	SecondPerson bool
	Reason       string
}

// QuestionEffectKind is what has to happen.
type QuestionEffectKind string

const (
	// SendTheAnswer hands the answer to delivery.
	SendTheAnswer QuestionEffectKind = "send-answer"
	// RaiseQuestionAlarm shows a person that something needs a look.
	RaiseQuestionAlarm QuestionEffectKind = "alarm"
)

// QuestionEffect is one thing that has to happen.
type QuestionEffect struct {
	Kind   QuestionEffectKind
	Reason string
}

// Waits reports whether an answer is still wanted.
func (q Question) Waits() bool { return q.State == QuestionOpen || q.State == QuestionSecond }

// Apply returns the question after an event, and what has to happen.
//
// Errors: Conflict when the event does not fit the state; Denied when the
// author approves; Invalid when a reason is missing.
func (q Question) Apply(event QuestionEvent, now time.Time) (Question, []QuestionEffect, error) {
	next := q
	next.Fields = slices.Clone(q.Fields)
	switch event.Kind {
	case AnswerGiven:
		if q.State != QuestionOpen {
			return q, nil, q.not("answered")
		}
		next.Supplement, next.Author, next.Decision, next.Reason = event.Supplement, event.Person, event.Decision, ""
		if event.SecondPerson {
			next.State = QuestionSecond
			return next, nil, nil
		}
		return next.answered(now)
	case AnswerApproved:
		if q.State != QuestionSecond {
			return q, nil, q.not("approved")
		}
		if event.Person == q.Author {
			return q, nil, problem.New(problem.Denied, "an answer that names somebody is approved by another person than its author", "ask a colleague to approve it")
		}
		next.Second = event.Person
		return next.answered(now)
	case AnswerReturned:
		if q.State != QuestionSecond {
			return q, nil, q.not("given back")
		}
		if err := reasoned(event.Reason); err != nil {
			return q, nil, err
		}
		next.State, next.Reason = QuestionOpen, event.Reason
		return next, nil, nil
	case QuestionClock:
		if !q.Waits() || q.Overdue || now.Before(q.Due) {
			return next, nil, nil // answered, or overtaken
		}
		next.Overdue = true
		return next, []QuestionEffect{{RaiseQuestionAlarm, "a question about this report was not answered in time"}}, nil
	case QuestionTakenBack:
		if !q.Waits() {
			return q, nil, q.not("withdrawn")
		}
		if err := reasoned(event.Reason); err != nil {
			return q, nil, err
		}
		next.State, next.Reason = QuestionWithdrawn, event.Reason
		return next, nil, nil
	case QuestionDenied:
		next.State, next.Reason = QuestionRefused, event.Reason
		return next, []QuestionEffect{{RaiseQuestionAlarm, "a question about this report, or its answer, was refused: " + event.Reason}}, nil
	}
	return q, nil, problem.InvalidField("event", "there is no such event", "")
}

func (q Question) answered(now time.Time) (Question, []QuestionEffect, error) {
	q.State, q.AnsweredAt = QuestionAnswered, now
	return q, []QuestionEffect{{Kind: SendTheAnswer}}, nil
}

func (q Question) not(what string) error {
	return problem.Newf(problem.Conflict, "the question is %s, so it cannot be %s", q.State, what)
}

func reasoned(reason string) error {
	if strings.TrimSpace(reason) == "" || len(reason) > maxWhy {
		return problem.InvalidField("reason", "it is missing or longer than 1000 bytes", "say in a sentence why")
	}
	return nil
}

// Ask is the message by which a receiver asks a reporter.
type Ask struct {
	// Question is the asker's name of the question, Report the reporter's name of
	// the report.
	Question string    `json:"question"`
	Report   string    `json:"report"`
	Fields   []string  `json:"fields"`
	Due      time.Time `json:"due"`
}

// Reply is the message that answers an [Ask].
type Reply struct {
	Question   string     `json:"question"`
	Supplement Supplement `json:"supplement"`
}

// Addition is the message by which an answer is passed on to those who have the
// report.
type Addition struct {
	// Matter is the sender's name of the report, Question that of the question.
	Matter     string     `json:"matter"`
	Question   string     `json:"question"`
	Fields     []string   `json:"fields"`
	At         time.Time  `json:"at"`
	Supplement Supplement `json:"supplement"`
}

// Answered is the addition as the question that it answers.
func (a Addition) Answered() Question {
	return Question{Fields: a.Fields, State: QuestionAnswered, Supplement: &a.Supplement, AnsweredAt: a.At}
}

// WithAnswers is the report with the answers to questions about it.
func (r Report) WithAnswers(all []Question) Report {
	for _, q := range all {
		if q.State == QuestionAnswered && q.Supplement != nil {
			r = r.With(*q.Supplement, q.Fields)
		}
	}
	return r
}
