// Package node puts a node together: configuration, keys, database, desks,
// pages and clocks, and its life from start to stop.
package node

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/flood"
	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/api"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/desk/alarms"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/desk/journey"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/desk/notices"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/routing"
	"github.com/brdoproject/brdo/internal/desk/statistics"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/door"
	"github.com/brdoproject/brdo/internal/identity"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/lookout"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/web"
	profiles "github.com/brdoproject/brdo/law"
)

// Node is a node that was put together and can be run.
type Node struct {
	Config     Config
	Identity   *identity.Service
	Lists      *lists.Desk
	Intake     *intake.Desk
	Triage     *triage.Desk
	Reports    *reports.Desk
	Routing    *routing.Desk
	Orders     *orders.Desk
	Notices    *notices.Desk
	Statistics *statistics.Desk
	Journey    *journey.Desk
	Alarms     *alarms.Desk
	Post       *peer.Post
	Ledger     *ledger.Ledger
	Store      *store.Store
	Index      *match.Index
	Law        *law.Library
	Decoder    *media.Service
	Content    *blob.Sealed

	log      *slog.Logger
	machines *api.Server
	// outlook is nil where no proxy is configured.
	outlook *lookout.Lookout
	// doors bound what is worked on at once, by the name that the configuration
	// gives them.
	doors   map[string]*door.Door
	runner  *job.Runner
	handler http.Handler
	close   []func() error
}

// Options change how a node is put together.
type Options struct {
	// Demo marks the data as a demonstration's: it can never become another's.
	Demo bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	Log *slog.Logger
	// Decoder shares a decoder between the nodes of a demonstration.
	Decoder *media.Service
	// Law shares the profiles of the law between nodes that have the same folder of
	// them; nil means that they are read.
	Law *law.Library
	// Roots are who may vouch for the web servers that the node looks at; nil means
	// the machine's own. For a played internet: no configuration reaches it.
	Roots *x509.CertPool
	// Journeys is the page of a demonstration that links what its nodes know of one
	// report; real nodes have none.
	Journeys string
}

// Files of the data folder.
const (
	identityFolder = "identity"
	nodeKeyFile    = "node.key"
	vaultFile      = "keys.db"
	contentFolder  = "content"
	workersLock    = "workers.lock"
	demoMark       = "DEMONSTRATION"
)

// Open puts a node together: it makes what is missing in the data folder on the
// first start, migrates the database and fills the match index. Close ends it.
func Open(ctx context.Context, config Config, options Options) (_ *Node, err error) {
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	n := &Node{Config: config, log: options.Log}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if err := n.mark(options.Demo); err != nil {
		return nil, err
	}
	if n.Law = options.Law; n.Law == nil {
		if n.Law, err = loadLaw(config.Profiles.LawFolder); err != nil {
			return nil, err
		}
	}
	if err := n.openStorage(ctx, config, options); err != nil {
		return nil, err
	}
	return n, n.assemble(ctx, config, options)
}

