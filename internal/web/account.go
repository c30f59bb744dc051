package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/go-webauthn/webauthn/webauthn"
	"github.com/skip2/go-qrcode"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/identity"
)

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The value is ours and can be written; a broken connection is the reader's.
	_ = json.NewEncoder(w).Encode(value)
}

func (s *Server) showLogin(w http.ResponseWriter, r *http.Request) { s.loginPage(w, r, "") }

func (s *Server) loginPage(w http.ResponseWriter, r *http.Request, failed string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if failed != "" {
		w.WriteHeader(http.StatusForbidden)
	}
	p := s.frame(r.Context(), t(r.Context(), "login.title"), "", nil)
	if err := loginPage(p, failed, s.options.Directory != nil).Render(r.Context(), w); err != nil {
		s.options.Log.ErrorContext(r.Context(), "the login page could not be shown", "error", err)
	}
}

// enter begins a session. The token is renewed so that one planted before the
// login is worth nothing.
func (s *Server) enter(r *http.Request, p identity.Person) error {
	if err := s.sessions.RenewToken(r.Context()); err != nil {
		return err
	}
	s.sessions.Put(r.Context(), sessionPerson, p.ID)
	return nil
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	person, err := s.options.Identity.Login(r.Context(), strings.TrimSpace(r.PostFormValue("name")), r.PostFormValue("passphrase"), strings.ReplaceAll(r.PostFormValue("code"), " ", ""))
	if err == nil {
		err = s.enter(r, person)
	}
	if err != nil {
		p := problem.From(err)
		if p.Kind == problem.Internal {
			s.fail(w, r, err)
			return
		}
		s.loginPage(w, r, p.Reason+". "+p.Remedy)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *Server) showLink(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	p := s.frame(r.Context(), t(r.Context(), "link.title"), "", nil)
	if err := linkPage(p, r.PathValue("token")).Render(r.Context(), w); err != nil {
		s.options.Log.ErrorContext(r.Context(), "the link page could not be shown", "error", err)
	}
}

func (s *Server) useLink(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	person, err := s.options.Identity.UseLink(r.Context(), r.PostFormValue("token"))
	if err == nil {
		err = s.enter(r, person)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *Server) beginPasskeyLogin(w http.ResponseWriter, r *http.Request) {
	options, ceremony, err := s.options.Identity.BeginPasskeyLogin()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.sessions.Put(r.Context(), sessionPasskey, *ceremony)
	writeJSON(w, http.StatusOK, options)
}

func (s *Server) finishPasskeyLogin(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	ceremony, ok := s.sessions.Pop(r.Context(), sessionPasskey).(webauthn.SessionData)
	if !ok {
		s.fail(w, r, problem.New(problem.Expired, "the login took too long", "begin again"))
		return
	}
	person, err := s.options.Identity.FinishPasskeyLogin(r.Context(), ceremony, r)
	if err == nil {
		err = s.enter(r, person)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"next": "/"})
}

func (s *Server) beginDirectory(w http.ResponseWriter, r *http.Request) {
	if s.options.Directory == nil {
		s.fail(w, r, problem.New(problem.NotFound, "this node knows no login service", "log in in another way"))
		return
	}
	address, visit := s.options.Directory.Begin()
	s.sessions.Put(r.Context(), sessionVisit, visit)
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// finishDirectory takes somebody back from the login service. The session's
// cookie is strict, so it does not travel on a redirect from there: a page of
// this node asks for the address once more.
func (s *Server) finishDirectory(w http.ResponseWriter, r *http.Request) {
	if s.options.Directory == nil {
		s.fail(w, r, problem.New(problem.NotFound, "this node knows no login service", "log in in another way"))
		return
	}
	visit, begun := s.sessions.Get(r.Context(), sessionVisit).(identity.Visit)
	if !begun && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Refresh", "0")
		p := s.frame(r.Context(), t(r.Context(), "login.title"), "", nil)
		if err := backPage(p, r.URL.RequestURI()).Render(r.Context(), w); err != nil {
			s.options.Log.ErrorContext(r.Context(), "a page could not be shown", "error", err)
		}
		return
	}
	s.sessions.Remove(r.Context(), sessionVisit)
	person, err := s.options.Directory.Finish(r.Context(), visit, r.FormValue("state"), r.FormValue("code"))
	if err == nil {
		err = s.enter(r, person)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.sessions.Put(r.Context(), sessionDirectory, true)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func logout(v *visit) error {
	if err := v.s.sessions.Destroy(v.r.Context()); err != nil {
		return err
	}
	return v.redirect("/login")
}

func showAccount(v *visit) error { return v.account("") }

func (v *visit) account(failed string) error {
	codes := v.s.options.Identity.NewCodes(v.person)
	v.s.sessions.Put(v.r.Context(), sessionCodes, codes.Secret)
	picture, err := qrcode.New(codes.URL, qrcode.Medium)
	if err != nil {
		return err
	}
	done := v.takeDone()
	if failed != "" {
		v.w.WriteHeader(http.StatusUnprocessableEntity)
	}
	png, err := picture.PNG(360)
	if err != nil {
		return err
	}
	// The policy allows no data: pictures, so this one is asked for by itself.
	v.s.sessions.Put(v.r.Context(), sessionCodes+".png", base64.StdEncoding.EncodeToString(png))
	return v.show(accountPage(v.frame("account.title", "/account"), v.person, codes, "/account/codes.png", failed, done))
}

func codesPicture(v *visit) error {
	png, err := base64.StdEncoding.DecodeString(v.s.sessions.GetString(v.r.Context(), sessionCodes+".png"))
	if err != nil || len(png) == 0 {
		return problem.New(problem.NotFound, "there is no such picture", "open the account page again")
	}
	v.w.Header().Set("Content-Type", "image/png")
	_, err = v.w.Write(png)
	return err
}

func confirmCodes(v *visit) error {
	secret := v.s.sessions.GetString(v.r.Context(), sessionCodes)
	err := v.s.options.Identity.ConfirmCodes(v.r.Context(), v.person, v.r.PostFormValue("passphrase"), secret, strings.ReplaceAll(v.r.PostFormValue("code"), " ", ""))
	if problem.Is(err, problem.Invalid) {
		p := problem.From(err)
		return v.account(p.Field + ": " + p.Reason + ". " + p.Remedy)
	}
	if err != nil {
		return err
	}
	v.s.sessions.Remove(v.r.Context(), sessionCodes)
	v.s.sessions.Remove(v.r.Context(), sessionCodes+".png")
	return v.done("/account", "account.codes.done")
}

func beginPasskey(v *visit) error {
	options, ceremony, err := v.s.options.Identity.BeginPasskey(v.r.Context(), v.person)
	if err != nil {
		return err
	}
	v.s.sessions.Put(v.r.Context(), sessionPasskey, *ceremony)
	writeJSON(v.w, http.StatusOK, options)
	return nil
}

func finishPasskey(v *visit) error {
	ceremony, ok := v.s.sessions.Pop(v.r.Context(), sessionPasskey).(webauthn.SessionData)
	if !ok {
		return problem.New(problem.Expired, "the registration took too long", "begin again")
	}
	if err := v.s.options.Identity.FinishPasskey(v.r.Context(), v.person, ceremony, v.r); err != nil {
		return err
	}
	v.s.sessions.Put(v.r.Context(), sessionDone, t(v.r.Context(), "account.passkey.done"))
	writeJSON(v.w, http.StatusOK, map[string]string{"next": "/account"})
	return nil
}

func saveKeys(v *visit) error {
	m := keymap{Off: v.r.PostFormValue("off") == "yes", Keys: map[string]string{}}
	taken := map[string]string{}
	for _, row := range keyActions {
		key := strings.TrimSpace(v.r.PostFormValue("key." + row.Action))
		if key == "" {
			continue
		}
		if other, twice := taken[key]; twice {
			return v.account(t(v.r.Context(), "keys.twice", "key", key, "first", t(v.r.Context(), "keys."+other), "second", t(v.r.Context(), "keys."+row.Action)))
		}
		taken[key] = row.Action
		if key != row.Key {
			m.Keys[row.Action] = key
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := v.s.options.Identity.SetPreferences(v.r.Context(), v.person, string(text)); err != nil {
		return err
	}
	return v.done("/account", "keys.done")
}
