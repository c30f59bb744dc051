// Package report holds the provider's report: the form of Annex III of
// COM(2022) 209 as types, its validation and completeness, the life of a report
// from draft to the receiver's answer, and the clock after which the user
// concerned is informed.
//
// Quality and urgency are two figures. [Report.Completeness] measures how much
// of Article 13(1) is filled; which report comes first is a matter of the tier
// of its items. The life cycle and the notice are values: Apply returns the next
// value and what has to happen, and changes nothing itself.
package report

import (
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Report is one report: the form as the law orders it, and beside it, never
// inside it, what the sender and receiver need to handle it.
type Report struct {
	ID string `json:"id"`
	// Profile is the version of the form that the report began under.
	Profile law.Ref `json:"profile"`
	Form    Form    `json:"form"`
	Control Control `json:"control"`
}

// Form has the fields of the template; the numbers are those of Annex III
// section 2. A yes-or-no question that nobody has answered is nil.
type Form struct {
	Provider       Provider     `json:"provider"`
	Urgent         *bool        `json:"urgent,omitempty"`     // 1
	Types          []string     `json:"types,omitempty"`      // 2
	Content        []Entry      `json:"content,omitempty"`    // 3
	OtherData      []Entry      `json:"other_data,omitempty"` // 4
	Geo            Geo          `json:"geo,omitzero"`         // 5
	Users          []Person     `json:"users,omitempty"`      // 6
	Service        Service      `json:"service,omitzero"`     // 7
	Awareness      Awareness    `json:"awareness,omitzero"`   // 8
	ThirdCountry   ThirdCountry `json:"third_country,omitzero"`
	Removed        *bool        `json:"removed,omitempty"` // 10
	UserDecision   UserDecision `json:"user_decision,omitzero"`
	Victims        []Person     `json:"victims,omitempty"` // 12
	Extra          []Entry      `json:"extra,omitempty"`   // 13
	IssuedAt       time.Time    `json:"issued_at,omitzero"`
	TimestampToken string       `json:"timestamp_token,omitempty"`
	Signature      Signature    `json:"signature,omitzero"`
	LegalBasis     string       `json:"legal_basis,omitempty"`
}

// Provider is section 1 of the template.
type Provider struct {
	Name         string `json:"name,omitempty"`
	LegalRep     string `json:"legal_rep,omitempty"`
	ContactPoint string `json:"contact_point,omitempty"`
	ContactInfo  string `json:"contact_info,omitempty"`
}

// Nature keeps facts, assessments of people and outputs of machines apart, as
// Article 7(1) of Directive (EU) 2016/680 asks.
type Nature string

const (
	Fact          Nature = "fact"
	Assessment    Nature = "assessment"
	MachineOutput Nature = "machine-output"
)

// The names of entries by which other forms are filled from a report.
const (
	UploadTime = "time of the upload"
	FileName   = "file name"
)

// Entry is a text or a reference to a file. The file itself is never inside.
type Entry struct {
	Nature Nature `json:"nature"`
	// Name says what it is: "upload time", "file name", "message 17".
	Name string `json:"name"`
	Text string `json:"text,omitempty"`
	// At is the date and time of media metadata, with its offset.
	At time.Time `json:"at,omitzero"`
	TZ string    `json:"tz,omitempty"`
	// Item is the content address (SHA-256 in hex) of an attached file.
	Item string `json:"item,omitempty"`
}

// Geo is point 5.
type Geo struct {
	IPEvents []IPEvent `json:"ip_events,omitempty"`
	Other    string    `json:"other,omitempty"`
}

// IPEvent is one use of an address. The port is the source port: behind
// carrier-grade address translation (RFC 6888) the address alone is shared by
// many. Port 0 means that it is not known.
type IPEvent struct {
	IP   string    `json:"ip"`
	Port int       `json:"port,omitempty"`
	At   time.Time `json:"at,omitzero"`
	// TZ is an offset ("+02:00", "Z") or the name of a zone ("Europe/Prague").
	TZ string `json:"tz,omitempty"`
}

// Person identifies a user (point 6) or a child appearing to be a victim
// (point 12). The two lists are never mixed.
type Person struct {
	Username string      `json:"username,omitempty"`
	Email    string      `json:"email,omitempty"`
	Phone    string      `json:"phone,omitempty"`
	Other    PersonOther `json:"other,omitzero"`
}

// PersonOther is "other information" of points 6 and 12.
type PersonOther struct {
	Mailing   string    `json:"mailing,omitempty"`
	Profile   string    `json:"profile,omitempty"`
	Emails    []string  `json:"emails,omitempty"`
	Phones    []string  `json:"phones,omitempty"`
	Billing   string    `json:"billing,omitempty"`
	LastLogin time.Time `json:"last_login,omitzero"`
	UID       string    `json:"uid,omitempty"`
}

// Identifies reports whether anything in it leads to a person.
func (p Person) Identifies() bool {
	o := p.Other
	return p.Username != "" || p.Email != "" || p.Phone != "" || o.Mailing != "" || o.Profile != "" ||
		len(o.Emails) > 0 || len(o.Phones) > 0 || o.Billing != "" || o.UID != ""
}

// Service is point 7.
type Service struct {
	Type string `json:"type,omitempty"`
	Info string `json:"info,omitempty"`
	URL  string `json:"url,omitempty"`
}

// Awareness is point 8.
type Awareness struct {
	Channel string `json:"channel,omitempty"`
	Details string `json:"details,omitempty"`
}

// ThirdCountry is point 9.
type ThirdCountry struct {
	Reported *bool  `json:"reported,omitempty"`
	Name     string `json:"name,omitempty"`
	Ref      string `json:"ref,omitempty"`
}

// UserDecision is point 11.
type UserDecision struct {
	Taken   *bool  `json:"taken,omitempty"`
	Details string `json:"details,omitempty"`
}

// Signature names the key whose signature travels beside the exact bytes.
type Signature struct {
	KeyID  string `json:"key_id,omitempty"`
	Method string `json:"method,omitempty"`
}

// Control is what the template does not have.
type Control struct {
	// ClientRef is the sender's idempotency key.
	ClientRef string `json:"client_ref,omitempty"`
	Files     []File `json:"files,omitempty"`
	// Batch: one of many alike; Meme: believed to be shared without intent.
	Batch bool `json:"batch,omitempty"`
	Meme  bool `json:"meme,omitempty"`
	// CyberTip is set when the report goes to NCMEC's CyberTipline in place of the Centre.
	CyberTip *CyberTip `json:"cybertip,omitempty"`
}

// CyberTip is what a person decides about a report to NCMEC's CyberTipline that the form of
// the law has no place for. No machine fills it in.
type CyberTip struct {
	// Rules is the profile that the keys are of ([law.CyberTip]).
	Rules law.Ref `json:"rules"`
	// Incident is the key of the type of incident.
	Incident string `json:"incident"`
	// Escalate is why the report is urgent; empty escalates nothing.
	Escalate string `json:"escalate,omitempty"`
	// Account says how the account of the one user was disabled; empty says nothing of it.
	Account Disabled `json:"account,omitempty"`
}

// Disabled is how an account was disabled.
type Disabled string

const (
	Temporarily Disabled = "temporarily"
	Permanently Disabled = "permanently"
)

// Check reports what cannot be sent so.
//
// Errors: Invalid, with the field.
func (c CyberTip) Check(f Form, rules *law.CyberTip) error {
	if _, known := rules.Incident(c.Incident); !known {
		return problem.InvalidField("incident", "no type of incident was chosen", "choose the one that fits; nobody else does")
	}
	if err := problem.TooLong("escalate", c.Escalate, rules.EscalationMax); err != nil {
		return err
	}
	if c.Escalate != "" && (f.Urgent == nil || !*f.Urgent) {
		return problem.InvalidField("escalate", "a reason for urgency is given, but the report does not say that it is urgent", "answer the question whether it is urgent with yes, or leave the reason out")
	}
	switch c.Account {
	case "":
		return nil
	case Temporarily, Permanently:
		if f.UserDecision.Taken != nil && *f.UserDecision.Taken && len(f.Users) == 1 {
			return nil
		}
		return problem.InvalidField("account", "the report names no decision about one user", "answer the question about the user with yes, or say nothing of the account")
	}
	return problem.InvalidField("account", "is neither temporarily nor permanently", "choose one, or say nothing of the account")
}

// File is what is known about one attached file.
type File struct {
	// Item is the content address: the SHA-256 of the file in hex.
	Item   string            `json:"item"`
	Hashes map[string]string `json:"hashes,omitempty"`
	// ViewedByHuman is true only where the log holds a person's view of this
	// very file, named by ViewEvent: in some countries it decides whether
	// police need a warrant before they open it.
	ViewedByHuman bool   `json:"viewed_by_human"`
	ViewEvent     string `json:"view_event,omitempty"`
	// HashListSource names the list and the kind of match, if there was one.
	HashListSource string `json:"hash_list_source,omitempty"`
	// Scheme and Labels are the facts that people recorded.
	Scheme  law.Ref           `json:"scheme,omitzero"`
	Labels  map[string]string `json:"labels,omitempty"`
	Classes []law.Class       `json:"classes,omitempty"`
}

// NamesUser reports whether a user could be identified by it.
func (r Report) NamesUser() bool { return slices.ContainsFunc(r.Form.Users, Person.Identifies) }

// NamesPerson reports whether a user or a child could be identified by it.
// An address is personal data too, but identifies nobody without the help of
// the access provider, so it does not count here.
func (r Report) NamesPerson() bool {
	return r.NamesUser() || slices.ContainsFunc(r.Form.Victims, Person.Identifies)
}
