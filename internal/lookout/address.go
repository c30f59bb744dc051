package lookout

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/brdoproject/brdo/domain/problem"
)

// DefaultPorts are the ports that may be asked when the configuration names none.
var DefaultPorts = []int{80, 443, 8080, 8443}

// maxAddress is the longest address that is asked for, in bytes.
const maxAddress = 4096

// Rules say which addresses may be asked for.
type Rules struct {
	// Ports that an address may name; empty means [DefaultPorts].
	Ports []int
	// Onion lets names under .onion pass; only a SOCKS proxy can reach them.
	Onion bool
}

// Check reads an address and returns it as it will be asked for: small letters,
// no fragment, no trailing dot. Addresses come from orders and from the servers
// that are asked, so each is hostile: whatever could lead into the network of
// the node or of its proxy is refused, in every spelling that a client or a
// proxy might read as such.
//
// Names are not resolved here: that is the proxy's part, and the proxy has to
// refuse names that lead into its own network.
//
// Errors: Invalid, with the field "url".
func (r Rules) Check(text string) (*url.URL, error) {
	refuse := func(reason string) (*url.URL, error) {
		return nil, problem.InvalidField("url", reason, "only public web addresses are looked at")
	}
	if len(text) > maxAddress {
		return refuse(fmt.Sprintf("has more than %d bytes", maxAddress))
	}
	if strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c == 0x7f || c == '\\' }) {
		return refuse("holds a space, a control character or a backslash")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return refuse("is no web address")
	case u.Scheme != "http" && u.Scheme != "https":
		return refuse("begins neither with http:// nor with https://")
	case u.Opaque != "" || u.Host == "":
		return refuse("names no host")
	case u.User != nil:
		return refuse("holds a user name")
	}
	host, why := r.host(u)
	if why != "" {
		return refuse(why)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	number, err := strconv.ParseUint(port, 10, 16)
	allowed := r.Ports
	if len(allowed) == 0 {
		allowed = DefaultPorts
	}
	if err != nil || !slices.Contains(allowed, int(number)) {
		return refuse("names a port that is not looked at")
	}
	if u.Port() != "" {
		host += ":" + strconv.FormatUint(number, 10)
	}
	return &url.URL{Scheme: u.Scheme, Host: host, Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}, nil
}

// host returns the host as it is asked for, in brackets where it needs them, or
// why it is refused.
func (r Rules) host(u *url.URL) (host, refused string) {
	name := u.Hostname()
	if strings.HasPrefix(u.Host, "[") {
		address, err := netip.ParseAddr(name)
		if err != nil || address.Zone() != "" || !address.Is6() {
			return "", "names a host in brackets that is no address"
		}
		if !public(address) {
			return "", "leads into a network that is not public"
		}
		return "[" + address.String() + "]", ""
	}
	name = strings.TrimSuffix(name, ".")
	if strings.ContainsFunc(name, func(c rune) bool { return c >= 0x80 }) {
		// A client would turn wide digits and other look-alikes into plain ones
		// later, so they are turned before they are checked.
		ascii, err := idna.Lookup.ToASCII(name)
		if err != nil {
			return "", "names a host that is no name"
		}
		name = ascii
	}
	name = strings.ToLower(name)
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	if isNumber(last) {
		// Whatever ends in a number is read as an IPv4 address by some client, also
		// 2130706433, 0177.1, 0x7f.1 and 127.1: only the plain spelling passes.
		address, err := netip.ParseAddr(name)
		switch {
		case err != nil:
			return "", "names a number in an odd spelling"
		case !public(address):
			return "", "leads into a network that is not public"
		}
		return address.String(), ""
	}
	if len(name) > 253 || len(labels) < 2 {
		return "", "names no host of the public internet"
	}
	for _, label := range labels {
		if !isLabel.MatchString(label) {
			return "", "names a host that is no name"
		}
	}
	if last == "onion" && !r.Onion {
		return "", "names a host under .onion, which only a SOCKS proxy can reach"
	}
	if slices.Contains(inside, last) {
		return "", "names a host inside a network"
	}
	return name, ""
}

// isLabel is what stands between two dots of a name; the underscore is in no
// standard for hosts, but in use.
var isLabel = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)

// isNumber is the test of the URL Standard (WHATWG, "ends in a number checker").
func isNumber(label string) bool {
	if digits, hexadecimal := strings.CutPrefix(label, "0x"); hexadecimal {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// inside are top-level names that never lead to the public internet (RFC 6761,
// RFC 6762, RFC 8375 and ICANN's name for private use), or that networks use
// for themselves.
var inside = []string{"localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "arpa", "invalid"}

// closed are the blocks of addresses that are not public hosts: the IANA
// registries of special-purpose addresses, multicast, and one public address at
// which a cloud serves the secrets of its machines.
var closed = blocks(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
	"168.63.129.16/32",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// global is the block that public IPv6 hosts are in; all others are refused,
// also those that hold an IPv4 address (::ffff:0:0/96, 64:ff9b::/96).
var global = netip.MustParsePrefix("2000::/3")

func blocks(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// public reports whether an address is that of a host of the public internet.
func public(address netip.Addr) bool {
	if !address.Is4() && !global.Contains(address) {
		return false
	}
	return !slices.ContainsFunc(closed, func(block netip.Prefix) bool { return block.Contains(address) })
}
