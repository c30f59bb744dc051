package exchangetest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// FileHost is where a played file is, and FileURL its address.
const (
	FileHost = "lists.example"
	FileURL  = "https://" + FileHost + "/known/list.csv?of=2026"
)

// File plays a file of a server, which knows whether a reader has it.
type File struct {
	User, Password string
	// Redirect is where the server sends on to, if anywhere.
	Redirect string

	mutex      sync.Mutex
	text       string
	turn       int
	read, same int
}

// Put changes what is served.
func (f *File) Put(text string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.turn++
	f.text = text
}

// Served is how often the file was sent, and how often it was said to be the same.
func (f *File) Served() (read, same int) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.read, f.same
}

// ServeHTTP answers one question.
func (f *File) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	user, password, _ := request.BasicAuth()
	switch {
	case user != f.User || password != f.Password:
		http.Error(answer, "who are you?", http.StatusUnauthorized)
		return
	case f.Redirect != "":
		http.Redirect(answer, request, f.Redirect, http.StatusFound)
		return
	}
	tag := fmt.Sprintf("%q", fmt.Sprint("turn-", f.turn))
	answer.Header().Set("ETag", tag)
	if request.Header.Get("If-None-Match") == tag {
		f.same++
	} else {
		f.read++
	}
	http.ServeContent(answer, request, "list.csv", time.Date(2026, 2, f.turn, 0, 0, 0, 0, time.UTC), strings.NewReader(f.text))
}
