package peer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
)

// Registry is the list of nodes that the Centre signs. Each version has the
// number after the one before, so that nobody can be shown an older one.
type Registry struct {
	Number int64 `json:"number"`
	// Signer is the node id of the Centre.
	Signer  string          `json:"signer"`
	At      time.Time       `json:"at"`
	Entries []RegistryEntry `json:"entries"`
}

// RegistryEntry is one node of the registry.
type RegistryEntry struct {
	// Node is the node's public description, as [ParseNode] reads it. Its kind of
	// organisation and its country are what others route by.
	Node json.RawMessage `json:"node"`
	// Mandates are its tasks, for example "coordinating-authority": lower-case
	// words joined by hyphens.
	Mandates []string `json:"mandates,omitempty"`
	// From and Until bound the registration; without them the ends are open.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Revoked says that nothing may be exchanged with it any more. A revocation
	// stays in all later versions: the organisation comes back with a new node.
	Revoked *Revocation `json:"revoked,omitempty"`
}

// Revocation ends the registration of a node, for example when its key was
// stolen.
type Revocation struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

const (
	registryType = "brdo-registry"
	// maxRegistry is the largest signed registry, in bytes, and maxEntries the
	// most nodes in it.
	maxRegistry = 8 << 20
	maxEntries  = 2000
)

// check reads the registry's nodes and refuses what is not whole.
func (r Registry) check() ([]Node, error) {
	const remedy = "correct the entry and publish again"
	if r.Number < 1 || r.Number > maxSequence {
		return nil, problem.InvalidField("registry.number", "it is not a positive number", remedy)
	}
	if len(r.Entries) == 0 || len(r.Entries) > maxEntries {
		return nil, problem.InvalidField("registry.entries", fmt.Sprintf("there are none or more than %d", maxEntries), remedy)
	}
	var nodes []Node
	ids := map[string]bool{}
	for i, entry := range r.Entries {
		at := fmt.Sprintf("registry.entries[%d]", i)
		node, err := ParseNode(entry.Node)
		if err != nil {
			return nil, problem.InvalidField(at+".node", problem.From(err).Reason, remedy).Because(err)
		}
		switch {
		case ids[node.NodeID]:
			return nil, problem.InvalidField(at+".node", "the node is named twice", remedy)
		case node.Country == "":
			return nil, problem.InvalidField(at+".node.country", "it is missing, and reports are routed by it", "ask the organisation for a description with its country")
		case !entry.Until.IsZero() && !entry.From.Before(entry.Until):
			return nil, problem.InvalidField(at+".until", "it is not after the beginning", remedy)
		case entry.Revoked != nil && (entry.Revoked.At.IsZero() || entry.Revoked.Reason == "" || len(entry.Revoked.Reason) > problem.MaxReason):
			return nil, problem.InvalidField(at+".revoked", "the time or the reason is missing, or it is longer than 1000 bytes", remedy)
		case len(entry.Mandates) > 50 || slices.ContainsFunc(entry.Mandates, notAWord):
			return nil, problem.InvalidField(at+".mandates", "a mandate is not lower-case words joined by hyphens, or there are more than 50", remedy)
		}
		ids[node.NodeID] = true
		nodes = append(nodes, node)
	}
	return nodes, nil
}

func notAWord(text string) bool {
	return text == "" || len(text) > 64 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
}

// SignRegistry returns a registry as a compact JWS by the Centre's key.
func SignRegistry(keys Keys, r Registry) (string, error) {
	r.Signer = keys.Self.NodeID
	r.At = r.At.UTC().Truncate(time.Millisecond)
	if _, err := r.check(); err != nil {
		return "", err
	}
	content, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("writing the registry: %w", err)
	}
	text, err := signTyped(keys, registryType, content)
	if err == nil && len(text) > maxRegistry {
		err = problem.InvalidField("registry", "it is larger than 8 MiB", "leave out nodes that ended long ago")
	}
	return text, err
}

// signTyped signs content as a compact JWS that says what it is.
func signTyped(keys Keys, kind string, content []byte) (string, error) {
	signer, err := keys.Secrets.EnvelopeSigner((&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
	if err != nil {
		return "", fmt.Errorf("preparing to sign a %s: %w", kind, err)
	}
	signed, err := signer.Sign(content)
	if err != nil {
		return "", fmt.Errorf("signing a %s: %w", kind, err)
	}
	return signed.CompactSerialize()
}

// openTyped checks a signature of [signTyped] and that it is on such a thing.
func openTyped(text, kind string, from Node, time func(content []byte) (time.Time, error)) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return nil, unreadable(kind, err)
	}
	content, until, err := from.verify(signed)
	if err != nil {
		return nil, &problem.Error{Kind: problem.Denied, Field: kind, Reason: "it is not signed by " + from.NodeID, Remedy: "check that node's registered description"}
	}
	if signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType] != kind {
		return nil, &problem.Error{Kind: problem.Denied, Field: kind, Reason: "the signature is on something else", Remedy: "ask for the right document"}
	}
	at, err := time(content)
	if err != nil {
		return nil, unreadable(kind, err)
	}
	if tooLate(at, until) {
		return nil, &problem.Error{Kind: problem.Denied, Field: kind, Reason: "it is signed with a key that was replaced before", Remedy: "check that node's registered description"}
	}
	return content, nil
}

// OpenRegistry checks that a registry was signed by the Centre and is whole.
func OpenRegistry(text string, centre Node) (Registry, error) {
	var r Registry
	if len(text) > maxRegistry {
		return r, problem.InvalidField("registry", "it is larger than 8 MiB", "")
	}
	if centre.Organisation != mandate.Centre {
		return r, problem.New(problem.Denied, "only a Centre signs a registry", "name the Centre in the configuration")
	}
	_, err := openTyped(text, registryType, centre, func(content []byte) (time.Time, error) { err := json.Unmarshal(content, &r); return r.At, err })
	if err != nil {
		return Registry{}, err
	}
	if r.Signer != centre.NodeID {
		return Registry{}, &problem.Error{Kind: problem.Denied, Field: "registry.signer", Reason: "it names another signer", Remedy: "ask the Centre"}
	}
	if _, err := r.check(); err != nil {
		return Registry{}, err
	}
	return r, nil
}
