// Package web serves the pages of a node: rendered on the server, usable by
// keyboard, text first, without any rule of its own. What people see and do
// goes through the desks; what they may do is decided by the policy.
package web

import (
	"context"
	"encoding/gob"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/alexedwards/scs/v2"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/door"
	"github.com/brdoproject/brdo/internal/identity"
	"github.com/brdoproject/brdo/internal/ledger"
)

// Options of the pages.
type Options struct {
	// Name is the organisation's, Kind what it is.
	Name     string
	Kind     mandate.OrganisationKind
	Identity *identity.Service
	Ledger   *ledger.Ledger
	Sessions identity.Sessions
	// Secure says that pages are served over TLS, so that cookies are bound to it.
	Secure bool
	// Cookie tells the sessions of several nodes on one host apart.
	Cookie string
	// Directory is the organisation's own login service; nil when it has none.
	Directory *identity.Directory
	// Demo lets people who came by a one-time link work without registering a
	// means to log in again.
	Demo bool
	// Overview is the page that links what the nodes of a demonstration know of one
	// report; empty otherwise.
	Overview string
	// Banners are shown over every page, for example when the sandbox is off.
	Banners func(ctx context.Context) []Banner
	Desks   Desks
	// Door bounds how much is worked on at once; nil bounds nothing.
	Door *door.Door
	Log  *slog.Logger
}

// Banner is a line over every page; Bad ones are alarms.
type Banner struct {
	Text string
	Bad  bool
}

// Server is the http.Handler of all pages.
type Server struct {
	options  Options
	assets   *assets
	texts    *texts
	sessions *scs.SessionManager
	handler  http.Handler
}

const (
	sessionPerson  = "person"
	sessionPasskey = "passkey"
	sessionCodes   = "codes"
	sessionDone    = "done"
	// sessionVisit is a login at the organisation's login service that has
	// begun, sessionDirectory says that the person came from there.
	sessionVisit     = "visit"
	sessionDirectory = "directory"

	// lifetime is how long a session lasts however much it is used.
	lifetime = 12 * time.Hour
)

// New makes the pages.
func New(options Options) (*Server, error) {
	gob.Register(webauthn.SessionData{})
	gob.Register(identity.Visit{})
	found, err := newAssets()
	if err != nil {
		return nil, err
	}
	catalogue, err := newTexts()
	if err != nil {
		return nil, err
	}
	s := &Server{options: options, assets: found, texts: catalogue, sessions: scs.New()}
	s.sessions.Store = options.Sessions
	s.sessions.IdleTimeout, s.sessions.Lifetime = identity.SessionIdle, lifetime
	s.sessions.Cookie.Name = options.Cookie
	if options.Secure {
		s.sessions.Cookie.Name = "__Host-" + options.Cookie
	}
	s.sessions.Cookie.Secure = options.Secure
	s.sessions.Cookie.SameSite = http.SameSiteStrictMode
	s.sessions.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) { s.fail(w, r, err) }
	mux := http.NewServeMux()
	s.routes(mux)
	// What people filled in goes before what they look at.
	form := func(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }
	within := options.Door.Behind(s.sessions.LoadAndSave(mux), door.Guard{Urgent: form, AtOnce: true, Reading: readingForm, Problem: s.busy})
	inner := secured(http.NewCrossOriginProtection().Handler(within))
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/assets/") {
			w.Header().Set("X-Content-Type-Options", "nosniff")
			s.assets.ServeHTTP(w, r)
			return
		}
		inner.ServeHTTP(w, r.WithContext(s.texts.within(r)))
	})
	return s, nil
}

// ServeHTTP serves a page.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Route is one page or action; the test of the matrix walks them.
type Route struct {
	Pattern string
	// Open routes need nobody to be logged in.
	Open bool
	// File routes take a file.
	File bool
	open func(http.ResponseWriter, *http.Request)
	call func(*visit) error
}

// visit is one request of somebody who is logged in.
type visit struct {
	s      *Server
	w      http.ResponseWriter
	r      *http.Request
	person identity.Person
	actor  mandate.Actor
}

