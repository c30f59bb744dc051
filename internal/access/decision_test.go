package access

import (
	"slices"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"
	"pgregory.net/rapid"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
)

func somebody(roles ...mandate.Role) mandate.Actor {
	return mandate.Actor{Kind: mandate.Person, ID: "person/self", Roles: roles}
}

func TestReasons(t *testing.T) {
	p := embedded(t)
	provider := mandate.Actor{Kind: mandate.Peer, ID: "node/p", Organisation: mandate.Provider}
	detect := mandate.Actor{Kind: mandate.Machine, ID: "key/1", Scopes: []mandate.Scope{mandate.ScopeDetect}, Source: "source/a"}
	cases := []struct {
		name    string
		actor   mandate.Actor
		action  mandate.Action
		purpose mandate.Purpose
		change  func(*Request)
		allowed bool
		rule    string // id of the first deciding rule, "" for none
		reason  string
		remedy  string
	}{
		{"analyst decides", somebody(mandate.Analyst), mandate.ItemDecide, mandate.PurposeReview, nil,
			true, "analyst-reviews", "analysts review what was detected", ""},
		{"second look at one's own decision", somebody(mandate.Analyst, mandate.SecondLooker), mandate.ItemSecondLook, mandate.PurposeReview,
			func(r *Request) { r.Resource.FirstDecider = "person/self" },
			false, "second-look-by-another-person", "a second look is done by another person than the first decision", "colleague"},
		{"second look before any decision", somebody(mandate.SecondLooker), mandate.ItemSecondLook, mandate.PurposeReview,
			func(r *Request) { r.Resource.FirstDecider = "" },
			false, "second-look-by-another-person", "only after it", "colleague"},
		{"adjudicates own decision", somebody(mandate.Supervisor), mandate.ItemAdjudicate, mandate.PurposeReview,
			func(r *Request) { r.Resource.Deciders = []string{"person/another", "person/self"} },
			false, "disagreement-settled-by-another-person", "neither of the decisions", "another supervisor"},
		{"adjudicates own first decision, deciders not filled in", somebody(mandate.Supervisor), mandate.ItemAdjudicate, mandate.PurposeReview,
			func(r *Request) { r.Resource.FirstDecider, r.Resource.Deciders = "person/self", nil },
			false, "disagreement-settled-by-another-person", "neither", ""},
		{"adjudicates own first decision, deciders without the first", somebody(mandate.Supervisor), mandate.ItemAdjudicate, mandate.PurposeReview,
			func(r *Request) {
				r.Resource.FirstDecider, r.Resource.Deciders = "person/self", []string{"person/another"}
			},
			false, "disagreement-settled-by-another-person", "neither", ""},
		{"nothing to adjudicate", somebody(mandate.Supervisor), mandate.ItemAdjudicate, mandate.PurposeReview,
			func(r *Request) { r.Resource.FirstDecider, r.Resource.Deciders = "", nil },
			false, "disagreement-settled-by-another-person", "", ""},
		{"approves own report", somebody(mandate.SecondLooker), mandate.ReportApprove, mandate.PurposeReporting,
			func(r *Request) { r.Resource.Author = "person/self" },
			false, "approved-by-another-person", "another person than its author", "colleague"},
		{"approves a report without author", somebody(mandate.SecondLooker), mandate.ReportApprove, mandate.PurposeReporting,
			func(r *Request) { r.Resource.Author = "" }, false, "approved-by-another-person", "", ""},
		{"approves what a key drafted", somebody(mandate.SecondLooker), mandate.ReportApprove, mandate.PurposeReporting,
			func(r *Request) { r.Resource.Author = "key/1" }, true, "second-looker-approves-reports", "", ""},
		{"decides what another took", somebody(mandate.Analyst), mandate.ItemDecide, mandate.PurposeReview,
			func(r *Request) { r.Resource.Owner = "person/another" },
			false, "taken-by-somebody-else", "somebody else has taken this item", "next item"},
		{"decides what he took", somebody(mandate.Analyst), mandate.ItemDecide, mandate.PurposeReview,
			func(r *Request) { r.Resource.Owner = "person/self" }, true, "analyst-reviews", "", ""},
		{"operator who is also analyst", somebody(mandate.Analyst, mandate.Operator), mandate.ItemView, mandate.PurposeReview, nil,
			false, "an-operator-sees-no-item", "whatever other role", "give up the operator role"},
		{"operator who is also supervisor", somebody(mandate.Supervisor, mandate.Operator), mandate.ReportConsult, mandate.PurposeReporting, nil,
			false, "an-operator-sees-no-report", "", ""},
		{"operator may be list manager", somebody(mandate.ListManager, mandate.Operator), mandate.ListImport, mandate.PurposeListManagement, nil,
			true, "list-manager-keeps-lists", "", ""},
		{"auditor who is also list manager", somebody(mandate.ListManager, mandate.Auditor), mandate.ListEntryAdd, mandate.PurposeListManagement, nil,
			false, "an-auditor-changes-nothing", "reads and checks", "supervisor"},
		{"auditor who is also operator", somebody(mandate.Operator, mandate.Auditor), mandate.AccountChange, mandate.PurposeAdministration, nil,
			false, "an-auditor-changes-nothing", "", ""},
		{"auditor who is also analyst", somebody(mandate.Analyst, mandate.Auditor), mandate.ItemView, mandate.PurposeReview, nil,
			false, "an-auditor-sees-no-content", "", ""},
		{"auditor keeps his own keyboard", somebody(mandate.Auditor), mandate.KeysRemap, mandate.PurposeAdministration, nil,
			true, "own-login", "", ""},
		{"somebody else's wellbeing", somebody(mandate.Supervisor), mandate.WellbeingOwn, mandate.PurposeStaffProtection,
			func(r *Request) { r.Resource.Owner = "person/another" }, false, "own-means-own", "belong to its holder", ""},
		{"own roles", somebody(mandate.Operator), mandate.AccountChange, mandate.PurposeAdministration,
			func(r *Request) { r.Resource.Owner = "person/self" }, false, "nobody-appoints-himself", "", "another operator"},
		{"export alone", somebody(mandate.ListManager), mandate.ListExport, mandate.PurposeListManagement,
			func(r *Request) { r.Resource.Author = "person/self" }, false, "list-leaves-with-two-people", "", ""},
		{"machine with roles decides", mandate.Actor{Kind: mandate.Machine, ID: "key/1", Roles: mandate.Roles, Scopes: mandate.Scopes},
			mandate.ReportApprove, mandate.PurposeReporting, nil, false, "a-person-decides", "never by a machine", "person"},
		{"machine erases", mandate.Actor{Kind: mandate.Machine, ID: "key/1", Roles: []mandate.Role{mandate.Supervisor}},
			mandate.ItemErase, mandate.PurposeRetention, nil, false, "no-key-erases", "erases nothing", ""},
		{"node erases when time has come", mandate.Actor{Kind: mandate.Node, ID: "node/self"}, mandate.ItemErase, mandate.PurposeRetention, nil,
			true, "node-keeps-time-limits", "", ""},
		{"node erases to tidy up", mandate.Actor{Kind: mandate.Node, ID: "node/self"}, mandate.ItemErase, mandate.PurposeAdministration, nil,
			false, "erased-for-retention", "", ""},
		{"node forgets what no row names", mandate.Actor{Kind: mandate.Node, ID: "node/self"}, mandate.ItemForget, mandate.PurposeRetention, nil,
			true, "node-forgets-what-no-row-names", "", ""},
		{"machine forgets", mandate.Actor{Kind: mandate.Machine, ID: "key/1", Roles: []mandate.Role{mandate.Supervisor}},
			mandate.ItemForget, mandate.PurposeRetention, nil, false, "no-key-erases", "erases nothing", ""},
		{"node decides", mandate.Actor{Kind: mandate.Node, ID: "node/self"}, mandate.ReportSend, mandate.PurposeReporting, nil,
			false, "a-person-decides", "", ""},
		{"detection in force", detect, mandate.DetectionSubmit, mandate.PurposeDetection, nil, true, "key-detect", "", ""},
		{"detection after the end", detect, mandate.DetectionSubmit, mandate.PurposeDetection,
			func(r *Request) { r.LegalBasisActive = false },
			false, "detection-needs-a-legal-basis", "the legal basis of this detection is not in force", "stop detecting"},
		{"key of another source", detect, mandate.DetectionSubmit, mandate.PurposeDetection,
			func(r *Request) { r.Resource.Source = "source/b" }, false, "a-key-is-bound-to-its-source", "", ""},
		{"key of this source", detect, mandate.DetectionSubmit, mandate.PurposeDetection,
			func(r *Request) { r.Resource.Source = "source/a" }, true, "key-detect", "", ""},
		{"key without source", mandate.Actor{Kind: mandate.Machine, ID: "key/2", Scopes: []mandate.Scope{mandate.ScopeDetect}},
			mandate.SightingConsult, mandate.PurposeDetection,
			func(r *Request) { r.Resource.Source = "source/a" }, false, "a-key-is-bound-to-its-source", "", ""},
		{"log to rank people", somebody(mandate.Auditor), mandate.LogConsult, mandate.PurposeQuality, nil,
			false, "the-log-is-for-audit", "never used to measure people", "statistics"},
		{"content for statistics", somebody(mandate.Analyst), mandate.ItemView, mandate.PurposeReporting, nil,
			false, "content-is-for-casework", "", "state the purpose"},
		{"wrong purpose", somebody(mandate.SecondLooker), mandate.QueueConsult, mandate.PurposeReporting, nil,
			false, "", "queue.consult is not allowed to you for the purpose reporting", "state the purpose review or quality-assurance"},
		{"wrong role", somebody(mandate.Analyst), mandate.ItemAdjudicate, mandate.PurposeReview, nil,
			false, "", "your role does not allow it (analyst)", "ask somebody with the role supervisor"},
		{"no role", somebody(), mandate.QueueConsult, mandate.PurposeReview, nil,
			false, "", "you have no role", "ask somebody with the role analyst, second-looker or supervisor"},
		{"what no person does", somebody(mandate.Operator), mandate.EnvelopeDeliver, mandate.PurposeReporting, nil,
			false, "", "envelope.deliver", "no person may do it"},
		{"assessing at a provider", somebody(mandate.Analyst), mandate.ReportAssess, mandate.PurposeAssessment,
			func(r *Request) { r.NodeKind = mandate.Provider },
			false, "", "not done at a node of kind provider", "organisation whose task it is"},
		{"key of another scope", detect, mandate.ListImport, mandate.PurposeListManagement, nil,
			false, "", "not in the scope of this key", "a key with the scope lists"},
		{"key for what people do", detect, mandate.QueueConsult, mandate.PurposeReview, nil,
			false, "", "not in the scope of this key", "let a person do it"},
		{"node for what people do", mandate.Actor{Kind: mandate.Node, ID: "node/self"}, mandate.QueueConsult, mandate.PurposeReview, nil,
			false, "", "not something that the node does by itself", "person"},
		{"provider reports to the Centre", provider, mandate.ReportReceive, mandate.PurposeReporting,
			func(r *Request) { r.Resource.Kind = mandate.EnvelopeReport }, true, "provider-or-hotline-reports-to-centre", "", ""},
		{"provider reports past the Centre", provider, mandate.ReportReceive, mandate.PurposeReporting,
			func(r *Request) { r.Resource.Kind, r.NodeKind = mandate.EnvelopeReport, mandate.Authority },
			false, "", "not done at a node of kind authority", ""},
		{"provider sends a hold", provider, mandate.EnvelopeReceive, mandate.PurposeUserInformation,
			func(r *Request) { r.Resource.Kind = mandate.EnvelopeHold },
			false, "", "hold", "accepted here: report, receipt, answer, correction, recall, erasure"},
		{"provider sends a list", provider, mandate.EnvelopeReceive, mandate.PurposeListManagement,
			func(r *Request) { r.Resource.Kind = mandate.EnvelopeList },
			false, "", "envelope.receive of kind list for the purpose list-management is not accepted from an organisation of kind provider at a node of kind centre", "accepted here: "},
		{"provider consults the queue", provider, mandate.QueueConsult, mandate.PurposeReview, nil,
			false, "a-peer-hands-in-and-fetches", "another organisation", "send an envelope"},
		{"list after the order", provider, mandate.ListExport, mandate.PurposeDetection,
			func(r *Request) { r.LegalBasisActive = false }, false, "", "list.export", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			request := favourable(c.actor, c.action, c.purpose, mandate.Centre)
			if c.change != nil {
				c.change(&request)
			}
			got := p.Decide(request)
			if got.Allowed != c.allowed {
				t.Fatalf("allowed %v, want %v: %+v", got.Allowed, c.allowed, got)
			}
			first := ""
			if len(got.Policies) > 0 {
				first, _, _ = strings.Cut(got.Policies[0], " ")
			}
			if first != c.rule {
				t.Errorf("decided by %q, want %q", got.Policies, c.rule)
			}
			if got.Reason == "" || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("reason %q does not say %q", got.Reason, c.reason)
			}
			if !strings.Contains(got.Remedy, c.remedy) || !c.allowed && got.Remedy == "" {
				t.Errorf("remedy %q does not say %q", got.Remedy, c.remedy)
			}
			if err := got.Problem(); (err == nil) != c.allowed || err != nil && !problem.Is(err, problem.Denied) {
				t.Errorf("problem %v", err)
			}
		})
	}
}

