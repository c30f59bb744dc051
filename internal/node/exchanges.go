package node

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/lookout"
	"github.com/brdoproject/brdo/internal/store"
)

// ListExchange is an exchange that lists can follow. Its credentials are never in the
// configuration: they come from a file or from the environment, see
// [exchange.VariableOf].
type ListExchange struct {
	// Name is in small letters, digits and hyphens.
	Name string        `yaml:"name"`
	Kind exchange.Kind `yaml:"kind"`
	// URL is its address, https; Path is a file or a folder in place of it.
	URL             string `yaml:"url"`
	Path            string `yaml:"path"`
	CredentialsFile string `yaml:"credentials_file"`
	// LegalBasis is a profile; outside its dates nothing is fetched.
	LegalBasis   law.Ref `yaml:"legal_basis"`
	Verification string  `yaml:"verification"`
	// Every is the pause between two rounds, StaleAfter how long none may succeed
	// before people are told.
	Every      time.Duration `yaml:"every"`
	StaleAfter time.Duration `yaml:"stale_after"`
	// Since is the beginning of what NCMEC is asked for.
	Since time.Time `yaml:"since"`
	// Group is the privacy group of ThreatExchange.
	Group string `yaml:"group"`
	// Format of a file is plain, csv, jsonl or vics; empty to recognise it. Digest64 says
	// what 64 digits are that the file gives no name: sha256 or pdq.
	Format   hashlist.Format `yaml:"format"`
	Digest64 string          `yaml:"digest_64"`
	// MayShrink is the share of the records that may go at once when all are read anew.
	MayShrink float64 `yaml:"may_shrink"`
	// Votes: people here may tell the exchange what they found of its entries; NCMEC only.
	Votes bool `yaml:"votes"`
	// Sources are those whose uploads Shield is asked about; Sends is hashes, or media for the
	// files themselves.
	Sources []string `yaml:"sources"`
	Sends   string   `yaml:"sends"`
	// PerMinute is how many questions Shield is sent in a minute; HoldFor how long an upload
	// waits for the answer, and MostWaiting how many do.
	PerMinute   int           `yaml:"per_minute"`
	HoldFor     time.Duration `yaml:"hold_for"`
	MostWaiting int64         `yaml:"most_waiting"`
}

// Defaults of a [ListExchange].
const (
	defaultEvery      = 15 * time.Minute
	defaultStaleAfter = 24 * time.Hour
	defaultMayShrink  = 0.1
	leastEvery        = time.Minute
	defaultPerMinute  = 60
	mostPerMinute     = 6000
	defaultHoldFor    = 72 * time.Hour
	longestHold       = 30 * 24 * time.Hour
	defaultWaiting    = 10_000
	sendsHashes       = "hashes"
	sendsMedia        = "media"
)

// firstEntries is before the first entries of every exchange.
var firstEntries = time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC)

var isExchangeName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

func (x ListExchange) filled() ListExchange {
	x.Every, x.StaleAfter = cmp.Or(x.Every, defaultEvery), cmp.Or(x.StaleAfter, defaultStaleAfter)
	x.MayShrink = cmp.Or(x.MayShrink, defaultMayShrink)
	x.Sends, x.PerMinute = cmp.Or(x.Sends, sendsHashes), cmp.Or(x.PerMinute, defaultPerMinute)
	x.HoldFor, x.MostWaiting = cmp.Or(x.HoldFor, defaultHoldFor), cmp.Or(x.MostWaiting, defaultWaiting)
	if x.Since.IsZero() {
		x.Since = firstEntries
	}
	return x
}

// checkExchanges reports what is wrong.
func (c Config) checkExchanges() error {
	seen := map[string]bool{}
	for i, x := range c.ListExchanges {
		x = x.filled()
		at := fmt.Sprintf("list_exchanges[%d]", i)
		switch {
		case !isExchangeName.MatchString(x.Name) || seen[x.Name]:
			return problem.InvalidField(at+".name", "it is not of small letters, digits and hyphens, or used twice", "give each exchange its own name, for example ncmec-industry")
		case !slices.Contains(lists.Verifications, x.Verification):
			return problem.InvalidField(at+".verification", "there is no such level", "use self-reported, single, double or triple")
		case x.LegalBasis.IsZero():
			return problem.InvalidField(at+".legal_basis", "it is missing", "every exchange names its legal basis; see law/legal-basis")
		case x.Every < leastEvery || x.StaleAfter < x.Every:
			return problem.InvalidField(at+".every", "it is shorter than a minute, or longer than stale_after", "give times such as 15m and 24h, or leave them out")
		case x.MayShrink < 0 || x.MayShrink > 1:
			return problem.InvalidField(at+".may_shrink", "it is no share", "give a number from 0 to 1, for example 0.1")
		case x.Votes && x.Kind != exchange.NCMEC:
			return problem.InvalidField(at+".votes", "exchanges of this kind take none", "leave it out")
		case x.CredentialsFile != "" && !filepath.IsAbs(x.CredentialsFile):
			return problem.InvalidField(at+".credentials_file", "it is no absolute path", "name the file from the root")
		}
		if err := x.checkAsking(at, c.Detection.Sources); err != nil {
			return err
		}
		if err := x.checkSource(at, c.Egress); err != nil {
			return err
		}
		seen[x.Name] = true
	}
	return nil
}

