// Package mandate holds who may act, in which role, for which purpose, and the
// closed list of actions that touch personal data.
//
// Sources: the six operations are those that Article 25(1) of Directive (EU)
// 2016/680 orders to be logged; the roles are the ones of docs/roles.md. The
// rules that join roles, actions and purposes are not here but in the policy of
// internal/access, which a lawyer can read and an operator can replace.
package mandate

import "slices"

// Operation is one of the six processing operations of Article 25(1) of
// Directive (EU) 2016/680.
type Operation string

const (
	Collect  Operation = "collect"
	Consult  Operation = "consult"
	Alter    Operation = "alter"
	Disclose Operation = "disclose"
	Combine  Operation = "combine"
	Erase    Operation = "erase"
)

// Role is what a person is appointed to do at this node.
type Role string

const (
	// Analyst reviews items and drafts reports.
	Analyst Role = "analyst"
	// SecondLooker reviews items blind to the first decision and approves reports.
	SecondLooker Role = "second-looker"
	// Supervisor settles disagreement, sets breaks and holds, and sees workload.
	Supervisor Role = "supervisor"
	// ListManager keeps hash lists: imports, exports, suspends, withdraws.
	ListManager Role = "list-manager"
	// Investigator consults what concerns a case.
	Investigator Role = "investigator"
	// Auditor reads the log and checks it; changes nothing.
	Auditor Role = "auditor"
	// Operator runs the node and its accounts; sees no content.
	Operator Role = "operator"
)

// Roles lists every role, in the order in which documents and tests show them.
var Roles = []Role{Analyst, SecondLooker, Supervisor, ListManager, Investigator, Auditor, Operator}

// Scope is what an API key may be used for.
type Scope string

const (
	ScopeDetect  Scope = "detect"
	ScopeLists   Scope = "lists"
	ScopeReports Scope = "reports"
	ScopeRead    Scope = "read"
)

// Scopes lists every scope of an API key.
var Scopes = []Scope{ScopeDetect, ScopeLists, ScopeReports, ScopeRead}

// Purpose is why personal data is touched. It is stated for every operation.
type Purpose string

const (
	PurposeDetection       Purpose = "detection"
	PurposeReview          Purpose = "review"
	PurposeQuality         Purpose = "quality-assurance"
	PurposeReporting       Purpose = "reporting"
	PurposeAssessment      Purpose = "assessment"
	PurposeListManagement  Purpose = "list-management"
	PurposeInvestigation   Purpose = "investigation"
	PurposeUserInformation Purpose = "user-information"
	PurposeStaffProtection Purpose = "staff-protection"
	PurposeAudit           Purpose = "audit"
	PurposeRetention       Purpose = "retention"
	PurposeAdministration  Purpose = "administration"
	// PurposeRemoval: making material inaccessible by an order or a notice.
	PurposeRemoval Purpose = "removal"
)

// Purposes lists every purpose that may be stated.
var Purposes = []Purpose{
	PurposeDetection, PurposeReview, PurposeQuality, PurposeReporting, PurposeAssessment,
	PurposeListManagement, PurposeInvestigation, PurposeUserInformation, PurposeStaffProtection,
	PurposeAudit, PurposeRetention, PurposeAdministration, PurposeRemoval,
}

// OrganisationKind says what the one organisation that runs a node is.
type OrganisationKind string

const (
	Provider  OrganisationKind = "provider"
	Hotline   OrganisationKind = "hotline"
	Centre    OrganisationKind = "centre"
	Authority OrganisationKind = "authority"
	Oversight OrganisationKind = "oversight"
	// Europol gets a copy of what is forwarded, and finds who acts where nobody
	// known does (Article 48(3) of COM(2022) 209).
	Europol OrganisationKind = "europol"
	// Eurojust coordinates when authorities of several States act.
	Eurojust OrganisationKind = "eurojust"
	// Interpol is the channel to third States.
	Interpol OrganisationKind = "interpol"
)

// OrganisationKinds lists every kind of organisation.
var OrganisationKinds = []OrganisationKind{Provider, Hotline, Centre, Authority, Oversight, Europol, Eurojust, Interpol}

// ActorKind tells people from machines: only a person decides.
type ActorKind string

const (
	// Person is somebody who logged in.
	Person ActorKind = "person"
	// Machine is a service of the same organisation with an API key.
	Machine ActorKind = "machine"
	// Peer is another organisation's node, known by its signature.
	Peer ActorKind = "peer"
	// Node is this node itself: clocks, retention, delivery.
	Node ActorKind = "node"
)

// Actor is who acts. It is a value: it is made by internal/identity (people,
// keys), internal/peer (nodes) and internal/node (this node) and passed down.
type Actor struct {
	Kind ActorKind
	// ID is a pseudonym ("person/…", "key/…", "node/…"); names are held apart.
	ID     string
	Roles  []Role
	Scopes []Scope
	// Source is the detection source an API key is bound to; empty otherwise.
	Source string
	// Organisation is the peer's kind when Kind is Peer, else this node's.
	Organisation OrganisationKind
}

// Has reports whether the actor is appointed to role.
func (a Actor) Has(role Role) bool { return slices.Contains(a.Roles, role) }

// IsPerson reports whether a human being acts.
func (a Actor) IsPerson() bool { return a.Kind == Person }