func (s *Server) routes(mux *http.ServeMux) {
	for _, route := range s.Routes() {
		if route.Open {
			mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
				r.Body = http.MaxBytesReader(w, r.Body, maxOpenForm)
				route.open(w, r)
			})
			continue
		}
		mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			id := s.sessions.GetString(r.Context(), sessionPerson)
			if id == "" {
				s.toLogin(w, r)
				return
			}
			person, err := s.options.Identity.Person(r.Context(), id)
			if err != nil {
				_ = s.sessions.Destroy(r.Context())
				s.toLogin(w, r)
				return
			}
			if !person.Enrolled() && !s.options.Demo && !s.sessions.GetBool(r.Context(), sessionDirectory) && !strings.HasPrefix(r.URL.Path, "/account") && r.URL.Path != "/logout" {
				http.Redirect(w, r, "/account", http.StatusSeeOther)
				return
			}
			limit := int64(maxForm)
			if route.File {
				limit = maxFileForm
				door.Hurry(w, r, readingFile)
			}
			r.Body = http.MaxBytesReader(w, r.Body, limit)
			// A form that broke off or is too large must not be read as an empty one.
			if err := whole(r); err != nil && !route.File {
				s.fail(w, r, problem.InvalidField("form", "it broke off or is larger than 1 MiB", "load the page again and send less").Because(err))
				return
			}
			v := &visit{s: s, w: w, r: r, person: person, actor: s.options.Identity.Actor(person)}
			if err := route.call(v); err != nil {
				s.fail(w, r, err)
			}
		})
	}
}

// whole reads a form to its end, if there is one.
func whole(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return err
	}
	if err := r.ParseMultipartForm(maxForm); !errors.Is(err, http.ErrNotMultipart) {
		return err
	}
	return nil
}

// The largest forms, in bytes: of somebody unknown, of somebody who is logged
// in, and with a file, whose parts go to the disk.
const (
	maxOpenForm = 64 << 10
	maxForm     = 1 << 20
	maxFileForm = 512 << 20
)

// How long a form may take to come, and one with a file from somebody who is
// logged in.
const (
	readingForm = 30 * time.Second
	readingFile = 30 * time.Minute
)

// busy turns somebody away at the door. It asks the database for nothing: the
// page does not know who reads it.
func (s *Server) busy(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.From(err)
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(p.RetryAfter.Seconds())))
	}
	status := statuses[p.Kind]
	if door.IsTooMuch(err) {
		status = http.StatusTooManyRequests
	}
	reason, remedy := t(r.Context(), "busy.reason"), t(r.Context(), "busy.remedy")
	if strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
		writeJSON(w, status, map[string]string{"reason": reason, "remedy": remedy})
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	frame := page{Title: t(r.Context(), "problem.unavailable"), Node: nodeName{s.options.Name, string(s.options.Kind)}, Assets: s.assets}
	if err := problemPage(frame, reason, remedy).Render(r.Context(), w); err != nil {
		s.options.Log.ErrorContext(r.Context(), "a problem could not be shown", "error", err)
	}
}

