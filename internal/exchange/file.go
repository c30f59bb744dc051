package exchange

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/lookout"
)

// FileSource is a file in one of the formats of [hashlist], which is the whole list each
// time: one at an address, one on this machine, or the newest of a folder. It is read to
// its end before anything of it is stored.
type FileSource struct {
	// URL is its address, or Path a file or a folder.
	URL, Path string
	// Format is "" to be recognised; Kind64 is what 64 digits without a name are.
	Format hashlist.Format
	Kind64 hashlist.Kind
	// Credentials of the address are user:password; there may be none.
	Credentials Credentials
	Through     *lookout.Lookout
	// Spool is the folder in which a file is kept while it is read.
	Spool string
	// MaxBytes is the largest file.
	MaxBytes int64
}

const (
	// DefaultMaxFile is the largest file that is fetched.
	DefaultMaxFile = 16 << 30
	// perBatch is how many rows are stored at once.
	perBatch = 2000
	// settles is how long a file must have been left alone before it is read.
	settles = time.Minute
	// downloads is how long a file may take to come.
	downloads = time.Hour
)

// fileCheckpoint is which file was read last, and how.
type fileCheckpoint struct {
	SHA256 string `json:"sha256"`
	// Name, Size and Modified are of a file on this machine; ETag and LastModified are
	// those of the server.
	Name         string          `json:"name,omitempty"`
	Size         int64           `json:"size,omitempty"`
	Modified     time.Time       `json:"modified,omitzero"`
	ETag         string          `json:"etag,omitempty"`
	LastModified string          `json:"last_modified,omitempty"`
	Format       hashlist.Format `json:"format,omitempty"`
	Kind64       hashlist.Kind   `json:"kind64,omitempty"`
}

// Changes reads the file when it is another than the last time, see [Source].
func (s *FileSource) Changes(ctx context.Context, checkpoint string, now time.Time) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		last := fileCheckpoint{}
		if checkpoint != "" {
			if err := json.Unmarshal([]byte(checkpoint), &last); err != nil {
				yield(Batch{}, fmt.Errorf("reading a checkpoint: %w", err))
				return
			}
		}
		if last.Format != s.Format || last.Kind64 != s.Kind64 {
			last = fileCheckpoint{} // it is read in another way now
		}
		file, found, err := s.open(ctx, last, now)
		if err != nil {
			yield(Batch{}, err)
			return
		}
		unchanged := Batch{Checkpoint: checkpoint, UpTo: now.UTC()}
		if file == nil {
			yield(unchanged, nil)
			return
		}
		defer file.Close()
		found.Format, found.Kind64 = s.Format, s.Kind64
		total, err := s.measure(ctx, file, &found)
		if err != nil {
			yield(Batch{}, err)
			return
		}
		text, err := json.Marshal(found)
		if err != nil {
			yield(Batch{}, err)
			return
		}
		if found.SHA256 == last.SHA256 {
			unchanged.Checkpoint = string(text)
			yield(unchanged, nil)
			return
		}
		batch := Batch{Checkpoint: checkpoint, Begins: true, Total: total, Name: cmp.Or(found.Name, "file"), SHA256: found.SHA256, Format: cmp.Or(string(s.Format), "file")}
		sum, err := s.rows(ctx, file, func(c Change) bool {
			if batch.Changes = append(batch.Changes, c); len(batch.Changes) < perBatch {
				return true
			}
			more := yield(batch, nil)
			batch.Changes, batch.Begins = nil, false
			return more
		})
		switch {
		case errors.Is(err, errStopped):
			return
		case err == nil && sum != found.SHA256:
			err = problem.New(problem.Unavailable, "the file changed while it was read", "put files there under another name, and rename them when they are complete")
		}
		if err != nil {
			yield(Batch{}, err)
			return
		}
		batch.Ends, batch.UpTo, batch.Checkpoint = true, now.UTC(), string(text)
		yield(batch, nil)
	}
}

