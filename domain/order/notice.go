package order

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/form"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Notice is a voluntary notice of known material: a request to remove it, for
// the addressee's voluntary consideration (Articles 32 and 49(2)). Each rung of
// the ladder gets a notice of its own.
type Notice struct {
	ID        string          `json:"id"`
	Profile   law.Ref         `json:"profile"`
	Reference string          `json:"reference"`
	Sender    Sender          `json:"sender"`
	Addressee NoticeAddressee `json:"addressee"`
	Items     []Item          `json:"items"`
	Reasons   string          `json:"reasons"`
	// Voluntary is the sentence of the profile, word for word.
	Voluntary  string    `json:"voluntary"`
	LegalBasis string    `json:"legal_basis,omitempty"`
	IssuedAt   time.Time `json:"issued_at"`
	Signature  Signature `json:"signature"`
	// Withdraws is the id of the notice that this one takes back; its reasons are
	// then those of the withdrawal.
	Withdraws string `json:"withdraws,omitempty"`
}

// Withdrawal is what takes this notice back.
func (n Notice) Withdrawal(id, reason string, now time.Time) Notice {
	back := n
	back.ID, back.Withdraws, back.Reasons, back.LegalBasis, back.IssuedAt = id, n.ID, reason, "", now
	return back
}

// template is that of a notice, or of a withdrawal.
func (n Notice) template(profile *law.NoticeForm) law.Template {
	if n.Withdraws != "" {
		return profile.Withdrawal
	}
	return profile.Template
}

// Sender is who asks.
type Sender struct {
	// Kind is a sender of the profile: centre, coordinating-authority or hotline.
	Kind         string `json:"kind"`
	Name         string `json:"name"`
	ContactPoint string `json:"contact_point"`
}

// NoticeAddressee is who is asked.
type NoticeAddressee struct {
	// Rung is a step of the profile's ladder, for example host.
	Rung    string `json:"rung"`
	Name    string `json:"name"`
	Contact string `json:"contact"`
}

// Marshal writes the notice as JSON in one line, always the same bytes for the
// same value: what is decided on, signed and sent.
func (n Notice) Marshal() ([]byte, error) { return encode("notice", n) }

// ParseNotice reads a notice of at most [MaxBytes], as strictly as [Parse].
func ParseNotice(data []byte) (Notice, error) { return decode[Notice](data) }

// Validate checks the notice against its profile and returns all problems found,
// each with its field and, where the law asks for it, the article.
func (n Notice) Validate(profile *law.NoticeForm) []*problem.Error {
	var f findings
	f.profile(n.Profile, profile.Ref())
	f.id("id", n.ID)
	for _, field := range form.Missing(n.template(profile), n.values, true) {
		f.Add(field.Keys[0], "is missing", field.Article+": "+strings.TrimSuffix(field.Label, ":"))
	}
	for _, text := range []struct {
		field, value string
		limit        int
	}{
		{"reference", n.Reference, 200}, {"sender.name", n.Sender.Name, maxLine},
		{"sender.contact_point", n.Sender.ContactPoint, maxLine}, {"addressee.name", n.Addressee.Name, maxLine},
		{"addressee.contact", n.Addressee.Contact, maxLine}, {"reasons", n.Reasons, maxText}, {"legal_basis", n.LegalBasis, maxLine},
		{"signature.key_id", n.Signature.KeyID, maxLine}, {"signature.method", n.Signature.Method, maxLine},
		{"withdraws", n.Withdraws, maxLine},
	} {
		f.Text(text.field, text.value, text.limit)
	}
	if !profile.HasSender(n.Sender.Kind) {
		f.Add("sender.kind", fmt.Sprintf("%q may not send a notice", n.Sender.Kind), profile.Scope.Article)
	}
	if !slices.ContainsFunc(profile.Ladder, func(rung law.Rung) bool { return rung.Key == n.Addressee.Rung }) {
		f.Add("addressee.rung", fmt.Sprintf("%q is no rung of the ladder", n.Addressee.Rung), "")
	}
	if n.Voluntary != profile.Voluntary.Text {
		f.Add("voluntary", "is not the sentence of the profile", profile.Voluntary.Article+": the notice says clearly that it is voluntary")
	}
	f.Moment("issued_at", n.IssuedAt)
	f.Findings = append(f.Findings, CheckNoticeItems(n.Items, profile)...)
	return f.Findings
}

// CheckNoticeItems checks what a notice, or a case of notices, names.
func CheckNoticeItems(items []Item, profile *law.NoticeForm) []*problem.Error {
	var f findings
	if len(items) > maxItems {
		f.Add("items", fmt.Sprintf("has %d items, more than the %d allowed", len(items), maxItems), "send several notices")
		return f.Findings
	}
	for index, item := range items {
		f.place(fmt.Sprintf("items[%d]", index), item, profile.Scope.Article)
	}
	return f.Findings
}

// Places are the addresses of the items, each once.
func (n Notice) Places() []string {
	var places []string
	for _, item := range n.Items {
		places = append(places, item.URL)
	}
	return unique(places)
}

// NoticeFacts is what the life of a notice needs to know of its text.
type NoticeFacts struct {
	ID      string  `json:"id"`
	Profile law.Ref `json:"profile"`
	// Digest is the SHA-256 of the exact bytes in hex.
	Digest string   `json:"digest"`
	Sender string   `json:"sender"`
	Rung   string   `json:"rung"`
	Places []string `json:"places"`
}

// ReadNotice reads the exact bytes of a notice and checks them. The first
// problem is returned as the error; [Notice.Validate] gives all.
func ReadNotice(text []byte, profile *law.NoticeForm) (Notice, NoticeFacts, error) {
	n, err := ParseNotice(text)
	if err != nil {
		return Notice{}, NoticeFacts{}, err
	}
	if err := problem.Findings(n.Validate(profile)).First(); err != nil {
		return Notice{}, NoticeFacts{}, err
	}
	return n, NoticeFacts{ID: n.ID, Profile: n.Profile, Digest: Digest(text), Sender: n.Sender.Kind, Rung: n.Addressee.Rung, Places: n.Places()}, nil
}

// Form fills the notice into its template. digest is the SHA-256 of the exact
// bytes in hex; empty for a draft.
func (n Notice) Form(profile *law.NoticeForm, digest string) (form.Form, error) {
	filled, err := form.Fill(n.template(profile), profile.Profile, profile.Language, n.values, nil)
	if err != nil {
		return form.Form{}, err
	}
	filled.Document, filled.Digest = n.ID, digest
	return filled, nil
}

func (n Notice) values(key string) ([]string, bool) {
	switch key {
	case "sender.name":
		return form.Lines(n.Sender.Name), true
	case "sender.contact_point":
		return form.Lines(n.Sender.ContactPoint), true
	case "reference":
		return form.Lines(n.Reference), true
	case "addressee.name":
		return form.Lines(n.Addressee.Name), true
	case "addressee.contact":
		return form.Lines(n.Addressee.Contact), true
	case "items":
		return itemLines(n.Items), true
	case "voluntary":
		return form.Lines(n.Voluntary), true
	case "reasons":
		return form.Lines(n.Reasons), true
	case "legal_basis":
		return form.Lines(n.LegalBasis), true
	case "withdraws":
		return form.Lines(n.Withdraws), true
	case "issued_at":
		return form.Lines(form.Moment(n.IssuedAt)), true
	case "signature":
		return form.Lines(n.Signature.text()), true
	}
	return nil, false
}
