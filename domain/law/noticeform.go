package law

import (
	"fmt"
	"slices"

	"github.com/brdoproject/brdo/domain/problem"
)

// Keys of the templates of a voluntary notice and of its withdrawal.
const (
	TemplateNotice     = "notice"
	TemplateWithdrawal = "withdrawal"
)

// NoticeForm is what a voluntary notice must say, when it may be sent, and the
// ladder of addressees, for example Articles 32 and 49 of COM(2022) 209.
type NoticeForm struct {
	Profile
	Language string `json:"language"`
	Scope    Rule   `json:"scope"`
	// Voluntary is the sentence that every notice must bear word for word.
	Voluntary Rule `json:"voluntary"`
	// Grounds are the recorded reasons for which a notice may be sent at all.
	Grounds []NoticeGround `json:"grounds"`
	// Senders are the kinds of organisation that may send one.
	Senders  []Choice `json:"senders"`
	Template Template `json:"template"`
	// Withdrawal is what an addressee without a node gets when the sender takes a
	// notice back.
	Withdrawal Template `json:"withdrawal"`
	// Ladder are the addressees, the first one first.
	Ladder []Rung `json:"ladder"`
	// Exhausted says in words what a person does at the end of the ladder.
	Exhausted Rule       `json:"exhausted"`
	Watch     WatchTerms `json:"watch"`
	// Decision is how soon a person decides on what is put before him; then he is
	// reminded.
	Decision Clock `json:"decision"`
	// Delivery is how long proof of delivery may take before a person looks.
	Delivery Clock `json:"delivery"`
}

// NoticeGround is a recorded reason for which a notice may be sent.
type NoticeGround struct {
	Choice
	// Senders are those who may rely on it.
	Senders []string `json:"senders"`
}

// Rung is one step of the ladder of addressees.
type Rung struct {
	Choice
	// Wait is how long the addressee has before a person decides on the next rung.
	Wait Clock `json:"wait"`
}

// Ground returns the ground of that key; ok is false when there is none.
func (f *NoticeForm) Ground(key string) (ground NoticeGround, ok bool) {
	for _, ground := range f.Grounds {
		if ground.Key == key {
			return ground, true
		}
	}
	return NoticeGround{}, false
}

// HasSender reports whether key is a kind of sender.
func (f *NoticeForm) HasSender(key string) bool { return hasChoice(f.Senders, key) }

func (f *NoticeForm) validate() error {
	switch {
	case len(f.Language) != 2:
		return problem.InvalidField("language", "is no code of ISO 639-1", "for example en")
	case f.Scope.Text == "" || f.Scope.Article == "":
		return problem.InvalidField("scope", "lacks its text or its article", "")
	case f.Voluntary.Text == "" || f.Voluntary.Article == "":
		return problem.InvalidField("voluntary", "lacks its text or its article", "a notice that does not say that it is voluntary is no notice")
	case f.Exhausted.Text == "" || f.Exhausted.Article == "":
		return problem.InvalidField("exhausted", "lacks its text or its article", "")
	}
	if err := validateChoices("senders", f.Senders); err != nil {
		return err
	}
	grounds := make([]Choice, len(f.Grounds))
	for index, ground := range f.Grounds {
		if len(ground.Senders) == 0 || slices.ContainsFunc(ground.Senders, func(key string) bool { return !f.HasSender(key) }) {
			return problem.InvalidField(fmt.Sprintf("grounds[%d].senders", index), "is empty or names a sender that is not listed", "")
		}
		grounds[index] = ground.Choice
	}
	if err := validateChoices("grounds", grounds); err != nil {
		return err
	}
	rungs := make([]Choice, len(f.Ladder))
	for index, rung := range f.Ladder {
		if err := rung.Wait.check(fmt.Sprintf("ladder[%d].wait", index), true); err != nil {
			return err
		}
		rungs[index] = rung.Choice
	}
	if err := validateChoices("ladder", rungs); err != nil {
		return err
	}
	if err := f.Template.check("template", []string{TemplateNotice}); err != nil {
		return err
	}
	if err := f.Withdrawal.check("withdrawal", []string{TemplateWithdrawal}); err != nil {
		return err
	}
	if err := f.Watch.validate("watch"); err != nil {
		return err
	}
	if err := f.Decision.check("decision", true); err != nil {
		return err
	}
	return f.Delivery.check("delivery", true)
}