func TestUnknownNamesAreDenied(t *testing.T) {
	p := loaded(t, permitEverything)
	base := func() Request {
		return favourable(somebody(mandate.Analyst), mandate.ItemView, mandate.PurposeReview, mandate.Centre)
	}
	if d := p.Decide(base()); !d.Allowed {
		t.Fatalf("the request to vary is denied: %+v", d)
	}
	cases := []struct {
		reason string
		change func(*Request)
	}{
		{"the action \"item.look\" is not known", func(r *Request) { r.Action = mandate.Action{Name: "item.look"} }},
		{"the action \"item.view\" is not known", func(r *Request) { r.Action.Resource = mandate.ResourceLog }},
		{"no purpose was stated", func(r *Request) { r.Purpose = "" }},
		{"the purpose \"curiosity\" is not known", func(r *Request) { r.Purpose = "curiosity" }},
		{"the kind of actor \"robot\" is not known", func(r *Request) { r.Actor.Kind = "robot" }},
		{"it is not known who acts", func(r *Request) { r.Actor.ID = "" }},
		{"the kind of organisation \"club\"", func(r *Request) { r.NodeKind = "club" }},
		{"the kind of the other organisation", func(r *Request) { r.Actor.Kind, r.Actor.Organisation = mandate.Peer, "" }},
		{"the kind of envelope \"parcel\"", func(r *Request) { r.Resource.Kind = "parcel" }},
		{"the role \"king\" is not known", func(r *Request) { r.Actor.Roles = []mandate.Role{mandate.Analyst, "king"} }},
		{"the scope \"all\" is not known", func(r *Request) { r.Actor.Scopes = []mandate.Scope{"all"} }},
	}
	for _, c := range cases {
		request := base()
		c.change(&request)
		if d := p.Decide(request); d.Allowed || !strings.Contains(d.Reason, c.reason) || d.Remedy == "" {
			t.Errorf("want denied because %s, got %+v", c.reason, d)
		}
	}
	if d := p.Decide(Request{}); d.Allowed {
		t.Error("the empty request is allowed")
	}
}

