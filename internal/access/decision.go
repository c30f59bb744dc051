package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
)

// Decision is the answer to a request, with its grounds.
type Decision struct {
	Allowed bool
	// Policies are the rules that decided, as [Rule.Reference] names them. It
	// is empty when the request was denied because no rule permits it.
	Policies []string
	// Reason says why in plain words.
	Reason string
	// Remedy is what somebody refused can do; may be empty.
	Remedy string
}

// Problem returns nil when the request was allowed, else a problem of kind
// Denied with the reason and remedy of the decision.
func (d Decision) Problem() error {
	if d.Allowed {
		return nil
	}
	return problem.New(problem.Denied, d.Reason, d.Remedy)
}

const tellOperator = "tell the operator of this node; nothing was done"

// Decide answers a request. A name that is not in the closed lists of
// domain/mandate, an actor without an ID and a rule that cannot be evaluated
// are denied.
func (p *Policy) Decide(request Request) Decision {
	if reason := unknownName(request); reason != "" {
		return Decision{Reason: reason, Remedy: tellOperator}
	}
	allowed, diagnostic := p.authorize(request)
	if len(diagnostic.Errors) > 0 {
		failed := p.named(request.Action, diagnostic.Errors[0].PolicyID)
		return Decision{
			Policies: []string{failed.Reference()},
			Reason:   fmt.Sprintf("the rule %q could not be evaluated, so nothing is allowed by it", failed.ID),
			Remedy:   tellOperator,
		}
	}
	if len(diagnostic.Reasons) == 0 {
		return p.explain(request)
	}
	decision := Decision{Allowed: allowed, Policies: make([]string, len(diagnostic.Reasons))}
	for i, reason := range diagnostic.Reasons {
		decided := p.named(request.Action, reason.PolicyID)
		decision.Policies[i] = decided.Reference()
		if i == 0 {
			decision.Reason = decided.Because
			if !allowed {
				decision.Remedy = decided.Remedy
			}
		}
	}
	return decision
}

// authorize evaluates the rules of the action. It fails closed: with an error
// in the diagnostic the answer is false even where a permit applied, because
// Cedar skips a rule that it cannot evaluate and that rule may be a forbid.
func (p *Policy) authorize(request Request) (bool, cedar.Diagnostic) {
	entities, query := request.translate(p.schema)
	answer, diagnostic := cedar.Authorize(p.byAction[request.Action.Name], entities, query)
	return answer == cedar.Allow && len(diagnostic.Errors) == 0, diagnostic
}

func (p *Policy) named(action mandate.Action, id cedar.PolicyID) Rule {
	for _, r := range p.byAction[action.Name] {
		if r.ID == string(id) {
			return r.Rule
		}
	}
	return Rule{ID: string(id)}
}

// unknownName says which name of the request is in no closed list, or "".
func unknownName(r Request) string {
	switch {
	case !slices.Contains(mandate.Actions, r.Action):
		return fmt.Sprintf("the action %q is not known", r.Action.Name)
	case r.Purpose == "":
		return "no purpose was stated"
	case !slices.Contains(mandate.Purposes, r.Purpose):
		return fmt.Sprintf("the purpose %q is not known", r.Purpose)
	case principalTypes[r.Actor.Kind] == "":
		return fmt.Sprintf("the kind of actor %q is not known", r.Actor.Kind)
	case r.Actor.ID == "":
		return "it is not known who acts"
	case !slices.Contains(mandate.OrganisationKinds, r.NodeKind):
		return fmt.Sprintf("the kind of organisation %q that runs this node is not known", r.NodeKind)
	case r.Actor.Kind == mandate.Peer && !slices.Contains(mandate.OrganisationKinds, r.Actor.Organisation):
		return fmt.Sprintf("the kind of the other organisation, %q, is not known", r.Actor.Organisation)
	case r.Resource.Kind != "" && !slices.Contains(mandate.EnvelopeKinds, r.Resource.Kind):
		return fmt.Sprintf("the kind of envelope %q is not known", r.Resource.Kind)
	}
	for _, role := range r.Actor.Roles {
		if !slices.Contains(mandate.Roles, role) {
			return fmt.Sprintf("the role %q is not known", role)
		}
	}
	for _, scope := range r.Actor.Scopes {
		if !slices.Contains(mandate.Scopes, scope) {
			return fmt.Sprintf("the scope %q is not known", scope)
		}
	}
	return ""
}

// reach says which single roles and scopes are permitted an action in some
// circumstances: what a person refused by default needs to know.
type reach struct {
	roles  []mandate.Role
	scopes []mandate.Scope
}

