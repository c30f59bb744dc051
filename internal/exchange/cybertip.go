package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/lookout"
)

// CyberTipline is NCMEC's reporting API (ISPWS): a report is opened, its files and what is
// known of them are added, and then it is finished, or retracted before. No call is repeated
// here: whoever calls has to know first what an earlier call did.
type CyberTipline struct {
	// Base is its address, for example https://report.cybertip.org/ispws.
	Base string
	// Credentials are user:password.
	Credentials Credentials
	// Basis is the legal basis under which reports are sent; outside its dates none is.
	Basis   *law.LegalBasis
	Through *lookout.Lookout
}

// CyberTiplineVariable is the environment's variable that holds the credentials.
const CyberTiplineVariable = "BRDO_CYBERTIPLINE"

// Unsuccessful is an error of the CyberTipline with what has to follow from it.
type Unsuccessful struct {
	error
	// Code is 0 when the service gave none.
	Code    cybertip.Code
	Meaning cybertip.Meaning
}

// Unwrap is the problem that can be shown.
func (u *Unsuccessful) Unwrap() error { return u.error }

// MeaningOf is what has to follow from an error of the CyberTipline, and the code that it
// gave. Broken connections and answers that cannot be read may be tried again.
func MeaningOf(err error) (cybertip.Meaning, cybertip.Code) {
	var u *Unsuccessful
	if errors.As(err, &u) {
		return u.Meaning, u.Code
	}
	if problem.Is(err, problem.Unavailable) {
		return cybertip.Again, 0
	}
	return cybertip.Look, 0
}

const (
	xmlType  = "text/xml; charset=utf-8"
	formType = "application/x-www-form-urlencoded"
)

// Status asks whether the service answers and knows who asks. It says what the service said.
//
// Errors: an [Unsuccessful] or another problem; those of the context.
func (c *CyberTipline) Status(ctx context.Context) (string, error) {
	answer, err := c.say(ctx, http.MethodGet, "/status", "", nil, 0, shortPatience)
	return answer.Description, err
}

// Submit opens a report and returns its number. Until that is written down nobody can
// retract it.
//
// Errors: those of Status.
func (c *CyberTipline) Submit(ctx context.Context, document []byte) (report int64, err error) {
	answer, err := c.post(ctx, "/submit", xmlType, document)
	if err == nil && answer.Report == 0 {
		err = unread("it opened a report and gave it no number")
	}
	return answer.Report, err
}

// Upload adds a file of a size in bytes, and returns its name there and the MD5 of what
// arrived, in hex; the latter is empty when the service did not say.
//
// Errors: those of Status.
func (c *CyberTipline) Upload(ctx context.Context, report int64, name string, size int64, content io.Reader) (file, md5 string, err error) {
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	if err := form.WriteField("id", strconv.FormatInt(report, 10)); err != nil {
		return "", "", fmt.Errorf("writing an upload: %w", err)
	}
	if _, err := form.CreateFormFile("file", name); err != nil {
		return "", "", fmt.Errorf("writing an upload: %w", err)
	}
	tail := "\r\n--" + form.Boundary() + "--\r\n"
	all := int64(head.Len()+len(tail)) + size
	body := io.MultiReader(&head, io.LimitReader(content, size), strings.NewReader(tail))
	answer, err := c.say(ctx, http.MethodPost, "/upload", form.FormDataContentType(), body, all, patience)
	if err == nil && answer.File == "" {
		err = unread("it took a file and gave it no name")
	}
	return answer.File, answer.Hash, err
}

// FileInfo adds what is known of a file.
//
// Errors: those of Status.
func (c *CyberTipline) FileInfo(ctx context.Context, document []byte) error {
	_, err := c.post(ctx, "/fileinfo", xmlType, document)
	return err
}

// Finish ends a report, and returns the names of its files. From then on it cannot be taken
// back.
//
// Errors: those of Status.
func (c *CyberTipline) Finish(ctx context.Context, report int64) (files []string, err error) {
	answer, err := c.post(ctx, "/finish", formType, named(report))
	if err == nil && answer.Report != report {
		err = unread("it speaks of another report")
	}
	return answer.Files, err
}

// Retract takes back a report that is not finished. It says whether the report was finished
// before, which cannot be undone; one that was retracted or deleted before is no error.
//
// Errors: those of Status.
func (c *CyberTipline) Retract(ctx context.Context, report int64) (finished bool, err error) {
	_, err = c.post(ctx, "/retract", formType, named(report))
	switch _, code := MeaningOf(err); {
	case err == nil || code == cybertip.NoReport || code == cybertip.WasRetracted:
		return false, nil
	case code == cybertip.WasFinished:
		return true, nil
	}
	return false, err
}

func named(report int64) []byte {
	return []byte(url.Values{"id": {strconv.FormatInt(report, 10)}}.Encode())
}

// unread is an answer that says too little: what it did is found out by the next attempt.
func unread(why string) error {
	return problem.New(problem.Unavailable, "the answer of the CyberTipline cannot be read: "+why, "it is tried again by itself")
}

func (c *CyberTipline) post(ctx context.Context, path, kind string, body []byte) (cybertip.Answer, error) {
	return c.say(ctx, http.MethodPost, path, kind, bytes.NewReader(body), int64(len(body)), shortPatience)
}

// say sends one call. The answer's own code counts, whatever HTTP says; where it has none,
// HTTP does.
func (c *CyberTipline) say(ctx context.Context, method, path, kind string, body io.Reader, size int64, patience time.Duration) (cybertip.Answer, error) {
	user, password, err := c.Credentials.pair(":", "user:password")
	if err != nil {
		return cybertip.Answer{}, &Unsuccessful{err, 0, cybertip.Look}
	}
	timed, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(timed, method, strings.TrimSuffix(c.Base, "/")+path, body)
	if err != nil {
		return cybertip.Answer{}, problem.InvalidField("url", "it is no web address", "mend the configuration")
	}
	request.ContentLength = size
	request.SetBasicAuth(user, password)
	request.Header.Set("User-Agent", "Brdo")
	request.Header.Set("Accept", "text/xml")
	request.Header.Set("Accept-Encoding", "identity")
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := c.Through.Send(request)
	if err != nil {
		return cybertip.Answer{}, ended(ctx, timed, patience, err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if err := take(&text, response.Body, response.ContentLength, maxShort); err != nil {
		return cybertip.Answer{}, ended(ctx, timed, patience, err)
	}
	answer, odd := cybertip.ParseAnswer(text.Bytes())
	switch {
	case odd == nil && answer.Code != cybertip.Success:
		return answer, &Unsuccessful{problem.Newf(problem.Unavailable, "the CyberTipline answers %d: %s", answer.Code, answer.Description), answer.Code, answer.Code.Meaning()}
	case response.StatusCode != http.StatusOK:
		meaning := cybertip.Look
		if response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= 500 {
			meaning = cybertip.Again
		}
		return cybertip.Answer{}, &Unsuccessful{refusal(response), 0, meaning}
	}
	return answer, odd
}