// TestRuleThatFailsDenies: Cedar skips a rule that it cannot evaluate; if that
// rule is a forbid, skipping it opens the door.
func TestRuleThatFailsDenies(t *testing.T) {
	p := loaded(t, permitEverything+`
@id("breaks") @because("never") forbid (principal, action == Action::"item.view", resource)
when { 9223372036854775807 + 1 == 0 };`)
	d := p.Decide(favourable(somebody(mandate.Analyst), mandate.ItemView, mandate.PurposeReview, mandate.Centre))
	if d.Allowed || !strings.Contains(d.Reason, `"breaks" could not be evaluated`) || !slices.Equal(d.Policies, []string{"breaks (own.cedar:2)"}) {
		t.Errorf("%+v", d)
	}
	if permits(p, favourable(somebody(mandate.Analyst), mandate.ItemView, mandate.PurposeReview, mandate.Centre)) {
		t.Error("what the explanations ask is answered otherwise than the decision")
	}
	if d := p.Decide(favourable(somebody(mandate.Analyst), mandate.QueueConsult, mandate.PurposeReview, mandate.Centre)); !d.Allowed {
		t.Errorf("an unrelated action is denied too: %+v", d)
	}
}

// drawRequest draws any request in known words, sensible or not: machines with
// roles, people with scopes, everybody deciding about their own things.
func drawRequest(t *rapid.T) Request {
	ids := rapid.SampledFrom([]string{"", "person/self", "person/another", "key/self"})
	some := func(label string) string { return ids.Draw(t, label) }
	return Request{
		Actor: mandate.Actor{
			Kind:         rapid.SampledFrom([]mandate.ActorKind{mandate.Person, mandate.Machine, mandate.Peer, mandate.Node}).Draw(t, "kind"),
			ID:           rapid.SampledFrom([]string{"person/self", "key/self", "node/self"}).Draw(t, "id"),
			Roles:        rapid.SliceOfN(rapid.SampledFrom(mandate.Roles), 0, 3).Draw(t, "roles"),
			Scopes:       rapid.SliceOfN(rapid.SampledFrom(mandate.Scopes), 0, 2).Draw(t, "scopes"),
			Source:       rapid.SampledFrom([]string{"", "source/a", "source/b"}).Draw(t, "bound to"),
			Organisation: rapid.SampledFrom(mandate.OrganisationKinds).Draw(t, "organisation"),
		},
		Action:  rapid.SampledFrom(mandate.Actions).Draw(t, "action"),
		Purpose: rapid.SampledFrom(mandate.Purposes).Draw(t, "purpose"),
		Resource: Resource{
			ID: "thing", Owner: some("owner"), Author: some("author"), FirstDecider: some("first decider"),
			Deciders: rapid.SliceOfN(rapid.SampledFrom([]string{"person/self", "person/another"}), 0, 2).Draw(t, "deciders"),
			Source:   rapid.SampledFrom([]string{"", "source/a"}).Draw(t, "source"),
			Kind:     rapid.SampledFrom(append([]mandate.EnvelopeKind{""}, mandate.EnvelopeKinds...)).Draw(t, "envelope"),
		},
		NodeKind:         rapid.SampledFrom(mandate.OrganisationKinds).Draw(t, "node"),
		LegalBasisActive: rapid.Bool().Draw(t, "legal basis"),
	}
}

