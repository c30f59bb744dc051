package access

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/types"
	internalast "github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"github.com/brdoproject/brdo/domain/problem"
)

const startRemedy = "correct the policy file; the node does not start with a policy that it cannot trust"

func readSchema(source []byte) (*resolved.Schema, error) {
	var parsed schema.Schema
	parsed.SetFilename("policy.cedarschema")
	if err := parsed.UnmarshalCedar(source); err != nil {
		return nil, fmt.Errorf("reading the policy schema: %w", err)
	}
	words, err := parsed.Resolve()
	if err != nil {
		return nil, fmt.Errorf("resolving the policy schema: %w", err)
	}
	return words, nil
}

// parsePosition finds line and column in the text of a parser error, which
// cedar-go does not export as a type.
var parsePosition = regexp.MustCompile(`(\d+):(\d+)`)

// readRules appends the rules of one file to those already read. Every rule is
// validated before any is used.
func readRules(words *resolved.Schema, rules []rule, source []byte, name string) ([]rule, error) {
	if len(source) > SizeLimit {
		return nil, problem.InvalidField(name,
			fmt.Sprintf("the policy file is larger than %d bytes", SizeLimit), startRemedy)
	}
	list, err := cedar.NewPolicyListFromBytes(name, source)
	if err != nil {
		field := name
		if found := parsePosition.FindStringSubmatch(err.Error()); found != nil {
			field += ":" + found[1]
		}
		return nil, problem.InvalidField(field, "the policy cannot be read: "+oneLine(err.Error()), startRemedy).Because(err)
	}
	if len(list) == 0 {
		return nil, problem.InvalidField(name, "the policy file holds no rule, so nobody could do anything", startRemedy)
	}
	validator := validate.New(words)
	for _, compiled := range list {
		r, err := readRule(words, validator, compiled, name)
		if err != nil {
			return nil, err
		}
		for _, other := range rules {
			if other.ID == r.ID {
				return nil, r.fault(fmt.Sprintf("the id %q is used already at %s:%d", r.ID, other.File, other.Line))
			}
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func readRule(words *resolved.Schema, validator *validate.Validator, compiled *cedar.Policy, name string) (rule, error) {
	notes := compiled.Annotations()
	r := rule{compiled: compiled, Rule: Rule{
		ID:      string(notes["id"]),
		Because: string(notes["because"]),
		Remedy:  string(notes["remedy"]),
		Forbids: compiled.Effect() == cedar.Forbid,
		File:    name,
		Line:    compiled.Position().Line,
	}}
	for key := range notes {
		if key != "id" && key != "because" && key != "remedy" {
			return rule{}, r.fault(fmt.Sprintf("the annotation @%s is not known; use @id, @because and @remedy", key))
		}
	}
	if strings.TrimSpace(r.ID) == "" {
		return rule{}, r.fault("the rule has no @id")
	}
	if strings.TrimSpace(r.Because) == "" {
		return rule{}, r.fault(fmt.Sprintf("the rule %q has no @because", r.ID))
	}
	tree := (*internalast.Policy)(compiled.AST())
	if err := validator.Policy(r.ID, tree); err != nil {
		return rule{}, r.fault(oneLine(err.Error()))
	}
	if err := knownNames(words, tree); err != nil {
		return rule{}, r.fault(fmt.Sprintf("for policy `%s`, %s", r.ID, err))
	}
	return r, nil
}

// fault makes the problem that names the rule's place.
func (r rule) fault(reason string) *problem.Error {
	return problem.InvalidField(fmt.Sprintf("%s:%d", r.File, r.Line), reason, startRemedy)
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// knownNames refuses a role, scope, purpose, kind or action that the schema
// does not list. The validator checks the types of such names but not the names
// themselves, so a misspelt role would be a rule that never applies: harmless
// in a permit, an open door in a forbid.
func knownNames(words *resolved.Schema, policy *internalast.Policy) error {
	var err error
	check := func(uid types.EntityUID) {
		if enum, ok := words.Enums[uid.Type]; ok {
			if !slices.Contains(enum.Values, uid) {
				err = errors.Join(err, fmt.Errorf("unrecognized name `%s`", uid))
			}
			return
		}
		if _, ok := words.Actions[uid]; ok {
			return
		}
		err = errors.Join(err, fmt.Errorf("`%s` is not a name of the schema; a rule names kinds of people and things, not single ones", uid))
	}
	for _, scope := range []internalast.IsScopeNode{policy.Principal, policy.Action, policy.Resource} {
		switch s := scope.(type) {
		case internalast.ScopeTypeEq:
			check(s.Entity)
		case internalast.ScopeTypeIn:
			check(s.Entity)
		case internalast.ScopeTypeIsIn:
			check(s.Entity)
		case internalast.ScopeTypeInSet:
			for _, uid := range s.Entities {
				check(uid)
			}
		}
	}
	for _, condition := range policy.Conditions {
		internalast.Inspect(internalast.NewNode(condition.Body), func(n internalast.IsNode) bool {
			if value, ok := n.(internalast.NodeValue); ok {
				if uid, ok := value.Value.(types.EntityUID); ok {
					check(uid)
				}
			}
			return true
		})
	}
	return err
}

// scopeNames reports whether the action part of a rule's head covers action.
func scopeNames(words *resolved.Schema, policy *ast.Policy, action types.EntityUID) bool {
	covers := func(named types.EntityUID) bool {
		return named == action || descends(words, action, named)
	}
	switch scope := (*internalast.Policy)(policy).Action.(type) {
	case internalast.ScopeTypeEq:
		return scope.Entity == action
	case internalast.ScopeTypeIn:
		return covers(scope.Entity)
	case internalast.ScopeTypeInSet:
		return slices.ContainsFunc(scope.Entities, covers)
	default:
		return true
	}
}

// descends reports whether action is in group, directly or through groups. The
// schema was resolved, so groups hold no cycle.
func descends(words *resolved.Schema, action, group types.EntityUID) bool {
	for parent := range words.Actions[action].Entity.Parents.All() {
		if parent == group || descends(words, parent, group) {
			return true
		}
	}
	return false
}
