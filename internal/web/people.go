package web

import (
	"fmt"
	"strings"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/identity"
	"github.com/brdoproject/brdo/internal/peer"
)

func showPeople(v *visit) error {
	people, err := v.s.options.Identity.People(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.show(peoplePage(v.frame("people.title", "/people"), people, v.takeDone()))
}

func showKeys(v *visit) error {
	keys, err := v.s.options.Identity.Keys(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	var sources []string
	for _, basis := range v.s.options.Desks.Intake.Bases() {
		sources = append(sources, basis.Source)
	}
	return v.show(keysPage(v.frame("apikeys.title", "/keys"), keys, sources, v.takeDone()))
}

func showPeers(v *visit) error {
	peers, waiting, err := v.s.options.Desks.Post.Peers(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.show(peersPage(v.frame("peers.title", "/peers"), peers, waiting, v.takeDone()))
}

// secret shows what is shown once, on a page of its own.
func (v *visit) secret(value, about, back string) error {
	return v.show(secretPage(v.frame("secret.title", back), value, about, back))
}

func (v *visit) link(l identity.Link, name string) error {
	about := t(v.r.Context(), "people.link.about", "name", name, "until", l.Expires.Format("2006-01-02 15:04"))
	return v.secret("/login/"+l.Token, about, "/people")
}

func invitePerson(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return problem.InvalidField("form", "it cannot be read", "load the page again").Because(err)
	}
	var roles []mandate.Role
	for _, role := range v.r.PostForm["roles"] {
		roles = append(roles, mandate.Role(role))
	}
	person, link, err := v.s.options.Identity.Invite(v.r.Context(), v.actor, v.r.PostFormValue("name"), roles)
	if err != nil {
		return err
	}
	return v.link(link, person.Name)
}

func newLink(v *visit) error {
	link, err := v.s.options.Identity.NewLink(v.r.Context(), v.actor, "person/"+v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.link(link, v.r.PathValue("id"))
}

func personState(v *visit) error {
	if err := v.s.options.Identity.SetState(v.r.Context(), v.actor, "person/"+v.r.PathValue("id"), v.r.PostFormValue("state")); err != nil {
		return err
	}
	return v.done("/people", "people.changed")
}

func createKey(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return problem.InvalidField("form", "it cannot be read", "load the page again").Because(err)
	}
	var scopes []mandate.Scope
	for _, scope := range v.r.PostForm["scopes"] {
		scopes = append(scopes, mandate.Scope(scope))
	}
	_, token, err := v.s.options.Identity.CreateKey(v.r.Context(), v.actor, strings.TrimSpace(v.r.PostFormValue("name")), scopes, v.r.PostFormValue("source"))
	if err != nil {
		return err
	}
	return v.secret(token, t(v.r.Context(), "apikeys.created"), "/keys")
}

func revokeKey(v *visit) error {
	if err := v.s.options.Identity.RevokeKey(v.r.Context(), v.actor, "key/"+v.r.PathValue("id")); err != nil {
		return err
	}
	return v.done("/keys", "people.changed")
}

func registerPeer(v *visit) error {
	node, err := peer.ParseNode([]byte(v.r.PostFormValue("document")))
	if err != nil {
		return err
	}
	if err := v.s.options.Desks.Post.Register(v.r.Context(), v.actor, node); err != nil {
		return err
	}
	return v.done("/peers", "peers.registered", "name", fmt.Sprintf("%s (%s)", node.Title, node.NodeID))
}
