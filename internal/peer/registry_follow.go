package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// RegistryPath is where the Centre gives out its registry. It is public: it
// names organisations and their keys, and no person.
const RegistryPath = "/peer/v1/registry"

// registryJob is the kind of the one job that follows the Centre's registry.
const registryJob = "registry.follow"

// registryPause is how often a node asks whether there is a new version.
const registryPause = 10 * time.Minute

// SetCentre names the node whose registry this one follows: the Centre's name,
// as the operator registered it. The Centre itself follows nobody.
func (p *Post) SetCentre(name string) { p.centre = name }

// PublishRegistry signs the next version of the registry and follows it here
// too, as the recorded decision of a person at the Centre.
//
// Errors: Denied at another node than a Centre; Invalid when an entry is not
// whole or a revocation would be lost.
func (p *Post) PublishRegistry(ctx context.Context, actor mandate.Actor, entries []RegistryEntry) (Registry, error) {
	var published Registry
	act := ledger.Act{Actor: actor, Action: mandate.PeerRegister, Purpose: mandate.PurposeAdministration, Resource: access.Resource{ID: "registry"}}
	err := p.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if p.ledger.NodeKind() != mandate.Centre {
			return problem.New(problem.Denied, "only the Centre publishes a registry", "ask the Centre to enter the node")
		}
		before, err := p.latestRegistry(tx.Tx)
		if err != nil {
			return err
		}
		published = Registry{Number: before.Number + 1, At: tx.Now, Entries: entries}
		text, err := SignRegistry(p.keys, published)
		if err != nil {
			return err
		}
		if published, err = OpenRegistry(text, p.keys.Self); err != nil {
			return err
		}
		if err := before.keptBy(published); err != nil {
			return err
		}
		return p.adopt(tx, p.keys.Self, published, text)
	})
	return published, err
}

// latestRegistry is the newest version that this node knows; its number is 0
// when it knows none.
func (p *Post) latestRegistry(tx *store.Tx) (Registry, error) {
	var r Registry
	row, found, err := tx.LatestRegistryVersion()
	if err != nil || !found {
		return r, err
	}
	// It was checked when it was stored; the signer's key may have changed since.
	signed, err := jose.ParseSignedCompact(row.Text, []jose.SignatureAlgorithm{jose.EdDSA})
	if err == nil {
		err = json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &r)
	}
	if err != nil {
		return r, fmt.Errorf("reading version %d of the registry: %w", row.Number, err)
	}
	return r, nil
}

// keptBy checks that no revocation is lost from one version to the next.
func (r Registry) keptBy(next Registry) error {
	revoked := map[string]bool{}
	for _, entry := range next.Entries {
		if node, err := ParseNode(entry.Node); err == nil && entry.Revoked != nil {
			revoked[node.NodeID] = true
		}
	}
	for _, entry := range r.Entries {
		node, err := ParseNode(entry.Node)
		if err == nil && entry.Revoked != nil && !revoked[node.NodeID] {
			return problem.InvalidField("registry.entries", "the revocation of "+node.NodeID+" would be lost", "keep the entry as revoked; the organisation comes back with a new node")
		}
	}
	return nil
}

// DraftRegistry is what a person at the Centre starts from: the last version,
// this node, and the nodes that an operator registered since.
func (p *Post) DraftRegistry(ctx context.Context, actor mandate.Actor) ([]RegistryEntry, error) {
	var entries []RegistryEntry
	act := ledger.Act{Actor: actor, Action: mandate.EnvelopeConsult, Purpose: mandate.PurposeAdministration, Resource: access.Resource{ID: "registry"}}
	err := p.ledger.Read(ctx, act, func(tx *ledger.Tx) error {
		latest, err := p.latestRegistry(tx.Tx)
		if err != nil {
			return err
		}
		entries = latest.Entries
		known := map[string]bool{}
		for _, entry := range entries {
			node, err := ParseNode(entry.Node)
			if err != nil {
				return err
			}
			known[node.NodeID] = true
		}
		self, err := p.keys.Self.Document()
		if err != nil {
			return err
		}
		if !known[p.keys.Self.NodeID] {
			entries = append(entries, RegistryEntry{Node: self})
		}
		rows, err := tx.Peers()
		if err != nil {
			return err
		}
		for _, row := range rows {
			if !known[row.ID] {
				entries = append(entries, RegistryEntry{Node: row.Document})
			}
		}
		tx.Note("entries", len(entries))
		return nil
	})
	return entries, err
}