// mark keeps a demonstration's data from ever becoming a real node's.
func (n *Node) mark(demo bool) error {
	if err := os.MkdirAll(n.Config.Data, 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	path := filepath.Join(n.Config.Data, demoMark)
	_, err := os.Stat(path)
	marked := err == nil
	_, err = os.Stat(filepath.Join(n.Config.Data, identityFolder))
	used := err == nil
	switch {
	case demo && used && !marked:
		return problem.InvalidField("data", "the folder holds a real node's data", "a demonstration needs a folder of its own")
	case !demo && marked:
		return problem.InvalidField("data", "the folder holds the data of a demonstration, which can never become a real node's", "name another folder")
	case demo && !marked:
		return os.WriteFile(path, []byte("This folder belongs to a demonstration of Brdo.\nIts keys and data can never be used by a real node.\n"), 0o600)
	}
	return nil
}

func loadLaw(folder string) (*law.Library, error) {
	var source fs.FS = profiles.Files
	if folder != "" {
		source = os.DirFS(folder)
	}
	library, err := law.Load(source)
	if err != nil {
		return nil, fmt.Errorf("reading the profiles of the law: %w", err)
	}
	return library, nil
}

func (n *Node) keep(close func() error) { n.close = append(n.close, close) }

func (n *Node) openStorage(ctx context.Context, config Config, options Options) error {
	s, err := store.Open(ctx, config.databaseLocation())
	if err != nil {
		return err
	}
	n.Store = s
	n.keep(s.Close)
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	keyPath := filepath.Join(config.Data, nodeKeyFile)
	load := keyring.LoadNodeKey
	if _, err := os.Stat(keyPath); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(config.Data, vaultFile)); err == nil {
			return problem.InvalidField("data", "the node key is missing, but the key vault is there", "put "+nodeKeyFile+" back from where it was kept; without it nothing can be read")
		}
		load = keyring.GenerateNodeKey
	}
	key, err := load(keyPath)
	if err != nil {
		return err
	}
	vault, err := keyring.OpenVault(ctx, config.vaultLocation(), key, options.Now)
	if err != nil {
		return err
	}
	n.keep(vault.Close)
	bodies, err := openBodies(ctx, config)
	if err != nil {
		return err
	}
	n.Content = blob.NewSealed(bodies, vault)
	n.Decoder = options.Decoder
	if n.Decoder == nil {
		decoder, err := media.Start(ctx, media.Options{MaxBytes: config.Media.MaxBytes, AllowUnsandboxed: config.Media.AllowUnsandboxed})
		if err != nil {
			return err
		}
		n.Decoder = decoder
		n.keep(decoder.Close)
	}
	return nil
}

// openBodies opens the store of sealed content.
func openBodies(ctx context.Context, config Config) (blob.Store, error) {
	s3 := config.Content
	if s3.Endpoint == "" {
		return blob.OpenFiles(filepath.Join(config.Data, contentFolder))
	}
	return blob.OpenS3(ctx, blob.S3Config{
		Endpoint: s3.Endpoint, Insecure: s3.Insecure, Region: s3.Region, Bucket: s3.Bucket, Prefix: s3.Prefix, PathStyle: s3.PathStyle,
		AccessKey: os.Getenv("BRDO_S3_ACCESS_KEY"), SecretKey: os.Getenv("BRDO_S3_SECRET_KEY"),
	})
}

func (n *Node) openIdentity(config Config) (*keyring.Identity, error) {
	folder := filepath.Join(config.Data, identityFolder)
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		return keyring.CreateIdentity(folder, config.Organisation.ID, config.Organisation.Kind)
	}
	self, err := keyring.OpenIdentity(folder)
	if err != nil {
		return nil, err
	}
	if public := self.Public(); public.Name != config.Organisation.ID || public.Organisation != config.Organisation.Kind {
		return nil, problem.InvalidField("organisation.id", "the data folder belongs to "+public.Name+" ("+string(public.Organisation)+")", "name that organisation, or another data folder")
	}
	return self, nil
}

