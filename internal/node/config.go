package node

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/brdoproject/brdo/domain/flood"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/api"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/door"
	"github.com/brdoproject/brdo/internal/lookout"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/peer"
)

// Config is the one configuration file of a node. Every key is explained in
// docs/configuration.md; an unknown key is an error that names it.
type Config struct {
	Organisation Organisation `yaml:"organisation"`
	// Data is the folder of everything that the node keeps: database, sealed
	// content, keys.
	Data string `yaml:"data"`
	// Role is what this process does of the node's work.
	Role Role `yaml:"role"`
	// Listen is the address to serve on, Origin the address that people and
	// peers use, for example "https://brdo.example".
	Listen string `yaml:"listen"`
	Origin string `yaml:"origin"`
	TLS    TLS    `yaml:"tls"`
	// Directory lets people log in at the organisation's own login service.
	Directory Directory `yaml:"oidc"`
	// Database is a postgres:// address; empty means SQLite in the data folder.
	Database string `yaml:"database"`
	// KeyDatabase is a postgres:// address for the key vault, apart from the rows,
	// so that a dump of the rows never holds a key. Empty means a file in the
	// data folder with the embedded database, else the rows' database.
	KeyDatabase string `yaml:"key_database"`
	// Content keeps sealed content in an S3-compatible store in place of files
	// in the data folder.
	Content S3 `yaml:"content_s3"`
	// Policy is a Cedar file in place of the embedded policy.
	Policy string `yaml:"policy"`
	// Centre is the id of the peer to which reports are sent.
	Centre    string    `yaml:"centre"`
	Exchange  Exchange  `yaml:"exchange"`
	Egress    Egress    `yaml:"egress"`
	Detection Detection `yaml:"detection"`
	HMA       HMA       `yaml:"hma"`
	// ListExchanges are where lists can be fetched from.
	ListExchanges []ListExchange `yaml:"list_exchanges"`
	// CyberTipline is where reports can go in place of the Centre.
	CyberTipline CyberTipline `yaml:"cybertipline"`
	// Places is a file of two columns, a block of addresses and a country: at the
	// Centre it shows which States addresses point to. Empty: nobody knows.
	Places   string   `yaml:"places"`
	Profiles Profiles `yaml:"profiles"`
	Media    Media    `yaml:"media"`
	Doors    Doors    `yaml:"doors"`
	Log      Log      `yaml:"log"`
	Metrics  Metrics  `yaml:"metrics"`
}

// Role is what one process does of a node's work. Several processes of one node
// share its database, its content and its keys.
type Role string

const (
	// RoleAll does everything.
	RoleAll Role = "all"
	// RoleAPI serves services and other nodes, RoleWeb serves people.
	RoleAPI Role = "api"
	RoleWeb Role = "web"
	// RoleWorker works off jobs and clocks. Without any, nothing is delivered.
	RoleWorker Role = "worker"
)

func (r Role) is(one Role) bool { return r == RoleAll || r == one }

// Organisation is who runs the node.
type Organisation struct {
	// ID is the node's name among its peers, for example "provider.example".
	ID   string                   `yaml:"id"`
	Name string                   `yaml:"name"`
	Kind mandate.OrganisationKind `yaml:"kind"`
	// Country is two letters (ISO 3166-1 alpha-2); reports are routed by it.
	Country      string `yaml:"country"`
	LegalRep     string `yaml:"legal_representative"`
	ContactPoint string `yaml:"contact_point"`
	ContactInfo  string `yaml:"contact_information"`
	// Redress is what users are told that they can do about a report.
	Redress string `yaml:"redress"`
}

// Exchange holds the clocks of the exchange with other organisations, as in
// "15m" or "24h".
type Exchange struct {
	// GapAfter is how long a number of a peer's envelopes may be missing before
	// people are told; each time it has passed the peer is asked again.
	GapAfter time.Duration `yaml:"gap_after"`
	// SilenceAfter is how long an envelope may wait for its receipt before
	// people are told.
	SilenceAfter time.Duration `yaml:"silence_after"`
}

// Doors bound how much the node does at once for each kind of client; what is
// more waits, and what is more than may wait is answered with 429.
type Doors struct {
	// API is for the services of the organisation, Peers for the nodes of others,
	// Pages for people.
	API   Door `yaml:"api"`
	Peers Door `yaml:"peers"`
	Pages Door `yaml:"pages"`
}

