package access

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go/types"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
)

func TestLoadRefuses(t *testing.T) {
	const head = "// a comment\n\n@id(\"x\")\n@because(\"y\")\n"
	cases := []struct {
		name, source, field, reason string
	}{
		{"unknown action", head + `permit (principal, action == Action::"item.look", resource);`,
			"own.cedar:3", "unrecognized action `Action::\"item.look\"`"},
		{"misspelt attribute", head + `permit (principal, action == Action::"report.approve", resource) when { resource has author && resource.autor == principal };`,
			"own.cedar:3", "autor"},
		{"wrong type", head + `permit (principal, action == Action::"report.approve", resource) when { context.purpose == 7 };`,
			"own.cedar:3", "types Long and Purpose are not compatible"},
		{"purpose as text", head + `permit (principal, action == Action::"report.approve", resource) when { context.purpose == "reporting" };`,
			"own.cedar:3", "types String and Purpose are not compatible"},
		{"misspelt context", head + `permit (principal, action == Action::"report.approve", resource) when { context.porpose == Purpose::"reporting" };`,
			"own.cedar:3", "porpose"},
		{"unguarded attribute", head + `permit (principal, action == Action::"report.approve", resource) when { resource.author == principal };`,
			"own.cedar:3", "optional attribute `author`"},
		{"misspelt role in the head", head + `permit (principal in Role::"analist", action == Action::"item.view", resource);`,
			"own.cedar:3", `Role::"analist"`},
		{"misspelt role after is", head + `permit (principal is Person in Role::"analist", action == Action::"item.view", resource);`,
			"own.cedar:3", `Role::"analist"`},
		{"misspelt purpose", head + `permit (principal, action == Action::"item.view", resource) when { context.purpose == Purpose::"reviw" };`,
			"own.cedar:3", `Purpose::"reviw"`},
		{"misspelt purpose in a set", head + `permit (principal, action == Action::"item.view", resource) when { [Purpose::"review", Purpose::"reviw"].contains(context.purpose) };`,
			"own.cedar:3", `Purpose::"reviw"`},
		{"one named person", head + `permit (principal == Person::"person/1", action == Action::"item.view", resource);`,
			"own.cedar:3", "a rule names kinds of people and things"},
		{"unknown entity type", head + `permit (principal is Robot, action == Action::"item.view", resource);`,
			"own.cedar:3", "Robot"},
		{"wrong resource", head + `permit (principal, action == Action::"item.view", resource is Report);`,
			"own.cedar:3", "unable to find an applicable action"},
		{"no id", `@because("y") permit (principal, action, resource);`, "own.cedar:1", "no @id"},
		{"no reason", `@id("x") permit (principal, action, resource);`, "own.cedar:1", `"x" has no @because`},
		{"empty reason", `@id("x") @because(" ") permit (principal, action, resource);`, "own.cedar:1", "no @because"},
		{"misspelt annotation", `@id("x") @because("y") @remedi("z") permit (principal, action, resource);`, "own.cedar:1", "@remedi"},
		{"id twice", "@id(\"x\") @because(\"y\") permit (principal, action, resource);\n@id(\"x\") @because(\"y\") forbid (principal, action, resource);",
			"own.cedar:2", `"x" is used already at own.cedar:1`},
		{"id of a line", `@id("a-person-decides") @because("y") permit (principal, action, resource);`, "own.cedar:1", "is used already at lines.cedar:"},
		{"not Cedar", head + "\npermit (principal, action; resource);", "own.cedar:6", "cannot be read"},
		{"cut off", head + "permit (principal, action, resource)", "own.cedar:5", "cannot be read"},
		{"only comments", "// nothing here\n", "own.cedar", "holds no rule"},
		{"empty", "", "own.cedar", "holds no rule"},
		{"too large", strings.Repeat("//\n", SizeLimit/3+1), "own.cedar", "larger than"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := Load([]byte(c.source), "own.cedar")
			if err == nil {
				t.Fatal("was accepted")
			}
			if p != nil {
				t.Error("a policy came with the error")
			}
			var found *problem.Error
			if !errors.As(err, &found) || found.Kind != problem.Invalid {
				t.Fatalf("not a problem of kind invalid: %v", err)
			}
			if found.Field != c.field {
				t.Errorf("field %q, want %q (%v)", found.Field, c.field, err)
			}
			if !strings.Contains(found.Reason, c.reason) {
				t.Errorf("reason %q does not say %q", found.Reason, c.reason)
			}
			if found.Remedy == "" {
				t.Error("no remedy")
			}
		})
	}
}