func (n *Node) assemble(ctx context.Context, config Config, options Options) error {
	policy, err := loadPolicy(config.Policy)
	if err != nil {
		return err
	}
	self, err := n.openIdentity(config)
	if err != nil {
		return err
	}
	trust, err := translog.NewTrust(self.Public().Name, self.Public().LogVerifier)
	if err != nil {
		return err
	}
	n.Ledger = ledger.New(ledger.Options{
		Store: n.Store, Policy: policy, NodeKind: config.Organisation.Kind, Signer: self.CheckpointSigner(), Trust: trust, Now: options.Now, Log: n.log,
	})
	origin, err := url.Parse(config.Origin)
	if err != nil {
		return err
	}
	n.Identity, err = identity.New(identity.Options{
		Ledger: n.Ledger, Store: n.Store, Origin: config.Origin, Host: origin.Hostname(), Name: config.Organisation.Name, Secret: self.SessionSecret().Reveal(),
	})
	if err != nil {
		return err
	}
	n.Post = peer.New(peer.Keys{Self: peer.Node{Public: self.Public(), Title: config.Organisation.Name, URL: config.Origin, Country: config.Organisation.Country, Speaks: peer.Version}, Secrets: self}, n.Ledger, n.Store, nil)
	n.Post.SetCentre(config.Centre)
	n.Post.SetClocks(peer.Clocks{Gap: config.Exchange.GapAfter, Silence: config.Exchange.SilenceAfter})
	if err := n.assembleDesks(config, self, options.Roots); err != nil {
		return err
	}
	if err := n.loadLists(ctx); err != nil {
		return err
	}
	if err := n.watchBases(ctx); err != nil {
		return err
	}
	n.runner = job.NewRunner(n.Store, job.Options{Now: options.Now, Log: n.log})
	n.Triage.Handle(n.runner)
	n.Lists.Handle(n.runner)
	n.Intake.Handle(n.runner)
	n.Reports.Handle(n.runner)
	n.Routing.Handle(n.runner)
	n.Orders.Handle(n.runner)
	n.Notices.Handle(n.runner)
	n.Post.Handle(n.runner)
	directory, err := n.openDirectory(ctx, config)
	if err != nil {
		return err
	}
	return n.assembleFaces(config, options, directory, origin.Scheme == "https")
}

// directoryBack is where the login service sends people back to.
const directoryBack = "/login/directory/back"

func (n *Node) openDirectory(ctx context.Context, config Config) (*identity.Directory, error) {
	if config.Directory.Issuer == "" {
		return nil, nil
	}
	return n.Identity.OpenDirectory(ctx, identity.DirectoryOptions{
		Issuer: config.Directory.Issuer, ClientID: config.Directory.ClientID, ClientSecret: os.Getenv("BRDO_OIDC_SECRET"), Claim: config.Directory.Claim,
		Redirect: config.Origin + directoryBack, Client: &http.Client{Timeout: 10 * time.Second},
	})
}

func loadPolicy(path string) (*access.Policy, error) {
	if path == "" {
		return access.Load(nil, "")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, problem.InvalidField("policy", "the file cannot be read", "name a Cedar policy, or leave it out").Because(err)
	}
	return access.Load(text, path)
}

