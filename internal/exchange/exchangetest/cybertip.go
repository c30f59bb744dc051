package exchangetest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/brdoproject/brdo/domain/cybertip"
)

// CyberTiplineHost is where the played CyberTipline is, and CyberTiplineBase the address to
// configure.
const (
	CyberTiplineHost = "exttest.cybertip.example"
	CyberTiplineBase = "https://" + CyberTiplineHost + "/ispws"
)

// TipState is how far a report is at the CyberTipline.
type TipState string

const (
	TipOpen      TipState = "open"
	TipFinished  TipState = "finished"
	TipRetracted TipState = "retracted"
	// TipDeleted: it was not finished in time.
	TipDeleted TipState = "deleted"
)

// Tip is a report at the played CyberTipline.
type Tip struct {
	ID     int64
	State  TipState
	Report string
	Files  []TipFile
}

// TipFile is one file of it.
type TipFile struct {
	ID, Name string
	Content  []byte
	// Details is empty until they came.
	Details string
}

// CyberTipline plays NCMEC's reporting API: it holds documents strictly against the schema,
// keeps the states of reports, and answers HTTP 200 with a code that is an error.
type CyberTipline struct {
	User, Password string

	mutex sync.Mutex
	tips  []*Tip
	calls []string
	// before may answer in place of the service, after may spoil what it answered.
	before func(http.ResponseWriter, *http.Request) bool
	after  func(path string)
}

// NewCyberTipline makes one without any report.
func NewCyberTipline(user, password string) *CyberTipline {
	return &CyberTipline{User: user, Password: password}
}

// Before lets a function answer in place of the service, as long as it returns true.
func (c *CyberTipline) Before(answer func(http.ResponseWriter, *http.Request) bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.before = answer
}

// After calls a function when a call was worked off and not answered yet; one that panics
// with [http.ErrAbortHandler] cuts the connection in place of the answer.
func (c *CyberTipline) After(done func(path string)) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.after = done
}

// Tips are all reports that were ever opened, the oldest first.
func (c *CyberTipline) Tips() (all []Tip) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, tip := range c.tips {
		one := *tip
		one.Files = slices.Clone(tip.Files)
		all = append(all, one)
	}
	return all
}

// Calls returns the paths of the calls since it was last asked.
func (c *CyberTipline) Calls() []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	calls := c.calls
	c.calls = nil
	return calls
}

// Expire deletes what is not finished, as the service does after a day.
func (c *CyberTipline) Expire() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, tip := range c.tips {
		if tip.State == TipOpen {
			tip.State = TipDeleted
		}
	}
}

// ServeHTTP answers one call.
func (c *CyberTipline) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	path, within := strings.CutPrefix(request.URL.Path, "/ispws")
	c.mutex.Lock()
	c.calls = append(c.calls, path)
	before, after := c.before, c.after
	c.mutex.Unlock()
	if before != nil && before(answer, request) {
		return
	}
	if user, password, _ := request.BasicAuth(); user != c.User || password != c.Password {
		answer.WriteHeader(http.StatusUnauthorized)
		reply(answer, cybertip.Unauthorised, "Authentication required", "")
		return
	}
	body, err := io.ReadAll(io.LimitReader(request.Body, 1<<30))
	if err != nil || !within {
		http.NotFound(answer, request)
		return
	}
	said := response{}
	switch {
	case request.Method == http.MethodGet && path == "/status":
		said = response{description: "Remote User : " + c.User}
	case request.Method != http.MethodPost:
		answer.WriteHeader(http.StatusMethodNotAllowed)
		return
	case path == "/submit" && isXML(request):
		said = c.submit(body)
	case path == "/upload":
		said = c.upload(request, body)
	case path == "/fileinfo" && isXML(request):
		said = c.fileInfo(body)
	case path == "/finish" || path == "/retract":
		said = c.end(path, request, body)
	default:
		said = response{code: 4000, description: "Invalid request"}
	}
	if after != nil {
		after(path)
	}
	if said.done {
		answer.Header().Set("Content-Type", "text/xml; charset=utf-8")
		fmt.Fprintf(answer, `%s<reportDoneResponse><responseCode>0</responseCode><reportId>%d</reportId><files>%s</files></reportDoneResponse>`, xml.Header, said.report, said.further)
		return
	}
	further := said.further
	if said.report != 0 {
		further = fmt.Sprintf("<reportId>%d</reportId>", said.report) + further
	}
	reply(answer, said.code, said.description, further)
}

