package web

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/report"
	"github.com/brdoproject/brdo/internal/desk/reports"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/store"
)

// How values are written on pages. Times are UTC and say so.

func clock(t time.Time) string { return t.UTC().Format("15:04") + " UTC" }
func day(t time.Time) string   { return t.UTC().Format(time.DateOnly) }
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }
func rfc(t time.Time) string   { return t.UTC().Format(time.RFC3339Nano) }

func number(n int64) string { return message.NewPrinter(language.English).Sprintf("%d", n) }

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

func bytesOf(size int64) string {
	switch {
	case size < 1<<10:
		return fmt.Sprintf("%d B", size)
	case size < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(size)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(size)/(1<<20))
}

// age says how long ago something was, coarsely.
func age(since, now time.Time) string {
	d := now.Sub(since)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours()/24))
}

// short is the beginning of a digest.
func short(digest string) string { return digest[:min(12, len(digest))] }

// shortRef is the kind and the last part of an identifier such as report/UUID.
func shortRef(id string) string {
	kind, rest, found := strings.Cut(id, "/")
	if !found {
		return short(id)
	}
	return kind + " " + rest[max(0, len(rest)-8):]
}

// tail is the last part of an identifier, where its kind is said already.
func tail(id string) string { return id[max(0, len(id)-8):] }

// sentence begins a text with a capital letter. A text that begins with the
// name of a field keeps it.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if word, _, _ := strings.Cut(text, " "); text == "" || strings.ContainsAny(word, "._:") {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:]
}

// pathOf is the page of an identifier: reports live under /reports, orders under
// /orders, notices under /notices.
func pathOf(id string) string {
	kind, rest, _ := strings.Cut(id, "/")
	switch kind {
	case "report", "list", "referral", "order", "notice", "hold":
		kind += "s"
	}
	return kind + "/" + rest
}

func shortIdentity(identity string) string {
	kind, digest, _ := strings.Cut(identity, ":")
	return kind + " " + short(digest)
}

// refsLine names several things by the last parts of their identifiers.
func refsLine(ids []string) string {
	var words []string
	for _, id := range ids {
		words = append(words, shortRef(id))
	}
	return joined(words)
}

func current(here bool) templ.Attributes {
	if here {
		return templ.Attributes{"aria-current": "page"}
	}
	return nil
}

func joined(words []string) string { return strings.Join(words, ", ") }

func rolesLine(roles []mandate.Role) string {
	var words []string
	for _, role := range roles {
		words = append(words, string(role))
	}
	return joined(words)
}

func scopesLine(scopes []mandate.Scope) string {
	var words []string
	for _, scope := range scopes {
		words = append(words, string(scope))
	}
	return joined(words)
}

func otherState(state string) string {
	if state == store.EntryActive {
		return store.EntryWithdrawn
	}
	return store.EntryActive
}

// tierFigures adds the waiting items of all states, by tier.
func tierFigures(figures []store.QueueFigure) []store.QueueFigure {
	sums := map[string]*store.QueueFigure{}
	for _, f := range figures {
		sum, found := sums[f.Tier]
		if !found {
			sums[f.Tier] = &store.QueueFigure{Tier: f.Tier, Waiting: f.Waiting, Oldest: f.Oldest}
			continue
		}
		sum.Waiting += f.Waiting
		if f.Oldest.Before(sum.Oldest) {
			sum.Oldest = f.Oldest
		}
	}
	var all []store.QueueFigure
	for _, sum := range sums {
		all = append(all, *sum)
	}
	slices.SortFunc(all, func(a, b store.QueueFigure) int { return cmp.Compare(a.Tier, b.Tier) })
	return all
}

// matchesOf are the hits of all sightings, each entry once.
func matchesOf(c triage.Card) []match.Match {
	var all []match.Match
	seen := map[string]bool{}
	for _, s := range c.Sightings {
		for _, m := range s.Matches {
			if !seen[m.Entry] {
				seen[m.Entry] = true
				all = append(all, m)
			}
		}
	}
	return all
}

// unreported says that some sighting of an item may not be in a report yet; a
// card lists only the latest ones.
func unreported(c triage.Card) bool {
	return !c.Received && (c.Count > int64(len(c.Sightings)) || slices.ContainsFunc(c.Sightings, func(s triage.Sighting) bool { return s.ReportedIn == "" }))
}

// looks reports whether the reader may ask for something of the item to be shown.
func looks(c triage.Card) bool { return (c.Mine || c.Case) && c.Content != store.ContentElsewhere }

// isFilm reports whether an item is a video, which is shown by its scenes.
func isFilm(c triage.Card) bool { return media.IsVideoType(c.MIME) }

// viewOf is where the page asks for something of the item.
func viewOf(c triage.Card) string {
	path := "/items/" + c.ID + "/view"
	if isFilm(c) {
		path += "?film"
	}
	return path
}

// opens reports whether the reader may have the item's content fetched.
func opens(c triage.Card) bool { return (c.Mine || c.Case) && c.Content == store.ContentElsewhere }

func personLine(p report.Person) string {
	var words []string
	for _, word := range []string{p.Username, p.Email, p.Phone, p.Other.UID, p.Other.Profile, p.Other.Mailing, p.Other.Billing} {
		if word != "" {
			words = append(words, word)
		}
	}
	words = append(words, p.Other.Emails...)
	words = append(words, p.Other.Phones...)
	return joined(words)
}

