package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
)

type scanCommand struct {
	List   []string      `help:"A hash list: CSV, plain digests, Project VIC JSON, or the output of brdo hash. May be given more than once." type:"existingfile"`
	Benign []string      `help:"A list of known benign look-alikes: near matches of pictures that are at least as near to one of them are shown as set aside. May be given more than once." type:"existingfile" placeholder:"LIST"`
	Like   []string      `help:"A picture, or a folder of pictures: looks for the scenes that they show, in edited copies, too. May be given more than once, without lists." placeholder:"PICTURE|FOLDER"`
	Videos string        `help:"A folder of videos that are known by their frames, as vPDQ or brdo hash --frames writes them: *.txt." type:"existingdir" placeholder:"FOLDER"`
	Every  time.Duration `default:"1s" help:"Time between two compared frames of a video; 0s for each frame."`
	Turned bool          `default:"true" negatable:"" help:"Compare videos turned and mirrored too (on by default)."`
	Paths  []string      `arg:"" name:"file|dir" help:"Files, or folders to be walked."`
	Kind64 string        `enum:"sha256,pdq" default:"sha256" help:"What digests of 64 digits are when a list does not say: sha256 or pdq."`
	Radius int           `default:"31" help:"The largest PDQ distance that is a match, 0 to 64."`
	Full   bool          `help:"Look at each picture closely at once: it takes longer, and relies on no first look."`
	Format string        `enum:"text,jsonl" default:"text" help:"Form of the output: text or jsonl."`
	Unsafe bool          `name:"allow-unsandboxed" help:"Work even where the kernel cannot enclose the decoder."`
}

func (scanCommand) Help() string {
	return `Compares files with hash lists, in all eight orientations, also with the colours inverted and
without uniform borders, and prints one line a match:

  $ brdo scan --list known.csv evidence/
  match       evidence/a.jpg  known.csv  sha256  distance 0 (same file)  double
  match       evidence/c.png  known.csv  pdq  distance 6 (very near)  trimmed, flipX  double

Videos are compared by their digests, and with --videos frame by frame, in all eight orientations: how much of each
of the two is in the other, and where. Each known video is compared eight times for that, in a time that grows with
the product of the frames of both; with --no-turned once, as it is. Decoding takes as long either way.

  $ brdo scan --videos known/ evidence/
  match       evidence/b.mp4  known/lake.txt  video  40.0 % of it, 100.0 % of the known one
              0:00:12.000-0:00:19.000 is 0:00:00.000-0:00:07.000  8 frames

With --like the pictures are at hand, and copies are found that no hash finds: cut on one side, covered by a box or
a caption, turned by some degrees, a part of a collage. It is slower, and says what was done to the picture:

  $ brdo scan --like lake.jpg evidence/
  like        evidence/c.jpg  lake.jpg  mirrored, scaled by 0.50, 100 % of it is 90 % of the other  (148 places, 61 %)

A file that cannot be read or decoded is a line with its status, never a silence; its digests are
compared all the same. A broken list stops the scan before it begins and names the line. A match
does not say that a file is illegal: a person must decide. Exit code 0 when everything was
compared, 3 when something was not.`
}

// scanLine is one line of the output.
type scanLine struct {
	Path   string       `json:"path"`
	Status string       `json:"status"`
	Detail string       `json:"detail,omitempty"`
	Match  *match.Match `json:"match,omitempty"`
	Video  *videoMatch  `json:"video,omitempty"`
	Like   *likeness    `json:"like,omitempty"`
}

func (c scanCommand) Run(ctx context.Context, w world) error {
	if c.Radius < 0 || c.Radius > match.MaximumRadius {
		return problem.InvalidField("radius", fmt.Sprintf("it is not between 0 and %d", match.MaximumRadius), "31 is usual")
	}
	if len(c.Like) > 0 {
		return c.runLike(ctx, w)
	}
	if len(c.List) == 0 && c.Videos == "" {
		return problem.InvalidField("list", "there is nothing to compare with", "give --list LIST, --videos FOLDER, or both; or --like PICTURE")
	}
	known, err := loadVideos(c.Videos)
	if err != nil {
		return err
	}
	index := match.New()
	slices.Sort(c.List)
	for _, path := range slices.Compact(c.List) {
		if err := c.load(index, path, false, w.err); err != nil {
			return err
		}
	}
	slices.Sort(c.Benign)
	for _, path := range slices.Compact(c.Benign) {
		if slices.Contains(c.List, path) {
			return problem.InvalidField("benign", path+" is given as --list too", "name each list once")
		}
		if err := c.load(index, path, true, w.err); err != nil {
			return err
		}
	}
	decoder, err := media.Start(ctx, media.Options{AllowUnsandboxed: c.Unsafe})
	if err != nil {
		return err
	}
	defer decoder.Close()
	begun := time.Now()
	candidates := find(c.Paths)
	shown := newProgress(w, "comparing", candidates)
	defer shown.end()
	out := bufio.NewWriter(w.out)
	var files, hits, aside, left int
	videos := videoWork{decode: c.Videos != "", hint: "a video: its frames are compared with --videos", every: c.Every, turned: c.Turned, progress: shown.add}
	first := lookFor(index, !c.Full && index.Screens(media.FirstLookWithin))
	err = examine(ctx, decoder, candidates, false, videos, first, func(e examined) error {
		shown.add(e.candidate.Size - e.shown)
		files++
		lines := append(c.compareVideo(known, e), compare(index, e)...)
		if !complete(e.Status) {
			left++
		}
		for _, line := range lines {
			switch {
			case line.Match != nil && line.Match.SetAside != nil:
				aside++
			case line.Match != nil || line.Video != nil:
				hits++
			}
			if err := c.write(out, line); err != nil {
				return err
			}
		}
		if w.terminal {
			return out.Flush()
		}
		return nil
	})
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		return fmt.Errorf("comparing: %w", err)
	}
	shown.end()
	fmt.Fprintf(w.err, "%d files compared with %d entries%s in %s: %d matches, %s%d files not wholly compared. A person must decide about each match.\n",
		files, index.Len(), ofVideos(known), time.Since(begun).Round(time.Millisecond), hits, ofAside(aside), left)
	if left > 0 {
		return errIncomplete
	}
	return nil
}

