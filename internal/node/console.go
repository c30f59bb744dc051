package node

import (
	"context"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/identity"
	"github.com/brdoproject/brdo/internal/peer"
)

// console is whoever holds the node's data folder and starts the node: a
// person, who may invite the first operator.
func (n *Node) console() mandate.Actor {
	return mandate.Actor{Kind: mandate.Person, ID: "person/console", Roles: []mandate.Role{mandate.Operator}, Organisation: n.Config.Organisation.Kind}
}

// FirstOperator invites the first operator when the node has nobody yet. The
// link is printed once, on the terminal of whoever started the node.
func (n *Node) FirstOperator(ctx context.Context) (identity.Link, bool, error) {
	people, err := n.Identity.People(ctx, n.console())
	if err != nil || len(people) > 0 {
		return identity.Link{}, false, err
	}
	_, link, err := n.Identity.Invite(ctx, n.console(), "operator", []mandate.Role{mandate.Operator})
	return link, err == nil, err
}

// DraftRegistry is what the next version of the registry starts from.
func (n *Node) DraftRegistry(ctx context.Context) ([]peer.RegistryEntry, error) {
	return n.Post.DraftRegistry(ctx, n.console())
}

// PublishRegistry signs the next version of the Centre's registry, as the
// decision of whoever holds the node's data folder.
func (n *Node) PublishRegistry(ctx context.Context, entries []peer.RegistryEntry) (peer.Registry, error) {
	return n.Post.PublishRegistry(ctx, n.console(), entries)
}

// PeerNamed finds the id of a registered node by its name or id.
func (n *Node) PeerNamed(ctx context.Context, name string) (string, error) {
	nodes, _, err := n.Post.Peers(ctx, n.console())
	if err != nil {
		return "", err
	}
	for _, node := range nodes {
		if node.Name == name || node.NodeID == name {
			return node.NodeID, nil
		}
	}
	return "", problem.InvalidField("to", "no registered node has this name", "use the name or id of a node in the registry")
}

// LoginLink makes a login link for a person by name, for an operator who lost
// every means to log in.
func (n *Node) LoginLink(ctx context.Context, name string) (identity.Link, error) {
	people, err := n.Identity.People(ctx, n.console())
	if err != nil {
		return identity.Link{}, err
	}
	for _, person := range people {
		if person.Name == name {
			return n.Identity.NewLink(ctx, n.console(), person.ID)
		}
	}
	return identity.Link{}, errNobody(name)
}