// response is what is answered.
type response struct {
	code        cybertip.Code
	description string
	report      int64
	// further are elements after those.
	further string
	done    bool
}

func reply(answer http.ResponseWriter, code cybertip.Code, description, further string) {
	answer.Header().Set("Content-Type", "text/xml; charset=utf-8")
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(description))
	fmt.Fprintf(answer, `%s<reportResponse><responseCode>%d</responseCode><responseDescription>%s</responseDescription>%s</reportResponse>`, xml.Header, code, escaped.String(), further)
}

func isXML(request *http.Request) bool {
	return request.Header.Get("Content-Type") == "text/xml; charset=utf-8"
}

// first is the number of the first report.
const first = 4_564_001

func (c *CyberTipline) submit(body []byte) response {
	if err := ValidCyberTip("report", body); err != nil {
		return response{code: cybertip.Invalid, description: "Validation failed: " + err.Error()}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	tip := &Tip{ID: first + int64(len(c.tips)), State: TipOpen, Report: string(body)}
	c.tips = append(c.tips, tip)
	return response{description: "Success", report: tip.ID}
}

// opened finds a report that can be added to; the caller holds the mutex.
func (c *CyberTipline) opened(id string) (*Tip, response) {
	number, err := strconv.ParseInt(id, 10, 64)
	at := slices.IndexFunc(c.tips, func(t *Tip) bool { return t.ID == number })
	if err != nil || at < 0 || c.tips[at].State == TipDeleted {
		return nil, response{code: cybertip.NoReport, description: "Report does not exist"}
	}
	switch c.tips[at].State {
	case TipFinished:
		return nil, response{code: cybertip.WasFinished, description: "Report already finished"}
	case TipRetracted:
		return nil, response{code: cybertip.WasRetracted, description: "Report already retracted"}
	}
	return c.tips[at], response{}
}

func (c *CyberTipline) upload(request *http.Request, body []byte) response {
	request.Body = io.NopCloser(strings.NewReader(string(body)))
	if err := request.ParseMultipartForm(1 << 30); err != nil || len(request.MultipartForm.File["file"]) != 1 {
		return response{code: 4200, description: "Malformed file submittal"}
	}
	part := request.MultipartForm.File["file"][0]
	file, err := part.Open()
	if err != nil {
		return response{code: 1111, description: "File upload failed"}
	}
	content, err := io.ReadAll(file)
	if err != nil || len(content) == 0 {
		return response{code: 4200, description: "Malformed file submittal"}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	tip, refused := c.opened(request.FormValue("id"))
	if tip == nil {
		return refused
	}
	sum := md5.Sum(content)
	one := TipFile{ID: fmt.Sprintf("file%d-%d", tip.ID, len(tip.Files)+1), Name: part.Filename, Content: content}
	tip.Files = append(tip.Files, one)
	return response{description: "Success", report: tip.ID, further: "<fileId>" + one.ID + "</fileId><hash>" + hex.EncodeToString(sum[:]) + "</hash>"}
}

func (c *CyberTipline) fileInfo(body []byte) response {
	if err := ValidCyberTip("fileDetails", body); err != nil {
		return response{code: cybertip.Invalid, description: "Validation failed: " + err.Error()}
	}
	document, err := readXML(body)
	if err != nil {
		return response{code: cybertip.Malformed, description: "Malformed XML submittal"}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	tip, refused := c.opened(document.find("reportId"))
	if tip == nil {
		return refused
	}
	at := slices.IndexFunc(tip.Files, func(f TipFile) bool { return f.ID == document.find("fileId") })
	if at < 0 {
		return response{code: cybertip.NoFile, description: "File does not exist"}
	}
	tip.Files[at].Details = string(body)
	return response{description: "Success", report: tip.ID}
}

func (c *CyberTipline) end(path string, request *http.Request, body []byte) response {
	request.Body = io.NopCloser(strings.NewReader(string(body)))
	c.mutex.Lock()
	defer c.mutex.Unlock()
	tip, refused := c.opened(request.PostFormValue("id"))
	if tip == nil {
		return refused
	}
	if path == "/retract" {
		tip.State = TipRetracted
		return response{description: "Success", report: tip.ID}
	}
	tip.State = TipFinished
	said := response{done: true, report: tip.ID}
	for _, file := range tip.Files {
		said.further += "<fileId>" + file.ID + "</fileId>"
	}
	return said
}
