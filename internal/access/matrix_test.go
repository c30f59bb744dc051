package access

import (
	"bytes"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/racetest"
)

var update = flag.Bool("update", false, "write the golden tables anew")

// permitEverything is the worst file that an organisation could load.
const permitEverything = `@id("everything") @because("everything is permitted") permit (principal, action, resource);`

func embedded(t testing.TB) *Policy {
	t.Helper()
	p, err := Load(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func loaded(t testing.TB, source string) *Policy {
	t.Helper()
	p, err := Load([]byte(source), "own.cedar")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

type subject struct {
	name  string
	actor mandate.Actor
}

// subjects are all who may act, each with one appointment only.
func subjects() []subject {
	var all []subject
	for _, role := range mandate.Roles {
		all = append(all, subject{string(role), mandate.Actor{Kind: mandate.Person, ID: "person/self", Roles: []mandate.Role{role}}})
	}
	all = append(all, subject{"no-role", mandate.Actor{Kind: mandate.Person, ID: "person/self"}})
	for _, scope := range mandate.Scopes {
		all = append(all, subject{"key:" + string(scope), mandate.Actor{Kind: mandate.Machine, ID: "key/self", Scopes: []mandate.Scope{scope}}})
	}
	for _, kind := range mandate.OrganisationKinds {
		all = append(all, subject{"peer:" + string(kind), mandate.Actor{Kind: mandate.Peer, ID: "node/peer", Organisation: kind}})
	}
	return append(all, subject{"node", mandate.Actor{Kind: mandate.Node, ID: "node/self"}})
}

// requests yields every request of an actor for an action at a kind of node:
// each purpose, and for peers each kind of envelope.
func requests(actor mandate.Actor, action mandate.Action, node mandate.OrganisationKind) iter.Seq[Request] {
	kinds := []mandate.EnvelopeKind{""}
	if actor.Kind == mandate.Peer {
		kinds = append(kinds, mandate.EnvelopeKinds...)
	}
	return func(yield func(Request) bool) {
		for _, purpose := range mandate.Purposes {
			request := favourable(actor, action, purpose, node)
			for _, kind := range kinds {
				request.Resource.Kind = kind
				if !yield(request) {
					return
				}
			}
		}
	}
}

// permits answers without the explanation of a denial, which costs more than
// the decision; that both answer the same is tested with drawn requests.
func permits(p *Policy, request Request) bool {
	allowed, _ := p.authorize(request)
	return allowed
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	shown := 0
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b && shown < 20 {
			shown++
			t.Errorf("%s:%d\n  reviewed %s\n  now      %s", path, i+1, a, b)
		}
	}
	t.Error("the policy decides otherwise than was reviewed; if that is meant, run go test with -update and have the changed cells reviewed")
}

func writeMatrix(out *bytes.Buffer, p *Policy, node mandate.OrganisationKind) {
	columns := subjects()
	fmt.Fprintf(out, "at a node of kind %s\n", node)
	for depth := range 14 {
		line := strings.Repeat(" ", 19)
		for _, s := range columns {
			// Headings are set vertically, bottom-aligned.
			letter := " "
			if i := len(s.name) - 14 + depth; i >= 0 {
				letter = string(s.name[i])
			}
			line += letter + " "
		}
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
	for _, action := range mandate.Actions {
		fmt.Fprintf(out, "%-19s", action.Name)
		for i, s := range columns {
			cell := "-"
			for request := range requests(s.actor, action, node) {
				if permits(p, request) {
					cell = "y"
					break
				}
			}
			if i > 0 {
				out.WriteByte(' ')
			}
			out.WriteString(cell)
		}
		out.WriteByte('\n')
	}
}

// long tests have one goroutine, which the race detector makes slow for nothing.
func long(t *testing.T) {
	t.Helper()
	if racetest.Enabled {
		t.Skip("SKIP: it has one goroutine and is slow under the race detector; it is run without it")
	}
}

func TestMatrix(t *testing.T) {
	long(t)
	p := embedded(t)
	var out bytes.Buffer
	out.WriteString("Who may do what for some purpose, with nothing else against it (y allowed, - denied).\n")
	for _, node := range mandate.OrganisationKinds {
		out.WriteByte('\n')
		writeMatrix(&out, p, node)
	}
	golden(t, "matrix.txt", out.Bytes())
}

func TestMatrixOfLines(t *testing.T) {
	p := loaded(t, permitEverything)
	var out bytes.Buffer
	out.WriteString("What the lines leave of a policy file that permits everything (y allowed, - denied).\n\n")
	writeMatrix(&out, p, mandate.Centre)
	golden(t, "lines.txt", out.Bytes())
}

func TestPurposes(t *testing.T) {
	long(t)
	p := embedded(t)
	var out bytes.Buffer
	out.WriteString("For which purposes who may do what, at which kinds of node (all where none is named).\nWhatever is not listed is denied.\n")
	for _, s := range subjects() {
		fmt.Fprintf(&out, "\n%s\n", s.name)
		for _, action := range mandate.Actions {
			for _, purpose := range mandate.Purposes {
				var nodes []string
				for _, node := range mandate.OrganisationKinds {
					for request := range requests(s.actor, action, node) {
						if request.Purpose == purpose && permits(p, request) {
							nodes = append(nodes, string(node))
							break
						}
					}
				}
				switch len(nodes) {
				case 0:
				case len(mandate.OrganisationKinds):
					fmt.Fprintf(&out, "  %-19s %s\n", action.Name, purpose)
				default:
					fmt.Fprintf(&out, "  %-19s %-18s at %s\n", action.Name, purpose, strings.Join(nodes, ", "))
				}
			}
		}
	}
	golden(t, "purposes.txt", out.Bytes())
}

func TestPeerEnvelopes(t *testing.T) {
	p := embedded(t)
	var out bytes.Buffer
	out.WriteString("Which kinds of envelope a node takes from another organisation, and for which purposes.\nWhatever is not listed is denied.\n")
	for _, from := range mandate.OrganisationKinds {
		actor := mandate.Actor{Kind: mandate.Peer, ID: "node/peer", Organisation: from}
		for _, node := range mandate.OrganisationKinds {
			fmt.Fprintf(&out, "\n%s to %s\n", from, node)
			for _, kind := range append([]mandate.EnvelopeKind{""}, mandate.EnvelopeKinds...) {
				for _, action := range []mandate.Action{mandate.ReportReceive, mandate.EnvelopeReceive} {
					var purposes []string
					for _, purpose := range mandate.Purposes {
						request := favourable(actor, action, purpose, node)
						request.Resource.Kind = kind
						if permits(p, request) {
							purposes = append(purposes, string(purpose))
						}
					}
					if len(purposes) > 0 {
						fmt.Fprintf(&out, "  %-17s %-11s %s\n", action.Name, kind, strings.Join(purposes, ", "))
					}
				}
			}
		}
	}
	golden(t, "envelopes.txt", out.Bytes())
}

// TestNoDeadRule drops each rule in turn. A permit that can go without any
// decision changing is dead text that a reader would believe; so is a line that
// forbids nothing even under a file that permits everything.
func TestNoDeadRule(t *testing.T) {
	long(t)
	ours, open := embedded(t), loaded(t, permitEverything)
	for i, r := range ours.rules {
		whole, cases := ours, ordinaryCases
		if r.Forbids {
			whole, cases = open, awkwardCases
			if whole.rules[i].ID != r.ID {
				t.Fatalf("rule %d of the open policy is %s, not %s", i, whole.rules[i].ID, r.ID)
			}
		}
		less := index(whole.schema, slices.Delete(slices.Clone(whole.rules), i, i+1))
		changed := false
		for request := range cases(whole, r) {
			before, _ := whole.authorize(request)
			after, _ := less.authorize(request)
			if before != after {
				changed = true
				break
			}
		}
		if !changed {
			t.Errorf("%s can be dropped and no decision changes", r.Reference())
		}
	}
}

// applicable yields the actions that a rule's head names.
func applicable(p *Policy, r rule) iter.Seq[mandate.Action] {
	return func(yield func(mandate.Action) bool) {
		for _, action := range mandate.Actions {
			if scopeNames(p.schema, r.compiled.AST(), actionUID(action.Name)) && !yield(action) {
				return
			}
		}
	}
}

func ordinaryCases(p *Policy, r rule) iter.Seq[Request] {
	return casesAt(p, r, mandate.OrganisationKinds...)
}

func casesAt(p *Policy, r rule, nodes ...mandate.OrganisationKind) iter.Seq[Request] {
	return func(yield func(Request) bool) {
		for action := range applicable(p, r) {
			for _, s := range subjects() {
				for _, node := range nodes {
					for request := range requests(s.actor, action, node) {
						if !yield(request) {
							return
						}
					}
				}
			}
		}
	}
}

// awkwardCases adds what goes wrong: the actor decided, wrote or holds the
// thing himself, somebody else has taken it, nobody decided yet, the key is of
// another source, the legal basis has ended. No line depends on the kind of
// node, so one kind is enough.
func awkwardCases(p *Policy, r rule) iter.Seq[Request] {
	return func(yield func(Request) bool) {
		for request := range casesAt(p, r, mandate.Centre) {
			self := request.Actor.ID
			for _, change := range []func(*Request){
				func(*Request) {},
				func(q *Request) { q.Resource.FirstDecider, q.Resource.Deciders = self, []string{self} },
				func(q *Request) { q.Resource = Resource{ID: "thing"} },
				func(q *Request) { q.Resource.Author = self },
				func(q *Request) { q.Resource.Owner = self },
				func(q *Request) { q.Resource.Owner = "person/another" },
				func(q *Request) { q.Resource.Source, q.Actor.Source = "source/a", "source/b" },
				func(q *Request) { q.LegalBasisActive = false },
			} {
				altered := request
				change(&altered)
				if !yield(altered) {
					return
				}
			}
		}
	}
}
