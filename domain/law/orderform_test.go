package law

import (
	"slices"
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
)

// TestOrdersReadWhatTheLawSays compares the clocks, boxes and receivers that are
// shipped with the articles, so that a slip in a file is seen.
func TestOrdersReadWhatTheLawSays(t *testing.T) {
	loaded := library(t)
	removal, err := loaded.LatestOrderForm("orders/removal")
	if err != nil {
		t.Fatal(err)
	}
	clocks := removal.Terms.Clocks
	for _, c := range []struct {
		name, want string
		clock      Clock
	}{
		{"Article 14(2)", "PT24H", clocks.Execution}, {"Article 15(4)(a)", "P6W", clocks.NonDisclosure},
		{"Article 15(4), third subparagraph", "P6W", clocks.NonDisclosureExtension}, {"Article 22(2)", "P12M", clocks.Retention},
		{"Article 48(7)", "P18M", clocks.Objection},
	} {
		if got := c.clock.Length.String(); got != c.want {
			t.Errorf("%s says %s, the profile %s", c.name, c.want, got)
		}
	}
	if removal.Terms.NonDisclosureExtensions != 1 {
		t.Errorf("Article 15(4) allows one extension, the profile %d", removal.Terms.NonDisclosureExtensions)
	}
	if len(removal.Elements) != 6 || len(removal.Grounds) != 3 || len(removal.Measures) != 2 {
		t.Errorf("Annexes IV to VI have 6, 3 and 2 boxes; got %d, %d, %d", len(removal.Elements), len(removal.Grounds), len(removal.Measures))
	}
	leads := map[string]string{"force_majeure_or_impossibility": LeadsImpossible, "manifest_errors": LeadsClarification, "insufficient_information": LeadsClarification}
	for key, lead := range leads {
		if ground, known := removal.Ground(key); !known || ground.Leads != lead {
			t.Errorf("%s leads to %q", key, ground.Leads)
		}
	}
	for step, want := range map[string][]string{
		OnIssued: {ToProvider, ToRequester, ToCentre}, OnExecuted: {ToRequester, ToCentre}, OnNonExecution: {ToRequester},
		OnFinal: {ToRequester, ToOtherAuthorities},
	} {
		if to, article := removal.Terms.To(step); !slices.Equal(to, want) || article == "" {
			t.Errorf("%s goes to %v (%s)", step, to, article)
		}
	}
	if to, _ := removal.Terms.To(OnEnded); to != nil {
		t.Errorf("a removal order does not end by itself: %v", to)
	}

	blocking, err := loaded.LatestOrderForm("orders/blocking")
	if err != nil {
		t.Fatal(err)
	}
	clocks = blocking.Terms.Clocks
	if !clocks.Execution.Length.IsZero() {
		t.Error("no article sets a time for execution of a blocking order")
	}
	if clocks.Longest.Length.String() != "P5Y" || clocks.Review.Length.String() != "P1Y" || clocks.ReportOver.Length.String() != "P24M" {
		t.Errorf("Articles 16(6), 16(7) and 18(6): %s, %s, %s", clocks.Longest.Length, clocks.Review.Length, clocks.ReportOver.Length)
	}
	if len(blocking.Conditions) != 4 || len(blocking.Grounds) != 2 {
		t.Errorf("Article 16(4) has 4 conditions and Annex VIII 2 boxes; got %d, %d", len(blocking.Conditions), len(blocking.Grounds))
	}
	if _, known := blocking.Ground("force_majeure_or_impossibility"); known {
		t.Error("Annex VIII has no box for impossibility")
	}

	delisting, err := loaded.LatestOrderForm("orders/delisting")
	if err != nil {
		t.Fatal(err)
	}
	if delisting.Status != Proposal {
		t.Errorf("no text of a delisting order was read: %s", delisting.Status)
	}

	notice, err := loaded.LatestNoticeForm("notices/voluntary")
	if err != nil {
		t.Fatal(err)
	}
	var rungs []string
	for _, rung := range notice.Ladder {
		rungs = append(rungs, rung.Key)
	}
	if !slices.Equal(rungs, []string{"host", "site-owner", "upstream", "registrar"}) || len(notice.Grounds) != 2 {
		t.Errorf("rungs %v, %d grounds", rungs, len(notice.Grounds))
	}

	holds, err := loaded.LatestHoldRules("holds/csar")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"no_inform", "no_remove", "no_notice"} {
		if rule, known := holds.Hold(key); !known || rule.Longest.Length.String() != "P18M" {
			t.Errorf("%s: %+v", key, rule)
		}
	}
	if _, known := holds.Hold("no_look"); known {
		t.Error("there is no such hold")
	}
	for _, find := range []func() error{
		func() error { _, err := loaded.OrderForm(Ref{"orders/removal", 2}); return err },
		func() error { _, err := loaded.NoticeForm(Ref{"notices/voluntary", 2}); return err },
		func() error { _, err := loaded.HoldRules(Ref{"holds/csar", 2}); return err },
	} {
		if err := find(); !problem.Is(err, problem.NotFound) {
			t.Errorf("a version that does not exist: %v", err)
		}
	}
}