// crossed states the lines once more, in another language and without Cedar.
func crossed(r Request) string {
	actor, thing := r.Actor, r.Resource
	is := func(actions ...mandate.Action) bool { return slices.Contains(actions, r.Action) }
	deciding := is(mandate.ItemDecide, mandate.ItemSecondLook, mandate.ItemAdjudicate, mandate.ReportApprove,
		mandate.ReportSend, mandate.ReportAssess, mandate.ListEntryAdd, mandate.ListEntryChange, mandate.ListVote, mandate.NoticeHold,
		mandate.OrderRequest, mandate.DeconflictionAsk, mandate.DeconflictionAnswer, mandate.OrderIssue, mandate.OrderFollow, mandate.OrderEvaluate,
		mandate.OrderExecute, mandate.OrderAnswer, mandate.OrderInform, mandate.HoldRecord,
		mandate.VoluntaryOpen, mandate.VoluntarySend, mandate.VoluntaryFollow, mandate.VoluntaryConsider)
	self := actor.ID
	switch {
	case !actor.IsPerson() && (deciding || r.Action.Content):
		return "only people decide and see content"
	case actor.Kind != mandate.Person && actor.Kind != mandate.Node && is(mandate.ItemErase, mandate.ItemForget):
		return "keys and peers do not erase"
	case actor.Has(mandate.Operator) && (r.Action.Content || r.Action.Resource == mandate.ResourceItem || r.Action.Resource == mandate.ResourceReport || r.Action.Resource == mandate.ResourceOrder):
		return "an operator sees no content, item, report or order"
	case actor.Has(mandate.Auditor) && r.Action.Operation != mandate.Consult &&
		!is(mandate.LogExport, mandate.AccountOwn, mandate.KeysRemap):
		return "an auditor changes nothing"
	case actor.IsPerson() && r.Action == mandate.ItemSecondLook && (thing.FirstDecider == "" || thing.FirstDecider == self):
		return "second look by another"
	case actor.IsPerson() && r.Action == mandate.ItemAdjudicate && (thing.FirstDecider == self || slices.Contains(thing.Deciders, self)):
		return "adjudication by another"
	case actor.IsPerson() && r.Action == mandate.ReportApprove && (thing.Author == "" || thing.Author == self):
		return "approval by another"
	case actor.IsPerson() && r.Action == mandate.OrderIssue && (thing.Author == "" || thing.Author == self):
		return "issuing by another"
	case (r.Action == mandate.DetectionSubmit || r.Action == mandate.DetectionAsk || r.Action == mandate.ListCompare || r.Action == mandate.ItemFoundAgain) && !r.LegalBasisActive:
		return "detection without legal basis"
	case is(mandate.LogConsult, mandate.LogExport) && r.Purpose != mandate.PurposeAudit && r.Purpose != mandate.PurposeInvestigation:
		return "log for another purpose"
	case is(mandate.WellbeingOwn, mandate.AccountOwn, mandate.KeysRemap) && actor.IsPerson() && thing.Owner != self:
		return "somebody else's own"
	}
	return ""
}