func (s *Server) toLogin(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
		s.fail(w, r, problem.New(problem.Denied, "you are not logged in any more", "log in and repeat what you did; nothing was recorded"))
		return
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// frame fills what every page carries.
func (s *Server) frame(ctx context.Context, title, here string, person *identity.Person) page {
	p := page{Title: title, Here: here, Node: nodeName{s.options.Name, string(s.options.Kind)}, Person: person, Assets: s.assets}
	if s.options.Banners != nil {
		for _, b := range s.options.Banners(ctx) {
			p.Banners = append(p.Banners, banner(b))
		}
	}
	if person != nil {
		p.Links = append(s.links(*person), s.alarms(ctx, *person)...)
	}
	return p
}

func (v *visit) frame(key, here string) page {
	return v.s.frame(v.r.Context(), t(v.r.Context(), key), here, &v.person)
}

func (v *visit) show(component templ.Component) error {
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return component.Render(v.r.Context(), v.w)
}

func (v *visit) redirect(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// done redirects and says on the next page what was done.
func (v *visit) done(path, key string, pairs ...any) error {
	v.s.sessions.Put(v.r.Context(), sessionDone, t(v.r.Context(), key, pairs...))
	return v.redirect(path)
}

func (v *visit) takeDone() string { return v.s.sessions.PopString(v.r.Context(), sessionDone) }

// links are the pages that make sense for a person's roles. They are a help,
// not a protection: the policy decides at each page.
func (s *Server) links(p identity.Person) []link {
	var links []link
	add := func(path, key string, roles ...mandate.Role) {
		for _, role := range p.Roles {
			for _, allowed := range roles {
				if role == allowed {
					links = append(links, link{Path: path, Key: key})
					return
				}
			}
		}
	}
	switch s.options.Kind {
	case mandate.Centre:
		add("/received", "link.received", mandate.Analyst, mandate.Supervisor, mandate.Auditor)
		add("/queue", "link.queue", mandate.Analyst, mandate.SecondLooker, mandate.Supervisor)
		add("/statistics", "link.statistics", mandate.Supervisor, mandate.Auditor)
	case mandate.Authority, mandate.Europol, mandate.Interpol:
		add("/referrals", "link.referrals", mandate.Investigator, mandate.Analyst, mandate.Auditor)
	default:
		add("/queue", "link.queue", mandate.Analyst, mandate.SecondLooker, mandate.Supervisor)
		add("/reports", "link.reports", mandate.Analyst, mandate.SecondLooker, mandate.Supervisor, mandate.Investigator, mandate.Auditor)
	}
	switch s.options.Kind {
	case mandate.Provider, mandate.Centre:
		add("/orders", "link.orders", mandate.Analyst, mandate.Supervisor, mandate.Auditor)
	case mandate.Authority:
		add("/orders", "link.orders", mandate.Investigator, mandate.Supervisor, mandate.Auditor)
	}
	switch s.options.Kind {
	case mandate.Provider, mandate.Centre, mandate.Hotline:
		add("/notices", "link.notices", mandate.Analyst, mandate.Supervisor, mandate.Auditor)
		add("/holds", "link.holds", mandate.Analyst, mandate.Supervisor, mandate.Auditor)
	case mandate.Authority:
		add("/notices", "link.notices", mandate.Investigator, mandate.Supervisor, mandate.Auditor)
		add("/holds", "link.holds", mandate.Investigator, mandate.Supervisor, mandate.Auditor)
	}
	add("/lists", "link.lists", mandate.Analyst, mandate.Supervisor, mandate.ListManager, mandate.Investigator, mandate.Auditor)
	add("/log", "link.log", mandate.Auditor)
	add("/people", "link.people", mandate.Operator)
	add("/keys", "link.keys", mandate.Operator)
	add("/peers", "link.peers", mandate.Operator)
	add("/wellbeing", "link.wellbeing", mandate.Analyst, mandate.SecondLooker, mandate.Supervisor, mandate.Investigator)
	return links
}

// alarms is the page of what needs a look, for whoever sees any of it, with how
// much that is.
func (s *Server) alarms(ctx context.Context, p identity.Person) []link {
	count, sees, err := s.options.Desks.Alarms.Waiting(ctx, s.options.Identity.Actor(p))
	if err != nil {
		s.options.Log.ErrorContext(ctx, "what needs a look could not be counted", "error", err)
	}
	if !sees {
		return nil
	}
	return []link{{"/alarms", "link.alarms", count}}
}

// statuses are the HTTP status codes of the kinds of problem.
var statuses = map[problem.Kind]int{
	problem.Invalid: http.StatusUnprocessableEntity, problem.Denied: http.StatusForbidden, problem.NotFound: http.StatusNotFound,
	problem.Conflict: http.StatusConflict, problem.Expired: http.StatusGone, problem.Unavailable: http.StatusServiceUnavailable,
	problem.Internal: http.StatusInternalServerError,
}

// fail shows a problem; only what may leave the node is shown.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problem.From(err)
	if p.Kind == problem.Internal {
		s.options.Log.ErrorContext(r.Context(), "a page failed", "path", r.Pattern, "error", err)
	}
	if strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
		writeJSON(w, statuses[p.Kind], map[string]string{"reason": p.Reason, "remedy": p.Remedy})
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(statuses[p.Kind])
	var person *identity.Person
	if id := s.sessions.GetString(r.Context(), sessionPerson); id != "" {
		if found, err := s.options.Identity.Person(r.Context(), id); err == nil {
			person = &found
		}
	}
	reason := p.Reason
	if p.Field != "" {
		reason = p.Field + ": " + reason
	}
	frame := s.frame(r.Context(), t(r.Context(), "problem."+string(p.Kind)), "", person)
	if err := problemPage(frame, reason, p.Remedy).Render(r.Context(), w); err != nil {
		s.options.Log.ErrorContext(r.Context(), "a problem could not be shown", "error", err)
	}
}
