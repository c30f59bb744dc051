package media

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// recipeReply is the answer of a child that needs frames: what to decode, and how to put it together.
type recipeReply struct {
	recipe recipe
	stream *os.File
}

// takeRecipe reads the stream behind a recipe into a file in memory.
func (p *process) takeRecipe(payload []byte, options Options, clock *allowance) (found *recipeReply, err error) {
	if runtime.GOOS != "linux" {
		return nil, &verdict{StatusUnsupported, "this kind of picture is decoded on Linux only"}
	}
	found = &recipeReply{}
	// Start codes and headers are added to what the file holds; see elementary.
	if found.recipe, err = parseRecipe(payload, options.MaxPixels, 2*options.MaxBytes+2<<20); err != nil {
		return nil, err
	}
	err = clock.spend(p.out.SetReadDeadline, func() (err error) {
		found.stream, err = seekable(struct{ io.Reader }{p.out}, found.recipe.length)
		return err
	})
	var unread contentError
	switch {
	case errors.As(err, &unread): // here it is the child that could not be read
		return nil, unread.cause
	case err != nil: // no file could be made, which says nothing about the picture
		return nil, contentError{err}
	}
	return found, nil
}

// verdict is what the end of ffmpeg says about a file, where nothing is left to be put together.
type verdict struct {
	status Status
	detail string
}

func (v *verdict) Error() string { return string(v.status) + ": " + v.detail }

// noPlayer is the verdict where ffmpeg is missing.
var noPlayer = &verdict{StatusUnsupported, "this kind of picture is decoded by ffmpeg, which is not installed"}

// picture is the content of the second question: a recipe, its frames as ffmpeg gives them, an ending. ffmpeg is started when the
// first frame is read.
type picture struct {
	pool   *pool
	ctx    context.Context
	asked  *recipeReply
	player *player
	stop   func() bool
	from   *bufio.Reader

	ready []byte // to be read next
	part  int    // 0 recipe, 1 frames, 2 ending
	left  int    // of the frame
	frame int
	end   ending
	cause error // why there are no more frames
}

// size is how many bytes can be read.
func (p *picture) size() int64 {
	r := &p.asked.recipe
	return recipeSize + int64(r.frames()*r.frameSize()) + endingSize
}

func (p *picture) close() {
	if p.player != nil {
		p.stop()
		p.player.end()
	}
	_ = p.asked.stream.Close() // a file in memory
}

func (p *picture) Read(into []byte) (int, error) {
	r := &p.asked.recipe
	if len(p.ready) == 0 {
		switch {
		case p.part == 0:
			p.part, p.ready = 1, r.encode()
		case p.part == 1:
			if p.left == 0 && p.frame == r.frames() {
				if err := p.finish(); err != nil {
					return 0, err
				}
				p.part, p.ready = 2, p.end.encode()
				break
			}
			return p.pixels(into)
		default:
			return 0, io.EOF
		}
	}
	n := copy(into, p.ready)
	p.ready = p.ready[n:]
	return n, nil
}

// pixels reads of a frame. When ffmpeg gives no more, grey takes the place of what is missing.
func (p *picture) pixels(into []byte) (int, error) {
	r := &p.asked.recipe
	if p.left == 0 {
		if p.cause == nil {
			p.cause = p.begin()
		}
		p.frame++
		p.left = r.frameSize()
	}
	into = into[:min(len(into), p.left)]
	n := len(into)
	if p.cause == nil {
		n, p.cause = p.from.Read(into)
		p.end.read += int64(n)
	}
	if p.cause != nil {
		if err := p.hopeless(); err != nil {
			return 0, err
		}
		for i := n; i < len(into); i++ {
			into[i] = grey
		}
		n = len(into)
	}
	p.left -= n
	return n, nil
}

// begin reads the header of a frame (PPM, from netpbm), after starting ffmpeg for the first one.
func (p *picture) begin() error {
	r := &p.asked.recipe
	if p.player == nil {
		player, err := p.pool.startPlayer(p.asked.stream, p.pool.options, r)
		if err != nil {
			return err
		}
		p.player, p.from = player, bufio.NewReaderSize(player.out, 64<<10)
		p.stop = context.AfterFunc(p.ctx, func() { _ = player.command.Process.Kill() })
		if err := player.out.SetReadDeadline(time.Now().Add(p.pool.options.Deadline)); err != nil {
			return err
		}
	}
	want := fmt.Sprintf("P6\n%d %d\n255\n", r.frameWidth, r.frameHeight)
	header := make([]byte, len(want))
	if _, err := io.ReadFull(p.from, header); err != nil {
		return err
	}
	if string(header) != want {
		return &verdict{StatusUnreadable, "its pictures are not of the size that it says"}
	}
	return nil
}