func TestNoFileLiftsALine(t *testing.T) {
	ours, open := embedded(t), loaded(t, permitEverything)
	rapid.Check(t, func(t *rapid.T) {
		request := drawRequest(t)
		mine, theirs := ours.Decide(request), open.Decide(request)
		if line := crossed(request); line != "" && (mine.Allowed || theirs.Allowed) {
			t.Fatalf("%s, yet %+v and %+v", line, mine, theirs)
		}
		if mine.Allowed && !theirs.Allowed {
			t.Fatalf("permitting everything denies what the policy allows: %+v", theirs)
		}
		for _, d := range []Decision{mine, theirs} {
			if d.Reason == "" || !d.Allowed && d.Remedy == "" {
				t.Fatalf("a decision without reason or remedy: %+v", d)
			}
			if d.Allowed && len(d.Policies) == 0 {
				t.Fatal("allowed by no rule")
			}
		}
	})
}

// TestIndexDecidesAsTheWholeText compares with Cedar evaluating every rule.
func TestIndexDecidesAsTheWholeText(t *testing.T) {
	p := embedded(t)
	rapid.Check(t, func(t *rapid.T) {
		request := drawRequest(t)
		entities, query := request.translate(p.schema)
		whole, all := cedar.Authorize(ruleList(p.rules), entities, query)
		indexed, some := p.authorize(request)
		if p.Decide(request).Allowed != indexed {
			t.Fatal("Decide answers otherwise than the rules")
		}
		if (whole == cedar.Allow) != indexed || !slices.Equal(all.Reasons, some.Reasons) {
			t.Fatalf("all rules: %v %v; indexed rules: %v %v", whole, all.Reasons, indexed, some.Reasons)
		}
	})
}