// Door is how much passes one door; see package door.
type Door struct {
	// AtOnce requests are worked on at once, and Reserve more if they are urgent.
	AtOnce  int `yaml:"at_once"`
	Reserve int `yaml:"reserve"`
	// Waiting further ones may be read and wait, for as long as Patience.
	Waiting  int           `yaml:"waiting"`
	Patience time.Duration `yaml:"patience"`
}

// The names of the doors, as in the configuration and the figures.
const (
	doorAPI   = "api"
	doorPeers = "peers"
	doorPages = "pages"
)

func (d Doors) byName() map[string]Door {
	return map[string]Door{doorAPI: d.API, doorPeers: d.Peers, doorPages: d.Pages}
}

// Egress is the only way by which the node asks web addresses whether they still
// serve an item. Credentials of the proxy come from the environment:
// BRDO_PROXY_USER and BRDO_PROXY_PASSWORD.
type Egress struct {
	// Proxy is http://, https:// or socks5://, host and port; empty means that the
	// node looks at no address, and people do.
	Proxy string `yaml:"proxy"`
	// Ports that an address may name; empty means [lookout.DefaultPorts].
	Ports []int `yaml:"ports"`
}

// check reports what is wrong; an empty proxy is fine.
func (e Egress) check() error {
	for i, port := range e.Ports {
		if port < 1 || port > 65535 {
			return problem.InvalidField(fmt.Sprintf("egress.ports[%d]", i), "it is no port", "give numbers between 1 and 65535, or leave them out")
		}
	}
	if e.Proxy == "" {
		return nil
	}
	proxy, err := url.Parse(e.Proxy)
	if err != nil {
		return problem.InvalidField("egress.proxy", "it is no address", "give the proxy's address, for example socks5://127.0.0.1:9050")
	}
	if proxy.User != nil {
		return problem.InvalidField("egress.proxy", "it holds a user name", "a secret does not belong into the file: set BRDO_PROXY_USER and BRDO_PROXY_PASSWORD")
	}
	return lookout.CheckProxy(proxy)
}

// HMA switches on the routes by which clients of Hasher-Matcher-Actioner ask this
// node; see docs/hma.md.
type HMA struct {
	Enabled bool `yaml:"enabled"`
	// FetchHosts are the hosts whose addresses such a client may have fetched, through
	// the proxy of [Egress]. A name that begins with a dot stands for all below it.
	FetchHosts []string `yaml:"fetch_hosts"`
}

// check reports what is wrong.
func (h HMA) check(e Egress) error {
	for i, host := range h.FetchHosts {
		at := fmt.Sprintf("hma.fetch_hosts[%d]", i)
		if _, err := (lookout.Rules{}).Check("https://" + strings.TrimPrefix(host, ".")); err != nil || host != strings.ToLower(host) || strings.ContainsAny(host, "/:?#") {
			return problem.InvalidField(at, "it is not the name of a public host, in small letters", "give names such as photos.example, or .photos.example for all hosts below it")
		}
	}
	if len(h.FetchHosts) > 0 && e.Proxy == "" {
		return problem.InvalidField("hma.fetch_hosts", "the node has no proxy to fetch through", "set egress.proxy, or leave the hosts out")
	}
	return nil
}

// S3 names a bucket of an S3-compatible store. The credentials come from the
// environment: BRDO_S3_ACCESS_KEY and BRDO_S3_SECRET_KEY.
type S3 struct {
	// Endpoint is host and port; empty means files.
	Endpoint  string `yaml:"endpoint"`
	Region    string `yaml:"region"`
	Bucket    string `yaml:"bucket"`
	Prefix    string `yaml:"prefix"`
	PathStyle bool   `yaml:"path_style"`
	// Insecure uses plain HTTP; for a store on the same host only.
	Insecure bool `yaml:"insecure"`
}

// Directory names an OpenID Connect login service. Its client secret comes from
// the environment: BRDO_OIDC_SECRET.
type Directory struct {
	Issuer   string `yaml:"issuer"`
	ClientID string `yaml:"client_id"`
	// Claim holds the name of the account; empty means preferred_username.
	Claim string `yaml:"claim"`
}

