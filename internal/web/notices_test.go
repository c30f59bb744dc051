package web

import (
	"slices"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/order"
)

// TestItemsOfAForm: an address in each line, and its SHA-256 after a space. What
// is no address or no digest is kept as it is, for the desk to refuse.
func TestItemsOfAForm(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	for text, want := range map[string][]order.Item{
		"":                            nil,
		" \r\n\r\n":                   nil,
		"https://a.example/17":        {{URL: "https://a.example/17"}},
		"https://a.example/17 " + sum: {{URL: "https://a.example/17", SHA256: sum}},
		"  https://a.example/17   " + strings.ToUpper(sum) + " \r\nhttps://b.example/18\r\n": {{URL: "https://a.example/17", SHA256: sum}, {URL: "https://b.example/18"}},
		"the picture of 17": {{URL: "the", SHA256: "picture of 17"}},
	} {
		if got := items(text); !slices.Equal(got, want) {
			t.Errorf("%q is read as %+v, want %+v", text, got, want)
		}
	}
}
