package media

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/brdoproject/brdo/domain/problem"
)

// pool holds the children. A slot is the right to use one; idle ones wait on a
// stack, so that a quiet service keeps few of them busy.
type pool struct {
	options Options
	slots   chan struct{}
	videos  chan struct{} // the right to use ffmpeg: half as many, so that pictures need not wait for videos
	player  string        // the path of ffmpeg, empty when there is none
	closing chan struct{}

	mutex   sync.Mutex
	closed  bool
	idle    []*process
	lastID  uint64
	counts  Counts
	current enclosure
}

// Counts are totals since the service started.
type Counts struct {
	Files    uint64 // requests answered about a file, whatever the status
	Started  uint64 // children started
	TimedOut uint64 // children killed at the deadline
	Crashed  uint64 // children that died or answered nonsense
}

func newPool(options Options) *pool {
	return &pool{
		options: options,
		slots:   make(chan struct{}, options.Children),
		videos:  make(chan struct{}, (options.Children+1)/2),
		player:  findPlayer(),
		closing: make(chan struct{}),
	}
}

func errClosed() error {
	return problem.New(problem.Unavailable, "the media service is closed", "try again once the node is running")
}

// take waits for one of the slots.
func (p *pool) take(ctx context.Context, slots chan struct{}) error {
	select {
	case <-p.closing:
		return errClosed()
	default:
	}
	select {
	case slots <- struct{}{}:
		return nil
	case <-p.closing:
		return errClosed()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// child returns a living idle process or starts one. The caller holds a slot.
func (p *pool) child() (*process, error) {
	for {
		p.mutex.Lock()
		if p.closed {
			p.mutex.Unlock()
			return nil, errClosed()
		}
		var found *process
		if last := len(p.idle) - 1; last >= 0 {
			found, p.idle = p.idle[last], p.idle[:last]
		}
		p.mutex.Unlock()
		switch {
		case found == nil:
			return p.start()
		case found.alive():
			return found, nil
		default:
			found.end()
		}
	}
}

func (p *pool) start() (*process, error) {
	started, err := startProcess(p.options)
	if errors.Is(err, errNotEnclosed) {
		return nil, notEnclosed(err)
	}
	if err != nil {
		return nil, problem.New(problem.Unavailable, "no decoder process could be started",
			"check the limits on processes, memory and open files of this system").Because(err)
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.counts.Started++
	p.current = started.enclosure
	return started, nil
}

func notEnclosed(err error) error {
	return problem.New(problem.Unavailable, "this system cannot enclose the decoder of hostile media",
		"use Linux 5.13 or newer with Landlock and seccomp enabled, or allow unsandboxed decoding in the configuration and accept the risk").Because(err)
}

// giveBack keeps a sound child for the next file, unless it has served its
// term or the last file was heavy.
func (p *pool) giveBack(child *process, heavy bool) {
	if !heavy && child.served < p.options.RequestsPerChild && child.busy < p.options.replaceAfter() {
		p.mutex.Lock()
		if !p.closed {
			p.idle = append(p.idle, child)
			p.mutex.Unlock()
			return
		}
		p.mutex.Unlock()
	}
	child.retire()
}

// ask has one request answered. The status is empty when a payload came back;
// otherwise it is what the child's end says about the file. parse must refuse
// whatever is not exactly as agreed; it returns pixelsDecoded.
func (p *pool) ask(ctx context.Context, asked request, content io.Reader, limit int, parse func([]byte) (int, error)) (Status, string, error) {
	status, detail, frames, err := p.askChild(ctx, asked, content, limit, parse)
	if frames == nil {
		return status, detail, err
	}
	return p.askPicture(ctx, asked, frames, limit, parse)
}

// askChild asks a child; frames may have to be decoded before there is an answer.
func (p *pool) askChild(ctx context.Context, asked request, content io.Reader, limit int, parse func([]byte) (int, error)) (Status, string, *recipeReply, error) {
	if err := p.take(ctx, p.slots); err != nil {
		return "", "", nil, err
	}
	defer func() { <-p.slots }()
	for {
		child, err := p.child()
		if err != nil {
			return "", "", nil, err
		}
		p.mutex.Lock()
		p.lastID++
		asked.id = p.lastID
		p.mutex.Unlock()
		fresh := child.served == 0

		payload, frames, err := child.exchange(ctx, asked, content, limit, p.options)
		if frames != nil {
			p.giveBack(child, asked.length > heavyBytes)
			return "", "", frames, nil
		}
		if err == nil {
			var pixels int
			if pixels, err = parse(payload); err == nil {
				p.giveBack(child, asked.length > heavyBytes || pixels > heavyPixels)
				if asked.kind != kindSelfCheck {
					p.count(func(c *Counts) { c.Files++ })
				}
				return "", "", nil, nil
			}
		}
		child.end()
		if errors.Is(err, errBeforeContent) && !fresh && ctx.Err() == nil {
			continue // it died idle, which says nothing about this file
		}
		status, detail, err := p.judge(ctx, child, err)
		return status, detail, nil, err
	}
}

// judge says what the end of a child means.
func (p *pool) judge(ctx context.Context, child *process, err error) (Status, string, error) {
	if ctx.Err() != nil {
		return "", "", ctx.Err()
	}
	var said *verdict
	if errors.As(err, &said) {
		p.count(func(c *Counts) { c.Files++ })
		return said.status, said.detail, nil
	}
	var unread contentError
	if errors.As(err, &unread) {
		return "", "", problem.New(problem.Unavailable, "the content could not be read to its end",
			"nothing was recorded; try again").Because(err)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		p.count(func(c *Counts) { c.Files++; c.TimedOut++ })
		return StatusTimedOut, "not decoded within " + p.options.Deadline.String(), nil
	}
	p.count(func(c *Counts) { c.Files++; c.Crashed++ })
	switch {
	case errors.Is(err, errMalformed):
		return StatusCrashed, "the decoder answered nonsense", nil
	case child.complaint.contains("out of memory"), child.complaint.contains("cannot allocate memory"):
		return StatusTooLarge, "the picture needs more memory than a decoder may use", nil
	default:
		return StatusCrashed, "the decoder ended: " + child.command.ProcessState.String(), nil
	}
}

func (p *pool) count(change func(*Counts)) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	change(&p.counts)
}

// close refuses new work, waits for work under way, but for videos, which it stops, and ends all children.
func (p *pool) close() {
	p.mutex.Lock()
	first := !p.closed
	p.closed = true
	p.mutex.Unlock()
	if first {
		close(p.closing)
	}
	for _, slots := range []chan struct{}{p.slots, p.videos} {
		for range cap(slots) {
			slots <- struct{}{}
		}
		defer func() {
			for range cap(slots) {
				<-slots
			}
		}()
	}
	p.mutex.Lock()
	idle := p.idle
	p.idle = nil
	p.mutex.Unlock()
	for _, child := range idle {
		child.retire()
	}
}