// adopt stores a version of the registry and makes this node's peers those
// that it names.
func (p *Post) adopt(tx *ledger.Tx, centre Node, r Registry, text string) error {
	tx.Note("registry", r.Number)
	tx.Note("digest", Digest([]byte(text)))
	err := tx.InsertRegistryVersion(store.RegistryVersion{
		Number: r.Number, Signer: centre.NodeID, Text: text, Digest: Digest([]byte(text)), Event: tx.EventID(), At: tx.Now,
	})
	if err != nil {
		return err
	}
	named := map[string]bool{}
	revoked := []string{}
	for _, entry := range r.Entries {
		node, err := ParseNode(entry.Node)
		if err != nil {
			return err
		}
		named[node.NodeID] = true
		if entry.Revoked != nil {
			revoked = append(revoked, node.NodeID)
		}
		if node.NodeID == p.keys.Self.NodeID {
			continue
		}
		if err := enter(tx, centre, node, entry); err != nil {
			return err
		}
	}
	if len(revoked) > 0 {
		tx.Note("revoked", revoked)
	}
	rows, err := tx.Peers()
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Origin == store.PeerFromRegistry && !named[row.ID] && row.State == store.PeerActive {
			row.State, row.RevokedAt, row.RevokedBecause = store.PeerRevoked, r.At, "the Centre's registry does not name it any more"
			if err := tx.PutPeer(row); err != nil {
				return err
			}
		}
	}
	return nil
}

// enter makes one entry of the registry a peer.
func enter(tx *ledger.Tx, centre, node Node, entry RegistryEntry) error {
	row, err := tx.Peer(node.NodeID)
	if err != nil && !problem.Is(err, problem.NotFound) {
		return err
	}
	if err != nil {
		row = store.Peer{ID: node.NodeID, RegisteredAt: tx.Now}
	}
	if len(row.Document) > 0 {
		known, err := ParseNode(row.Document)
		if err != nil {
			return err
		}
		if known.Extends(node.Public) {
			node.Public = known.Public // the node has rotated its keys since the registry was signed
		}
	}
	if row.Document, err = node.Document(); err != nil {
		return err
	}
	row.Mandates, row.ValidFrom, row.ValidUntil = strings.Join(entry.Mandates, ","), entry.From, entry.Until
	row.State, row.RevokedAt, row.RevokedBecause = store.PeerActive, time.Time{}, ""
	if entry.Revoked != nil {
		row.State, row.RevokedAt, row.RevokedBecause = store.PeerRevoked, entry.Revoked.At, entry.Revoked.Reason
	}
	if node.NodeID == centre.NodeID {
		// Whom this node trusts with the registry is its operator's decision, and
		// stays so: a stolen key of the Centre must not be able to undo it.
		row.Origin, row.State, row.RevokedAt, row.RevokedBecause = store.PeerFromOperator, store.PeerActive, time.Time{}, ""
		row.ValidFrom, row.ValidUntil = time.Time{}, time.Time{}
		return tx.PutPeer(row)
	}
	row.Origin = store.PeerFromRegistry
	return tx.PutPeer(row)
}

// pinned finds the Centre that the operator registered; found is false when
// none is named or registered.
func (p *Post) pinned(tx *store.Tx) (centre Node, found bool, err error) {
	if p.centre == "" || p.ledger.NodeKind() == mandate.Centre {
		return Node{}, false, nil
	}
	rows, err := tx.Peers()
	if err != nil {
		return Node{}, false, err
	}
	for _, row := range rows {
		if row.Origin != store.PeerFromOperator || row.State != store.PeerActive {
			continue
		}
		node, err := ParseNode(row.Document)
		if err != nil {
			return Node{}, false, err
		}
		if node.Name == p.centre && node.Organisation == mandate.Centre {
			return node, true, nil
		}
	}
	return Node{}, false, nil
}

func (p *Post) followJob(ctx context.Context, _ *job.Running) error {
	if err := p.FollowRegistry(ctx); err != nil {
		return err
	}
	return job.Later(p.ledger.Now().Add(registryPause), "the registry is fetched again")
}

// FollowRegistry fetches the Centre's registry and follows it when it is newer
// than the one that is known. What is refused is one event of the log and an
// alarm, because somebody shows this node another registry than the Centre's.
//
// Errors: Denied when it is not signed by the pinned Centre; Conflict when it is
// older than the known one, or another one of the same number.
func (p *Post) FollowRegistry(ctx context.Context) error {
	var centre Node
	var known store.RegistryVersion
	var found, follows bool
	err := p.ledger.Peek(ctx, func(tx *store.Tx) (err error) {
		if centre, found, err = p.pinned(tx); err != nil || !found {
			return err
		}
		known, follows, err = tx.LatestRegistryVersion()
		return err
	})
	if err != nil || !found {
		return err
	}
	text, changed, err := p.fetchRegistry(ctx, centre, known.Digest)
	if err != nil {
		return fmt.Errorf("fetching the registry from %s: %w", centre.NodeID, err)
	}
	if changed {
		err = p.takeRegistry(ctx, centre, text, known, follows)
	}
	return errors.Join(err, p.alarm(ctx, centre.NodeID, AlarmRegistry, err != nil && !problem.Is(err, problem.Unavailable)))
}