// checkAsking reports what is wrong with what is looked up.
func (x ListExchange) checkAsking(at string, sources []Source) error {
	if x.Kind != exchange.ArachnidShield {
		if len(x.Sources) > 0 {
			return problem.InvalidField(at+".sources", "exchanges of this kind are asked about no uploads", "leave it out")
		}
		return nil
	}
	if len(x.Sources) == 0 {
		return problem.InvalidField(at+".sources", "it is empty", "name the sources whose uploads it is asked about; there is no 'all'")
	}
	for _, name := range x.Sources {
		if !slices.ContainsFunc(sources, func(s Source) bool { return s.Name == name }) {
			return problem.InvalidField(at+".sources", "there is no source "+name, "name sources of detection.sources")
		}
	}
	switch {
	case x.Sends != sendsHashes && x.Sends != sendsMedia:
		return problem.InvalidField(at+".sends", "it is neither hashes nor media", "send hashes, unless you may send the files themselves to others")
	case x.PerMinute < 1 || x.PerMinute > mostPerMinute:
		return problem.InvalidField(at+".per_minute", fmt.Sprintf("it is not from 1 to %d", mostPerMinute), "60 is usual")
	case x.HoldFor < time.Minute || x.HoldFor > longestHold || x.HoldFor < x.StaleAfter:
		return problem.InvalidField(at+".hold_for", "it is shorter than a minute or than stale_after, or longer than 30 days", "72h is usual")
	case x.MostWaiting < 1:
		return problem.InvalidField(at+".most_waiting", "it is less than one", "10000 is usual")
	}
	return nil
}

func (x ListExchange) checkSource(at string, egress Egress) error {
	switch x.Kind {
	case exchange.NCMEC, exchange.StopNCII, exchange.ArachnidShield:
	case exchange.ThreatExchange:
		if err := exchange.CheckGroup(x.Group); err != nil {
			return problem.InvalidField(at+".group", problem.From(err).Reason, problem.From(err).Remedy)
		}
	case exchange.File:
		if _, err := x.kind64(); err != nil {
			return problem.InvalidField(at+".digest_64", "there is no such digest of 64 digits", "use sha256 or pdq")
		}
		if !slices.Contains([]hashlist.Format{hashlist.Auto, hashlist.Plain, hashlist.CSV, hashlist.JSONLines, hashlist.VICS}, x.Format) {
			return problem.InvalidField(at+".format", "there is no such format", "use plain, csv, jsonl or vics, or leave it out")
		}
		if x.Path != "" {
			if x.URL != "" || !filepath.IsAbs(x.Path) {
				return problem.InvalidField(at+".path", "it is no absolute path, or stands beside an address", "name one of the two")
			}
			return nil
		}
	default:
		return problem.InvalidField(at+".kind", "there is no such kind", "use ncmec, threatexchange, stopncii, file or arachnid-shield")
	}
	u, err := lookout.Rules{Ports: egress.Ports}.Check(x.URL)
	switch {
	case err != nil:
		return problem.InvalidField(at+".url", problem.From(err).Reason, "give the public address of the exchange")
	case u.Scheme != "https" || (u.RawQuery != "" && x.Kind != exchange.File):
		return problem.InvalidField(at+".url", "it does not begin with https://, or has a query", "give the address as those who run the exchange name it")
	case egress.Proxy == "":
		return problem.InvalidField(at+".url", "the node has no proxy to fetch through", "set egress.proxy")
	}
	return nil
}

