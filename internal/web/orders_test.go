package web

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
)

// TestNumbersOfForms: what is no number is said to be none. Read as 0, an order
// would go out without the non-disclosure that was asked for.
func TestNumbersOfForms(t *testing.T) {
	for text, want := range map[string]int{"": 0, "6": 6, " 6 ": 6, "six": -1, "6.5": -1, "-1": -1, "6 weeks": -1} {
		r := httptest.NewRequest("POST", "/orders", strings.NewReader("weeks="+strings.ReplaceAll(text, " ", "+")))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		value, err := (&visit{r: r}).number("weeks")
		switch p := problem.From(err); {
		case want < 0 && (err == nil || p.Kind != problem.Invalid || p.Field != "weeks"):
			t.Errorf("%q is read as %d, %v", text, value, err)
		case want >= 0 && (err != nil || value != want):
			t.Errorf("%q is read as %d, %v, want %d", text, value, err, want)
		}
	}
}
