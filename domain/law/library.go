package law

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/strictjson"
)

// MaxProfileBytes is the largest profile file that is read.
const MaxProfileBytes = 1 << 20

const maxProfiles = 10_000

// Library holds every version of every profile. It is read-only after Load and
// safe for use by many goroutines; what it returns must not be changed.
type Library struct {
	forms    map[Ref]*ReportForm
	schemes  map[Ref]*Scheme
	mappings map[Ref]*Mapping
	reviews  map[Ref]*Review
	bases    map[Ref]*LegalBasis
	routings map[Ref]*Routing
	orders   map[Ref]*OrderForm
	notices  map[Ref]*NoticeForm
	holds    map[Ref]*HoldRules
	figures  map[Ref]*Statistics
	tips     map[Ref]*CyberTip
}

// Load reads every .json file below the root of files. The first error stops
// it and names the file and the key; a node must not start on half a law.
func Load(files fs.FS) (*Library, error) {
	library := &Library{
		forms: map[Ref]*ReportForm{}, schemes: map[Ref]*Scheme{}, mappings: map[Ref]*Mapping{},
		reviews: map[Ref]*Review{}, bases: map[Ref]*LegalBasis{}, routings: map[Ref]*Routing{},
		orders: map[Ref]*OrderForm{}, notices: map[Ref]*NoticeForm{}, holds: map[Ref]*HoldRules{}, figures: map[Ref]*Statistics{},
		tips: map[Ref]*CyberTip{},
	}
	origins := map[origin]string{}
	count := 0
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("walking the profiles: %w", err)
		}
		if entry.IsDir() || path.Ext(name) != ".json" {
			return nil
		}
		if count++; count > maxProfiles {
			return problem.New(problem.Invalid, fmt.Sprintf("there are more than %d profiles", maxProfiles), "")
		}
		info, err := entry.Info()
		if err != nil {
			return fmt.Errorf("reading the profile %s: %w", name, err)
		}
		if info.Size() > MaxProfileBytes {
			return problem.InvalidField(name, fmt.Sprintf("is larger than %d bytes", MaxProfileBytes), "")
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("reading the profile %s: %w", name, err)
		}
		profile, err := Parse(data)
		if err != nil {
			return at(name, err)
		}
		from := originOf(profile)
		if other, taken := origins[from]; taken {
			return problem.InvalidField(name+": version", fmt.Sprintf("the same profile and version is in %s", other), "give the new version the next number")
		}
		origins[from] = name
		library.add(profile)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := library.link(origins); err != nil {
		return nil, err
	}
	return library, nil
}

// origin identifies a profile version, to find the file that it came from.
type origin struct {
	kind Kind
	ref  Ref
}

func originOf(profile Parsed) origin { return origin{profile.head().Kind, profile.head().Ref()} }

// at puts the name of the file before the key of a problem.
func at(name string, err error) error {
	found := *problem.From(err)
	if found.Field == "" {
		found.Field = name
	} else {
		found.Field = name + ": " + found.Field
	}
	return &found
}

// Parsed is one profile of whichever kind.
type Parsed interface {
	head() Profile
	validate() error
}

func (p Profile) head() Profile { return p }