// openExchanges makes the sources of what is configured. through is nil without a proxy.
func openExchanges(config Config, library *law.Library, through *lookout.Lookout) ([]exchange.Exchange, error) {
	var all []exchange.Exchange
	for i, x := range config.ListExchanges {
		x = x.filled()
		basis, err := library.LegalBasis(x.LegalBasis)
		if err != nil {
			return nil, problem.InvalidField(fmt.Sprintf("list_exchanges[%d].legal_basis", i), "there is no such profile", "see law/legal-basis").Because(err)
		}
		e := x.named()
		e.Basis, e.Verification = basis, x.Verification
		if x.Kind == exchange.ArachnidShield {
			e.Shield = &exchange.Shield{Base: x.URL, Credentials: x.credentials(), Through: through}
			e.Asking = exchange.Asking{Sources: x.Sources, Media: x.Sends == sendsMedia, PerMinute: x.PerMinute, HoldFor: x.HoldFor, MostWaiting: x.MostWaiting}
			if err := x.covered(basis, config.Detection.Sources); err != nil {
				return nil, problem.InvalidField(fmt.Sprintf("list_exchanges[%d].legal_basis", i), problem.From(err).Reason, "name a legal basis for telling others of uploads to such a service, or leave the source out")
			}
		} else {
			e.Source = x.source(through, config.Data)
		}
		all = append(all, e)
	}
	return all, nil
}

// covered checks that the legal basis is one for the services of all sources: one for hosting
// lets nothing of private messages go.
func (x ListExchange) covered(basis *law.LegalBasis, sources []Source) error {
	for _, s := range sources {
		if slices.Contains(x.Sources, s.Name) && !basis.Covers(s.Service) {
			return problem.Newf(problem.Denied, "it does not cover %s, which the source %s is", s.Service, s.Name)
		}
	}
	return nil
}

// named is the exchange without its source, to ask how it stands.
func (x ListExchange) named() exchange.Exchange {
	x = x.filled()
	return exchange.Exchange{Name: x.Name, Kind: x.Kind, Every: x.Every, StaleAfter: x.StaleAfter, MayShrink: x.MayShrink, Votes: x.Votes}
}

// credentials are where its credentials are.
func (x ListExchange) credentials() exchange.Credentials {
	return exchange.Credentials{File: x.CredentialsFile, Variable: exchange.VariableOf(x.Name)}
}

// kind64 is what 64 digits without a name are.
func (x ListExchange) kind64() (hashlist.Kind, error) {
	switch x.Digest64 {
	case "", "sha256":
		return hashlist.SHA256, nil
	case "pdq":
		return hashlist.PDQ, nil
	}
	return 0, problem.InvalidField("digest_64", "there is no such digest of 64 digits", "use sha256 or pdq")
}

// source makes where it is read from; spool is a folder for files while they are read.
func (x ListExchange) source(through *lookout.Lookout, spool string) exchange.Source {
	switch x.Kind {
	case exchange.ThreatExchange:
		return &exchange.ThreatExchangeSource{Base: x.URL, Group: x.Group, Credentials: x.credentials(), Through: through}
	case exchange.StopNCII:
		return &exchange.StopNCIISource{Base: x.URL, Credentials: x.credentials(), Through: through}
	case exchange.File:
		kind, _ := x.kind64() // the configuration was checked
		return &exchange.FileSource{
			URL: x.URL, Path: x.Path, Format: x.Format, Kind64: kind, Credentials: x.credentials(), Through: through, Spool: spool, MaxBytes: exchange.DefaultMaxFile,
		}
	}
	return &exchange.NCMECSource{Base: x.URL, Credentials: x.credentials(), Since: x.Since, Through: through}
}

// exchanges says how lists stand that are fetched.
func (e *examination) exchanges(tx *store.Tx) error {
	for _, x := range e.config.ListExchanges {
		what := "exchange " + x.Name
		at, err := lists.Standing(tx, x.named(), e.now)
		if err != nil {
			return err
		}
		secret, missing := x.credentials().Read()
		switch {
		case missing != nil || (x.needsCredentials() && len(secret.Reveal()) == 0):
			e.add(Ill, what, "write them into credentials_file, or set "+exchange.VariableOf(x.Name), "its credentials are missing, or others may read them")
		case at.List.ID == "":
			e.add(Warning, what, "let a list manager make a list that follows exchange/"+x.Name, "no list follows it")
		case at.Problem != "":
			e.add(map[bool]Health{true: Ill, false: Warning}[at.Stale], what, at.Remedy, "%d rounds failed, the last because %s", at.Failures, at.Problem)
		case at.Stale:
			e.add(Ill, what, "check that a worker runs", "it was not asked for longer than %s", at.StaleAfter)
		default:
			e.add(Well, what, "", "%d entries; complete up to %s", at.Active, at.UpTo.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

func (x ListExchange) needsCredentials() bool { return x.Kind != exchange.File }
