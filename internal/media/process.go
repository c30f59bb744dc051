package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"
)

// process is the parent's side of one child.
type process struct {
	command   *exec.Cmd
	in, out   *os.File
	complaint *complaint
	enclosure enclosure
	exited    chan struct{} // closed once the process is reaped

	served int
	busy   time.Duration
}

// complaint keeps the first bytes that a child writes to standard error; all
// further ones are read and dropped, so that it can never block or grow.
type complaint struct {
	mutex sync.Mutex
	text  []byte
}

const maxComplaint = 4 << 10

func (c *complaint) Write(text []byte) (int, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.text = append(c.text, text[:min(len(text), maxComplaint-len(c.text))]...)
	return len(text), nil
}

func (c *complaint) contains(phrase string) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return bytes.Contains(c.text, []byte(phrase))
}

// startProcess starts a child and waits for its hello.
func startProcess(options Options) (*process, error) {
	path, err := executable()
	if err != nil {
		return nil, fmt.Errorf("finding the running binary: %w", err)
	}
	config := childConfig{
		memory: options.Memory, processorSeconds: options.processorSeconds(),
		maxBytes: options.MaxBytes, maxPixels: options.MaxPixels,
		mustEnclose: !options.AllowUnsandboxed, without: options.without,
	}
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe to a media child: %w", err)
	}
	widen(in)
	out, childOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a pipe from a media child: %w", err), childIn.Close(), in.Close())
	}
	p := &process{in: in, out: out, complaint: &complaint{}, exited: make(chan struct{})}
	p.command = exec.Command(path, config.arguments()...)
	p.command.Args[0] = "brdo"
	p.command.Dir = "/"
	// One processor: a decoder is sequential, and RLIMIT_CPU then runs no
	// faster than the clock. The memory limit makes the collector work harder
	// before the kernel refuses.
	p.command.Env = []string{
		"GOMAXPROCS=1",
		"GOMEMLIMIT=" + strconv.FormatInt(options.Memory/8*6, 10),
		"GOTRACEBACK=none",
	}
	p.command.Stdin, p.command.Stdout, p.command.Stderr = childIn, childOut, p.complaint
	p.command.WaitDelay = time.Second
	tieToParent(p.command)

	// A goroutine of its own: the kernel ties the child to the thread that
	// started it, and the caller's may be locked to one that ends.
	started := make(chan error)
	go func() { started <- p.command.Start() }()
	err = <-started
	closing := errors.Join(childIn.Close(), childOut.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting a media child: %w", err), closing, in.Close(), out.Close())
	}
	go func() {
		_ = p.command.Wait() // the state is read from the command afterwards
		close(p.exited)
	}()

	clock := allowance{left: max(options.Deadline, 10*time.Second)}
	hello, err := clock.reply(p, 0, kindHello, maxHelloSize)
	if err == nil {
		p.enclosure, err = parseEnclosure(hello)
	}
	if err == nil && !options.AllowUnsandboxed && !p.enclosure.complete() {
		err = fmt.Errorf("%w: %s", errNotEnclosed, p.enclosure.missing)
	}
	if err != nil {
		p.end()
		return nil, fmt.Errorf("greeting a media child (%s): %w", p.command.ProcessState, err)
	}
	return p, nil
}

var errNotEnclosed = errors.New("a media child could not be enclosed")

// alive is false once the process has been reaped.
func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// end kills the process, reaps it and releases its pipes.
func (p *process) end() {
	_ = p.command.Process.Kill() // an error means that it is gone already
	<-p.exited
	_ = p.in.Close()
	_ = p.out.Close()
}

// retire lets an idle process leave by itself at the end of its input, which
// it does at once; if it does not, it is killed.
func (p *process) retire() {
	_ = p.in.Close()
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
	}
	p.end()
}

// contentError is a failure of the caller's reader, not of the child.
type contentError struct{ cause error }

func (e contentError) Error() string { return "reading the content: " + e.cause.Error() }
func (e contentError) Unwrap() error { return e.cause }

// errBeforeContent marks a child found dead before it saw a byte of the file.
var errBeforeContent = errors.New("the media child was gone")

// exchange sends one request and reads its reply. After an error the process
// is out of step and must be ended.
//
// A recipe comes back where frames are to be decoded before the question can be answered.
func (p *process) exchange(ctx context.Context, asked request, content io.Reader, limit int, options Options) ([]byte, *recipeReply, error) {
	stop := context.AfterFunc(ctx, func() { _ = p.command.Process.Kill() })
	defer stop()
	begin := time.Now()
	clock := allowance{left: options.Deadline}
	if err := clock.write(p, asked.header()); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errBeforeContent, err)
	}
	if asked.length > 0 {
		buffer := make([]byte, min(asked.length, 64<<10))
		for left := asked.length; left > 0; {
			chunk := buffer[:min(left, int64(len(buffer)))]
			if _, err := io.ReadFull(content, chunk); err != nil {
				return nil, nil, contentError{err}
			}
			if err := clock.write(p, chunk); err != nil {
				return nil, nil, fmt.Errorf("sending the content: %w", err)
			}
			left -= int64(len(chunk))
		}
	}
	var payload []byte
	var recipe bool
	err := clock.spend(p.out.SetReadDeadline, func() (err error) {
		payload, recipe, err = readAnswer(p.out, asked.id, asked.kind, limit)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	var frames *recipeReply
	if recipe {
		if frames, err = p.takeRecipe(payload, options, &clock); err != nil {
			return nil, nil, err
		}
	}
	if !stop() {
		if frames != nil {
			_ = frames.stream.Close() // a file in memory
		}
		return nil, nil, ctx.Err()
	}
	p.served++
	p.busy += time.Since(begin)
	return payload, frames, nil
}

// allowance is what is left of a deadline. Only time spent waiting for the
// child counts: a slow reader of the caller must not condemn the file.
type allowance struct{ left time.Duration }

func (a *allowance) spend(setDeadline func(time.Time) error, wait func() error) error {
	begin := time.Now()
	if err := setDeadline(begin.Add(a.left)); err != nil {
		return err
	}
	err := wait()
	a.left -= time.Since(begin)
	return err
}

func (a *allowance) write(p *process, chunk []byte) error {
	return a.spend(p.in.SetWriteDeadline, func() error {
		_, err := p.in.Write(chunk)
		return err
	})
}

func (a *allowance) reply(p *process, id uint64, kind requestKind, limit int) ([]byte, error) {
	var payload []byte
	err := a.spend(p.out.SetReadDeadline, func() (err error) {
		payload, err = readReply(p.out, id, kind, limit)
		return err
	})
	return payload, err
}