func (n *Node) assembleDesks(config Config, self *keyring.Identity, roots *x509.CertPool) error {
	review, err := n.Law.Review(config.Profiles.Review)
	if err != nil {
		return problem.InvalidField("profiles.review", "there is no such profile", "see law/review").Because(err)
	}
	form, err := n.Law.ReportForm(config.Profiles.ReportForm)
	if err != nil {
		return problem.InvalidField("profiles.report_form", "there is no such profile", "see law/csar").Because(err)
	}
	if _, err := n.Law.Scheme(config.Profiles.Scheme); err != nil {
		return problem.InvalidField("profiles.scheme", "there is no such profile", "see law/classes").Because(err)
	}
	if _, err := n.Law.Mapping(config.Profiles.Reportable); err != nil {
		return problem.InvalidField("profiles.reportable", "there is no such profile", "see law/classes").Because(err)
	}
	var sources []intake.Source
	for i, source := range config.Detection.Sources {
		basis, err := n.Law.LegalBasis(source.LegalBasis)
		if err != nil {
			return problem.InvalidField(fmt.Sprintf("detection.sources[%d].legal_basis", i), "there is no such profile", "see law/legal-basis").Because(err)
		}
		sources = append(sources, intake.Source{Name: source.Name, Service: source.Service, URL: source.URL, LegalBasis: basis})
	}
	n.Index = n.openIndex()
	n.Lists = lists.New(n.Ledger, n.Store, n.Index, n.Law)
	n.Lists.Correspond(n.Post)
	n.Intake = intake.New(intake.Options{
		Ledger: n.Ledger, Store: n.Store, Content: n.Content, Decoder: n.Decoder, Index: n.Index, Law: n.Law, Sources: sources,
		Scheme: config.Profiles.Scheme, Review: review, Video: config.Media.Video.rules(), Flood: flood.Limits(config.Detection.Flood),
	})
	n.Triage = triage.New(triage.Options{
		Ledger: n.Ledger, Content: n.Content, Decoder: n.Decoder, Law: n.Law, Review: review, Reportable: config.Profiles.Reportable, Secret: self.SessionSecret().Reveal(),
		Post: n.Post, MaxBytes: config.Media.MaxBytes, Video: config.Media.Video.limits(),
	})
	o := config.Organisation
	places, err := loadPlaces(config.Places)
	if err != nil {
		return err
	}
	if _, err := n.Law.Routing(config.Profiles.Routing); err != nil {
		return problem.InvalidField("profiles.routing", "there is no such profile", "see law/routing").Because(err)
	}
	n.Routing = routing.New(routing.Options{
		Ledger: n.Ledger, Post: n.Post, Law: n.Law, Rules: config.Profiles.Routing, Reportable: config.Profiles.Reportable,
		Scheme: config.Profiles.Scheme, Review: review, Places: places,
	})
	n.Statistics = statistics.New(statistics.Options{Ledger: n.Ledger, Law: n.Law, Store: n.Store, Post: n.Post})
	n.Journey = journey.New(n.Ledger, n.Post)
	n.Alarms = alarms.New(n.Ledger, n.Post)
	outlook, err := openLookout(config, n.Decoder, roots)
	if err != nil {
		return err
	}
	n.outlook = outlook
	exchanges, err := openExchanges(config, n.Law, outlook)
	if err != nil {
		return err
	}
	n.Lists.FetchFrom(exchanges)
	n.Intake.AskAt(exchanges)
	n.Notices = notices.New(notices.Options{
		Ledger: n.Ledger, Store: n.Store, Post: n.Post, Law: n.Law, Profile: "notices/voluntary", ContactPoint: o.ContactPoint, Lookout: outlook,
	})
	n.Orders = orders.New(orders.Options{
		Lookout: outlook, Held: n.Notices.Held,
		Ledger: n.Ledger, Store: n.Store, Post: n.Post, Law: n.Law,
		Profiles: map[law.OrderKind]string{law.OrderRemoval: "orders/removal", law.OrderDelisting: "orders/delisting", law.OrderBlocking: "orders/blocking"},
		Self:     order.Provider{Name: o.Name, LegalRep: o.LegalRep, ContactPoint: o.ContactPoint, ContactInfo: o.ContactInfo},
		Centre: func(tx *store.Tx) (string, error) {
			id, _, err := n.recipient(tx)
			return id, err
		},
	})
	tipline, err := n.openCyberTipline(config.CyberTipline, outlook)
	if err != nil {
		return err
	}
	n.Reports = reports.New(reports.Options{
		Received: n.Routing.Begin,
		Ledger:   n.Ledger, Post: n.Post, Law: n.Law, Form: form, Review: review,
		Provider:  report.Provider{Name: o.Name, LegalRep: o.LegalRep, ContactPoint: o.ContactPoint, ContactInfo: o.ContactInfo},
		Redress:   o.Redress,
		Recipient: n.recipient,
	})
	n.Reports.ReportTo(tipline)
	return nil
}

// openLookout returns nil where no proxy is configured.
func openLookout(config Config, decoder *media.Service, roots *x509.CertPool) (*lookout.Lookout, error) {
	if config.Egress.Proxy == "" {
		return nil, nil
	}
	proxy, err := url.Parse(config.Egress.Proxy)
	if err != nil {
		return nil, err
	}
	if user := os.Getenv("BRDO_PROXY_USER"); user != "" {
		proxy.User = url.UserPassword(user, os.Getenv("BRDO_PROXY_PASSWORD"))
	}
	return lookout.New(lookout.Options{Proxy: proxy, Decoder: decoder, Ports: config.Egress.Ports, Roots: roots})
}