func addressLine(e report.IPEvent) string {
	line := e.IP
	if e.Port > 0 {
		line = fmt.Sprintf("%s port %d", e.IP, e.Port)
	}
	if !e.At.IsZero() {
		line += ", " + stamp(e.At)
	}
	if e.TZ != "" {
		line += " (" + e.TZ + ")"
	}
	return line
}

// hotkey is the number key of a label; empty when it has none.
func hotkey(keys []law.KeyBinding, fact law.Fact, label law.Label) string {
	for _, binding := range keys {
		if binding.Sets[fact.Key] == label.Key {
			return binding.Key
		}
	}
	return ""
}

func labelTitle(fact law.Fact, key string) string {
	if label, found := fact.Label(key); found {
		return label.Title
	}
	return "–"
}

func extraOf(r report.Report) string {
	for _, entry := range r.Form.Extra {
		return entry.Text
	}
	return ""
}

// section is a part of a report as pages show it, in the order of the form.
type section struct {
	Title string
	Given []sectionRow
	// Open are the fields that say nothing.
	Open []string
}

type sectionRow struct {
	Label string
	Lines []string
}

// sections are all fields of the form, those not given too.
func sections(r report.Report, form *law.ReportForm) []section {
	values := fieldLines(r.Form)
	titles := map[string]string{"S1": "1 · Provider", "S3": "3 · Date and signature", "heading": "Heading"}
	var all []section
	for _, field := range form.Fields {
		title := cmp.Or(titles[field.Item], "2 · Information on the potential abuse")
		if len(all) == 0 || all[len(all)-1].Title != title {
			all = append(all, section{Title: title})
		}
		label := field.Wording
		if titles[field.Item] == "" {
			label = field.Item + ". " + label
		}
		last := &all[len(all)-1]
		if given := values[field.Key]; len(given) > 0 {
			last.Given = append(last.Given, sectionRow{label, given})
		} else {
			last.Open = append(last.Open, label)
		}
	}
	// The heading is the form's last field, and the first line of its paper.
	if last := len(all) - 1; last > 0 && all[last].Title == titles["heading"] {
		all = slices.Insert(all[:last:last], 0, all[last])
	}
	return all
}

// fieldLines is what each filled field of a form says, by its key.
func fieldLines(f report.Form) map[string][]string {
	yes := func(answer *bool) []string {
		if answer == nil {
			return nil
		}
		if *answer {
			return []string{"yes"}
		}
		return []string{"no"}
	}
	values := map[string][]string{
		"provider.name": lines(f.Provider.Name), "provider.legal_rep": lines(f.Provider.LegalRep), "provider.contact_point": lines(f.Provider.ContactPoint),
		"provider.contact_info": lines(f.Provider.ContactInfo), "urgent": yes(f.Urgent), "types": lines(joined(f.Types)), "content": entryLines(f.Content),
		"other_data": entryLines(f.OtherData), "geo.ip_events": addresses(f.Geo.IPEvents), "geo.ip_events.port": lines(ports(f.Geo.IPEvents)), "geo.other": lines(f.Geo.Other),
		"users": people(f.Users), "service.type": lines(f.Service.Type), "service.info": lines(f.Service.Info), "service.url": lines(f.Service.URL),
		"awareness.channel": lines(strings.ReplaceAll(f.Awareness.Channel, "_", " ")), "awareness.details": lines(f.Awareness.Details),
		"third_country.reported": yes(f.ThirdCountry.Reported), "third_country.name": lines(f.ThirdCountry.Name), "third_country.ref": lines(f.ThirdCountry.Ref),
		"removed": yes(f.Removed), "user_decision.taken": yes(f.UserDecision.Taken), "user_decision.details": lines(f.UserDecision.Details), "victims": people(f.Victims),
		"extra": entryLines(f.Extra), "timestamp_token": lines(f.TimestampToken), "signature": lines(f.Signature.Method, f.Signature.KeyID), "legal_basis": lines(f.LegalBasis),
	}
	if !f.IssuedAt.IsZero() {
		values["issued_at"] = lines(stamp(f.IssuedAt))
	}
	return values
}

// lines are the texts that say something.
func lines(texts ...string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}

func entryLines(entries []report.Entry) []string {
	var lines []string
	for _, e := range entries {
		value := cmp.Or(e.Text, e.Item)
		if !e.At.IsZero() {
			value = strings.TrimSpace(stamp(e.At) + " " + value)
		}
		lines = append(lines, e.Name+": "+value)
	}
	return lines
}

func addresses(events []report.IPEvent) []string {
	var lines []string
	for _, e := range events {
		lines = append(lines, addressLine(e))
	}
	return lines
}

func ports(events []report.IPEvent) string {
	var lines []string
	for _, e := range events {
		if e.Port > 0 {
			lines = append(lines, strconv.Itoa(e.Port))
		}
	}
	return joined(lines)
}

func people(persons []report.Person) []string {
	var lines []string
	for _, p := range persons {
		if p.Identifies() {
			lines = append(lines, personLine(p))
		}
	}
	return lines
}

// receiptText shows the signed part of a receipt; the signature is checked when
// it comes, and again by whoever gets the report's bundle.
func receiptText(jws string) string {
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		return jws
	}
	content, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return jws
	}
	return indented(string(content)) + "\n\n" + jws
}

func indented(text string) string {
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		return text
	}
	return out.String()
}

func noticeLine(v reports.View) string {
	if at, runs := v.Notice.Next(); runs {
		return day(at)
	}
	return v.Notice.Reason
}