// TLS names a certificate and its key; without them the node serves plain HTTP
// and expects a proxy before it, or loopback.
type TLS struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

// Detection lists where uploads come from and on which legal basis they may be
// compared with lists.
type Detection struct {
	Sources []Source `yaml:"sources"`
	// Flood says when an entry of a list matches too much to be true.
	Flood Flood `yaml:"flood"`
}

// Flood says when the hits of an entry wait until people have looked at it; see
// [flood.Limits].
type Flood struct {
	Window time.Duration `yaml:"window"`
	Items  int64         `yaml:"items"`
	Share  float64       `yaml:"share"`
	Exact  int64         `yaml:"exact"`
	Look   time.Duration `yaml:"look"`
}

// Source is one place that uploads come from.
type Source struct {
	Name string `yaml:"name"`
	// Service is hosting or interpersonal-communications.
	Service string `yaml:"service"`
	// LegalBasis is a profile, for example "provider/hosting-terms@1".
	LegalBasis law.Ref `yaml:"legal_basis"`
	URL        string  `yaml:"url"`
	// Limit is how much each key of the source may ask; nothing means
	// [api.DefaultLimit].
	Limit Limit `yaml:"limit"`
}

// Limit is how many files a second each key of a source may have compared, and
// how many at once after a pause.
type Limit struct {
	PerSecond float64 `yaml:"per_second"`
	Burst     int     `yaml:"burst"`
}

// Profiles are the versions of the law's forms and rules for new cases.
type Profiles struct {
	ReportForm law.Ref `yaml:"report_form"`
	Scheme     law.Ref `yaml:"scheme"`
	Review     law.Ref `yaml:"review"`
	// Reportable is the mapping whose class "yes" makes an item reportable.
	Reportable law.Ref `yaml:"reportable"`
	// Routing are the rules by which reports find the authority that acts.
	Routing law.Ref `yaml:"routing"`
	// LawFolder holds further profiles; empty means the embedded ones only.
	LawFolder string `yaml:"law_folder"`
}

// Media limits what is decoded.
type Media struct {
	MaxBytes         int64 `yaml:"max_bytes"`
	AllowUnsandboxed bool  `yaml:"allow_unsandboxed"`
	Video            Video `yaml:"video"`
}

// Video limits what is decoded of videos, for comparison and for people to look at.
type Video struct {
	// MaxBytes is the largest video that is decoded, MaxFrames how many frames of one.
	MaxBytes  int64 `yaml:"max_bytes"`
	MaxFrames int64 `yaml:"max_frames"`
	// Deadline is how long all videos of one upload may take.
	Deadline time.Duration `yaml:"deadline"`
	// Every is the time between two frames that are compared; 0 compares each one.
	Every time.Duration `yaml:"every"`
	// AtOnce is how many uploads with videos are examined at once.
	AtOnce int `yaml:"at_once"`
}

func (v Video) limits() media.VideoLimits {
	return media.VideoLimits{MaxBytes: v.MaxBytes, MaxFrames: v.MaxFrames, Deadline: v.Deadline}
}

func (v Video) rules() intake.VideoRules {
	return intake.VideoRules{Every: v.Every, Limits: v.limits(), AtOnce: v.AtOnce}
}

// check reports what is wrong.
func (v Video) check() error {
	for field, value := range map[string]int64{"max_bytes": v.MaxBytes, "max_frames": v.MaxFrames, "at_once": int64(v.AtOnce)} {
		if value <= 0 {
			return problem.InvalidField("media.video."+field, "it is not positive", "give a number, or leave it out")
		}
	}
	if v.Deadline < time.Second {
		return problem.InvalidField("media.video.deadline", "it is less than a second", "give a time such as 1m, or leave it out")
	}
	if v.Every < 0 {
		return problem.InvalidField("media.video.every", "it is negative", "give a time such as 1s, or leave it out")
	}
	return nil
}

// Log says how much the node tells the operator.
type Log struct {
	Level string `yaml:"level"`
}

// Metrics says where the figures of the node are served, without a login.
type Metrics struct {
	// Listen is an address of its own, host and port; empty means nowhere.
	Listen string `yaml:"listen"`
}

