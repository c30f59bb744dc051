package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/law"
)

// MaxFiles is how many files one submission may have.
const MaxFiles = 100

// Submission is what is handed in at once: up to [MaxFiles] files, and what the
// service knows of them.
type Submission struct {
	item.Context
	// ClientRef is the service's own name of the submission.
	ClientRef string `json:"client_ref,omitempty"`
	// Signals: urgent, live, planned-meeting, solicitation.
	Signals []law.Signal `json:"signals,omitempty"`
	// Flagged: a user or moderator asked for a look, so a person looks even when no
	// list knows the files.
	Flagged bool `json:"flagged,omitempty"`
	// IdempotencyKey makes the same submission, sent again after a crash of the
	// service, have no second effect; when empty the client makes one for its own
	// attempts.
	IdempotencyKey string `json:"-"`
	Files          []File `json:"-"`
}

// File is one file; it is read from its beginning, several times when a request has
// to be repeated.
type File struct {
	Name    string
	Content io.ReadSeeker
}

// Detection is the answer to a submission.
type Detection struct {
	ID         string `json:"id"`
	Source     string `json:"source"`
	LegalBasis string `json:"legal_basis"`
	// Files are in the order of the submission.
	Files []FileResult `json:"files"`
	// Notice says what a match means, and what not.
	Notice string `json:"notice"`
}