func loadPlaces(path string) (routing.Places, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, problem.InvalidField("places", "the file cannot be read", "name a table of addresses, or leave it out").Because(err)
	}
	defer file.Close()
	places, err := routing.ReadPlaces(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return places, nil
}

// recipient finds the Centre among the peers by its name.
func (n *Node) recipient(tx *store.Tx) (string, mandate.OrganisationKind, error) {
	rows, err := tx.Peers()
	if err != nil {
		return "", "", err
	}
	for _, row := range rows {
		node, err := peer.ParseNode(row.Document)
		if err != nil {
			return "", "", err
		}
		if node.Name == n.Config.Centre {
			return node.NodeID, node.Organisation, nil
		}
	}
	return "", "", &problem.Error{Kind: problem.Unavailable, Field: "centre", Reason: "no Centre is registered with this node, so a report has no recipient", Remedy: "the operator sets centre in the configuration and registers the Centre's description"}
}

func (n *Node) assembleFaces(config Config, options Options, directory *identity.Directory, secure bool) error {
	n.doors = map[string]*door.Door{}
	for name, d := range config.Doors.byName() {
		n.doors[name] = door.New(door.Limit(d), time.Now)
	}
	pages, err := web.New(web.Options{
		Name: config.Organisation.Name, Kind: config.Organisation.Kind, Identity: n.Identity, Ledger: n.Ledger,
		Sessions: identity.Sessions{Store: n.Store, Now: options.Now}, Secure: secure, Demo: options.Demo, Log: n.log, Directory: directory,
		Cookie:   "brdo-" + strings.ReplaceAll(config.Organisation.ID, ".", "-"),
		Desks:    web.Desks{Lists: n.Lists, Intake: n.Intake, Triage: n.Triage, Reports: n.Reports, Routing: n.Routing, Orders: n.Orders, Notices: n.Notices, Statistics: n.Statistics, Journey: n.Journey, Alarms: n.Alarms, Post: n.Post},
		Overview: options.Journeys,
		Door:     n.doors[doorPages],
		Banners:  func(context.Context) []web.Banner { return n.banners(options.Demo) },
	})
	if err != nil {
		return err
	}
	limits := map[string]api.Limit{}
	for _, source := range config.Detection.Sources {
		limits[source.Name] = api.Limit(source.Limit)
	}
	machines := api.New(api.Options{
		Identity: n.Identity, Lists: n.Lists, Intake: n.Intake, Reports: n.Reports, Ledger: n.Ledger, MaxBytes: config.Media.MaxBytes, Log: n.log,
		Folder: config.Data, Limits: limits, Door: n.doors[doorAPI], HMA: n.hma(config.HMA),
	})
	n.machines = machines
	mux := http.NewServeMux()
	if config.Role.is(RoleAPI) {
		mux.Handle("/v1/", machines)
		mux.Handle("/openapi.json", machines)
		mux.Handle("/docs", machines)
		if config.HMA.Enabled {
			mux.Handle(api.HMAPath, machines)
		}
		n.servePeers(mux)
	}
	mux.Handle("GET /healthz", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }))
	mux.Handle("GET /readyz", http.HandlerFunc(n.ready))
	if config.Role.is(RoleWeb) {
		mux.Handle("/", pages)
	}
	n.handler = guarded(mux, n.log)
	return nil
}

// hma is how the routes of Hasher-Matcher-Actioner are served; nil when they are not.
func (n *Node) hma(config HMA) *api.HMA {
	switch {
	case !config.Enabled:
		return nil
	case len(config.FetchHosts) == 0:
		return &api.HMA{}
	}
	return &api.HMA{Fetch: func(ctx context.Context, address string, take func(string, io.Reader) error) error {
		return n.outlook.Fetch(ctx, address, config.FetchHosts, take)
	}}
}

// readingPeer is how long a request of another node may take to come: its sender
// does not wait longer.
const readingPeer = 30 * time.Second

