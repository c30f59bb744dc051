package lookout

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
)

func TestPublicAddressesPass(t *testing.T) {
	for text, want := range map[string]string{
		"https://photos.example/p/17":               "https://photos.example/p/17",
		"HTTP://Photos.Example:80/p/17#top":         "http://photos.example:80/p/17",
		"https://photos.example.:443/":              "https://photos.example:443/",
		"https://my_site.photos.example/?a=b&c=%41": "https://my_site.photos.example/?a=b&c=%41",
		"https://photos.example/a%2Fb":              "https://photos.example/a%2Fb",
		"https://žabe.example/":                     "https://xn--abe-b3a.example/",
		"http://photos.example":                     "http://photos.example",
		"http://photos.example:":                    "http://photos.example",
		"http://8.8.8.8/":                           "http://8.8.8.8/",
		"https://[2a00:1450::1]:8443/":              "https://[2a00:1450::1]:8443/",
		"http://1.photos.example/":                  "http://1.photos.example/",
		"http://0x7f.example/":                      "http://0x7f.example/",
	} {
		got, err := Rules{}.Check(text)
		if err != nil || got.String() != want {
			t.Errorf("%s: %v %v, want %s", text, got, err, want)
		}
	}
	onion := "http://" + strings.Repeat("a", 56) + ".onion/17"
	if _, err := (Rules{}).Check(onion); !problem.Is(err, problem.Invalid) {
		t.Errorf("onion without a SOCKS proxy: %v", err)
	}
	if got, err := (Rules{Onion: true}).Check(onion); err != nil || got.String() != onion {
		t.Errorf("onion: %v %v", got, err)
	}
	if _, err := (Rules{Ports: []int{8081}}).Check("http://photos.example:8081/"); err != nil {
		t.Error(err)
	}
	if _, err := (Rules{Ports: []int{8081}}).Check("http://photos.example/"); err == nil {
		t.Error("port 80 passed where only 8081 is allowed")
	}
}

// hostile are addresses that must never be asked for. They are also the seeds
// of the fuzz target.
var hostile = []string{
	"", "photos.example", "//photos.example/", "/p/17", "http:photos.example", "http:///p", "https://", "http://:80/",
	"ftp://photos.example/", "file:///etc/passwd", "gopher://photos.example/", "data:text/plain,17", "unix:///run/socket", "javascript:17", "jar:http://photos.example!/",
	"http://user@photos.example/", "http://user:word@photos.example/", "http://photos.example@127.0.0.1/", "http://@photos.example/",
	"http://photos.example\\@127.0.0.1/", "http://photos.example /", " http://photos.example/", "http://photos.example/\r\nHost: x", "http://photos.example/\x00", "http://pho\ttos.example/",
	"http://photos.example:22/", "http://photos.example:25/", "http://photos.example:0/", "http://photos.example:65616/", "http://photos.example:99999999999/", "http://photos.example:-80/", "http://photos.example:8o/", "http://photos.example:80:80/",
	// Plain spellings of what is not public.
	"http://127.0.0.1/", "http://127.255.255.254/", "http://0.0.0.0/", "http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.1.1/",
	"http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/", "http://100.100.100.200/", "http://192.0.0.192/", "http://168.63.129.16/", "http://198.18.0.1/",
	"http://192.0.2.1/", "http://198.51.100.1/", "http://203.0.113.1/", "http://224.0.0.1/", "http://240.0.0.1/", "http://255.255.255.255/", "http://192.88.99.1/",
	// Odd spellings of 127.0.0.1 and others.
	"http://2130706433/", "http://0x7f000001/", "http://0x7F.1/", "http://0177.0.0.1/", "http://017700000001/", "http://127.1/", "http://127.0.1/", "http://0/", "http://1/", "http://127.0.0.1./",
	"http://127.0.0.01/", "http://127.0.0.1.1/", "http://127.0.0.0x1/", "http://0x7f.0x0.0x0.0x1/", "http://256.256.256.256/", "http://00000127.0.0.1/", "http://photos.127/", "http://photos.0x/",
	"http://１２７.０.０.１/", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/", "http://127%2e0%2e0%2e1/", "http://%31%32%37.0.0.1/",
	// IPv6.
	"http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:8.8.8.8]/", "http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::1]/",
	"http://[2002:7f00:1::]/", "http://[2001::1]/", "http://[2001:db8::1]/", "http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[2a00:1450::1%25eth0]/", "http://[fc00::1]/", "http://[fd00:ec2::254]/",
	"http://[ff02::1]/", "http://[100::1]/", "http://[3fff::1]/", "http://[5f00::1]/", "http://[127.0.0.1]/", "http://[photos.example]/", "http://[]/", "http://[::1/", "http://::1/", "http://[0:0:0:0:0:0:0:1]/",
	// Names inside a network.
	"http://localhost/", "http://LOCALHOST/", "http://localhost./", "http://a.localhost/", "http://ｌocalhost/", "http://router/", "http://router./", "http://printer.local/", "http://metadata.google.internal/",
	"http://intranet.corp/", "http://nas.lan/", "http://nas.home.arpa/", "http://1.0.0.127.in-addr.arpa/", "http://localhost.localdomain/", "http://x.invalid/",
	"http://photos..example/", "http://.example/", "http://photos.example../", "http://-photos.example/", "http://photos-.example/", "http://pho*tos.example/", "http://" + strings.Repeat("a", 64) + ".example/",
	"http://" + strings.Repeat("a.", 130) + "example/", "http://photos.example/" + strings.Repeat("a", maxAddress),
	"http://photos.example%00.localhost/", "http://photos.example%2f@127.0.0.1/", "http://photos.onion/",
}

func TestHostileAddressesAreRefused(t *testing.T) {
	for _, text := range hostile {
		if got, err := (Rules{}).Check(text); !problem.Is(err, problem.Invalid) || problem.From(err).Field != "url" {
			t.Errorf("%q passes as %v, %v", text, got, err)
		}
	}
}

// FuzzCheck: what passes is what is asked for, passes again unchanged, and is
// no address that the operating system would read as one that is not public.
func FuzzCheck(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Add("https://žabe.example:8443/a%2Fb?c=d#e")
	f.Add("https://[2a00:1450::1]:8443/")
	f.Fuzz(func(t *testing.T, text string) {
		rules := Rules{Onion: true}
		got, err := rules.Check(text)
		if err != nil {
			return
		}
		again, err := rules.Check(got.String())
		if err != nil || again.String() != got.String() {
			t.Fatalf("%q became %q, which becomes %v, %v", text, got, again, err)
		}
		read, err := url.Parse(got.String())
		if err != nil || read.Host != got.Host || read.User != nil || read.Fragment != "" {
			t.Fatalf("%q is read as %+v, %v", got, read, err)
		}
		host := read.Hostname()
		if address, err := netip.ParseAddr(host); err == nil {
			if address.Is4In6() || address.Zone() != "" || address.IsPrivate() || address.IsLoopback() || address.IsLinkLocalUnicast() || address.IsMulticast() || address.IsUnspecified() {
				t.Fatalf("%q passes", text)
			}
			return
		}
		if net.ParseIP(host) != nil || strings.ToLower(host) != host || !strings.Contains(host, ".") || strings.HasSuffix(host, ".") || strings.HasSuffix(host, ".localhost") {
			t.Fatalf("%q passes as the name %q", text, host)
		}
	})
}
