package cybertip

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/brdoproject/brdo/domain/problem"
)

// Code is the responseCode of an answer. The service may answer HTTP 200 with any of them.
type Code int

// The codes that something follows from here. The list of the service is longer, and its
// documentation calls its own list incomplete.
const (
	Success        Code = 0
	Unauthorised   Code = 2000
	Invalid        Code = 4100
	Malformed      Code = 4110
	NoReport       Code = 5001
	NoFile         Code = 5002
	WasRetracted   Code = 5101
	WasFinished    Code = 5102
	perhapsLater   Code = 1
	notAllowed     Code = 2
	refusedContent Code = 4
	otherState     Code = 5
)

// Meaning is what has to follow from an answer that is no success.
type Meaning string

const (
	// Again: the fault is the service's own; the same may be tried later.
	Again Meaning = "again"
	// Mend: it does not take what it was sent; a person has to change the report.
	Mend Meaning = "mend"
	// Look: a person has to look at it before anything more is sent.
	Look Meaning = "look"
)

// Meaning of a code: 1xxx are faults of the service; 4xxx say that a document or a file is
// wrong; after 5xxx the state of the report there is another than was thought here, which a
// new attempt finds out first. All else, 2xxx and 3xxx among it, is for a person.
func (c Code) Meaning() Meaning {
	switch c / 1000 {
	case perhapsLater, otherState:
		return Again
	case refusedContent:
		return Mend
	}
	return Look
}

// Answer is what the service says.
type Answer struct {
	Code        Code
	Description string
	// Report is 0, and File and Hash are empty, where the answer has none.
	Report int64
	File   string
	// Hash is the MD5 of what was received, in small hex digits.
	Hash string
	// Files are those of a report that was finished.
	Files []string
}

const (
	maxDescription = 1000
	maxName        = 200
	maxFiles       = 10_000
)

// ParseAnswer reads <reportResponse> or <reportDoneResponse>.
//
// Errors: Unavailable for anything else.
func ParseAnswer(text []byte) (Answer, error) {
	odd := func(why string) (Answer, error) {
		return Answer{}, problem.New(problem.Unavailable, "the answer of the CyberTipline cannot be read: "+why, "it is tried again by itself")
	}
	if !utf8.Valid(text) {
		return odd("it is not in UTF-8")
	}
	var a struct {
		XMLName     xml.Name
		Code        *string  `xml:"responseCode"`
		Description string   `xml:"responseDescription"`
		Report      string   `xml:"reportId"`
		File        string   `xml:"fileId"`
		Hash        string   `xml:"hash"`
		Files       []string `xml:"files>fileId"`
	}
	decoder := xml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&a); err != nil {
		return odd("its XML is broken")
	}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if space, is := token.(xml.CharData); err != nil || !is || len(bytes.TrimSpace(space)) > 0 {
			return odd("something follows its end")
		}
	}
	if a.XMLName.Local != "reportResponse" && a.XMLName.Local != "reportDoneResponse" || a.Code == nil {
		return odd("it holds no responseCode")
	}
	code, err := strconv.Atoi(strings.TrimSpace(*a.Code))
	if err != nil || code < 0 {
		return odd("its responseCode is no number")
	}
	answer := Answer{Code: Code(code), Description: line(a.Description, maxDescription), File: strings.TrimSpace(a.File), Hash: strings.ToLower(strings.TrimSpace(a.Hash))}
	if id := strings.TrimSpace(a.Report); id != "" {
		if answer.Report, err = strconv.ParseInt(id, 10, 64); err != nil || answer.Report <= 0 {
			return odd("its reportId is no number")
		}
	}
	if len(a.Files) > maxFiles {
		return odd("it names too many files")
	}
	for _, name := range a.Files {
		answer.Files = append(answer.Files, strings.TrimSpace(name))
	}
	for _, name := range append(answer.Files, answer.File, answer.Hash) {
		if len(name) > maxName || strings.ContainsFunc(name, unicode.IsControl) {
			return odd("a name in it is too long, or holds control characters")
		}
	}
	return answer, nil
}

// line is a text of others as it is kept and shown: on one line, and not too long.
func line(text string, most int) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}
