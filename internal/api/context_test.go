package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/intake"
)

func TestContextPart(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "not JSON": "{", "two values": "{}{}", "an unknown member": `{"colour":"red"}`, "a member twice": `{"url":"a","url":"b"}`,
		"another type": `{"flagged":"yes"}`, "too large": `{"url":"` + strings.Repeat("a", maxContext) + `"}`,
	} {
		var s intake.Submission
		err := describeUpload(strings.NewReader(text), &s)
		p := problem.From(err)
		if !problem.Is(err, problem.Invalid) || !strings.HasPrefix(p.Field, "context") || p.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(s, intake.Submission{}) {
			t.Errorf("%s: it left %+v", name, s)
		}
	}
}

func FuzzContextPart(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"client_ref":"ref-1","flagged":true,"signals":["urgent"]}`, `{"users":[{"username":"user1","other":{"uid":"1"}}]}`,
		`{"ip_events":[{"ip":"192.0.2.7","port":40001,"at":"2026-02-01T08:00:00Z","tz":"Z"}],"url":"https://photos.example/"}`, `{"url":"a","url":"b"}`, `[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var s intake.Submission
		if err := describeUpload(bytes.NewReader(text), &s); err != nil {
			if !problem.Is(err, problem.Invalid) || problem.From(err).Field == "" {
				t.Fatalf("not a problem with a field: %v", err)
			}
			return
		}
		again, err := json.Marshal(Described{Context: s.Context, ClientRef: s.ClientRef, Signals: s.Signals, Flagged: s.Flagged})
		if err != nil {
			t.Fatal(err)
		}
		var same intake.Submission
		if err := describeUpload(bytes.NewReader(again), &same); err != nil {
			t.Fatalf("what was read cannot be read again: %v\n%s", err, again)
		}
		third, err := json.Marshal(Described{Context: same.Context, ClientRef: same.ClientRef, Signals: same.Signals, Flagged: same.Flagged})
		if err != nil || !bytes.Equal(again, third) {
			t.Fatalf("read differently the second time: %v\n%s\n%s", err, again, third)
		}
	})
}