// FileResult is what the node knows of one file. Hashes are in hexadecimal.
type FileResult struct {
	Name       string `json:"name"`
	Size       int64  `json:"size"`
	MIME       string `json:"mime"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	MD5        string `json:"md5"`
	SHA1       string `json:"sha1"`
	SHA256     string `json:"sha256"`
	PDQ        string `json:"pdq"`
	PDQNearest string `json:"pdq_nn512"`
	PDQQuality int    `json:"pdq_quality"`
	// PDQWithin is how many bits the hashes may be off those of the reference, where no list has
	// anything near.
	PDQWithin int `json:"pdq_within"`
	// Status says how the decoding went, and Detail more of it.
	Status  string  `json:"status"`
	Detail  string  `json:"detail"`
	Matches []Match `json:"matches"`
	// More counts matches beyond those that are shown.
	More    int       `json:"more_matches"`
	Skipped []Skipped `json:"skipped_lists"`
	// LookedUpAt is the exchange that is asked about the file, because no list knows it; what it
	// knows becomes a sighting later.
	LookedUpAt string `json:"looked_up_at"`
	// Unhashable says why the picture itself was not compared, NotCompared why nothing
	// of the file was.
	Unhashable  string `json:"unhashable"`
	NotCompared string `json:"not_compared"`
	// Video says what became of the frames of a video; nil for other files.
	Video *Video `json:"video"`
	// Sighting is set when the file was kept for a person to look at, and Inherited
	// when people decided about the same file before.
	Sighting  string `json:"sighting"`
	Inherited string `json:"inherited_decision"`
	// Next says in one sentence what happens now.
	Next string `json:"next"`
}

// Video is what became of the frames of a video.
type Video struct {
	// Frames were decoded, Hashed of them compared.
	Frames int `json:"frames"`
	Hashed int `json:"hashed"`
	// Read is the share of the video that was read: 1 when it is whole, 0 when it is
	// not known.
	Read float64 `json:"read"`
	// NotCompared says why no frame was compared; empty when some were.
	NotCompared string `json:"not_compared"`
}

// VideoMatch says how much of an upload and of an entry is in the other, and where.
type VideoMatch struct {
	UploadPercent float64 `json:"upload_percent"`
	EntryPercent  float64 `json:"entry_percent"`
	// Parts are what runs alike; MoreParts counts those that are not told.
	Parts     []Part `json:"parts"`
	MoreParts int    `json:"more_parts"`
}

// Part is a part of an upload that runs as a part of an entry does, in seconds.
type Part struct {
	UploadFrom float64 `json:"upload_from"`
	UploadTo   float64 `json:"upload_to"`
	EntryFrom  float64 `json:"entry_from"`
	EntryTo    float64 `json:"entry_to"`
	// Frames of the upload are alike in it.
	Frames int `json:"frames"`
}

// Match is one entry of a list that is like what was asked about.
type Match struct {
	List     string `json:"list"`
	ListName string `json:"list_name"`
	Entry    string `json:"entry"`
	// Kind is sha256, sha1, md5, pdq or frames.
	Kind string `json:"kind"`
	// Distance in bits; 0 for equal digests. Radius is the list's.
	Distance int `json:"distance"`
	Radius   int `json:"radius"`
	// Variant says how the picture was turned or mirrored, Form which form of PDQ was
	// nearest.
	Variant string `json:"variant"`
	Form    string `json:"form"`
	// Transformations are what was done to the picture to find the entry: "trimmed" for borders
	// taken off, how it was turned or mirrored, "inverted" for colours. None where it matches as
	// it is.
	Transformations []string `json:"transformations"`
	// Confidence is how far the match can be relied on: same file, same file unless forged, very
	// near, near, or loose. It is no probability.
	Confidence string `json:"confidence"`
	// Video is set for the kind frames.
	Video        *VideoMatch `json:"video"`
	Verification string      `json:"verification"`
	Category     string      `json:"category"`
	ListVersion  int64       `json:"list_version"`
	// Quarantine says why this hit by itself brings nothing to people now: the entry
	// matched too much, and people have to look at it. Empty when it does.
	Quarantine string `json:"quarantine"`
	// Explanation is one plain sentence.
	Explanation string `json:"explanation"`
	// SetAside says why this match is no reason for a person to look; nil when it is one.
	SetAside *SetAside `json:"set_aside"`
}

// SetAside is a benign look-alike to which a picture is at least as near as to an entry.
type SetAside struct {
	List     string `json:"list"`
	ListName string `json:"list_name"`
	Entry    string `json:"entry"`
	Distance int    `json:"distance"`
	// Reason is one plain sentence.
	Reason string `json:"reason"`
}

// Skipped is a list that was not asked, and why.
type Skipped struct {
	List   string `json:"list"`
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Detect hands files in. Each is answered for by itself: one that is broken, empty or
// too large for the node spoils no other. It returns when all that the answer speaks of is durable at
// the node.
//
// Errors: problems, Expired when the legal basis of the key's source has ended; an
// error of a file's reader, as it is; the context's.
func (c *Client) Detect(ctx context.Context, s Submission) (Detection, error) {
	if s.IdempotencyKey == "" {
		s.IdempotencyKey = newKey()
	}
	described, err := json.Marshal(s)
	if err != nil {
		return Detection{}, fmt.Errorf("describing a submission: %w", err)
	}
	boundary := newKey()
	body := func() (io.Reader, error) {
		for _, file := range s.Files {
			if _, err := file.Content.Seek(0, io.SeekStart); err != nil {
				return nil, err
			}
		}
		reader, writer := io.Pipe()
		u := upload{reader, make(chan struct{})}
		go func() {
			defer close(u.written)
			writer.CloseWithError(write(writer, boundary, described, s.Files))
		}()
		return u, nil
	}
	var found Detection
	err = c.send(ctx, request{path: "/v1/detect", media: "multipart/form-data; boundary=" + boundary, key: s.IdempotencyKey, body: body}, func(answer io.Reader) error {
		found = Detection{}
		if err := json.NewDecoder(answer).Decode(&found); err != nil || len(found.Files) != len(s.Files) {
			return broken(err)
		}
		return nil
	})
	return found, err
}

// upload is a form while it is written. Close returns when the files are at rest: the
// next attempt reads them from their beginning.
type upload struct {
	*io.PipeReader
	written chan struct{}
}

// Close ends the writing.
func (u upload) Close() error {
	err := u.PipeReader.Close()
	<-u.written
	return err
}

// write writes a submission as a form.
func write(to io.Writer, boundary string, described []byte, files []File) error {
	form := multipart.NewWriter(to)
	if err := form.SetBoundary(boundary); err != nil {
		return fmt.Errorf("beginning a form: %w", err)
	}
	if err := form.WriteField("context", string(described)); err != nil {
		return err
	}
	for _, file := range files {
		part, err := form.CreateFormFile("file", file.Name)
		if err != nil {
			return err
		}
		if _, err := io.Copy(part, &content{file.Content}); err != nil {
			return err
		}
	}
	return form.Close()
}

// content marks the errors of a file, which sending again does not mend.
type content struct{ from io.Reader }

func (c *content) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if err != nil && err != io.EOF {
		err = &contentError{err}
	}
	return n, err
}
