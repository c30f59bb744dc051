package item

import (
	"testing"

	"github.com/brdoproject/brdo/domain/law"
)

func TestFactSetValidate(t *testing.T) {
	scheme, err := library(t).Scheme(training)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name   string
		facts  FactSet
		fields []string
	}{
		{"whole", FactSet{training, map[string]string{"same-picture": "yes", "picture": "landscape"}}, nil},
		{"cannot tell is an answer", FactSet{training, map[string]string{"same-picture": "cannot-tell", "picture": "cannot-tell"}}, nil},
		{"one open", FactSet{training, map[string]string{"picture": "landscape"}}, []string{"labels.same-picture"}},
		{"empty answer", FactSet{training, map[string]string{"same-picture": "", "picture": "object"}}, []string{"labels.same-picture"}},
		{"no such fact or label", FactSet{training, map[string]string{"same-picture": "maybe", "picture": "object", "colour": "red"}}, []string{"labels.colour", "labels.same-picture"}},
		{"another version", FactSet{law.Ref{ID: "demo-landscapes", Version: 2}, nil}, []string{"scheme"}},
	}
	for _, c := range cases {
		found := c.facts.Validate(scheme)
		var fields []string
		for _, problem := range found {
			fields = append(fields, problem.Field)
		}
		if len(fields) != len(c.fields) {
			t.Errorf("%s: %v", c.name, found)
			continue
		}
		for index := range fields {
			if fields[index] != c.fields[index] {
				t.Errorf("%s: %v", c.name, found)
			}
		}
	}
}

func TestDeriveOutcome(t *testing.T) {
	loaded := library(t)
	real := law.Ref{ID: "facts-2026", Version: 1}
	cases := []struct {
		facts     FactSet
		governing law.Ref
		outcome   Outcome
	}{
		{FactSet{training, map[string]string{"same-picture": "yes"}}, table, Reportable},
		{FactSet{training, map[string]string{"same-picture": "no"}}, table, NotReportable},
		{FactSet{training, map[string]string{"same-picture": "cannot-tell"}}, table, CannotTell},
		{FactSet{training, nil}, table, CannotTell},
		{FactSet{training, map[string]string{"same-picture": "yes"}}, law.Ref{ID: "csar-reportable", Version: 1}, CannotTell},
		{FactSet{real, map[string]string{"depiction": "none", "solicitation": "no", "age": "nobody"}}, law.Ref{ID: "csar-reportable", Version: 1}, NotReportable},
		{FactSet{real, map[string]string{"depiction": "2c-iv", "solicitation": "no", "age": "cannot-tell"}}, law.Ref{ID: "csar-reportable", Version: 1}, Reportable},
		{FactSet{real, map[string]string{"depiction": "2c-iv"}}, law.Ref{ID: "interpol-baseline", Version: 1}, CannotTell},
	}
	for _, c := range cases {
		classes := Derive(c.facts, loaded.MappingsOf(c.facts.Scheme))
		if got := OutcomeOf(classes, c.governing); got != c.outcome {
			t.Errorf("%v under %s: %s, not %s", c.facts.Labels, c.governing, got, c.outcome)
		}
		for _, class := range classes {
			if class.Because == "" {
				t.Errorf("%s without explanation", class.Mapping)
			}
		}
	}
	if got := Derive(FactSet{Scheme: training}, loaded.MappingsOf(real)); got != nil {
		t.Errorf("tables of another scheme derived %v", got)
	}
}
