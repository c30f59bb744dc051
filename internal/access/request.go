package access

import (
	"slices"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"

	"github.com/brdoproject/brdo/domain/mandate"
)

// Request asks whether an actor may do something to a resource for a purpose.
type Request struct {
	Actor    mandate.Actor
	Action   mandate.Action
	Purpose  mandate.Purpose
	Resource Resource
	// NodeKind is the kind of the organisation that runs this node.
	NodeKind mandate.OrganisationKind
	// LegalBasisActive says that the legal basis of the detection concerned, or
	// of the order under which a provider fetches a list, is in force now.
	LegalBasisActive bool
}

// Resource holds what the rules need to know of the thing acted upon; its kind
// is that of the action. People are named by their actor ID. A field that does
// not apply stays empty; where a rule needs one that is empty, it denies.
type Resource struct {
	ID string
	// Owner has taken the item, or holds the account.
	Owner string
	// Author wrote the report, asked for the export of the list, proposed its
	// entry, or requested the order.
	Author string
	// FirstDecider made the first decision on the item.
	FirstDecider string
	// Deciders are all who have decided on the item so far.
	Deciders []string
	// Source is the detection source that a sighting came from.
	Source string
	// Kind is what an envelope is about, also of one that carries a report.
	Kind mandate.EnvelopeKind
}

// world is what one decision can look up: the actor, the thing and the groups
// of actions. It implements types.EntityGetter without a map.
type world struct {
	schema    *resolved.Schema
	principal types.Entity
	resource  types.Entity
}

// Get returns the entity of uid.
func (w *world) Get(uid types.EntityUID) (types.Entity, bool) {
	switch {
	case uid == w.principal.UID:
		return w.principal, true
	case uid == w.resource.UID:
		return w.resource, true
	}
	if action, ok := w.schema.Actions[uid]; ok {
		return action.Entity, true
	}
	return types.Entity{}, false
}

// Entity types of the schema for the kinds of actors.
var principalTypes = map[mandate.ActorKind]types.EntityType{
	mandate.Person: "Person", mandate.Machine: "Machine", mandate.Peer: "Peer", mandate.Node: "Node",
}

func actionUID(name string) types.EntityUID {
	return types.EntityUID{Type: "Action", ID: types.String(name)}
}

func person(id string) types.EntityUID {
	return types.EntityUID{Type: "Person", ID: types.String(id)}
}

// translate turns a request whose names are known into Cedar's terms. An actor
// keeps every role and scope that it came with, whatever its kind: the rules,
// not this function, refuse a machine that carries a role.
func (r Request) translate(schema *resolved.Schema) (*world, types.Request) {
	parents := make([]types.EntityUID, 0, len(r.Actor.Roles)+len(r.Actor.Scopes)+1)
	for _, role := range r.Actor.Roles {
		parents = append(parents, types.EntityUID{Type: "Role", ID: types.String(role)})
	}
	for _, scope := range r.Actor.Scopes {
		parents = append(parents, types.EntityUID{Type: "Scope", ID: types.String(scope)})
	}
	if r.Actor.Organisation != "" {
		parents = append(parents, types.EntityUID{Type: "Organisation", ID: types.String(r.Actor.Organisation)})
	}
	var qualities types.Record
	if r.Actor.Source != "" {
		qualities = types.NewRecord(types.RecordMap{"source": types.String(r.Actor.Source)})
	}
	w := &world{
		schema: schema,
		principal: types.Entity{
			UID:        types.EntityUID{Type: principalTypes[r.Actor.Kind], ID: types.String(r.Actor.ID)},
			Parents:    types.NewEntityUIDSet(parents...),
			Attributes: qualities,
		},
		resource: types.Entity{
			UID:        types.EntityUID{Type: types.EntityType(r.Action.Resource), ID: types.String(r.Resource.ID)},
			Attributes: r.Resource.attributes(r.Action.Resource),
		},
	}
	return w, types.Request{
		Principal: w.principal.UID,
		Action:    actionUID(r.Action.Name),
		Resource:  w.resource.UID,
		Context: types.NewRecord(types.RecordMap{
			"purpose":          types.EntityUID{Type: "Purpose", ID: types.String(r.Purpose)},
			"node":             types.EntityUID{Type: "Organisation", ID: types.String(r.NodeKind)},
			"legalBasisActive": types.Boolean(r.LegalBasisActive),
		}),
	}
}

// attributes returns those attributes that the schema gives to this kind.
func (r Resource) attributes(kind mandate.Resource) types.Record {
	fields := make(types.RecordMap, 4)
	whoever := func(name types.String, id string) {
		if id != "" {
			fields[name] = person(id)
		}
	}
	envelope := func() {
		if r.Kind != "" {
			fields["kind"] = types.EntityUID{Type: "EnvelopeKind", ID: types.String(r.Kind)}
		}
	}
	switch kind {
	case mandate.ResourceList:
		whoever("author", r.Author)
	case mandate.ResourceItem:
		whoever("owner", r.Owner)
		whoever("firstDecider", r.FirstDecider)
		deciders := make([]types.Value, 0, len(r.Deciders)+1)
		for _, id := range r.Deciders {
			deciders = append(deciders, person(id))
		}
		if r.FirstDecider != "" && !slices.Contains(r.Deciders, r.FirstDecider) {
			deciders = append(deciders, person(r.FirstDecider))
		}
		fields["deciders"] = types.NewSet(deciders...)
		if r.Source != "" {
			fields["source"] = types.String(r.Source)
		}
	case mandate.ResourceReport, mandate.ResourceOrder:
		whoever("author", r.Author)
		envelope()
	case mandate.ResourceEnvelope:
		envelope()
	case mandate.ResourceAccount:
		whoever("owner", r.Owner)
	}
	return types.NewRecord(fields)
}