func TestUnknownPurposeOrRoleIsAlwaysDenied(t *testing.T) {
	p := loaded(t, permitEverything)
	rapid.Check(t, func(t *rapid.T) {
		request := drawRequest(t)
		word := rapid.StringMatching(`[a-z-]{0,12}`).Filter(func(s string) bool {
			return !slices.Contains(texts(mandate.Purposes), s) && !slices.Contains(texts(mandate.Roles), s)
		}).Draw(t, "word")
		if rapid.Bool().Draw(t, "purpose or role") {
			request.Purpose = mandate.Purpose(word)
		} else {
			request.Actor.Roles = append(request.Actor.Roles, mandate.Role(word))
		}
		if d := p.Decide(request); d.Allowed {
			t.Fatalf("%+v", d)
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	p := embedded(b)
	self := favourable(somebody(mandate.SecondLooker), mandate.ItemSecondLook, mandate.PurposeReview, mandate.Centre)
	self.Resource.FirstDecider = "person/self"
	for _, c := range []struct {
		name    string
		request Request
		allowed bool
	}{
		{"allowed", favourable(somebody(mandate.Analyst), mandate.ItemView, mandate.PurposeReview, mandate.Centre), true},
		{"detection", favourable(mandate.Actor{Kind: mandate.Machine, ID: "key/1", Scopes: []mandate.Scope{mandate.ScopeDetect}}, mandate.DetectionSubmit, mandate.PurposeDetection, mandate.Provider), true},
		{"forbidden", self, false},
		{"not-permitted", favourable(somebody(mandate.Analyst), mandate.ItemAdjudicate, mandate.PurposeReview, mandate.Centre), false},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if p.Decide(c.request).Allowed != c.allowed {
					b.Fatal("decided otherwise")
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		embedded(b)
	}
}
