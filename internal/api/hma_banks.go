package api

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/match"
	"github.com/brdoproject/brdo/internal/store"
)

// isBankName is what HMA takes for the name of a bank.
var isBankName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

var (
	notInBankNames = regexp.MustCompile(`[^A-Z0-9]+`)
	aDigit         = regexp.MustCompile(`^[0-9]`)
)

// bankName is the name of a bank for the name of a list: capital letters, digits
// and single underscores.
func bankName(list string) string {
	name := strings.Trim(notInBankNames.ReplaceAllString(strings.ToUpper(list), "_"), "_")
	if name == "" || aDigit.MatchString(name) {
		name = "LIST_" + name
	}
	return name
}

// bankNames gives each list its name as a bank. Where two lists would have the same
// one, the older keeps it and the other's has the end of its identifier behind it:
// so no name changes when a list is made.
func bankNames(all []match.List) map[string]string {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b match.List) int { return cmp.Compare(a.ID, b.ID) }) // identifiers begin with the time
	names, taken := map[string]string{}, map[string]bool{}
	for _, l := range all {
		name := bankName(l.Name)
		if isBankName.MatchString(l.Name) && !taken[l.Name] {
			name = l.Name
		}
		for taken[name] {
			name += "_" + strings.ToUpper(l.ID[max(0, len(l.ID)-12):])
		}
		names[l.ID], taken[name] = name, true
	}
	return names
}

func (s *Server) bankNames() map[string]string { return bankNames(s.options.Intake.Lists()) }

// noBank is a list that no node has, for the desk to miss and log.
const noBank = "list/none"

// bankOf finds the list of the bank that a request names. It says nothing of it: what
// the desk answers about it does.
func (s *Server) bankOf(name string) string {
	for list, bank := range s.bankNames() {
		if bank == name {
			return list
		}
	}
	return noBank
}

// hmaBank is a bank as clients of HMA read it.
type hmaBank struct {
	Name  string  `json:"name"`
	Ratio float64 `json:"matching_enabled_ratio"`
}

// bank puts a list into the shape of HMA. Its ratio is 1 while it is compared with,
// and 0 when it is suspended or not valid now.
func (s *Server) bank(l store.HashList) hmaBank {
	b, now := hmaBank{Name: s.bankNames()[l.ID]}, s.options.Ledger.Now()
	if l.State == store.ListActive && (l.ValidFrom.IsZero() || !now.Before(l.ValidFrom)) && (l.ValidUntil.IsZero() || now.Before(l.ValidUntil)) {
		b.Ratio = 1
	}
	return b
}

func (s *Server) hmaBanks(r *http.Request, actor mandate.Actor) (reply, error) {
	heads, err := s.options.Lists.Heads(r.Context(), actor)
	banks := []hmaBank{}
	for _, l := range heads {
		banks = append(banks, s.bank(l))
	}
	return good(banks), err
}

func (s *Server) hmaBank(r *http.Request, actor mandate.Actor) (reply, error) {
	head, err := s.options.Lists.Head(r.Context(), actor, s.bankOf(r.PathValue("bank")))
	return good(s.bank(head)), noSuch(err, "bank '"+r.PathValue("bank")+"' not found")
}

// noSuch words in HMA's way that a thing is not there.
func noSuch(err error, message string) error {
	if problem.Is(err, problem.NotFound) {
		return problem.New(problem.NotFound, message, "").Because(err)
	}
	return err
}

// bankChange is what clients send to make a bank or to change one.
type bankChange struct {
	Name    *string         `json:"name"`
	Enabled *bool           `json:"enabled"`
	Ratio   json.RawMessage `json:"enabled_ratio"`
	// on is what both say together; nil when they say nothing.
	on *bool
}

// settle reads the two ways of switching: a number, also as a text, and a truth.
//
// Errors: Invalid; a list is compared with wholly or not at all.
func (c *bankChange) settle() error {
	c.on = c.Enabled
	text := strings.Trim(string(c.Ratio), `"`)
	if len(c.Ratio) == 0 || text == "null" {
		return nil
	}
	ratio, err := strconv.ParseFloat(text, 64)
	if err != nil || ratio != 0 && ratio != 1 {
		return problem.InvalidField("enabled_ratio", "it is neither 0 nor 1: a list is compared with wholly or not at all", "use 0 or 1")
	}
	on := ratio == 1
	c.on = &on
	return nil
}

func readBankChange(r *http.Request) (c bankChange, err error) {
	if err := hmaObject(r, &c); err != nil {
		return c, err
	}
	return c, c.settle()
}