// reach takes thousands of questions to the policy, so an action is worked out
// once, and only when somebody is refused it.
func (p *Policy) reach(action mandate.Action) reach {
	if known, found := p.reached.Load(action.Name); found {
		return known.(reach)
	}
	var r reach
	for _, role := range mandate.Roles {
		if p.anywhere(mandate.Actor{Kind: mandate.Person, ID: "person/reach", Roles: []mandate.Role{role}}, action) {
			r.roles = append(r.roles, role)
		}
	}
	for _, scope := range mandate.Scopes {
		if p.anywhere(mandate.Actor{Kind: mandate.Machine, ID: "key/reach", Scopes: []mandate.Scope{scope}}, action) {
			r.scopes = append(r.scopes, scope)
		}
	}
	p.reached.Store(action.Name, r)
	return r
}

// anywhere reports whether the actor is permitted the action at some kind of
// node, for some purpose, with everything else in favour.
func (p *Policy) anywhere(actor mandate.Actor, action mandate.Action) bool {
	for _, kind := range mandate.OrganisationKinds {
		for _, purpose := range mandate.Purposes {
			if allowed, _ := p.authorize(favourable(actor, action, purpose, kind)); allowed {
				return true
			}
		}
	}
	return false
}

// favourable is a request against which nothing speaks but who acts, for which
// purpose and at which kind of node.
func favourable(actor mandate.Actor, action mandate.Action, purpose mandate.Purpose, kind mandate.OrganisationKind) Request {
	if actor.Kind != mandate.Peer {
		actor.Organisation = kind
	}
	resource := Resource{ID: "thing", Author: "person/another", FirstDecider: "person/another", Deciders: []string{"person/another"}}
	if slices.Contains([]string{mandate.WellbeingOwn.Name, mandate.AccountOwn.Name, mandate.KeysRemap.Name}, action.Name) {
		resource.Owner = actor.ID
	}
	return Request{Actor: actor, Action: action, Purpose: purpose, Resource: resource, NodeKind: kind, LegalBasisActive: true}
}

// explain finds the nearest request that would have been allowed, for a denial
// that no rule speaks of.
func (p *Policy) explain(request Request) Decision {
	var instead []string
	for _, purpose := range mandate.Purposes {
		other := request
		other.Purpose = purpose
		if allowed, _ := p.authorize(other); allowed {
			instead = append(instead, string(purpose))
		}
	}
	if len(instead) > 0 {
		return Decision{
			Reason: fmt.Sprintf("%s is not allowed to you for the purpose %s", request.Action.Name, request.Purpose),
			Remedy: "if it is so, state the purpose " + either(instead),
		}
	}
	for _, kind := range mandate.OrganisationKinds {
		other := request
		other.NodeKind = kind
		if allowed, _ := p.authorize(other); allowed {
			return Decision{
				Reason: fmt.Sprintf("%s is not done at a node of kind %s", request.Action.Name, request.NodeKind),
				Remedy: "leave it to the organisation whose task it is",
			}
		}
	}
	switch request.Actor.Kind {
	case mandate.Person:
		return p.explainToPerson(request)
	case mandate.Machine:
		decision := Decision{Reason: fmt.Sprintf("%s is not in the scope of this key", request.Action.Name)}
		if scopes := p.reach(request.Action).scopes; len(scopes) > 0 {
			decision.Remedy = "use a key with the scope " + either(texts(scopes))
		} else {
			decision.Remedy = "no key may do it; let a person do it"
		}
		return decision
	case mandate.Peer:
		return p.explainToPeer(request)
	}
	return Decision{Reason: fmt.Sprintf("%s is not something that the node does by itself", request.Action.Name), Remedy: "let a person do it"}
}

func (p *Policy) explainToPerson(request Request) Decision {
	who := "you have no role here that allows it"
	if len(request.Actor.Roles) > 0 {
		who = "your role does not allow it (" + strings.Join(texts(request.Actor.Roles), ", ") + ")"
	}
	decision := Decision{Reason: fmt.Sprintf("%s: %s", request.Action.Name, who)}
	if roles := p.reach(request.Action).roles; len(roles) > 0 {
		decision.Remedy = "ask somebody with the role " + either(texts(roles))
	} else {
		decision.Remedy = "no person may do it; the node or a service does"
	}
	return decision
}

func (p *Policy) explainToPeer(request Request) Decision {
	var instead []string
	for _, kind := range mandate.EnvelopeKinds {
		if slices.ContainsFunc(mandate.Purposes, func(purpose mandate.Purpose) bool {
			other := request
			other.Resource.Kind, other.Purpose = kind, purpose
			allowed, _ := p.authorize(other)
			return allowed
		}) {
			instead = append(instead, string(kind))
		}
	}
	what := request.Action.Name
	if request.Resource.Kind != "" {
		what += " of kind " + string(request.Resource.Kind)
	}
	decision := Decision{
		Reason: fmt.Sprintf("%s for the purpose %s is not accepted from an organisation of kind %s at a node of kind %s",
			what, request.Purpose, request.Actor.Organisation, request.NodeKind),
		Remedy: "send it to the organisation whose task it is",
	}
	if len(instead) > 0 {
		decision.Remedy = "accepted here: " + strings.Join(instead, ", ")
	}
	return decision
}

func texts[T ~string](names []T) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = string(name)
	}
	return all
}

// either joins names with commas and a final "or".
func either(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
