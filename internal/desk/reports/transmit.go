package reports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// cyberTipJob takes an approved report to the CyberTipline.
const cyberTipJob = "report.cybertip"

// wakesTip is what the job of a delivery waits for.
func wakesTip(id string) string { return "delivery " + id }

const (
	// tellsAfter is after how many attempts people are told that the service cannot be reached.
	tellsAfter = 5
	// tipAttempts is how often a delivery may fail by our own fault, or its worker die.
	tipAttempts = 1000
	// tidying is how long what was opened for nothing may take to be retracted at once.
	tidying = 30 * time.Second
)

// ReceiptOf is what a report has in place of a signed receipt: the number at the CyberTipline.
func ReceiptOf(number int64) string { return cybertip.Recipient + "/" + strconv.FormatInt(number, 10) }

// errOvertaken is the error of a worker whose lease was lost to another.
var errOvertaken = problem.New(problem.Conflict, "another worker has gone on with this delivery", "")

// transmission is one attempt.
type transmission struct {
	d       *Desk
	tipline *CyberTipline
	running *job.Running
	row     store.CyberTipRow
	tip     cybertip.Tip
	// tidies: what an earlier attempt left open is being retracted.
	tidies bool
}

// transmit takes a delivery on. What an earlier attempt left open at the service is
// retracted first: the answer says whether that was finished.
func (d *Desk) transmit(ctx context.Context, running *job.Running) error {
	t := &transmission{d: d, tipline: d.tipline.Load(), running: running}
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	err := d.options.Ledger.Peek(ctx, func(tx *store.Tx) (err error) { t.row, err = tx.CyberTip(id); return err })
	if err != nil || t.row.State.Over() || t.row.State == cybertip.Stopped {
		return err
	}
	if t.tipline == nil {
		return t.stop(ctx, "this node is configured no more to report to the CyberTipline")
	}
	if t.tip, err = cybertip.Parse(t.row.Tip); err != nil {
		return job.Permanent(err)
	}
	if err := t.do(ctx, "begun", cybertip.Event{Kind: cybertip.Begin}, nil); err != nil {
		return err
	}
	if t.tidies = t.row.State == cybertip.Open; t.tidies {
		finished, err := t.tipline.Service.Retract(ctx, t.row.Report)
		switch {
		case err != nil:
			return t.failed(ctx, err)
		case finished:
			return t.done(ctx, len(t.tip.Files))
		}
		if err := t.do(ctx, "retracted", cybertip.Event{Kind: cybertip.Gone}, nil); err != nil {
			return err
		}
		t.tidies = false
	}
	if t.row.Ending != "" {
		return t.end(ctx)
	}
	return t.send(ctx)
}

// send opens the report, adds its files and finishes it.
func (t *transmission) send(ctx context.Context) error {
	service := t.tipline.Service
	if !service.Basis.ActiveAt(t.d.options.Ledger.Now()) {
		return t.stop(ctx, "the legal basis "+service.Basis.Ref().String()+" is not in force")
	}
	number, err := service.Submit(ctx, t.tip.Document())
	if err != nil {
		return t.failed(ctx, err)
	}
	if err := t.do(ctx, "opened", cybertip.Event{Kind: cybertip.Opened, Report: number}, nil); err != nil {
		// Nobody will know its number, so nobody can finish it. It goes now rather than when
		// the service deletes it.
		tidy, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidying)
		defer cancel()
		_, _ = service.Retract(tidy, number) // the service deletes it where this fails
		return err
	}
	for _, file := range t.tip.Files {
		if err := t.file(ctx, file); err != nil {
			return t.failed(ctx, err)
		}
	}
	if err := t.stands(ctx); err != nil {
		return err
	}
	files, err := service.Finish(ctx, number)
	if err != nil {
		return t.failed(ctx, err)
	}
	return t.done(ctx, len(files))
}

// stands checks, at the last moment at which anything can be undone, that no other worker
// went on and nobody took the report back.
func (t *transmission) stands(ctx context.Context) error {
	return t.d.options.Ledger.Peek(ctx, func(tx *store.Tx) error {
		now, err := tx.CyberTip(t.row.ID)
		switch {
		case err != nil:
			return err
		case now.Attempts != t.row.Attempts:
			return errOvertaken
		case now.Ending != "":
			return job.Later(t.running.Now(), "a person takes the report back")
		}
		return nil
	})
}

// unreadable is a file of ours that could not be read.
type unreadable struct{ error }

func (u unreadable) Unwrap() error { return u.error }

// source keeps the error of what it reads, because the connection's hides it.
type source struct {
	from   io.Reader
	failed error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed = err
	}
	return n, err
}

