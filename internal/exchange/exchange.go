// Package exchange reads what changes in the hash lists of the field's exchanges:
// NCMEC Hash Sharing, Meta's ThreatExchange, StopNCII, and files. One gives no list out and
// is asked about single pictures: Project Arachnid's Shield. One takes reports: NCMEC's
// CyberTipline.
//
// A [Source] is asked from a checkpoint on and answers with batches. Whoever asks
// stores each batch together with its checkpoint, so that a process that dies between
// two of them loses nothing and doubles nothing. Exchanges are hostile until they are
// read: what they send is capped before it is read, pages that lead in a circle are
// refused, and no address that they name is followed to another host. Credentials are
// read for each round, from a file or from the environment, and appear nowhere else.
package exchange

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/engine/hashlist"
)

// Source is where a list comes from.
type Source interface {
	// Changes reads what changed since a checkpoint; the empty one is the beginning. Now
	// is the time of the round. After an error there is no further batch.
	//
	// Errors: problems whose reason can be shown; a [Pause] around one says when to come
	// back; those of the context.
	Changes(ctx context.Context, checkpoint string, now time.Time) iter.Seq2[Batch, error]
}

// Batch is a part of what changed, in the order in which it has to be stored.
type Batch struct {
	Changes []Change
	// Checkpoint is where to go on when the batch is stored.
	Checkpoint string
	// UpTo says that with this batch everything is here that the exchange had at that
	// time; zero while more of it is to come.
	UpTo time.Time
	// Begins says that this batch and those that follow are all that the exchange has, up
	// to the one that Ends. What is not among them is gone then.
	Begins, Ends bool
	// Total is how many records they will hold; 0 when that is not known yet.
	Total int64
	// Name, SHA256 and Format say what was read, for the list's provenance.
	Name, SHA256, Format string
}

// handOver hands a batch over with the checkpoint behind it, and reports whether the reader
// wants more.
func (b Batch) handOver(checkpoint any, yield func(Batch, error) bool) bool {
	text, err := json.Marshal(checkpoint)
	if err != nil {
		yield(Batch{}, fmt.Errorf("writing a checkpoint: %w", err))
		return false
	}
	b.Checkpoint = string(text)
	return yield(b, nil)
}

// Change is what became of one record of the exchange.
type Change struct {
	// Key is the exchange's own name of the record; empty for one that is refused and has
	// none.
	Key string
	// Gone: the exchange holds it no more. Entry and Refused are empty then.
	Gone bool
	// Refused says why the record cannot be used; it is not compared then.
	Refused hashlist.Refusal
	Entry   hashlist.Entry
}

// Kind is one kind of exchange.
type Kind string

// The kinds of exchanges.
const (
	NCMEC          Kind = "ncmec"
	ThreatExchange Kind = "threatexchange"
	StopNCII       Kind = "stopncii"
	File           Kind = "file"
	ArachnidShield Kind = "arachnid-shield"
)

// Kinds are all of them.
var Kinds = []Kind{NCMEC, ThreatExchange, StopNCII, File, ArachnidShield}

// Exchange is one exchange as the operator configured it.
type Exchange struct {
	// Name is in small letters, digits and hyphens.
	Name   string
	Kind   Kind
	Source Source
	// Basis is the legal basis under which the organisation fetches; outside its dates
	// nothing is fetched.
	Basis *law.LegalBasis
	// Verification is the level of all entries that come from here.
	Verification string
	// Every is the pause between two rounds, about.
	Every time.Duration
	// StaleAfter is how long no round may succeed before people are told.
	StaleAfter time.Duration
	// MayShrink is the share of the records that may go at once when all are read anew,
	// from 0 to 1.
	MayShrink float64
	// Votes: people here may tell the exchange what they found of its entries; its Source
	// is a [Voter] then.
	Votes bool
	// Shield is asked about uploads that no list knows, as Asking says; it has no Source.
	// Nil for exchanges that give lists out.
	Shield *Shield
	Asking Asking
}

// Voter is where votes go; false when the exchange takes none from here.
func (e Exchange) Voter() (Voter, bool) {
	voter, is := e.Source.(Voter)
	return voter, is && e.Votes
}

// Address is what a list names as its source when it follows the exchange.
func (e Exchange) Address() string { return AddressOf(e.Name) }

// AddressOf is the address of an exchange of a name.
func AddressOf(name string) string { return "exchange/" + name }

// maxBackOff is the longest pause after failures.
const maxBackOff = time.Hour

// Next is the pause before the next round: the interval after a good one, and after
// failures a minute that doubles, up to an hour. It is a tenth shorter or longer, so
// that nodes do not ask all at once.
func (e Exchange) Next(failures int) time.Duration {
	pause := e.Every
	if failures > 0 {
		pause = min(time.Minute<<min(failures-1, 10), maxBackOff)
	}
	tenth := pause / 10
	return pause - tenth + rand.N(2*tenth+1)
}

// Shrinks tells whether fewer records are left of those before than may be at once.
func (e Exchange) Shrinks(before, left int64) bool {
	return before > 0 && float64(left) < float64(before)*(1-e.MayShrink)
}

// Pause is an error of an exchange that says when it will answer again.
type Pause struct {
	error
	For time.Duration
}

// Unwrap is the problem that can be shown.
func (p *Pause) Unwrap() error { return p.error }

// ByName finds an exchange.
func ByName(all []Exchange, name string) (Exchange, bool) {
	at := slices.IndexFunc(all, func(e Exchange) bool { return e.Name == name })
	if at < 0 {
		return Exchange{}, false
	}
	return all[at], true
}