func TestRulesAreNamedAndReasoned(t *testing.T) {
	p := embedded(t)
	seen := map[string]bool{}
	name := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	source := map[string][]string{
		embeddedLinesName:  strings.Split(string(embeddedLines), "\n"),
		embeddedPolicyName: strings.Split(string(embeddedPolicy), "\n"),
	}
	for _, r := range p.Rules() {
		if seen[r.ID] {
			t.Errorf("%s: id used twice", r.Reference())
		}
		seen[r.ID] = true
		if !name.MatchString(r.ID) {
			t.Errorf("%s: an id is lower-case words joined by hyphens", r.Reference())
		}
		if r.Because == "" || strings.HasSuffix(r.Because, ".") {
			t.Errorf("%s: a reason is one plain sentence without a full stop, not %q", r.Reference(), r.Because)
		}
		if r.Forbids != (r.File == embeddedLinesName) {
			t.Errorf("%s: lines forbid, the policy permits", r.Reference())
		}
		if r.Forbids && r.Remedy == "" {
			t.Errorf("%s: somebody refused by it is not told what to do", r.Reference())
		}
		if got := source[r.File][r.Line-1]; got != `@id("`+r.ID+`")` {
			t.Errorf("%s: that line reads %q", r.Reference(), got)
		}
	}
	if !strings.Contains(p.Text(), string(embeddedLines)) || !strings.Contains(p.Text(), string(embeddedPolicy)) {
		t.Error("the text is not what is in force")
	}
}

func TestVersionFollowsText(t *testing.T) {
	a, b, c := embedded(t), embedded(t), loaded(t, permitEverything)
	if a.Version() != b.Version() {
		t.Error("the same text has two versions")
	}
	if a.Version() == c.Version() {
		t.Error("two texts have the same version")
	}
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(a.Version()) {
		t.Errorf("version %q", a.Version())
	}
	d, err := load(append(slices.Clone(embeddedLines), '\n'), embeddedPolicy, embeddedPolicyName)
	if err != nil {
		t.Fatal(err)
	}
	if d.Version() == a.Version() {
		t.Error("a change of the lines does not change the version")
	}
}

// TestSchemaSaysWhatMandateSays keeps the words of the policy and those of the
// program the same, both ways.
func TestSchemaSaysWhatMandateSays(t *testing.T) {
	schema, err := readSchema(embeddedSchema)
	if err != nil {
		t.Fatal(err)
	}
	known := map[types.EntityUID]bool{}
	for _, action := range mandate.Actions {
		uid := actionUID(action.Name)
		known[uid] = true
		declared, ok := schema.Actions[uid]
		if !ok || declared.AppliesTo == nil {
			t.Errorf("%s is not in the schema", action.Name)
			continue
		}
		if got := declared.AppliesTo.Resources; !slices.Equal(got, []types.EntityType{types.EntityType(action.Resource)}) {
			t.Errorf("%s: resource %v, want %s", action.Name, got, action.Resource)
		}
		if got := len(declared.AppliesTo.Principals); got != len(principalTypes) {
			t.Errorf("%s: %d kinds of principal, want %d", action.Name, got, len(principalTypes))
		}
		for _, operation := range []mandate.Operation{mandate.Collect, mandate.Consult, mandate.Alter, mandate.Disclose, mandate.Combine, mandate.Erase} {
			if in := descends(schema, uid, actionUID(string(operation))); in != (operation == action.Operation) {
				t.Errorf("%s: in group %s is %v, its operation is %s", action.Name, operation, in, action.Operation)
			}
		}
		if in := descends(schema, uid, actionUID("content")); in != action.Content {
			t.Errorf("%s: in group content is %v, want %v", action.Name, in, action.Content)
		}
	}
	for uid, declared := range schema.Actions {
		if declared.AppliesTo != nil && !known[uid] {
			t.Errorf("%s is in the schema and not in mandate.Actions", uid)
		}
	}
	enum(t, schema.Enums["Role"].Values, mandate.Roles)
	enum(t, schema.Enums["Scope"].Values, mandate.Scopes)
	enum(t, schema.Enums["Organisation"].Values, mandate.OrganisationKinds)
	enum(t, schema.Enums["Purpose"].Values, mandate.Purposes)
	enum(t, schema.Enums["EnvelopeKind"].Values, mandate.EnvelopeKinds)
}

