package law

import (
	"fmt"
	"slices"

	"github.com/brdoproject/brdo/domain/problem"
)

// Statistics says which figures are published, after which article, and below
// which number none is, for example Articles 83(3) and 84 of COM(2022) 209.
type Statistics struct {
	Profile
	// Smallest is the least number that is published; a figure from 1 up to it is
	// suppressed.
	Smallest        int       `json:"smallest"`
	SmallestArticle string    `json:"smallest_article"`
	SmallestReason  string    `json:"smallest_reason"`
	Counters        []Counter `json:"counters"`
}

// Counter is one figure. It has either a measure or a reason why there is none.
type Counter struct {
	Key     string `json:"key"`
	Article string `json:"article"`
	Title   string `json:"title"`
	// Measure is what is counted, By what it is broken down by; By may be empty.
	Measure string `json:"measure,omitempty"`
	By      string `json:"by,omitempty"`
	// NotMeasured says why it cannot be counted: not measured is never none.
	NotMeasured string `json:"not_measured,omitempty"`
}

// Measures are what can be counted, each with what it can be broken down by;
// the empty word means not at all.
var Measures = map[string][]string{
	"reports":             {"", "provider", "type", "service"},
	"forwarded":           {"", "state"},
	"unfounded":           {""},
	"not-confirmed":       {"", "state"},
	"repeated-items":      {""},
	"repeated-reports":    {""},
	"indicators-added":    {""},
	"indicators-stopped":  {""},
	"indicators-restored": {""},
	"submissions":         {"", "state"},
	"notices":             {"", "provider", "rung"},
}

func (s *Statistics) validate() error {
	if s.Smallest < 1 || s.SmallestArticle == "" || s.SmallestReason == "" {
		return problem.InvalidField("smallest", "must be 1 or more, with article and reason", "")
	}
	if len(s.Counters) == 0 {
		return problem.InvalidField("counters", "is empty", "name what is counted")
	}
	seen := map[string]bool{}
	for i, c := range s.Counters {
		at := fmt.Sprintf("counters[%d]", i)
		by, known := Measures[c.Measure]
		switch {
		case !identifier.MatchString(c.Key) || seen[c.Key]:
			return problem.InvalidField(at+".key", "is no identifier, or stands twice", "")
		case c.Article == "" || c.Title == "":
			return problem.InvalidField(at+".article", "article or title is missing", "")
		case (c.Measure == "") == (c.NotMeasured == ""):
			return problem.InvalidField(at+".measure", "needs either a measure or the reason why it is not measured", "")
		case c.Measure != "" && !known:
			return problem.InvalidField(at+".measure", fmt.Sprintf("%q is not known", c.Measure), "")
		case c.Measure != "" && !slices.Contains(by, c.By) || c.Measure == "" && c.By != "":
			return problem.InvalidField(at+".by", fmt.Sprintf("%q is not broken down by %q", c.Measure, c.By), "")
		}
		seen[c.Key] = true
	}
	return nil
}