func TestOrdersNameFileAndKey(t *testing.T) {
	const removal, blocking, notice, holds = "orders/removal.json", "orders/blocking.json", "notices/voluntary.json", "holds/csar.json"
	cases := []struct{ name, file, old, replacement, field string }{
		{"unknown key", removal, `"label": "Legal basis:"`, `"labels": "Legal basis:"`, "templates[0].sections[0].fields[0].labels"},
		{"kind of order that is none", removal, `"order": "removal"`, `"order": "seizure"`, "order"},
		{"no language", removal, `"language": "en"`, `"language": "English"`, "language"},
		{"no service", removal, `"service": "hosting"`, `"service": ""`, "service"},
		{"no legal basis", removal, `"legal_basis": "Regulation`, `"legal_basis": "", "legal_basic": "`, "legal_basic"},
		{"template that is none", removal, `"key": "execution"`, `"key": "executions"`, "templates[2].key"},
		{"template twice", removal, `"key": "execution"`, `"key": "order"`, "templates[2].key"},
		{"no template for the user", removal, `"key": "user-information"`, `"key": "execution"`, "templates[3].key"},
		{"no words for what is empty", removal, `"empty": "None stated"`, `"empty": ""`, "templates[0]"},
		{"no article of a field", removal, `"article": "Article 14(3)(g); Annex IV heading"`, `"article": ""`, "templates[0].sections[0].fields[0].article"},
		{"type of a field", removal, `"type": "boxes"`, `"type": "box-es"`, "templates[0].sections[3].fields[1].type"},
		{"presence of a field", removal, `"presence": "required"`, `"presence": "always"`, "templates[0].sections[0].fields[0].presence"},
		{"sentence with a key", removal, `{"label": "Tick, where applicable:"`, `{"keys": ["reasons"], "label": "Tick, where applicable:"`, "templates[0].sections[3].fields[2]"},
		{"ground that leads nowhere", removal, `"leads": "impossible"`, `"leads": "nowhere"`, "grounds[0].leads"},
		{"box twice", removal, `"key": "organs"`, `"key": "conduct"`, "elements[1].key"},
		{"no time for execution", removal, `"length": "PT24H", "from": "receipt of the order`, `"length": "PT24H", "from": "", "article": "x"}, "executions": {"from": "`, "terms.clocks.executions"},
		{"extensions without end", removal, `"non_disclosure_extensions": 1`, `"non_disclosure_extensions": 11`, "terms.non_disclosure_extensions"},
		{"nobody is told", removal, `"on": "annulled", "to": ["provider", "requesting-authority", "centre", "other-coordinating-authorities"]`, `"on": "annulled", "to": []`, "terms.transmissions[9].to"},
		{"everybody is told", removal, `"on": "annulled", "to": ["provider",`, `"on": "annulled", "to": ["all",`, "terms.transmissions[9].to"},
		{"step that is none", removal, `"on": "annulled"`, `"on": "cancelled"`, "terms.transmissions[9].on"},
		{"figure of nobody", removal, `"keeper": "authority"`, `"keeper": "court"`, "terms.figures[0]"},
		{"no longest blocking", blocking, `"longest": {`, `"longer": {`, "terms.clocks.longer"},
		{"no conditions", blocking, `"key": "used"`, `"key": ""`, "conditions[0]"},
		{"watch without a schedule", removal, `"schedule": ["PT1H", "PT24H", "P3D", "P7D", "P14D", "P30D", "P60D", "P90D"]`, `"schedule": []`, "terms.watch"},
		{"notice that commands", notice, `"text": "This request is for your voluntary consideration. It is not an order."`, `"text": ""`, "voluntary"},
		{"ground of nobody", notice, `"senders": ["centre", "coordinating-authority", "hotline"]`, `"senders": []`, "grounds[0].senders"},
		{"rung without time", notice, `"length": "PT24H", "from": "delivery of the notice", "article": "Own rule"`, `"length": "PT24H", "from": "delivery of the notice", "article": ""`, "ladder[0].wait"},
		{"rung twice", notice, `"key": "site-owner"`, `"key": "host"`, "ladder[1].key"},
		{"hold without effect", holds, `"effect": "the provider that reported does not inform the user concerned"`, `"effect": ""`, "holds[0].effect"},
		{"hold without article", holds, `"article": "Article 48(7)"`, `"article": ""`, "holds[0].longest"},
		{"hold twice", holds, `"key": "no_remove"`, `"key": "no_inform"`, "holds[1].key"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(files(t, c.file, c.old, c.replacement))
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("got %v", err)
			}
			if got, want := problem.From(err).Field, c.file+": "+c.field; got != want {
				t.Fatalf("names %q, not %q (%v)", got, want, err)
			}
		})
	}
}