// servePeers adds what other organisations' nodes ask for, behind their door. An
// envelope's own word on its urgency counts, and is known when it was read; of
// the rest nothing is urgent.
func (n *Node) servePeers(mux *http.ServeMux) {
	problems := n.machines.Problem
	guard := door.Guard{Urgent: door.SaysUrgent, Reading: readingPeer, Problem: problems}
	mux.Handle(peer.Path, n.doors[doorPeers].Behind(n.Post.Handler(problems), guard))
	guard.AtOnce, guard.Urgent = true, func(*http.Request) bool { return false }
	for pattern, handler := range map[string]http.Handler{
		"POST " + peer.ItemsPath + "{item}": n.Post.ItemsHandler(n.Content, problems),
		"GET " + peer.RegistryPath:          n.Post.RegistryHandler(),
		"GET " + peer.GrowthPath:            n.Post.GrowthHandler(problems),
		"POST " + peer.NodePath:             n.Post.NodeHandler(problems),
		"GET " + peer.NodePath:              http.HandlerFunc(n.describe),
		"GET /peer/v1/checkpoint":           http.HandlerFunc(n.checkpoint),
	} {
		mux.Handle(pattern, n.doors[doorPeers].Behind(handler, guard))
	}
}

func (n *Node) banners(demo bool) []web.Banner {
	var all []web.Banner
	if demo {
		all = append(all, web.Banner{Text: "Demonstration: every picture here is a generated pattern or landscape, and nothing has a legal meaning."})
	}
	if state := n.Decoder.State(); !state.Sandboxed {
		all = append(all, web.Banner{Text: "Pictures are decoded without the sandbox: " + state.Missing, Bad: true})
	}
	for _, basis := range n.Intake.Bases() {
		switch {
		case basis.Stopped != "":
			all = append(all, web.Banner{Text: "Detection at " + basis.Source + " has stopped: " + basis.Stopped, Bad: true})
		case len(basis.Warnings) > 0:
			last := basis.Warnings[len(basis.Warnings)-1]
			all = append(all, web.Banner{
				Text: fmt.Sprintf("The legal basis of %s ends on %s, in less than %d days; detection stops by itself then.", basis.Source, last.Until.Format(time.DateOnly), last.Days+1),
			})
		}
	}
	return all
}

