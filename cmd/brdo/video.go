package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/engine/video"
	"github.com/brdoproject/brdo/internal/media"
)

// videoWork says what is to be done with videos.
type videoWork struct {
	decode   bool
	hint     string // what is said of a video that is not decoded
	every    time.Duration
	turned   bool // the frames are hashed in all orientations
	progress func(bytes int64)
}

func isVideo(content io.ReadSeeker) (bool, error) {
	head := make([]byte, 3072)
	n, err := io.ReadFull(content, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	_, err = content.Seek(0, io.SeekStart)
	return media.IsVideo(head[:n]), err
}

// examine hashes the frames of a video, if that is asked for, and tells the progress of its share of the bytes meanwhile.
func (w videoWork) examine(ctx context.Context, decoder *media.Service, content io.Reader, e *examined) error {
	if !w.decode {
		found, err := decoder.Fingerprint(ctx, content, e.Sum.Size)
		if err != nil {
			return err
		}
		e.Fingerprint = found
		e.Status, e.Detail = string(media.StatusUnsupported), w.hint
		return nil
	}
	asked := media.VideoRequest{Every: w.every, Turned: w.turned, Progress: func(at, length time.Duration) {
		if length <= 0 {
			return
		}
		bytes := int64(min(1, float64(at)/float64(length)) * float64(e.Sum.Size))
		if bytes > e.shown {
			w.progress(bytes - e.shown)
			e.shown = bytes
		}
	}}
	found, err := decoder.Video(ctx, content, e.Sum.Size, asked)
	if err != nil {
		return err
	}
	e.Frames = found
	e.MIME, e.Width, e.Height = found.MIME, found.Width, found.Height
	e.Status, e.Detail = string(found.Status), found.Detail
	return nil
}

// writeFrames writes the hashes of a video under its name and the beginning of its digest, because names are not unique.
func writeFrames(folder string, e examined) error {
	path := filepath.Join(folder, fmt.Sprintf("%s.%.12s.txt", filepath.Base(e.Path), e.SHA256Hex()))
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(video.Write(file, e.Frames.Features), file.Close())
}

// knownVideo is a video that is known by its frames.
type knownVideo struct {
	name     string
	features []video.Feature
}

// loadVideos reads all *.txt of a folder, in order.
func loadVideos(folder string) ([]knownVideo, error) {
	if folder == "" {
		return nil, nil
	}
	paths, err := filepath.Glob(filepath.Join(globbed(folder), "*.txt"))
	if err != nil {
		return nil, fmt.Errorf("looking for known videos: %w", err)
	}
	if len(paths) == 0 {
		return nil, problem.InvalidField("videos", folder+" holds no *.txt", "name a folder that brdo hash --frames has written, or vPDQ")
	}
	slices.Sort(paths)
	var known []knownVideo
	for _, path := range paths {
		file, err := os.Open(path)
		if err != nil {
			return nil, brokenList(path, err)
		}
		features, err := video.Read(file, 0)
		_ = file.Close() // read only
		if err != nil {
			return nil, brokenList(path, err)
		}
		known = append(known, knownVideo{name: path, features: features})
	}
	return known, nil
}

// globbed keeps the name of a folder from being a pattern.
func globbed(folder string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(folder)
}

func ofVideos(known []knownVideo) string {
	if known == nil {
		return ""
	}
	return fmt.Sprintf(" and %d videos", len(known))
}

// videoMatch is what a file and a known video have in common. Times are seconds.
type videoMatch struct {
	List          string  `json:"list"`
	QueryPercent  float64 `json:"query_percent"`
	TargetPercent float64 `json:"target_percent"`
	// Transformations name the orientation in which the file is compared; none where that is as it is.
	Transformations []string     `json:"transformations,omitempty"`
	Ranges          []videoRange `json:"ranges"`
}

type videoRange struct {
	QueryFrom  float64 `json:"query_from"`
	QueryTo    float64 `json:"query_to"`
	TargetFrom float64 `json:"target_from"`
	TargetTo   float64 `json:"target_to"`
	Frames     int     `json:"frames"`
}

// inOrientations are the frames of a file as they are and, where they were hashed so, in the other orientations.
func inOrientations(v media.Video) [][]video.Feature {
	all := [][]video.Feature{v.Features}
	for variant := pdq.Original + 1; v.Turned != nil && int(variant) < len(pdq.Variants{}); variant++ {
		turned := slices.Clone(v.Features)
		for i := range turned {
			turned[i].Hash = v.Turned[i][variant]
		}
		all = append(all, turned)
	}
	return all
}

// compareVideo gives a line for each known video that has a frame in common with a file: in the orientation in which most
// of them are alike.
func (c scanCommand) compareVideo(known []knownVideo, e examined) []scanLine {
	if len(e.Frames.Features) == 0 {
		return nil
	}
	options := video.Usual()
	options.Distance = c.Radius
	options.Gap = max(options.Gap, 2*c.Every)
	var lines []scanLine
	orientations := inOrientations(e.Frames)
	for _, k := range known {
		var found video.Comparison
		best := pdq.Original
		for variant, frames := range orientations {
			if one := video.Compare(frames, k.features, options); one.Query.Matched > found.Query.Matched {
				found, best = one, pdq.Variant(variant)
			}
		}
		if found.Query.Matched == 0 {
			continue
		}
		m := &videoMatch{List: k.name, QueryPercent: found.Query.Percent(), TargetPercent: found.Target.Percent()}
		if best != pdq.Original {
			m.Transformations = []string{best.String()}
		}
		for _, r := range found.Ranges {
			m.Ranges = append(m.Ranges, videoRange{
				QueryFrom: r.Query.From.Seconds(), QueryTo: r.Query.To.Seconds(), TargetFrom: r.Target.From.Seconds(), TargetTo: r.Target.To.Seconds(), Frames: r.Frames,
			})
		}
		lines = append(lines, scanLine{Path: e.Path, Status: e.Status, Video: m})
	}
	return lines
}

func (m *videoMatch) write(out io.Writer, path string) error {
	done := ""
	if len(m.Transformations) > 0 {
		done = "  " + strings.Join(m.Transformations, ", ")
	}
	_, err := fmt.Fprintf(out, "match       %s  %s  video  %.1f %% of it, %.1f %% of the known one%s\n", printable(path), printable(m.List), m.QueryPercent, m.TargetPercent, done)
	for _, r := range m.Ranges {
		if err == nil {
			_, err = fmt.Fprintf(out, "            %s-%s is %s-%s  %d frames\n", clock(r.QueryFrom), clock(r.QueryTo), clock(r.TargetFrom), clock(r.TargetTo), r.Frames)
		}
	}
	return err
}

// clock is seconds as hours, minutes and seconds.
func clock(seconds float64) string {
	at := time.Duration(seconds * float64(time.Second)).Round(time.Millisecond)
	return fmt.Sprintf("%d:%02d:%02d.%03d", at/time.Hour, at%time.Hour/time.Minute, at%time.Minute/time.Second, at%time.Second/time.Millisecond)
}
