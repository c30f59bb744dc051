package node_test

import (
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/node"
)

// TestTheWayOut: without a proxy in the configuration there is none.
func TestTheWayOut(t *testing.T) {
	if out := node.Defaults().Egress; out.Proxy != "" || len(out.Ports) != 0 {
		t.Error("a node looks at web addresses although nobody asked for it")
	}
	for text, field := range map[string]string{
		`{}`: "", `{proxy: "socks5://127.0.0.1:9050"}`: "", `{proxy: "http://proxy.internal:3128", ports: [80, 443]}`: "",
		`{proxy: "127.0.0.1:3128"}`: "egress.proxy", `{proxy: "http://proxy.internal"}`: "egress.proxy", `{proxy: "ftp://proxy.internal:21"}`: "egress.proxy",
		`{proxy: "direct"}`: "egress.proxy", `{proxy: "http://user:word@proxy.internal:3128"}`: "egress.proxy",
		`{proxy: "http://proxy.internal:3128", ports: [0]}`: "egress.ports[0]", `{ports: [80, 70000]}`: "egress.ports[1]",
	} {
		_, err := node.ParseConfig("brdo.yaml", []byte("organisation: {id: authority.example, name: Example}\negress: "+text+"\n"))
		if (err == nil) != (field == "") || (err != nil && (!problem.Is(err, problem.Invalid) || problem.From(err).Field != field)) {
			t.Errorf("%s: %v", text, err)
		}
	}
	// No key of the configuration opens another way, or lets an address inside pass.
	for _, key := range []string{"direct: true", "allow_loopback: true", "roots: x.pem", "insecure: true"} {
		if _, err := node.ParseConfig("brdo.yaml", []byte("organisation: {id: authority.example, name: Example}\negress: {"+key+"}\n")); err == nil {
			t.Errorf("%s is a key", key)
		}
	}
}

func TestHostsToFetchFrom(t *testing.T) {
	const proxy = "egress: {proxy: \"http://proxy.internal:3128\"}\n"
	for text, field := range map[string]string{
		proxy + `hma: {enabled: true, fetch_hosts: [photos.example, .cdn.example]}`: "", `hma: {enabled: true}`: "",
		`hma: {fetch_hosts: [photos.example]}`: "hma.fetch_hosts", proxy + `hma: {fetch_hosts: [photos.example, "*.example"]}`: "hma.fetch_hosts[1]",
		proxy + `hma: {fetch_hosts: ["https://photos.example"]}`: "hma.fetch_hosts[0]", proxy + `hma: {fetch_hosts: [127.0.0.1]}`: "hma.fetch_hosts[0]",
		proxy + `hma: {fetch_hosts: ["photos.example:8080"]}`: "hma.fetch_hosts[0]", proxy + `hma: {fetch_hosts: [Photos.example]}`: "hma.fetch_hosts[0]",
		proxy + `hma: {fetch_hosts: [""]}`: "hma.fetch_hosts[0]", proxy + `hma: {fetch_hosts: [localhost]}`: "hma.fetch_hosts[0]",
	} {
		_, err := node.ParseConfig("brdo.yaml", []byte("organisation: {id: provider.example, name: Example}\n"+text+"\n"))
		if field == "" && err != nil || field != "" && problem.From(err).Field != field {
			t.Errorf("%s: %v, want the field %q", text, err, field)
		}
	}
}
