package media

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/gabriel-vasile/mimetype"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
)

// VideoRequest says how a video is to be hashed.
type VideoRequest struct {
	// Every is the time between two hashed frames, rounded down to whole frames, at least one; 0 hashes each frame.
	Every time.Duration
	// Progress, when set, is told how far the video was read, and its length when the file says it (0 otherwise). It is
	// called by one goroutine, about once a second of the video.
	Progress func(at, length time.Duration)
	// Turned asks for the hashes of the frames in all orientations as well: 256 bytes more for each.
	Turned bool
	// Limits may be closer than those of the service.
	Limits VideoLimits

	// see is shown each frame that is hashed, in order.
	see func(frame int, whole *image.Gray)
}

// VideoLimits bound the work on one video; 0 is the limit of the service.
type VideoLimits struct {
	// MaxBytes is the largest file, MaxFrames the most frames that are decoded. What comes after them is not read, which the
	// status says.
	MaxBytes, MaxFrames int64
	// Deadline is how long it may take, in wall clock and of the processor.
	Deadline time.Duration
}

// within is the options with limits that are not beyond those of the service.
func (options Options) within(limits VideoLimits) Options {
	if limits.MaxBytes > 0 {
		options.MaxVideoBytes = min(options.MaxVideoBytes, limits.MaxBytes)
	}
	if limits.MaxFrames > 0 {
		options.MaxFrames = min(options.MaxFrames, limits.MaxFrames)
	}
	if limits.Deadline > 0 {
		options.VideoDeadline = min(options.VideoDeadline, limits.Deadline)
	}
	return options
}

// Video is what is known about one video after an attempt to decode it.
type Video struct {
	// MIME is the type recognised from the first bytes.
	MIME string
	// Width and Height are of its frames as stored, in pixels; 0 when none was decoded.
	Width, Height int
	// Rate is the frames a second of the file, as vPDQ takes it to tell the time of a frame.
	Rate float64
	// Frames is how many were decoded. Length is how long the file says that it lasts, 0 when it does not.
	Frames int
	Length time.Duration
	// Features are the hashed frames, in order, when Status.Decoded.
	Features []video.Feature
	// Turned are their hashes in all orientations, when that was asked for.
	Turned []pdq.Variants
	// Read is the share of the video that could be read, 1 when it is whole, 0 when it is not known.
	Read   float64
	Status Status
	Detail string
}

// videoTypes are the media types that are given to ffmpeg, as the sniffer spells them.
var videoTypes = map[string]bool{
	"video/mp4": true, "video/quicktime": true, "video/x-m4v": true, "video/3gpp": true, "video/3gpp2": true, "video/mj2": true,
	"video/matroska": true, "video/webm": true, "video/x-msvideo": true, "video/mp2t": true, "video/mpeg": true,
	"video/x-flv": true, "video/ogg": true, "video/x-ms-asf": true,
}

// IsVideo reports whether a file is one for [Service.Video], by its first bytes (3072 are enough).
func IsVideo(head []byte) bool { return videoTypes[VideoType(head)] }

// IsVideoType reports whether a media type is that of a video.
func IsVideoType(mime string) bool { return videoTypes[mime] }

// VideoType is the media type of a file by its first bytes (3072 are enough), as [Service.Video] sees it.
func VideoType(head []byte) string {
	head = head[:min(len(head), 3072)]
	if known, mime := sniff(head); known != nil {
		return mime // a picture is never taken for a video
	}
	const packet = 188
	if len(head) > 2*packet && head[0] == 'G' && head[packet] == 'G' && head[2*packet] == 'G' {
		return "video/mp2t" // MPEG transport stream: packets of 188 bytes, each with 0x47 before it
	}
	return bareType(mimetype.Detect(head).String())
}