// file opens a file, sends it, and says what is known of it. That it is opened is logged
// first.
func (t *transmission) file(ctx context.Context, f cybertip.File) error {
	var known store.ItemRow
	err := t.d.options.Ledger.Do(ctx, t.act(), func(tx *ledger.Tx) (err error) {
		tx.Note("step", "file-opened")
		tx.Note("item", f.Item)
		tx.Note("delivery", t.row.ID)
		known, err = tx.Item(f.Item)
		return err
	})
	if err != nil {
		return err
	}
	content, err := t.tipline.Content.Open(ctx, f.Item)
	if err != nil {
		return unreadable{err}
	}
	defer content.Close()
	from := &source{from: content}
	service := t.tipline.Service
	name, md5, err := service.Upload(ctx, t.row.Report, f.Name, known.Size, from)
	switch {
	case from.failed != nil && ctx.Err() == nil:
		return unreadable{from.failed}
	case err != nil:
		return err
	case md5 != "" && md5 != known.MD5:
		return problem.New(problem.Unavailable, "the CyberTipline received another file than was sent", "it is tried again by itself")
	}
	return service.FileInfo(ctx, f.Document(t.row.Report, name))
}

func (t *transmission) act() ledger.Act {
	act := t.d.act(t.d.options.Ledger.Itself(), mandate.ReportTransmit, t.row.ReportID)
	if t.tipline != nil {
		act.Basis = t.tipline.Service.Basis.Ref().String()
	}
	return act
}

// do notes a step of the delivery, with what else changes by it.
func (t *transmission) do(ctx context.Context, step string, event cybertip.Event, further func(*ledger.Tx, cybertip.Delivery) error) error {
	var next cybertip.Delivery
	err := t.d.options.Ledger.Do(ctx, t.act(), func(tx *ledger.Tx) (err error) {
		now, err := tx.CyberTip(t.row.ID)
		if err != nil {
			return err
		}
		if now.Attempts != t.row.Attempts {
			return errOvertaken
		}
		if next, err = now.Apply(event, tx.Now); err != nil {
			return err
		}
		tx.Note("step", step)
		tx.Note("delivery", t.row.ID)
		tx.Note("attempt", next.Attempts)
		for _, number := range []int64{now.Report, next.Report} {
			if number != 0 {
				tx.Note("number", number)
			}
		}
		if err := tx.MoveCyberTip(t.row.ID, next, now.Delivery); err != nil || further == nil {
			return err
		}
		return further(tx, now.Delivery)
	})
	if err == nil {
		t.row.Delivery = next
	}
	return err
}

// failed says what follows from an error of the service.
func (t *transmission) failed(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var gone *keyring.ErasedError
	var broken unreadable
	if errors.As(cause, &broken) {
		if errors.As(cause, &gone) {
			return t.stop(ctx, "a file of the report was erased here")
		}
		return t.stop(ctx, "a file of the report cannot be read here")
	}
	known := problem.From(cause)
	if known.Kind != problem.Unavailable {
		return cause // our own fault: the queue tries again, and says so
	}
	meaning, code := exchange.MeaningOf(cause)
	switch {
	case meaning == cybertip.Mend && t.row.Ending == "" && !t.tidies:
		if err := t.do(ctx, "declined", cybertip.Event{Kind: cybertip.Decline, Code: code, Reason: known.Reason}, nil); err != nil {
			return err
		}
		if t.row.State == cybertip.Queued {
			return t.end(ctx)
		}
		return job.Later(t.running.Now(), "what was opened is retracted")
	case meaning == cybertip.Again:
		err := t.do(ctx, "failed", cybertip.Event{Kind: cybertip.Fail, Code: code, Reason: known.Reason}, func(tx *ledger.Tx, _ cybertip.Delivery) error {
			if t.row.Attempts%tellsAfter != 0 {
				return nil
			}
			return tx.Alarm(t.row.ReportID, "the report could not be sent to the CyberTipline so far; it is tried again by itself")
		})
		if err != nil {
			return err
		}
		pause := exchange.Exchange{}.Next(t.row.Attempts)
		var told *exchange.Pause
		if errors.As(cause, &told) {
			pause = max(pause, told.For)
		}
		return job.Await(wakesTip(t.row.ID), t.running.Now().Add(pause), "the CyberTipline is asked again")
	}
	return t.stop(ctx, known.Reason)
}

// stop leaves the delivery to a person.
func (t *transmission) stop(ctx context.Context, why string) error {
	return t.do(ctx, "stopped", cybertip.Event{Kind: cybertip.Stop, Reason: why}, func(tx *ledger.Tx, _ cybertip.Delivery) error {
		if err := tx.Alarm(t.row.ReportID, "the report is not sent to the CyberTipline until a person has looked at it"); err != nil {
			return err
		}
		return t.running.Complete(tx.Tx)
	})
}