// hopeless is the error of a file of which nothing can be put together.
func (p *picture) hopeless() error {
	var said *verdict
	switch {
	case errors.As(p.cause, &said):
		return said
	case p.player == nil: // could not be started
		return p.cause
	case errors.Is(p.cause, os.ErrDeadlineExceeded):
		return &verdict{StatusTimedOut, "not decoded within " + p.pool.options.Deadline.String()}
	}
	p.player.end()
	t := p.player.told
	t.mutex.Lock()
	defer t.mutex.Unlock()
	p.end.flawed, p.end.detail = true, t.first
	switch ended := p.player.command.ProcessState; {
	case strings.Contains(t.first, "Cannot allocate memory"):
		return &verdict{StatusTooLarge, "the picture needs more memory than a decoder may use"}
	case t.refused != "":
		return &verdict{StatusUnsupported, "its codec is not decoded: " + t.refused}
	case strings.Contains(t.first, "Unknown input format"), strings.Contains(t.first, "Decoder (codec"), strings.Contains(t.first, "hwaccel"):
		return &verdict{StatusUnsupported, "the ffmpeg here does not decode this kind of picture"}
	case ended != nil && !ended.Exited() && ended.String() != "signal: killed":
		return &verdict{StatusCrashed, "the decoder ended: " + ended.String()}
	case float64(p.end.read) < 0.1*float64(p.asked.recipe.frames()*p.asked.recipe.frameSize()):
		detail := t.first
		if detail == "" {
			detail = "hardly anything of it could be decoded"
		}
		return &verdict{StatusUnreadable, detail}
	}
	return nil
}

// finish looks at how ffmpeg ended after the last frame.
func (p *picture) finish() error {
	if p.cause != nil {
		return nil
	}
	if n, err := p.from.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return &verdict{StatusCrashed, "the decoder gave more than was asked"}
	}
	failure := p.player.left()
	t := p.player.told
	t.mutex.Lock()
	defer t.mutex.Unlock()
	p.end.flawed, p.end.detail = t.errors > 0 || failure != nil, t.first
	return nil
}

// askPicture has frames decoded and asks the first question again, with them.
func (p *pool) askPicture(ctx context.Context, asked request, reply *recipeReply, limit int, parse func([]byte) (int, error)) (Status, string, error) {
	content := &picture{pool: p, ctx: ctx, asked: reply}
	defer content.close()
	if p.player == "" {
		p.count(func(c *Counts) { c.Files++ })
		return noPlayer.status, noPlayer.detail, nil
	}
	asked.kind, asked.length = asked.kind.ofPicture(), content.size()
	status, detail, _, err := p.askChild(ctx, asked, content, limit, parse)
	return status, detail, err
}

// codecOptions are what ffmpeg makes use of for a codec.
var codecOptions = map[codec]struct {
	demuxer  string
	decoders string
}{
	codecHEVC: {"hevc", "hevc"},
	codecAV1:  {"ivf", "libdav1d,libaom-av1,av1"},
	codecJXL:  {"jpegxl_pipe", "libjxl,jpegxl"},
}

// still is the command of ffmpeg for the frames of a picture: each as its own small file of red, green and blue. How YCbCr becomes them is
// said where the container says it.
func (config playerConfig) still() []string {
	use := codecOptions[config.codec]
	scale := "scale=flags=bicubic+accurate_rnd+full_chroma_int"
	if name := [...]string{"", "bt601", "bt709", "bt2020"}[config.matrix]; name != "" {
		scale += ":in_color_matrix=" + name
	}
	if name := [...]string{"", "limited", "full"}[config.span]; name != "" {
		scale += ":in_range=" + name
	}
	return append(config.start(use.demuxer, use.decoders), "-f", use.demuxer, "-i", "file:"+input,
		"-map", "0:v:0", "-filter_threads", "1", "-fps_mode", "passthrough", "-frames:v", fmt.Sprint(config.maxFrames),
		"-vf", scale+",format=rgb24", "-c:v", "ppm", "-f", "image2pipe", "pipe:1")
}