// Parse reads one profile. Its result is a *ReportForm, *Scheme, *Mapping,
// *Review, *LegalBasis, *Routing, *OrderForm, *NoticeForm, *HoldRules, *Statistics or
// *CyberTip. Every error is a problem of kind Invalid that names the key.
func Parse(data []byte) (Parsed, error) {
	if len(data) > MaxProfileBytes {
		return nil, problem.New(problem.Invalid, fmt.Sprintf("the profile is larger than %d bytes", MaxProfileBytes), "")
	}
	var probe struct {
		Kind Kind `json:"kind"`
	}
	if err := json.Unmarshal(data, &probe); err != nil {
		return nil, problem.New(problem.Invalid, "is not a JSON object with a kind", "begin with \"kind\"").Because(err)
	}
	var profile Parsed
	switch probe.Kind {
	case KindReportForm:
		profile = &ReportForm{}
	case KindScheme:
		profile = &Scheme{}
	case KindMapping:
		profile = &Mapping{}
	case KindReview:
		profile = &Review{}
	case KindLegalBasis:
		profile = &LegalBasis{}
	case KindRouting:
		profile = &Routing{}
	case KindOrderForm:
		profile = &OrderForm{}
	case KindNoticeForm:
		profile = &NoticeForm{}
	case KindHoldRules:
		profile = &HoldRules{}
	case KindStatistics:
		profile = &Statistics{}
	case KindCyberTip:
		profile = &CyberTip{}
	default:
		return nil, problem.InvalidField("kind", fmt.Sprintf("%q is not known", probe.Kind), "use report-form, scheme, mapping, review, legal-basis, routing, order-form, notice-form, hold-rules, statistics or cybertip")
	}
	if err := strictjson.Decode(data, MaxProfileBytes, profile); err != nil {
		return nil, err
	}
	if err := profile.head().check(); err != nil {
		return nil, err
	}
	if err := profile.validate(); err != nil {
		return nil, err
	}
	return profile, nil
}

func (l *Library) add(profile Parsed) {
	ref := profile.head().Ref()
	switch p := profile.(type) {
	case *ReportForm:
		l.forms[ref] = p
	case *Scheme:
		l.schemes[ref] = p
	case *Mapping:
		l.mappings[ref] = p
	case *Review:
		l.reviews[ref] = p
	case *LegalBasis:
		l.bases[ref] = p
	case *Routing:
		l.routings[ref] = p
	case *OrderForm:
		l.orders[ref] = p
	case *NoticeForm:
		l.notices[ref] = p
	case *HoldRules:
		l.holds[ref] = p
	case *Statistics:
		l.figures[ref] = p
	case *CyberTip:
		l.tips[ref] = p
	}
}

// link checks what one profile says of another.
func (l *Library) link(origins map[origin]string) error {
	for _, ref := range sorted(l.mappings) {
		name := origins[originOf(l.mappings[ref])]
		scheme, known := l.schemes[l.mappings[ref].Scheme]
		if !known {
			return problem.InvalidField(name+": scheme", fmt.Sprintf("%s is in no file", l.mappings[ref].Scheme), "")
		}
		if err := l.mappings[ref].against(scheme); err != nil {
			return at(name, err)
		}
	}
	for _, ref := range sorted(l.reviews) {
		review, name := l.reviews[ref], origins[originOf(l.reviews[ref])]
		for _, id := range slices.Sorted(maps.Keys(review.Keys)) {
			if _, set := review.RequiredLevel[id]; !set {
				return problem.InvalidField(name+": required_level."+id, "is missing although the scheme has keys", "")
			}
		}
		for _, id := range slices.Sorted(maps.Keys(review.RequiredLevel)) {
			scheme, err := l.LatestScheme(id)
			if err != nil {
				return problem.InvalidField(name+": required_level."+id, "names a scheme that is in no file", "")
			}
			if err := review.against(scheme); err != nil {
				return at(name, err)
			}
		}
	}
	return nil
}

// ReportForm returns that version of a report form, or a NotFound problem.
func (l *Library) ReportForm(ref Ref) (*ReportForm, error) { return find(l.forms, KindReportForm, ref) }

// Scheme returns that version of a labelling scheme, or a NotFound problem.
func (l *Library) Scheme(ref Ref) (*Scheme, error) { return find(l.schemes, KindScheme, ref) }

// Mapping returns that version of a mapping table, or a NotFound problem.
func (l *Library) Mapping(ref Ref) (*Mapping, error) { return find(l.mappings, KindMapping, ref) }

// Review returns that version of the review rules, or a NotFound problem.
func (l *Library) Review(ref Ref) (*Review, error) { return find(l.reviews, KindReview, ref) }

// LegalBasis returns that version of a legal basis, or a NotFound problem.
func (l *Library) LegalBasis(ref Ref) (*LegalBasis, error) { return find(l.bases, KindLegalBasis, ref) }