// Video decodes the first video stream of a file that content yields, which must be exactly size bytes, and hashes its frames as vPDQ
// does: each at its full size, as stored, without its tag of orientation. A regular file is read where it lies; anything else
// is held in memory meanwhile, never on a disk.
//
// What is wrong with the file is a Status, as for [Service.Fingerprint]; where a part of it could be read, its
// frames are there with [StatusPartial]. Without ffmpeg it is [StatusUnsupported].
func (s *Service) Video(ctx context.Context, content io.Reader, size int64, asked VideoRequest) (Video, error) {
	if size < 0 || asked.Every < 0 {
		return Video{}, problem.InvalidField("size", "a video of less than nothing", "give the size of the content and no negative time")
	}
	options := s.pool.options.within(asked.Limits)
	switch {
	case size == 0:
		return Video{Status: StatusEmpty, Detail: "the file has no content"}, nil
	case size > options.MaxVideoBytes:
		return Video{Status: StatusTooLarge, Detail: fmt.Sprintf("%d bytes, the limit for a video is %d", size, options.MaxVideoBytes)}, nil
	case s.pool.player == "":
		return Video{Status: StatusUnsupported, Detail: "video is not decoded here: ffmpeg is not installed"}, nil
	}
	if err := s.pool.take(ctx, s.pool.videos); err != nil {
		return Video{}, err
	}
	defer func() { <-s.pool.videos }()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-s.pool.closing:
			cancel(errClosed())
		case <-ctx.Done():
		}
	}()
	found, err := s.watch(ctx, options, content, size, asked)
	if ctx.Err() != nil {
		return Video{}, context.Cause(ctx)
	}
	if err != nil {
		return Video{}, fmt.Errorf("hashing a video of %d bytes: %w", size, err)
	}
	s.pool.count(func(c *Counts) { c.Files++ })
	return found, nil
}

func (s *Service) watch(ctx context.Context, options Options, content io.Reader, size int64, asked VideoRequest) (Video, error) {
	var unread contentError
	file, err := seekable(content, size)
	if errors.As(err, &unread) {
		return Video{}, problem.New(problem.Unavailable, "the content could not be read to its end", "nothing was recorded; try again").Because(err)
	}
	if err != nil {
		return Video{}, problem.New(problem.Unavailable, "the video could not be given to the decoder", "check memory and open files of this system").Because(err)
	}
	defer file.Close()
	head := make([]byte, 3072)
	n, err := file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return Video{}, problem.New(problem.Unavailable, "the content could not be read", "nothing was recorded; try again").Because(err)
	}
	found := Video{MIME: VideoType(head[:n])}
	if !videoTypes[found.MIME] {
		found.Status, found.Detail = StatusUnsupported, "not a kind of video that is decoded"
		return found, nil
	}
	player, err := s.pool.startPlayer(file, options, nil)
	if err != nil {
		return Video{}, err
	}
	defer player.end()
	defer context.AfterFunc(ctx, func() { _ = player.command.Process.Kill() })()
	cause := player.frames(options, asked, &found)
	player.end()
	found.judge(options, player, cause)
	return found, nil
}

// player is the parent's side of one ffmpeg.
type player struct {
	command *exec.Cmd
	out     *os.File
	told    *told
	once    sync.Once
}

// startPlayer starts ffmpeg for a video, or for the frames of a picture.
func (p *pool) startPlayer(content *os.File, options Options, of *recipe) (*player, error) {
	fail := func(err error) (*player, error) {
		if errors.Is(err, errNotEnclosed) {
			return nil, notEnclosed(err)
		}
		return nil, problem.New(problem.Unavailable, "no decoder of video could be started",
			"check the limits on processes, memory and open files of this system, and whether ffmpeg can be run").Because(err)
	}
	path, err := executable()
	if err != nil {
		return fail(fmt.Errorf("finding the running binary: %w", err))
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		return fail(fmt.Errorf("making a pipe from a video child: %w", err))
	}
	config := playerConfig{
		program: p.player, memory: options.Memory, processorSeconds: uint64(max(1, options.VideoDeadline/time.Second)), mustEnclose: !options.AllowUnsandboxed,
		maxPixels: options.MaxPixels, maxFrames: options.MaxFrames + 1, without: options.without,
	}
	if of != nil {
		config.processorSeconds = options.processorSeconds()
		config.maxFrames, config.codec, config.matrix, config.span = int64(of.frames()), of.codec, of.matrix, of.span
	}
	v := &player{out: out, told: &told{}, command: exec.Command(path, config.arguments()...)}
	v.command.Args[0] = "brdo"
	v.command.Dir = "/"
	v.command.Env = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}
	v.command.Stdin, v.command.Stdout, v.command.Stderr = content, childOut, v.told
	v.command.WaitDelay = time.Second
	tieToParent(v.command)
	// A goroutine of its own, as for a media child.
	started := make(chan error)
	go func() { started <- v.command.Start() }()
	err = <-started
	closing := childOut.Close()
	if err != nil {
		return fail(errors.Join(fmt.Errorf("starting a video child: %w", err), closing, out.Close()))
	}
	if err := v.greet(options); err != nil {
		v.end()
		return fail(fmt.Errorf("greeting a video child (%s): %w", v.told.worst(), err))
	}
	return v, nil
}

