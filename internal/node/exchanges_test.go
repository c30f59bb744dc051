package node_test

import (
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/node"
)

// TestExchangesOfLists: what cannot be used is said before the node starts, and no key
// holds a credential.
func TestExchangesOfLists(t *testing.T) {
	const good = "name: one, kind: ncmec, url: \"https://report.cybertip.org/hashsharing\", legal_basis: provider/hosting-terms@1, verification: single"
	const rest = "name: one, legal_basis: provider/hosting-terms@1, verification: single, "
	const shield = rest + "kind: arachnid-shield, url: \"https://shield.projectarachnid.com\""
	for _, c := range []struct{ text, field string }{
		{"[{" + good + "}]", ""}, {"[{" + good + ", every: 1h, stale_after: 6h, credentials_file: /run/one, since: 2014-01-01T00:00:00Z}]", ""},
		{"[{" + rest + "kind: file, path: /var/lists, format: csv, digest_64: pdq, may_shrink: 0.5}]", ""}, {"[{" + rest + "kind: file, url: \"https://lists.example/x.csv?of=1\"}]", ""},
		{"[{" + rest + "kind: threatexchange, url: \"https://graph.facebook.com/v21.0\", group: \"1234\"}]", ""}, {"[{" + rest + "kind: stopncii, url: \"https://api.stopncii.org/v1\"}]", ""},
		{"[{" + good + "}, {" + good + "}]", "[1].name"}, {"[{kind: ncmec}]", "[0].name"}, {"[{name: One_Two, kind: ncmec}]", "[0].name"},
		{"[{name: one, kind: ncmec, verification: much}]", "[0].verification"}, {"[{name: one, kind: ncmec, verification: single}]", "[0].legal_basis"},
		{"[{" + good + ", every: 1s}]", "[0].every"}, {"[{" + good + ", every: 2h, stale_after: 1h}]", "[0].every"}, {"[{" + good + ", credentials_file: one}]", "[0].credentials_file"},
		{"[{" + good + ", may_shrink: 2}]", "[0].may_shrink"}, {"[{" + rest + "kind: other}]", "[0].kind"},
		{"[{" + rest + "kind: ncmec, url: \"http://report.cybertip.org/hashsharing\"}]", "[0].url"}, {"[{" + rest + "kind: ncmec, url: \"https://127.0.0.1/hashsharing\"}]", "[0].url"},
		{"[{" + rest + "kind: ncmec, url: \"https://user:word@report.cybertip.org/hashsharing\"}]", "[0].url"}, {"[{" + rest + "kind: stopncii, url: \"https://api.stopncii.org/v1?key=word\"}]", "[0].url"},
		{"[{" + rest + "kind: threatexchange, url: \"https://graph.facebook.com/v21.0\"}]", "[0].group"}, {"[{" + rest + "kind: file, path: lists}]", "[0].path"}, {"[{" + rest + "kind: file}]", "[0].url"},
		{"[{" + shield + ", sources: [uploads]}]", ""}, {"[{" + shield + ", sources: [uploads], sends: media, per_minute: 10, hold_for: 48h, most_waiting: 5}]", ""},
		{"[{" + shield + "}]", "[0].sources"}, {"[{" + shield + ", sources: [other]}]", "[0].sources"}, {"[{" + good + ", sources: [uploads]}]", "[0].sources"},
		{"[{" + shield + ", sources: [uploads], sends: all}]", "[0].sends"}, {"[{" + shield + ", sources: [uploads], per_minute: -1}]", "[0].per_minute"},
		{"[{" + shield + ", sources: [uploads], hold_for: 2h}]", "[0].hold_for"}, {"[{" + shield + ", sources: [uploads], most_waiting: -1}]", "[0].most_waiting"},
		{"[{" + shield + ", sources: [uploads], votes: true}]", "[0].votes"}, {"[{" + good + ", votes: true}]", ""},
		{"[{" + rest + "kind: file, path: /lists, format: xml}]", "[0].format"}, {"[{" + rest + "kind: file, path: /lists, digest_64: md5}]", "[0].digest_64"},
	} {
		_, err := node.ParseConfig("brdo.yaml", []byte("organisation: {id: provider.example, name: Example}\negress: {proxy: \"http://proxy.internal:3128\"}\ndetection: {sources: [{name: uploads, service: hosting, legal_basis: provider/hosting-terms@1}]}\nlist_exchanges: "+c.text+"\n"))
		if c.field == "" && err != nil || c.field != "" && problem.From(err).Field != "list_exchanges"+c.field {
			t.Errorf("%s: %v, want the field %q", c.text, err, c.field)
		}
	}
	for _, text := range []string{"[{" + good + "}]", "[{" + good + ", password: word}]", "[{" + good + ", token: word}]", "[{" + good + ", credentials: word}]"} {
		if _, err := node.ParseConfig("brdo.yaml", []byte("organisation: {id: provider.example, name: Example}\nlist_exchanges: "+text+"\n")); err == nil {
			t.Errorf("without a proxy, or with a secret in the file: %s", text)
		}
	}
}