// Defaults is the configuration that a file changes.
func Defaults() Config {
	ref := func(text string) law.Ref {
		r, err := law.ParseRef(text)
		if err != nil {
			panic(err) // a mistake in this file, found by every test
		}
		return r
	}
	return Config{
		Data: "brdo-data", Listen: "127.0.0.1:8080", Origin: "http://localhost:8080",
		Organisation: Organisation{Kind: mandate.Provider},
		Exchange:     Exchange{GapAfter: peer.DefaultClocks.Gap, SilenceAfter: peer.DefaultClocks.Silence},
		Profiles: Profiles{
			ReportForm: ref("csar/com-2022-209@1"), Scheme: ref("facts-2026@1"), Review: ref("review/standard@1"), Reportable: ref("csar-reportable@1"), Routing: ref("routing/standard@1"),
		},
		Role:      RoleAll,
		Detection: Detection{Flood: Flood(flood.Default)},
		Media:     Media{MaxBytes: 100 << 20, Video: Video{MaxBytes: 100 << 20, MaxFrames: 200_000, Deadline: time.Minute, Every: time.Second, AtOnce: 4}},
		Doors: Doors{
			API:   Door{AtOnce: 16, Reserve: 4, Waiting: 64, Patience: 10 * time.Second},
			Peers: Door{AtOnce: 8, Reserve: 4, Waiting: 32, Patience: 10 * time.Second},
			Pages: Door{AtOnce: 32, Reserve: 8, Waiting: 128, Patience: 10 * time.Second},
		},
		Log: Log{Level: "info"},
	}
}

// maxConfig is the largest configuration file, in bytes.
const maxConfig = 1 << 20

// LoadConfig reads a configuration file. An unknown key, a wrong type and a
// value that cannot be used are problems that name the file, line or key.
func LoadConfig(path string) (Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return Config{}, problem.InvalidField("config", "the file cannot be read: "+reason(err), "name an existing file with --config").Because(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil || len(text) > maxConfig {
		return Config{}, problem.InvalidField("config", "the file cannot be read or is larger than 1 MiB", "name a configuration file with --config").Because(err)
	}
	return ParseConfig(path, text)
}

func reason(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// As is the configuration of a process of the same node with another role or
// address; what is empty stays.
//
// Errors: Invalid.
func (c Config) As(role Role, listen string) (Config, error) {
	c.Role, c.Listen = cmp.Or(role, c.Role), cmp.Or(listen, c.Listen)
	return c, c.check()
}

// ParseConfig reads the text of a configuration file.
func ParseConfig(name string, text []byte) (Config, error) {
	config := Defaults()
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&config); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, problem.InvalidField(name, strings.TrimPrefix(err.Error(), "yaml: "), "docs/configuration.md explains every key")
	}
	if err := config.check(); err != nil {
		return Config{}, fmt.Errorf("checking %s: %w", name, err)
	}
	return config, nil
}