func (v *player) greet(options Options) error {
	if err := v.out.SetReadDeadline(time.Now().Add(max(options.Deadline, 10*time.Second))); err != nil {
		return err
	}
	hello, err := readReply(v.out, 0, kindHello, maxHelloSize)
	if err != nil {
		return err
	}
	achieved, err := parseEnclosure(hello)
	if err != nil {
		return err
	}
	if !options.AllowUnsandboxed && !achieved.complete() {
		return fmt.Errorf("%w: %s", errNotEnclosed, achieved.missing)
	}
	return nil
}

// end kills the process, reaps it and releases its pipe. It may be called more than once.
func (v *player) end() {
	v.once.Do(func() {
		_ = v.command.Process.Kill() // an error means that it is gone already
		_ = v.command.Wait()         // the state is read from the command afterwards
		_ = v.out.Close()
	})
}

var errManyFrames = errors.New("more frames than allowed")

// frames reads and hashes all frames. nil is the end of the stream and of the process by itself, with code 0.
func (v *player) frames(options Options, asked VideoRequest, found *Video) error {
	end := time.Now().Add(options.VideoDeadline)
	waiting := func() error { return v.out.SetReadDeadline(earlier(end, time.Now().Add(options.Deadline))) }
	if err := waiting(); err != nil {
		return err
	}
	s, err := openStream(bufio.NewReaderSize(v.out, 1<<20), options.MaxPixels)
	if err == io.EOF {
		return v.left()
	}
	if err != nil {
		return err
	}
	found.Width, found.Height, found.Rate = s.width, s.height, float64(s.rate)/float64(s.per)
	step := max(1, int(asked.Every.Seconds()*found.Rate))
	hashing := newHashing(s, asked.Turned)
	defer func() { found.Features, found.Turned = hashing.finish() }()
	for told := 0; ; found.Frames++ {
		if err := waiting(); err != nil {
			return err
		}
		buffer := hashing.buffer()
		if err := s.next(buffer); err == io.EOF {
			return v.left()
		} else if err != nil {
			return err
		}
		if int64(found.Frames) == options.MaxFrames {
			return errManyFrames
		}
		at := s.timeOf(found.Frames)
		if found.Frames%step == 0 {
			if asked.see != nil {
				asked.see(found.Frames, s.picture(buffer))
			}
			hashing.hash(buffer, found.Frames, at)
		} else {
			hashing.back(buffer)
		}
		if second := int(at / time.Second); asked.Progress != nil && second != told {
			told = second
			asked.Progress(at, v.told.length())
		}
	}
}

