package strictjson

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

type head struct {
	ID string `json:"id"`
}

type sample struct {
	head   `json:"-"`
	Hidden int `json:"-"`
	Inner  struct {
		Values []struct {
			Colour string `json:"colour"`
		} `json:"values"`
	} `json:"inner"`
	Free  map[string]*head `json:"free"`
	At    time.Time        `json:"at"`
	Count int              `json:"count"`
}

type embedding struct {
	Head
	Size int `json:"size"`
}

// Head is embedded, so its keys stand beside those of the outer type.
type Head struct {
	ID string `json:"id"`
}

func TestDecodeNamesTheKeyAtFault(t *testing.T) {
	cases := []struct{ name, text, field, reason string }{
		{"unknown key at the top", `{"colour":1}`, "colour", "is not a known key"},
		{"unknown key in a list", `{"inner":{"values":[{"colour":"red"},{"color":"red"}]}}`, "inner.values[1].color", "is not a known key"},
		{"unknown key in a map value", `{"free":{"a":{"id":"x","other":1}}}`, "free.a.other", "is not a known key"},
		{"key in another case", `{"Count":1}`, "Count", "is not a known key"},
		{"hidden field", `{"Hidden":1}`, "Hidden", "is not a known key"},
		{"key twice", `{"count":1,"count":2}`, "count", "is given twice"},
		{"key twice in a map", `{"free":{"a":{},"a":{}}}`, "free.a", "is given twice"},
		{"wrong type", `{"count":"many"}`, "count", "is a string but must be a whole number in range"},
		{"wrong type of object", `{"inner":3}`, "inner", "is a number but must be an object"},
		{"two values", `{} {}`, "", "there is something after the end of the document"},
		{"not JSON", `{"count":`, "", "is not valid JSON"},
		{"not UTF-8", "{\"free\":{\"\xff\":{}}}", "", "the document is not UTF-8"},
		{"too large", `{"count":` + strings.Repeat(" ", 300) + `1}`, "", "the document has 311 bytes, more than the 300 allowed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var into sample
			err := Decode([]byte(c.text), 300, &into)
			if err == nil {
				t.Fatal("accepted")
			}
			got := problem.From(err)
			if got.Kind != problem.Invalid || got.Field != c.field || got.Reason != c.reason {
				t.Fatalf("got kind %q field %q reason %q", got.Kind, got.Field, got.Reason)
			}
		})
	}
}

func TestDecodeRefusesDeepNesting(t *testing.T) {
	var into struct {
		Any any `json:"any"`
	}
	text := `{"any":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`
	if err := Decode([]byte(text), 1000, &into); !problem.Is(err, problem.Invalid) {
		t.Fatalf("got %v", err)
	}
}

func TestDecodeReadsWhatIsRight(t *testing.T) {
	var into sample
	text := `{"inner":{"values":[{"colour":"red"}]},"free":{"a":{"id":"x"}},"at":"2026-11-23T10:00:00Z","count":3}`
	if err := Decode([]byte(text), 300, &into); err != nil {
		t.Fatal(err)
	}
	if into.Count != 3 || into.Inner.Values[0].Colour != "red" || into.Free["a"].ID != "x" || into.At.Hour() != 10 {
		t.Fatalf("got %+v", into)
	}
	var embedded embedding
	if err := Decode([]byte(`{"id":"a","size":2}`), 300, &embedded); err != nil || embedded.ID != "a" || embedded.Size != 2 {
		t.Fatalf("got %+v, %v", embedded, err)
	}
}

// FuzzDecode: whatever Decode accepts, encoding/json reads too, and a problem
// is always one of kind Invalid.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"inner":{"values":[{"colour":"red"}]},"free":{"a":null},"count":3}`))
	f.Add([]byte(`{"count":1,"count":2}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var into sample
		if err := Decode(data, 4096, &into); err != nil {
			if !problem.Is(err, problem.Invalid) {
				t.Fatalf("not Invalid: %v", err)
			}
			return
		}
		if !json.Valid(data) {
			t.Fatal("accepted what is not JSON")
		}
	})
}
