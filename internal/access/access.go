// Package access decides who may do what, for which purpose.
//
// The rules are not code. They are two texts in the Cedar policy language,
// written so that a lawyer can read them: lines.cedar holds the lines that are
// never crossed and belongs to every node; policy.cedar holds the permits of
// roles, API keys, peers and the node itself, and an organisation may replace
// it by its own. Whatever no rule permits is denied, a forbid wins over every
// permit, and a rule that cannot be evaluated denies. Both texts are checked
// against policy.cedarschema when they are loaded: a rule with an unknown
// action, a misspelt attribute, role or purpose, or a wrong type is refused, so
// that no typing error silently opens or closes a door.
//
// Sources: Cedar language specification (docs.cedarpolicy.com); Articles 4(1)(b)
// and 25 of Directive (EU) 2016/680 (purpose limitation, logging); Article 46
// of proposal COM(2022) 209 (who may access indicators and reports).
package access

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"iter"
	"sync"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"

	"github.com/brdoproject/brdo/domain/mandate"
)

//go:embed policy.cedar
var embeddedPolicy []byte

//go:embed lines.cedar
var embeddedLines []byte

//go:embed policy.cedarschema
var embeddedSchema []byte

const (
	embeddedPolicyName = "policy.cedar"
	embeddedLinesName  = "lines.cedar"
)

// SizeLimit is the largest policy file that is read, in bytes.
const SizeLimit = 1 << 20

// Policy is a loaded and validated set of rules. It does not change and is safe
// for concurrent use.
type Policy struct {
	text    string
	version string
	rules   []rule
	schema  *resolved.Schema
	// byAction holds, for each action, the rules whose scope names it, in the
	// order of the text: the rules of other actions need not be evaluated.
	byAction map[string]ruleList
	// reached holds, by the name of an action, who could be permitted to do it at
	// all: a reach, found when a denial first asks.
	reached sync.Map
}

// rule is one Cedar policy with what its annotations say.
type rule struct {
	Rule
	compiled *cedar.Policy
}

// ruleList implements cedar.PolicyIterator in the order of the text, so that
// the same request names the same rules in the same order every time.
type ruleList []rule

// All yields the rules with their ids.
func (l ruleList) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for i := range l {
			if !yield(cedar.PolicyID(l[i].ID), l[i].compiled) {
				return
			}
		}
	}
}

// Load reads a policy text and joins it to the lines that are never crossed.
// A nil source is the embedded policy; name is shown in problems and decisions,
// usually the path of the file. An error is a problem of kind Invalid whose
// field is "name:line" of the rule at fault; a node must not start with it.
func Load(source []byte, name string) (*Policy, error) {
	if source == nil {
		return readEmbedded()
	}
	return load(embeddedLines, source, name)
}

// readEmbedded reads the embedded policy once, however many nodes a process opens.
var readEmbedded = sync.OnceValues(func() (*Policy, error) { return load(embeddedLines, embeddedPolicy, embeddedPolicyName) })

func load(lines, source []byte, name string) (*Policy, error) {
	schema, err := readSchema(embeddedSchema)
	if err != nil {
		return nil, err
	}
	rules, err := readRules(schema, nil, lines, embeddedLinesName)
	if err != nil {
		return nil, err
	}
	if rules, err = readRules(schema, rules, source, name); err != nil {
		return nil, err
	}
	text := string(lines) + "\n" + string(source)
	digest := sha256.Sum256([]byte(text))
	p := index(schema, rules)
	p.text, p.version = text, hex.EncodeToString(digest[:8])
	return p, nil
}

// index sorts the rules by the actions that their heads name.
func index(schema *resolved.Schema, rules []rule) *Policy {
	p := &Policy{rules: rules, schema: schema, byAction: map[string]ruleList{}}
	for _, action := range mandate.Actions {
		uid := actionUID(action.Name)
		for _, r := range rules {
			if scopeNames(schema, r.compiled.AST(), uid) {
				p.byAction[action.Name] = append(p.byAction[action.Name], r)
			}
		}
	}
	return p
}

// Version is a short SHA-256 of all rules in force, 16 hexadecimal digits. It
// is logged with every event, so that an old decision can be explained later.
func (p *Policy) Version() string { return p.version }

// Text returns the rules in force as they were read: first the lines that are
// never crossed, then the permits.
func (p *Policy) Text() string { return p.text }

// Rule is one rule as a page or document shows it.
type Rule struct {
	// ID is the rule's @id, as logged with decisions.
	ID string
	// Forbids is true when the rule forbids and false when it permits.
	Forbids bool
	// Because is the rule's reason in plain words, with the article of law.
	Because string
	// Remedy is what somebody refused by this rule can do; may be empty.
	Remedy string
	// File and Line say where the rule stands.
	File string
	Line int
}

// Reference names the rule and where it stands, for example
// "analyst-reviews (policy.cedar:31)".
func (r Rule) Reference() string { return fmt.Sprintf("%s (%s:%d)", r.ID, r.File, r.Line) }

// Rules lists all rules in the order of the text.
func (p *Policy) Rules() []Rule {
	rules := make([]Rule, len(p.rules))
	for i, r := range p.rules {
		rules[i] = r.Rule
	}
	return rules
}