func (c Config) check() error {
	origin, err := url.Parse(c.Origin)
	switch {
	case c.Organisation.ID == "" || strings.ContainsAny(c.Organisation.ID, " +/\n\t"):
		return problem.InvalidField("organisation.id", "it is empty or holds a space, plus sign or slash", "use the host name of the node, for example provider.example")
	case c.Organisation.Name == "":
		return problem.InvalidField("organisation.name", "it is empty", "give the name of the organisation")
	case !slices.Contains(mandate.OrganisationKinds, c.Organisation.Kind):
		return problem.InvalidField("organisation.kind", "there is no such kind", "use provider, hotline, centre, authority, oversight, europol, eurojust or interpol")
	case c.Organisation.Country != "" && !peer.IsCountry(c.Organisation.Country):
		return problem.InvalidField("organisation.country", "it is not a country's code", "use two capital letters (ISO 3166-1 alpha-2), for example SI")
	case c.Exchange.GapAfter <= 0 || c.Exchange.SilenceAfter <= 0:
		return problem.InvalidField("exchange", "a clock is not positive", "give times such as 15m and 24h, or leave them out")
	case !slices.Contains([]Role{RoleAll, RoleAPI, RoleWeb, RoleWorker}, c.Role):
		return problem.InvalidField("role", "there is no such role", "use all, api, web or worker")
	case c.Role != RoleAll && c.Database == "":
		return problem.InvalidField("role", "the embedded database is for one process that does everything", "name a PostgreSQL database, or leave the role out")
	case c.Data == "":
		return problem.InvalidField("data", "it is empty", "name the folder that the node keeps its data in")
	case err != nil || origin.Host == "" || (origin.Scheme != "http" && origin.Scheme != "https") || strings.Trim(origin.Path, "/") != "":
		return problem.InvalidField("origin", "it is not an address such as https://brdo.example", "give scheme and host, without a path")
	case net.ParseIP(origin.Hostname()) != nil:
		return problem.InvalidField("origin", "it names a number and no host", "give the host's name, for example http://localhost:8080: passkeys are bound to a name")
	case origin.Scheme == "http" && !isLoopback(origin.Hostname()):
		return problem.InvalidField("origin", "plain http is for loopback only", "serve over TLS, or through a proxy that does, and use https")
	case (c.TLS.Certificate == "") != (c.TLS.Key == ""):
		return problem.InvalidField("tls", "a certificate and its key belong together", "give both or none")
	case c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://"):
		return problem.InvalidField("database", "it is not a postgres:// address", "leave it out to use the embedded database")
	case c.KeyDatabase != "" && !strings.HasPrefix(c.KeyDatabase, "postgres://") && !strings.HasPrefix(c.KeyDatabase, "postgresql://"):
		return problem.InvalidField("key_database", "it is not a postgres:// address", "leave it out to keep the keys in a file")
	case c.Content.Endpoint != "" && c.Content.Bucket == "":
		return problem.InvalidField("content_s3.bucket", "it is empty", "name a bucket that exists")
	case c.Media.MaxBytes <= 0:
		return problem.InvalidField("media.max_bytes", "it is not positive", "give a number of bytes, or leave it out")
	case !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log.Level):
		return problem.InvalidField("log.level", "there is no such level", "use debug, info, warn or error")
	case c.Metrics.Listen != "" && !namesInterface(c.Metrics.Listen):
		return problem.InvalidField("metrics.listen", "it is not a host and a port", "name one interface, for example 127.0.0.1:9464: whoever reaches it can read the figures")
	case c.Metrics.Listen != "" && c.Metrics.Listen == c.Listen:
		return problem.InvalidField("metrics.listen", "it is the address of the node itself", "the figures need an address of their own, for example 127.0.0.1:9464")
	}
	for name, d := range c.Doors.byName() {
		if err := door.Limit(d).Validate("doors." + name); err != nil {
			return err
		}
	}
	if err := c.Media.Video.check(); err != nil {
		return err
	}
	if err := c.Egress.check(); err != nil {
		return err
	}
	if err := c.HMA.check(c.Egress); err != nil {
		return err
	}
	if err := c.CyberTipline.check(c.Organisation.Kind, c.Egress); err != nil {
		return err
	}
	if err := c.checkExchanges(); err != nil {
		return err
	}
	if err := flood.Limits(c.Detection.Flood).Validate("detection.flood"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, source := range c.Detection.Sources {
		at := fmt.Sprintf("detection.sources[%d]", i)
		switch {
		case source.Name == "" || seen[source.Name]:
			return problem.InvalidField(at+".name", "it is empty or used twice", "give each source its own name")
		case source.LegalBasis.IsZero():
			return problem.InvalidField(at+".legal_basis", "it is missing", "every source of detection names its legal basis; see law/legal-basis")
		}
		if err := api.Limit(source.Limit).Validate(at + ".limit"); err != nil {
			return err
		}
		seen[source.Name] = true
	}
	return nil
}

// namesInterface reports whether an address has a host, so that nobody opens it
// to every network by leaving the host out.
func namesInterface(address string) bool {
	host, port, err := net.SplitHostPort(address)
	return err == nil && host != "" && port != ""
}

func isLoopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// databaseLocation is the store's address.
func (c Config) databaseLocation() string {
	if c.Database != "" {
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.Data, "brdo.db")
}

// vaultLocation is the key vault's address.
func (c Config) vaultLocation() string {
	switch {
	case c.KeyDatabase != "":
		return c.KeyDatabase
	case c.Database != "":
		return c.Database
	}
	return filepath.Join(c.Data, vaultFile)
}

// shutdownTime is how long requests and jobs may take to end.
const shutdownTime = 20 * time.Second
