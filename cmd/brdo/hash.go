package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/media"
)

type hashCommand struct {
	Paths  []string      `arg:"" name:"file|dir" help:"Files, or folders to be walked."`
	Insets bool          `help:"Hash the middle of each picture too, so that copies cropped by up to 20 % are found: costs another decoding."`
	Frames string        `help:"Hash the frames of videos too, and write them into this folder: vPDQ's text, one file a video." placeholder:"FOLDER"`
	Every  time.Duration `default:"1s" help:"Time between two hashed frames of a video; 0s for each frame."`
	Format string        `enum:"jsonl,csv" default:"jsonl" help:"Form of the output: jsonl or csv."`
	Unsafe bool          `name:"allow-unsandboxed" help:"Work even where the kernel cannot enclose the decoder."`
}

func (hashCommand) Help() string {
	return `One line a file, in the order of the arguments:

  $ brdo hash photos/ > photos.jsonl
  {"path":"photos/lake.jpg","size":313032,"mime":"image/jpeg","width":1600,…,"status":"ok"}

HEIC, AVIF and JPEG XL are decoded by ffmpeg. Videos are decoded only with --frames, by ffmpeg.
What it writes can be given to "brdo scan --videos", and the line of a video holds its frames too,
so that a list can.

Statuses: ok, unhashable (PDQ quality below 50), partial, unsupported, unreadable, truncated,
too-large, timed-out, crashed, empty, unreadable-file. Exit code 3 when a file has another
status than ok or unhashable. The output can be imported as a list and given to "brdo scan".`
}

// hashLine is one line of the output; the order of the fields is documented.
type hashLine struct {
	Path       string   `json:"path"`
	Size       int64    `json:"size"`
	MIME       string   `json:"mime"`
	Width      int      `json:"width"`
	Height     int      `json:"height"`
	MD5        string   `json:"md5"`
	SHA1       string   `json:"sha1"`
	SHA256     string   `json:"sha256"`
	PDQ        string   `json:"pdq"`
	PDQQuality int      `json:"pdq_quality"`
	PDQNearest string   `json:"pdq_nn512"`
	PDQInsets  []string `json:"pdq_insets,omitempty"`
	Status     string   `json:"status"`
	Detail     string   `json:"detail,omitempty"`
	Frames     int      `json:"frames,omitempty"`
	// FrameHashes are those of a video, as lists hold them; empty when there are more than a list takes.
	FrameHashes string `json:"frame_hashes,omitempty"`
}

var hashColumns = []string{"path", "size", "mime", "width", "height", "md5", "sha1", "sha256", "pdq", "pdq_quality", "pdq_nn512", "status", "detail", "frames", "frame_hashes", "pdq_insets"}

func lineOf(e examined) hashLine {
	line := hashLine{Path: e.Path, Size: e.candidate.Size, MIME: e.MIME, Width: e.Width, Height: e.Height, Status: e.Status, Detail: e.Detail, Frames: len(e.Frames.Features)}
	if len(e.Frames.Features) <= hashlist.MaximumFrames {
		line.FrameHashes = video.Inline(e.Frames.Features)
	} else {
		line.Detail = strings.TrimPrefix(fmt.Sprintf("%s; the %d frames are in the folder only, because a list takes %d", line.Detail, len(e.Frames.Features), hashlist.MaximumFrames), "; ")
	}
	if e.Status != statusUnreadableFile {
		line.MD5, line.SHA1, line.SHA256 = e.MD5Hex(), e.SHA1Hex(), e.SHA256Hex()
	}
	if e.Fingerprint.Status.Decoded() {
		for _, inset := range e.Insets {
			line.PDQInsets = append(line.PDQInsets, inset.String())
		}
		line.PDQ, line.PDQQuality, line.PDQNearest = e.Forms.Full.Hash.String(), e.Forms.Full.Quality, e.Forms.Nearest.Hash.String()
	}
	return line
}

func complete(status string) bool {
	return status == string(media.StatusOK) || status == string(media.StatusUnhashable)
}

func (c hashCommand) Run(ctx context.Context, w world) (err error) {
	if c.Frames != "" {
		if err := os.MkdirAll(c.Frames, 0o700); err != nil {
			return problem.InvalidField("frames", err.Error(), "name a folder that can be written").Because(err)
		}
	}
	decoder, err := media.Start(ctx, media.Options{AllowUnsandboxed: c.Unsafe})
	if err != nil {
		return err
	}
	defer decoder.Close()
	candidates := find(c.Paths)
	shown := newProgress(w, "hashing", candidates)
	defer shown.end()
	out := bufio.NewWriter(w.out)
	write, finish := lineWriter(out, c.Format)
	left := false
	videos := videoWork{decode: c.Frames != "", hint: "a video: its frames are hashed with --frames", every: c.Every, progress: shown.add}
	err = examine(ctx, decoder, candidates, c.Insets, videos, nil, func(e examined) error {
		shown.add(e.candidate.Size - e.shown)
		if len(e.Frames.Features) > 0 {
			if err := writeFrames(c.Frames, e); err != nil {
				return err
			}
		}
		left = left || !complete(e.Status)
		if err := write(lineOf(e)); err != nil {
			return err
		}
		if w.terminal {
			return out.Flush()
		}
		return nil
	})
	if err == nil {
		err = finish()
	}
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		return fmt.Errorf("writing the output: %w", err)
	}
	if left {
		return errIncomplete
	}
	return nil
}

// lineWriter writes lines as JSON Lines or as CSV.
func lineWriter(out io.Writer, format string) (write func(hashLine) error, finish func() error) {
	if format != "csv" {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		return func(l hashLine) error { return encoder.Encode(l) }, func() error { return nil }
	}
	table := csv.NewWriter(out)
	header := false
	return func(l hashLine) error {
			if !header {
				header = true
				if err := table.Write(hashColumns); err != nil {
					return err
				}
			}
			return table.Write([]string{inert(l.Path), strconv.FormatInt(l.Size, 10), l.MIME, strconv.Itoa(l.Width), strconv.Itoa(l.Height),
				l.MD5, l.SHA1, l.SHA256, l.PDQ, strconv.Itoa(l.PDQQuality), l.PDQNearest, l.Status, inert(l.Detail), strconv.Itoa(l.Frames), l.FrameHashes, strings.Join(l.PDQInsets, ";")})
		}, func() error {
			table.Flush()
			return table.Error()
		}
}

// inert keeps a spreadsheet from running a cell as a formula.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