// timeOf is where a frame is shown: its number by the rate, as in vPDQ.
func (s *stream) timeOf(frame int) time.Duration {
	return time.Duration(float64(frame) * float64(s.per) / float64(s.rate) * float64(time.Second))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// left waits for a process that has closed its output, which it does by ending.
func (v *player) left() error {
	ended := make(chan error, 1)
	v.once.Do(func() {
		timer := time.AfterFunc(5*time.Second, func() { _ = v.command.Process.Kill() })
		defer timer.Stop()
		ended <- v.command.Wait()
		_ = v.out.Close()
	})
	return <-ended
}

// hashing hashes frames on several processors.
type hashing struct {
	size      int
	allTurned bool
	free      chan []byte
	work      chan job
	group     sync.WaitGroup
	mutex     sync.Mutex
	done      []video.Feature
	turned    []pdq.Variants
}

type job struct {
	pixels       []byte
	place, frame int
	at           time.Duration
}

// hashers is how many frames of one video are hashed at once: decoding, on one processor, is about as slow.
const hashers = 2

func newHashing(s *stream, allTurned bool) *hashing {
	h := &hashing{size: s.width * s.height, allTurned: allTurned, free: make(chan []byte, hashers+1), work: make(chan job)}
	for range hashers + 1 {
		h.free <- nil
	}
	for range hashers {
		h.group.Go(func() {
			frames := pdq.NewFrames(s.width, s.height, s.levels)
			for j := range h.work {
				h.hashOne(frames, j)
				h.free <- j.pixels
			}
		})
	}
	return h
}

func (h *hashing) hashOne(frames *pdq.Frames, j job) {
	var result pdq.Result
	var turned pdq.Variants
	if h.allTurned {
		result, turned = frames.HashTurned(j.pixels)
	} else {
		result = frames.Hash(j.pixels)
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.done[j.place] = video.Feature{Frame: j.frame, Quality: result.Quality, Hash: result.Hash, Time: j.at}
	if h.allTurned {
		h.turned[j.place] = turned
	}
}

// buffer waits for room for a frame.
func (h *hashing) buffer() []byte {
	buffer := <-h.free
	if buffer == nil {
		buffer = make([]byte, h.size)
	}
	return buffer
}

func (h *hashing) back(buffer []byte) { h.free <- buffer }

func (h *hashing) hash(pixels []byte, frame int, at time.Duration) {
	h.mutex.Lock()
	h.done = append(h.done, video.Feature{})
	place := len(h.done) - 1
	if h.allTurned {
		h.turned = append(h.turned, pdq.Variants{})
	}
	h.mutex.Unlock()
	h.work <- job{pixels: pixels, place: place, frame: frame, at: at}
}

func (h *hashing) finish() ([]video.Feature, []pdq.Variants) {
	close(h.work)
	h.group.Wait()
	return h.done, h.turned
}

// judge says what became of a video from how its decoder ended and what it said.
func (v *Video) judge(options Options, p *player, cause error) {
	t := p.told
	t.mutex.Lock()
	defer t.mutex.Unlock()
	v.Length = t.lasts
	var status Status
	switch ended := p.command.ProcessState; {
	case cause == nil && t.errors == 0:
		status = StatusOK
	case errors.Is(cause, os.ErrDeadlineExceeded):
		status, v.Detail = StatusTimedOut, fmt.Sprintf("not decoded within %s, or no frame within %s", options.VideoDeadline, options.Deadline)
	case errors.Is(cause, errManyFrames):
		status, v.Detail = StatusTooLarge, fmt.Sprintf("more than %d frames", options.MaxFrames)
	case errors.Is(cause, errTooManyPixels), strings.Contains(t.first, "max pixel count"):
		status, v.Detail = StatusTooLarge, fmt.Sprintf("frames of more than %d pixels", options.MaxPixels)
	case strings.Contains(t.first, "Cannot allocate memory"):
		status, v.Detail = StatusTooLarge, "the video needs more memory than a decoder may use"
	case errors.Is(cause, errMalformed):
		status, v.Detail = StatusCrashed, "the decoder answered nonsense"
	case ended != nil && !ended.Exited():
		status, v.Detail = StatusCrashed, "the decoder ended: "+ended.String()
	case strings.Contains(t.first, "Format "+refusedCodec):
		status, v.Detail = StatusUnsupported, "not a kind of video that is decoded"
	case strings.Contains(t.first, "matches no streams"):
		status, v.Detail = StatusUnsupported, "there is no video in it"
	case strings.Contains(t.first, "moov atom not found"), strings.Contains(t.first, "End of file"), strings.Contains(t.first, "partial file"):
		status, v.Detail = StatusTruncated, t.first
	case v.Frames == 0 && t.refused != "":
		status, v.Detail = StatusUnsupported, "its codec is not decoded: "+t.refused
	default:
		status, v.Detail = StatusUnreadable, t.first
	}
	if len(v.Features) == 0 {
		if v.Status = status; status == StatusOK {
			v.Status, v.Detail = StatusUnreadable, "it holds no frame"
		}
		return
	}
	v.Read = 1
	if status != StatusOK {
		v.Read = 0
		whole := "a part of the video"
		if v.Length > 0 {
			v.Read = min(1, float64(v.Frames)/(v.Length.Seconds()*v.Rate))
			whole = fmt.Sprintf("%d %% of the video", int(100*v.Read))
		}
		v.Status, v.Detail = StatusPartial, fmt.Sprintf("%s could be read, %d frames (%s)", whole, v.Frames, v.Detail)
		return
	}
	v.Status = StatusUnhashable
	best := 0
	for _, f := range v.Features {
		best = max(best, f.Quality)
	}
	if best >= pdq.MinimumQuality {
		v.Status = StatusOK
	} else {
		v.Detail = fmt.Sprintf("too few features: quality %d in the best frame, at least %d is needed", best, pdq.MinimumQuality)
	}
	if t.streams > 1 {
		v.Status, v.Detail = StatusPartial, fmt.Sprintf("the first of %d videos in it was read", t.streams)
	}
}