// hmaCreateBank answers a client that wants a bank to be there. A list is made by a
// person, who says where its entries come from and on which legal basis it may be
// used. If one of that name is there as it is asked for, so is the bank.
func (s *Server) hmaCreateBank(r *http.Request, actor mandate.Actor) (reply, error) {
	asked, err := readBankChange(r)
	switch {
	case err != nil:
		return reply{}, err
	case asked.Name == nil || !isBankName.MatchString(*asked.Name):
		return reply{}, problem.InvalidField("name", "it is not of the form A_NAME_1", "use capital letters, digits and underscores")
	}
	list := s.bankOf(*asked.Name)
	if list == noBank {
		return reply{}, s.options.Lists.Decline(r.Context(), actor, mandate.ListCreate, "", "a list is made by a person", "let a list manager make a list of this name, and ask again")
	}
	head, err := s.options.Lists.Head(r.Context(), actor, list)
	if err != nil {
		return reply{}, err
	}
	bank := s.bank(head)
	if on := asked.on == nil || *asked.on; on != (bank.Ratio == 1) {
		return reply{}, problem.New(problem.Denied, "the bank exists already and is switched otherwise", "a list manager suspends lists and brings them back")
	}
	return reply{status: http.StatusCreated, body: bank}, nil
}

// hmaChangeBank refuses to switch or rename a bank. Clients that change nothing get it
// as it is.
func (s *Server) hmaChangeBank(r *http.Request, actor mandate.Actor) (reply, error) {
	asked, err := readBankChange(r)
	if err != nil {
		return reply{}, err
	}
	if asked.Name == nil && asked.on == nil {
		return s.hmaBank(r, actor)
	}
	return reply{}, s.options.Lists.Decline(r.Context(), actor, mandate.ListEntryChange, s.bankOf(r.PathValue("bank")),
		"lists are switched and named by people", "let a list manager suspend it or bring it back")
}

func (s *Server) hmaDeleteBank(r *http.Request, actor mandate.Actor) (reply, error) {
	return reply{}, s.options.Lists.Decline(r.Context(), actor, mandate.ListEntryChange, s.bankOf(r.PathValue("bank")),
		"a list is never deleted, so that its past can be shown", "let a list manager suspend it")
}

// hmaAddContent refuses what a machine wants to add: an entry is a person's decision.
func (s *Server) hmaAddContent(r *http.Request, actor mandate.Actor) (reply, error) {
	return reply{}, s.options.Lists.Decline(r.Context(), actor, mandate.ListEntryAdd, s.bankOf(r.PathValue("bank")),
		"entries come from what people decided here, or from whoever keeps the list", "let people propose and confirm it, or take a file in at /v1/lists/{id}/import")
}

// hmaContent is an entry as clients of HMA read it. disable_until_ts is 1 while it is
// compared with and 0 when it is suspended or withdrawn.
type hmaContent struct {
	ID       int64             `json:"id"`
	Until    int64             `json:"disable_until_ts"`
	URI      *string           `json:"original_media_uri"`
	Bank     hmaBank           `json:"bank"`
	Signals  map[string]string `json:"signals,omitempty"`
	Metadata map[string]any    `json:"metadata,omitempty"`
	Note     string            `json:"note,omitempty"`
}

// numberOf reads the number of an entry from the address; one that no entry has,
// for the desk to miss and log, when it is none.
func numberOf(r *http.Request) int64 {
	number, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || number < 0 {
		return 0
	}
	return number
}

func (s *Server) hmaContent(r *http.Request, actor mandate.Actor) (reply, error) {
	head, entry, err := s.options.Lists.Numbered(r.Context(), actor, s.bankOf(r.PathValue("bank")), numberOf(r))
	if err != nil {
		return reply{}, noSuch(err, "content '"+r.PathValue("id")+"' not found in the bank")
	}
	content := hmaContent{ID: store.EntryNumber(entry.ID), Bank: s.bank(head), Note: entry.Note}
	if entry.State == store.EntryActive {
		content.Until = 1
	}
	q := r.URL.Query()
	if strings.EqualFold(q.Get("include_signals"), "true") {
		content.Signals = map[string]string{}
		for signal, hash := range map[string][]byte{signalPDQ: entry.PDQ, signalMD5: entry.MD5} {
			if len(hash) > 0 {
				content.Signals[signal] = fmt.Sprintf("%x", hash)
			}
		}
	}
	if q.Get("include_metadata") == "" || strings.EqualFold(q.Get("include_metadata"), "true") {
		content.Metadata = map[string]any{"json": map[string]string{
			"entry": entry.ID, "category": entry.Category, "verification": entry.Verification, "state": entry.State, "state_reason": entry.StateReason, "source": entry.Source,
		}}
		if entry.SourceID != "" {
			content.Metadata["content_id"] = entry.SourceID
		}
	}
	return good(content), nil
}

// hmaChangeContent refuses to suspend, bring back or withdraw an entry.
func (s *Server) hmaChangeContent(r *http.Request, actor mandate.Actor) (reply, error) {
	return reply{}, s.options.Lists.Decline(r.Context(), actor, mandate.ListEntryChange, s.bankOf(r.PathValue("bank")),
		"entries are suspended and withdrawn by people", "let a list manager do it, with a reason")
}