func (p *Post) takeRegistry(ctx context.Context, centre Node, text string, known store.RegistryVersion, follows bool) error {
	act := ledger.Act{
		Actor:  p.ledger.Itself(),
		Action: mandate.EnvelopeReceive, Purpose: mandate.PurposeReporting, Resource: access.Resource{ID: "registry"},
	}
	err := p.ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		r, err := OpenRegistry(text, centre)
		switch {
		case err != nil:
			return err
		case follows && r.Number < known.Number:
			return problem.Newf(problem.Conflict, "the registry is an older one: version %d, and version %d is known", r.Number, known.Number)
		case follows && r.Number == known.Number:
			return problem.Newf(problem.Conflict, "the registry is another one of the number %d that is known", r.Number)
		}
		before, err := p.latestRegistry(tx.Tx)
		if err != nil {
			return err
		}
		if err := before.keptBy(r); err != nil {
			return err
		}
		return p.adopt(tx, centre, r, text)
	})
	if err != nil {
		return fmt.Errorf("following the registry of %s: %w", centre.NodeID, err)
	}
	return nil
}

// fetchRegistry asks for the registry; changed is false when the Centre says
// that it is the one of the digest.
func (p *Post) fetchRegistry(ctx context.Context, centre Node, digest string) (text string, changed bool, err error) {
	header := http.Header{}
	if digest != "" {
		header.Set("If-None-Match", `"`+digest+`"`)
	}
	response, body, err := p.get(ctx, centre, RegistryPath, header, maxRegistry)
	switch {
	case err != nil:
		return "", false, err
	case response.StatusCode == http.StatusNotModified, response.StatusCode == http.StatusNotFound:
		return "", false, nil // not found: the Centre has published none yet
	case response.StatusCode != http.StatusOK:
		return "", false, problem.Newf(problem.Unavailable, "the Centre answered %d", response.StatusCode)
	}
	return string(body), Digest(body) != digest, nil
}

// RegistryHandler gives out the newest version at [RegistryPath], with its digest
// as the entity tag.
func (p *Post) RegistryHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var row store.RegistryVersion
		var found bool
		err := p.ledger.Peek(r.Context(), func(tx *store.Tx) (err error) { row, found, err = tx.LatestRegistryVersion(); return err })
		switch {
		case err != nil:
			http.Error(w, "the registry cannot be read", http.StatusServiceUnavailable)
			return
		case !found || row.Signer != p.keys.Self.NodeID:
			http.NotFound(w, r)
			return
		}
		tag := `"` + row.Digest + `"`
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Content-Type", "application/jose")
		if slices.Contains(strings.Split(strings.ReplaceAll(r.Header.Get("If-None-Match"), " ", ""), ","), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, row.Text)
	})
}

// Known is a node that the registry or an operator entered, for routing.
type Known struct {
	Node
	Mandates []string
}

// Known returns the nodes with which envelopes may be exchanged now, in the
// order of their ids.
func (p *Post) Known(tx *store.Tx, now time.Time) ([]Known, error) {
	rows, err := tx.Peers()
	if err != nil {
		return nil, err
	}
	var all []Known
	for _, row := range rows {
		if standing(row, now) != nil {
			continue
		}
		node, err := ParseNode(row.Document)
		if err != nil {
			return nil, err
		}
		known := Known{Node: node}
		if row.Mandates != "" {
			known.Mandates = strings.Split(row.Mandates, ",")
		}
		all = append(all, known)
	}
	return all, nil
}

// KnownOf returns the nodes of a kind with which envelopes may be exchanged now,
// in the order of their ids.
func (p *Post) KnownOf(tx *store.Tx, now time.Time, kind mandate.OrganisationKind) ([]Node, error) {
	known, err := p.Known(tx, now)
	var all []Node
	for _, k := range known {
		if k.Organisation == kind {
			all = append(all, k.Node)
		}
	}
	return all, err
}

// Titles are what this node and those with which envelopes may be exchanged now
// are called, by their ids.
func (p *Post) Titles(tx *store.Tx, now time.Time) (map[string]string, error) {
	titles := map[string]string{p.keys.Self.NodeID: p.keys.Self.Title}
	known, err := p.Known(tx, now)
	for _, k := range known {
		titles[k.NodeID] = k.Title
	}
	return titles, err
}

// ParseRegistryEntries reads entries as `brdo registry draft` writes them.
func ParseRegistryEntries(text []byte) ([]RegistryEntry, error) {
	var entries []RegistryEntry
	if len(text) > maxRegistry {
		return nil, problem.InvalidField("entries", "they are larger than 8 MiB", "leave out nodes that ended long ago")
	}
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, problem.InvalidField("entries", "they are not JSON of the form that the draft has", "start from the draft").Because(err)
	}
	return entries, nil
}