var errStopped = errors.New("the reader wants no more")

// measure reads a file to its end: only one that can be read wholly is stored.
func (s *FileSource) measure(ctx context.Context, file *os.File, found *fileCheckpoint) (total int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return 0, fmt.Errorf("looking at a file: %w", err)
	}
	if info.Size() > 0 {
		found.SHA256, err = s.rows(ctx, file, func(c Change) bool {
			if c.Refused == "" {
				total++
			}
			return true
		})
	}
	if err == nil && total == 0 {
		// Not only a list that would lose all, but also one that would never get any.
		err = problem.New(problem.Conflict, "the file holds no row that can be used", "check that it is the right file and format; the list stays as it is")
	}
	return total, err
}

// rows reads a file from its beginning and returns its SHA-256. Rows that a list of
// changes calls stopped are not among them.
func (s *FileSource) rows(ctx context.Context, file *os.File, each func(Change) bool) (sum string, err error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("reading a file from its beginning: %w", err)
	}
	hash := sha256.New()
	content := io.TeeReader(file, hash)
	reader, err := hashlist.Open(content, hashlist.Options{Format: s.Format, Kind64: s.Kind64, MaxBytes: s.MaxBytes})
	for n := 0; err == nil; n++ {
		if n%perBatch == 0 && ctx.Err() != nil {
			return "", ctx.Err()
		}
		var row hashlist.Entry
		if row, err = reader.Next(); err == nil && row.State.Holds() && !each(changeOf(row)) {
			return "", errStopped
		}
	}
	if !errors.Is(err, io.EOF) {
		return "", unreadable(err)
	}
	if _, err := io.Copy(io.Discard, content); err != nil {
		return "", unreadable(err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// unreadable is the error of a file that cannot be read: people are told at once.
func unreadable(err error) error {
	const remedy = "ask those who keep it; the list stays as it is"
	var syntax *hashlist.SyntaxError
	if errors.As(err, &syntax) {
		return problem.New(problem.Conflict, fmt.Sprintf("the file cannot be read: line %d: %s", syntax.Line, syntax.Reason), remedy).Because(err)
	}
	var limit *hashlist.LimitError
	if errors.As(err, &limit) {
		return problem.New(problem.Conflict, "the file cannot be read: "+limit.Error(), remedy).Because(err)
	}
	return problem.New(problem.Unavailable, "the file cannot be read to its end", "check it; the list stays as it is").Because(err)
}

// changeOf keeps of a row what a list keeps. It is called by its strongest digest; one
// that cannot be used has no name.
func changeOf(row hashlist.Entry) Change {
	if row.Refused != "" {
		return Change{Refused: row.Refused}
	}
	e := hashlist.Entry{
		Size: -1, PDQQuality: -1, Kinds: row.Kinds, MD5: row.MD5, SHA1: row.SHA1, SHA256: row.SHA256, PDQ: row.PDQ, Category: shorten(row.Category),
		Series: shorten(row.Series), Source: shorten(row.Source), SourceID: shorten(row.SourceID), Note: shorten(row.Note),
	}
	for _, kind := range []hashlist.Kind{hashlist.SHA256, hashlist.SHA1, hashlist.MD5, hashlist.PDQ} {
		if e.Kinds.Has(kind) {
			return Change{Key: kind.String() + ":" + e.Hex(kind), Entry: e}
		}
	}
	return Change{Refused: hashlist.RefusedNoDigest}
}

// open returns the file, or nil when it is the one that was read last.
func (s *FileSource) open(ctx context.Context, last fileCheckpoint, now time.Time) (*os.File, fileCheckpoint, error) {
	if s.Path != "" {
		return s.local(last, now)
	}
	return s.download(ctx, last)
}

// local opens a file of this machine.
func (s *FileSource) local(last fileCheckpoint, now time.Time) (_ *os.File, found fileCheckpoint, err error) {
	missing := problem.New(problem.Unavailable, "there is no file, or it cannot be opened", "check the path and its rights")
	folder, name := filepath.Split(s.Path)
	if info, err := os.Stat(s.Path); err == nil && info.IsDir() {
		folder, name = s.Path, ""
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, found, missing
	}
	defer root.Close()
	if name == "" {
		if name, err = newest(root); err != nil {
			return nil, found, missing
		}
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, found, missing
	}
	info, err := file.Stat()
	found = fileCheckpoint{Name: name}
	switch {
	case err != nil || !info.Mode().IsRegular():
		err = missing
	case info.ModTime().After(now.Add(-settles)):
		err = problem.New(problem.Unavailable, "the file was changed less than a minute ago", "it is read when it was left alone for a minute")
	case info.Size() > s.MaxBytes:
		err = problem.Newf(problem.Unavailable, "the file has more than %d bytes", s.MaxBytes)
	default:
		found.Size, found.Modified = info.Size(), info.ModTime().UTC()
		if last.SHA256 != "" && found.Name == last.Name && found.Size == last.Size && found.Modified.Equal(last.Modified) {
			return nil, last, file.Close()
		}
		return file, found, nil
	}
	return nil, found, errors.Join(err, file.Close())
}

// newest is the name of the file of a folder that was changed last. Hidden files, and
// those that are still being written by their name, are none.
func newest(root *os.Root) (name string, err error) {
	entries, err := fs.ReadDir(root.FS(), ".")
	var latest time.Time
	for _, entry := range entries {
		info, failed := entry.Info()
		if failed != nil || !info.Mode().IsRegular() || strings.HasPrefix(entry.Name(), ".") || slices.Contains([]string{".part", ".tmp"}, filepath.Ext(entry.Name())) {
			continue
		}
		if at := info.ModTime(); name == "" || at.After(latest) || (at.Equal(latest) && entry.Name() > name) {
			name, latest = entry.Name(), at
		}
	}
	if err == nil && name == "" {
		err = fs.ErrNotExist
	}
	return name, err
}

// download fetches a file from its address, when the server has another one.
func (s *FileSource) download(ctx context.Context, last fileCheckpoint) (_ *os.File, found fileCheckpoint, err error) {
	secret, err := s.Credentials.Read()
	if err != nil {
		return nil, found, err
	}
	user, password, named := strings.Cut(string(secret.Reveal()), ":")
	if !named && user != "" {
		return nil, found, s.Credentials.missing("user:password")
	}
	timed, cancel := context.WithTimeout(ctx, downloads)
	defer cancel()
	answer, err := send(timed, s.Through, s.URL, func(r *http.Request) {
		if named {
			r.SetBasicAuth(user, password)
		}
		if last.ETag != "" {
			r.Header.Set("If-None-Match", last.ETag)
		}
		if last.LastModified != "" {
			r.Header.Set("If-Modified-Since", last.LastModified)
		}
	})
	if err != nil {
		return nil, found, ended(ctx, timed, downloads, err)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		if last.SHA256 != "" {
			return nil, last, nil
		}
		fallthrough
	default:
		return nil, found, refusal(answer)
	}
	file, err := os.CreateTemp(s.Spool, "list-")
	if err != nil {
		return nil, found, fmt.Errorf("making a file for a list: %w", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, found, errors.Join(fmt.Errorf("making a file for a list: %w", err), file.Close())
	}
	if err := take(file, answer.Body, answer.ContentLength, s.MaxBytes); err != nil {
		return nil, found, errors.Join(ended(ctx, timed, downloads, err), file.Close())
	}
	found = fileCheckpoint{Name: shorten(filepath.Base(answer.Request.URL.Path)), ETag: header(answer, "ETag"), LastModified: header(answer, "Last-Modified")}
	return file, found, nil
}

// header is a header that can be sent back, or nothing.
func header(answer *http.Response, name string) string {
	text := answer.Header.Get(name)
	if text != shorten(text) {
		return ""
	}
	return text
}