func enum[T ~string](t *testing.T, got []types.EntityUID, want []T) {
	t.Helper()
	names := make([]string, len(got))
	for i, uid := range got {
		names[i] = string(uid.ID)
	}
	if !slices.Equal(names, texts(want)) {
		t.Errorf("the schema lists %v, domain/mandate %v", names, want)
	}
}

func TestRolesDocumentNamesEverything(t *testing.T) {
	document, err := os.ReadFile("../../docs/roles.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, action := range mandate.Actions {
		names = append(names, action.Name)
	}
	names = append(names, texts(mandate.Roles)...)
	names = append(names, texts(mandate.Scopes)...)
	names = append(names, texts(mandate.Purposes)...)
	names = append(names, texts(mandate.OrganisationKinds)...)
	names = append(names, texts(mandate.EnvelopeKinds)...)
	for _, r := range embedded(t).Rules() {
		if r.Forbids {
			names = append(names, r.ID)
		}
	}
	for _, name := range names {
		if !strings.Contains(string(document), "`"+name+"`") {
			t.Errorf("docs/roles.md does not mention `%s`", name)
		}
	}
	// And the other way round: what it calls an action exists.
	for _, found := range regexp.MustCompile("`([a-z]+\\.[a-z.-]+)`").FindAllStringSubmatch(string(document), -1) {
		if strings.HasSuffix(found[1], ".cedar") || strings.HasSuffix(found[1], ".cedarschema") || strings.HasSuffix(found[1], ".txt") {
			continue
		}
		if !slices.Contains(names, found[1]) {
			t.Errorf("docs/roles.md mentions `%s`, which does not exist", found[1])
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(permitEverything))
	f.Add(embeddedLines)
	f.Add([]byte(`@id("x") @because("y") permit (principal is Person in Role::"auditor", action in Action::"consult", resource) when { context.purpose == Purpose::"audit" };`))
	f.Add([]byte(`@id("x") @because("y") forbid (principal, action, resource) when { 9223372036854775807 + 1 == 0 };`))
	f.Add([]byte("@id(\"x\") permit (principal, action; resource);"))
	f.Add([]byte("//"))
	schema, err := readSchema(embeddedSchema)
	if err != nil {
		f.Fatal(err)
	}
	lines, err := readRules(schema, nil, embeddedLines, embeddedLinesName)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		// The lines are read once: that takes longer than what is tested here.
		rules, err := readRules(schema, slices.Clone(lines), source, "fuzz.cedar")
		if err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("not a problem of kind invalid: %v", err)
			}
			return
		}
		p := index(schema, rules)
		for _, action := range mandate.Actions {
			machine := mandate.Actor{Kind: mandate.Machine, ID: "key/1", Roles: mandate.Roles, Scopes: mandate.Scopes}
			allowed, _ := p.authorize(favourable(machine, action, mandate.PurposeReview, mandate.Centre))
			if allowed && (action.Content || descends(schema, actionUID(action.Name), actionUID("decision"))) {
				t.Fatalf("a machine is permitted %s", action.Name)
			}
		}
	})
}