// lookFor looks a second time at what an index has something near to. Wide is firstLook.wide.
func lookFor(index *match.Index, wide bool) *firstLook {
	return &firstLook{wide: wide, near: func(e examined) bool { return len(query(index, e).Matches) > 0 }}
}

// compare gives the lines of one file: its matches, and its status when it
// could not be wholly compared.
func compare(index *match.Index, e examined) []scanLine {
	var lines []scanLine
	if e.Status != statusUnreadableFile && !e.far {
		found := query(index, e)
		for i := range found.Matches {
			lines = append(lines, scanLine{Path: e.Path, Status: e.Status, Match: &found.Matches[i]})
		}
	}
	if !complete(e.Status) {
		lines = append(lines, scanLine{Path: e.Path, Status: e.Status, Detail: e.Detail})
	}
	return lines
}

func query(index *match.Index, e examined) match.Result {
	return index.Query(match.Query{
		Digests: e.Sum, Forms: e.Forms, Trimmed: e.Trimmed, Decoded: e.Fingerprint.Status.Decoded(), Margin: e.Within, Now: time.Now(),
	})
}

func (c scanCommand) write(out io.Writer, line scanLine) error {
	if c.Format == "jsonl" {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(line)
	}
	if line.Video != nil {
		return line.Video.write(out, line.Path)
	}
	if line.Like != nil {
		return line.Like.write(out, line.Path)
	}
	if line.Match == nil {
		_, err := fmt.Fprintf(out, "%-11s %s  %s\n", line.Status, printable(line.Path), line.Detail)
		return err
	}
	m := line.Match
	word, why := "match", ""
	if m.SetAside != nil {
		word, why = "set aside", "            "+m.SetAside.Reason+"\n" // which quotes the name of the list
	}
	done := ""
	if len(m.Transformations) > 0 {
		done = "  " + strings.Join(m.Transformations, ", ")
	}
	_, err := fmt.Fprintf(out, "%-11s %s  %s  %s  distance %d (%s)%s  %s %s\n%s", word, printable(line.Path), printable(m.ListName), m.Kind, m.Distance, m.Confidence, done, printable(m.Verification), printable(m.Category), why)
	return err
}

func ofAside(count int) string {
	if count == 0 {
		return ""
	}
	return fmt.Sprintf("%d set aside as benign look-alikes, ", count)
}

// printable keeps a file name from moving the cursor or hiding text.
func printable(name string) string {
	quoted := fmt.Sprintf("%q", name)
	if quoted[1:len(quoted)-1] == name {
		return name
	}
	return quoted
}

// load reads one list into the index; its name is the file's.
func (c scanCommand) load(index *match.Index, path string, benign bool, told io.Writer) error {
	file, err := os.Open(path)
	if err != nil {
		return problem.InvalidField("list", err.Error(), "name a file that can be read").Because(err)
	}
	defer file.Close()
	kind, err := hashlist.ParseKind(c.Kind64)
	if err != nil {
		return problem.InvalidField("kind64", err.Error(), "use sha256 or pdq")
	}
	reader, err := hashlist.Open(file, hashlist.Options{Kind64: kind})
	if err != nil {
		return brokenList(path, err)
	}
	index.PutList(match.List{ID: path, Name: path, Radius: c.Radius, Benign: benign})
	delta := match.Delta{List: path, From: 0, To: 1}
	refused := 0
	for {
		entry, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return brokenList(path, err)
		}
		if entry.Refused != "" {
			if refused++; refused <= 10 {
				fmt.Fprintf(told, "brdo: %s line %d is left out: %s\n", path, entry.Line, entry.Refused.Reason())
			}
			continue
		}
		delta.Put = append(delta.Put, listed(entry))
	}
	if refused > 10 {
		fmt.Fprintf(told, "brdo: %s: %d rows are left out altogether\n", path, refused)
	}
	if len(delta.Put) == 0 {
		return problem.InvalidField(path, "it holds no usable row", "check that it is the right file")
	}
	return index.Apply(delta)
}

func listed(entry hashlist.Entry) match.Entry {
	e := match.Entry{ID: fmt.Sprintf("row %d", entry.Number), Category: entry.Category, Verification: entry.Verification}
	take := func(kind hashlist.Kind, into *[]byte) {
		if value := entry.Digest(kind); value != nil {
			*into = append([]byte(nil), value...)
		}
	}
	take(hashlist.MD5, &e.MD5)
	take(hashlist.SHA1, &e.SHA1)
	take(hashlist.SHA256, &e.SHA256)
	// A plain picture's hash collides with other plain ones: its digests count,
	// its PDQ does not.
	if entry.PDQQuality < 0 || entry.PDQQuality >= pdq.MinimumQuality {
		take(hashlist.PDQ, &e.PDQ)
		e.Insets = slices.Clone(entry.Insets)
	}
	return e
}

func brokenList(path string, err error) error {
	return problem.InvalidField(path, err.Error(), "mend the list; nothing was compared").Because(err)
}