// describe is the node's public description, for other organisations.
func (n *Node) describe(w http.ResponseWriter, _ *http.Request) {
	document, err := n.Post.Self().Document()
	if err != nil {
		http.Error(w, "the description cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document)
}

// checkpoint is the latest signed head of the log; it is public, and whoever
// keeps it can prove later that history was not rewritten.
func (n *Node) checkpoint(w http.ResponseWriter, r *http.Request) {
	note, err := n.Ledger.Checkpoint(r.Context())
	if err != nil {
		http.Error(w, "the checkpoint cannot be read", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, note)
}

func (n *Node) ready(w http.ResponseWriter, r *http.Request) {
	if err := n.Store.Ping(r.Context()); err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ready\n")
}

// Handler serves everything that the node serves.
func (n *Node) Handler() http.Handler { return n.handler }

func (n *Node) server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(withoutClients{n.log}, "", 0),
	}
}

// Run does what the process' role is, until ctx ends: it serves on the listener,
// and the figures on their own address, and works off jobs and clocks.
func (n *Node) Run(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server, figures := n.server(n.handler), n.server(n.Metrics())
	served := make(chan error, 2)
	if address := n.Config.Metrics.Listen; address != "" {
		apart, err := net.Listen("tcp", address)
		if err != nil {
			return errors.Join(problem.InvalidField("metrics.listen", "the address cannot be listened on: "+reason(err), "name a free port of this machine").Because(err), listener.Close())
		}
		go func() { served <- figures.Serve(apart) }()
	}
	if err := errors.Join(n.Post.Begin(ctx), n.Lists.Begin(ctx), n.Intake.Begin(ctx)); err != nil {
		return err
	}
	lock, err := n.takeOver(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	failed := make(chan error, 4)
	begin := func(work func(context.Context) error) { go func() { failed <- work(ctx) }() }
	begin(n.Ledger.Run)
	begin(n.follow)
	begin(n.keepIndex)
	running := 3
	if n.Config.Role.is(RoleWorker) {
		begin(n.runner.Run)
		running++
	}
	go func() {
		if n.Config.TLS.Certificate != "" {
			served <- server.ServeTLS(listener, n.Config.TLS.Certificate, n.Config.TLS.Key)
			return
		}
		served <- server.Serve(listener)
	}()
	select {
	case <-ctx.Done():
	case err = <-served:
	case err = <-failed:
		running--
	}
	cancel()
	stop, release := context.WithTimeout(context.Background(), shutdownTime)
	defer release()
	err = errors.Join(err, server.Shutdown(stop), figures.Shutdown(stop))
	for range running {
		err = errors.Join(err, <-failed)
	}
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// takeOver ends the leases of workers that died, when this process can know that
// they did: it is then the only one that works on the embedded database, until it
// gives the lock back. Otherwise leases end by themselves.
func (n *Node) takeOver(ctx context.Context) (lock io.Closer, err error) {
	if !n.Config.Role.is(RoleWorker) || n.Store.Dialect() != store.SQLite {
		return io.NopCloser(nil), nil
	}
	file, alone, err := lockAlone(filepath.Join(n.Config.Data, workersLock))
	if err != nil || !alone {
		return io.NopCloser(nil), err
	}
	err = n.Store.WriteShared(ctx, func(tx *store.Tx) error { return tx.EndLeases() })
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// follow does what the node has to do from time to time: see what other
// processes changed in the lists, and forget what has ended.
func (n *Node) follow(ctx context.Context) error {
	// What people stop or narrow in a list counts in all processes within a second.
	halfSecond, minute, hour := time.NewTicker(time.Second/2), time.NewTicker(time.Minute), time.NewTicker(time.Hour)
	defer halfSecond.Stop()
	defer minute.Stop()
	defer hour.Stop()
	sessions := identity.Sessions{Store: n.Store, Now: n.Ledger.Now}
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-halfSecond.C:
			err = errors.Join(n.Lists.Load(ctx), n.watchBases(ctx))
		case <-minute.C:
			// What has ended is gone, also when the clock is set back later.
			err = sessions.Sweep(ctx)
		case <-hour.C:
			err = n.Store.WriteShared(ctx, func(tx *store.Tx) error {
				_, err := tx.DeleteDoneJobs(n.Ledger.Now().AddDate(0, 0, -7))
				return errors.Join(err, tx.DeleteAnswersBefore(n.Ledger.Now().AddDate(0, 0, -2)), tx.DeleteEntryHitsBefore(n.Ledger.Now().Add(-n.Config.Detection.Flood.Window)))
			})
		}
		if err != nil && ctx.Err() == nil {
			n.log.ErrorContext(ctx, "housekeeping failed", "error", err)
		}
	}
}

// watchBases stops detection where its legal basis has ended, and says so.
func (n *Node) watchBases(ctx context.Context) error {
	ended, err := n.Intake.Watch(ctx)
	for _, basis := range ended {
		n.log.WarnContext(ctx, "detection has stopped", "source", basis.Source, "legal_basis", basis.Basis.Ref().String(), "until", basis.Basis.Until)
	}
	return err
}

// Drain works off all jobs that are due, in the caller's goroutine; for tests
// and for commands that do not serve.
func (n *Node) Drain(ctx context.Context) error { return n.runner.Drain(ctx) }

// Close ends everything that Open began, in the reverse order.
func (n *Node) Close() error {
	var all error
	for i := len(n.close) - 1; i >= 0; i-- {
		all = errors.Join(all, n.close[i]())
	}
	n.close = nil
	return all
}