// done notes that the service has the report, with a number of files.
func (t *transmission) done(ctx context.Context, files int) error {
	return t.do(ctx, "finished", cybertip.Event{Kind: cybertip.Done, Report: t.row.Report}, func(tx *ledger.Tx, was cybertip.Delivery) error {
		if was.Ending == cybertip.ToRetract {
			if err := tx.Alarm(t.row.ReportID, "the report was finished at the CyberTipline before it could be taken back"); err != nil {
				return err
			}
		}
		if files != len(t.tip.Files) {
			if err := tx.Alarm(t.row.ReportID, fmt.Sprintf("the CyberTipline has %d files of the report, and %d were sent", files, len(t.tip.Files))); err != nil {
				return err
			}
		}
		err := t.d.change(tx, t.row.ReportID, func(_ *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
			return l.Apply(report.Event{Kind: report.Receipt, Receipt: ReceiptOf(was.Report)}, tx.Now)
		})
		if err != nil {
			return err
		}
		if err := t.outcome(tx, "delivered"); err != nil {
			return err
		}
		return t.running.Complete(tx.Tx)
	})
}

// end ends the delivery as it was to, now that nothing of it is open at the service: the
// report waits for a person to mend it, or is withdrawn.
func (t *transmission) end(ctx context.Context) error {
	return t.do(ctx, "ended", cybertip.Event{Kind: cybertip.End}, func(tx *ledger.Tx, was cybertip.Delivery) error {
		if was.Ending == cybertip.ToRetract {
			if err := tx.ReleaseSightings(t.row.ReportID); err != nil {
				return err
			}
		} else if err := tx.Alarm(t.row.ReportID, fmt.Sprintf("the CyberTipline does not take the report as it is (%d)", was.Code)); err != nil {
			return err
		}
		err := t.d.change(tx, t.row.ReportID, func(_ *report.Report, l report.Lifecycle) (report.Lifecycle, []report.Effect, error) {
			if was.Ending == cybertip.ToRefuse {
				return l.Apply(report.Event{Kind: report.Reject, Receipt: t.row.ID, Reason: was.Because}, tx.Now)
			}
			back, _, err := l.Apply(report.Event{Kind: report.SendFailed, Reason: was.Because}, tx.Now)
			if err != nil {
				return l, nil, err
			}
			return back.Apply(report.Event{Kind: report.Withdraw, Person: was.TakenBackBy, Decision: was.Decision, Reason: was.Because}, tx.Now)
		})
		if err != nil {
			return err
		}
		if was.Ending == cybertip.ToRefuse {
			if err := t.outcome(tx, "rejected"); err != nil {
				return err
			}
		}
		return t.running.Complete(tx.Tx)
	})
}

func (t *transmission) outcome(tx *ledger.Tx, kind string) error {
	return tx.InsertOutcome(store.Outcome{ID: store.NewID("outcome"), ReportID: t.row.ReportID, Kind: kind, Source: cybertip.Recipient, At: tx.Now})
}

// SendAgain lets a delivery to the CyberTipline go on that waits for a person.
//
// Errors: Conflict when it does not wait.
func (d *Desk) SendAgain(ctx context.Context, actor mandate.Actor, id string) error {
	return d.options.Ledger.Do(ctx, d.onReport(actor, mandate.ReportSend, id), func(tx *ledger.Tx) error {
		return d.steer(tx, id, cybertip.Event{Kind: cybertip.Resume, Person: actor.ID, Decision: tx.EventID()})
	})
}

// steer applies what a person decides about the delivery of a report, and lets it go on.
func (d *Desk) steer(tx *ledger.Tx, id string, event cybertip.Event) error {
	row, err := tx.Report(id)
	if err != nil {
		return err
	}
	r, l, err := read(row)
	if err != nil {
		return err
	}
	delivery, err := tx.CyberTip(l.Envelope)
	if problem.Is(err, problem.NotFound) {
		return problem.New(problem.Conflict, "the report is not on its way to the CyberTipline", "reload it")
	}
	if err != nil {
		return err
	}
	next, err := delivery.Apply(event, tx.Now)
	if err != nil {
		return err
	}
	tx.Note("delivery", delivery.ID)
	if err := tx.MoveCyberTip(delivery.ID, next, delivery.Delivery); err != nil {
		return err
	}
	return enqueueTip(tx, delivery.ID, r.Form.Urgent != nil && *r.Form.Urgent)
}

// takeTipBack takes a report back before it is finished at the CyberTipline.
//
// Errors: Conflict when it was finished, which nobody can undo from here.
func (d *Desk) takeTipBack(tx *ledger.Tx, actor mandate.Actor, id string, l report.Lifecycle, reason string) error {
	if l.State.WithReceiver() {
		return problem.New(problem.Conflict, "the CyberTipline has the report, and its interface takes nothing back after that", "write to NCMEC (espteam@ncmec.org) and name "+l.Receipt)
	}
	if err := problem.Reason(reason, "say why the report is taken back"); err != nil {
		return err
	}
	return d.steer(tx, id, cybertip.Event{Kind: cybertip.TakeBack, Person: actor.ID, Decision: tx.EventID(), Reason: reason})
}