// Routing returns that version of the rules of routing, or a NotFound problem.
func (l *Library) Routing(ref Ref) (*Routing, error) { return find(l.routings, KindRouting, ref) }

// OrderForm returns that version of an order form, or a NotFound problem.
func (l *Library) OrderForm(ref Ref) (*OrderForm, error) { return find(l.orders, KindOrderForm, ref) }

// NoticeForm returns that version of a notice form, or a NotFound problem.
func (l *Library) NoticeForm(ref Ref) (*NoticeForm, error) {
	return find(l.notices, KindNoticeForm, ref)
}

// HoldRules returns that version of the rules of holds, or a NotFound problem.
func (l *Library) HoldRules(ref Ref) (*HoldRules, error) { return find(l.holds, KindHoldRules, ref) }

// CyberTip returns that version of the rules of reports to the CyberTipline, or a NotFound
// problem.
func (l *Library) CyberTip(ref Ref) (*CyberTip, error) { return find(l.tips, KindCyberTip, ref) }

// LatestReportForm returns the newest version, for what begins now.
func (l *Library) LatestReportForm(id string) (*ReportForm, error) {
	return latest(l.forms, KindReportForm, id)
}

// LatestScheme returns the newest version, for what begins now.
func (l *Library) LatestScheme(id string) (*Scheme, error) { return latest(l.schemes, KindScheme, id) }

// LatestReview returns the newest version, for what begins now.
func (l *Library) LatestReview(id string) (*Review, error) { return latest(l.reviews, KindReview, id) }

// LatestLegalBasis returns the newest version, for what begins now.
func (l *Library) LatestLegalBasis(id string) (*LegalBasis, error) {
	return latest(l.bases, KindLegalBasis, id)
}

// LatestOrderForm returns the newest version, for what begins now.
func (l *Library) LatestOrderForm(id string) (*OrderForm, error) {
	return latest(l.orders, KindOrderForm, id)
}

// LatestNoticeForm returns the newest version, for what begins now.
func (l *Library) LatestNoticeForm(id string) (*NoticeForm, error) {
	return latest(l.notices, KindNoticeForm, id)
}

// LatestHoldRules returns the newest version, for what begins now.
func (l *Library) LatestHoldRules(id string) (*HoldRules, error) {
	return latest(l.holds, KindHoldRules, id)
}

// LatestStatistics returns the newest version, for what is published now.
func (l *Library) LatestStatistics(id string) (*Statistics, error) {
	return latest(l.figures, KindStatistics, id)
}

// MappingsOf returns the tables that read that scheme, only the newest version
// of each, in order of their ids.
func (l *Library) MappingsOf(scheme Ref) []*Mapping {
	var tables []*Mapping
	for _, ref := range sorted(l.mappings) {
		if l.mappings[ref].Scheme != scheme {
			continue
		}
		if last := len(tables) - 1; last >= 0 && tables[last].ID == ref.ID {
			tables[last] = l.mappings[ref]
			continue
		}
		tables = append(tables, l.mappings[ref])
	}
	return tables
}

// LegalBases returns every version of every legal basis in order.
func (l *Library) LegalBases() []*LegalBasis {
	var bases []*LegalBasis
	for _, ref := range sorted(l.bases) {
		bases = append(bases, l.bases[ref])
	}
	return bases
}

func find[T any](shelf map[Ref]*T, kind Kind, ref Ref) (*T, error) {
	if profile, known := shelf[ref]; known {
		return profile, nil
	}
	return nil, problem.New(problem.NotFound, fmt.Sprintf("there is no %s %q", kind, ref), "check the id and version, or add the profile to the law folder")
}

func latest[T any](shelf map[Ref]*T, kind Kind, id string) (*T, error) {
	newest := Ref{ID: id}
	for ref := range shelf {
		if ref.ID == id && ref.Version > newest.Version {
			newest = ref
		}
	}
	return find(shelf, kind, newest)
}

func sorted[T any](shelf map[Ref]*T) []Ref {
	return slices.SortedFunc(maps.Keys(shelf), func(a, b Ref) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), cmp.Compare(a.Version, b.Version))
	})
}
