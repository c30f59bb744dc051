package triage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/scene"
	"github.com/brdoproject/brdo/internal/access"
	"github.com/brdoproject/brdo/internal/job"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// mostScenes is how many items of each ground a question compares, the newest first: each
// is opened and decoded for it.
const mostScenes = 200

// scenesPerStep is how many are compared until it is written down, and other jobs have their turn.
const scenesPerStep = 20

// sceneAttempts is how often a step is tried that fails.
const sceneAttempts = 5

const sceneJob = "item.scenes"

// sceneGrounds are the items that may be compared: those that people decided are
// reportable, and those that wait for people. What waits because of an entry in
// quarantine is left alone.
var sceneGrounds = []struct {
	ground  string
	state   item.State
	outcome item.Outcome
}{
	{store.SceneDecided, item.Decided, item.Reportable},
	{store.SceneWaiting, item.Open, ""},
	{store.SceneWaiting, item.AwaitingSecond, ""},
	{store.SceneWaiting, item.Adjudication, ""},
}

// Likeness is how the item on the card, the first picture, came out of the other, as far
// as their scenes tell.
type Likeness struct {
	Strength scene.Strength `json:"strength"`
	scene.Likeness
}

// SceneSearch is a question about scenes on the card, and what came of it.
type SceneSearch struct {
	store.SceneSearch
	// Of All items named, Compared have been by now; Left were not, by the reason.
	All, Compared int
	Left          map[string]int
	Found         []SceneFinding
}

// SceneFinding is an item that shows the same scene. A person has to look.
type SceneFinding struct {
	ItemID string
	// Ground is why it was compared: [store.SceneDecided] or [store.SceneWaiting].
	Ground string
	// Erased: its content is no more.
	Erased bool
	Likeness
}

// AskScenes asks which items that are held here show the same scene as one that the person
// has. The answer comes by a job and stands on the card; nothing follows from it. Asked
// again, those are compared that the person's earlier questions left out.
//
// Errors: Denied; Invalid without a reason or for what is no picture; Conflict when the
// person does not have the item, its content is not here, or an earlier question is still
// being answered.
func (d *Desk) AskScenes(ctx context.Context, actor mandate.Actor, id, reason string) (search string, err error) {
	search = store.NewID("search")
	act := d.onItem(actor, mandate.ItemCompare, id)
	act.Purpose = mandate.PurposeReview
	err = d.options.Ledger.Do(ctx, act, func(tx *ledger.Tx) error {
		if err := problem.Reason(reason, "say why the scene is looked for"); err != nil {
			return err
		}
		row, assessment, err := assessed(tx.Tx, id)
		if err != nil {
			return err
		}
		if _, err := assessment.StationFor(actor.ID); err != nil {
			return err
		}
		if !comparable(row.Item) {
			return problem.New(problem.Conflict, "the item is no picture whose content is here", "open it first; videos are not compared so")
		}
		if err := d.withheld(tx.Tx, actor, id); err != nil {
			return err
		}
		with, beyond, err := d.scenesFor(tx, id, actor.ID)
		if err != nil {
			return err
		}
		tx.Note("search", search)
		tx.Note("items", len(with))
		tx.Note("beyond", beyond)
		if err := tx.InsertSceneSearch(store.SceneSearch{ID: search, ItemID: id, AskedBy: actor.ID, AskedAt: tx.Now, Reason: reason, Beyond: beyond}, with); err != nil {
			return err
		}
		_, err = job.Enqueue(tx.Tx, tx.Now, job.New{Kind: sceneJob, Payload: search, UniqueKey: search, Attempts: sceneAttempts})
		return err
	})
	return search, err
}

// comparable reports whether an item is a picture that is here.
func comparable(i store.Item) bool {
	return i.Content == store.ContentSealed && strings.HasPrefix(i.MIME, "image/")
}

// scenesFor are the items to compare, and how many more there are.
func (d *Desk) scenesFor(tx *ledger.Tx, id, person string) (with []store.SceneComparison, beyond int64, err error) {
	taken := map[string]int{}
	for _, g := range sceneGrounds {
		ids, all, err := tx.SceneCandidates(string(g.state), string(g.outcome), id, person, d.mostScenes-taken[g.ground])
		if err != nil {
			return nil, 0, err
		}
		taken[g.ground] += len(ids)
		beyond += all - int64(len(ids))
		for _, other := range ids {
			with = append(with, store.SceneComparison{ItemID: other, Ground: g.ground})
		}
	}
	return with, beyond, nil
}

// answerScenes compares some of what a question names, and comes again for the rest, so that
// other work is not held up and a crash costs one step. Features are made for it and thrown
// away: a rough picture can be made of them.
func (d *Desk) answerScenes(ctx context.Context, running *job.Running) error {
	var id string
	if err := running.Payload(&id); err != nil {
		return err
	}
	var search store.SceneSearch
	err := d.options.Ledger.Peek(ctx, func(tx *store.Tx) (err error) { search, err = tx.SceneSearch(id); return err })
	if err != nil || !search.EndedAt.IsZero() {
		return err
	}
	more, why, err := d.stepScenes(ctx, search, running.Last())
	switch {
	case err != nil && running.Last() && ctx.Err() == nil:
		// The person is told; the job stays for the operator.
		return errors.Join(err, d.endScenes(ctx, search, store.SceneFailed, nil))
	case err != nil:
		return fmt.Errorf("comparing scenes with item %s: %w", search.ItemID, err)
	case more:
		return job.Later(running.Now(), "other work has its turn")
	}
	return d.endScenes(ctx, search, why, running)
}

// endScenes says that a question is answered, or why it is not.
func (d *Desk) endScenes(ctx context.Context, search store.SceneSearch, why string, running *job.Running) error {
	return d.options.Ledger.Do(ctx, d.comparing(search), func(tx *ledger.Tx) error {
		tx.Note("search", search.ID)
		tx.Note("ended", true)
		if why != "" {
			tx.Note("not_compared", why)
		}
		if err := tx.EndSceneSearch(search.ID, why, tx.Now); err != nil || running == nil {
			return err
		}
		return running.Complete(tx.Tx)
	})
}

// comparing is the act of the node itself, because a person asked.
func (d *Desk) comparing(search store.SceneSearch) ledger.Act {
	return ledger.Act{
		Actor: d.options.Ledger.Itself(), Action: mandate.ItemCompare, Purpose: mandate.PurposeReview, Resource: access.Resource{ID: search.ItemID},
	}
}

// features describes an item, unless its content may not be read or says too little: then
// why is the word for that.
func (d *Desk) features(ctx context.Context, id string) (found scene.Features, why string, err error) {
	content, err := d.options.Content.Open(ctx, id)
	var erased *keyring.ErasedError
	if errors.As(err, &erased) {
		return found, store.SceneErased, nil
	}
	if err != nil {
		return found, "", err
	}
	defer content.Close()
	described, err := d.options.Decoder.Scene(ctx, content, content.Size())
	if err != nil {
		return found, "", err
	}
	if !described.Status.Decoded() || !described.Features.Enough() {
		return found, store.ScenePlain, nil
	}
	return described.Features, "", nil
}

// stepScenes compares the next items and writes down what became of each, with one event
// that names them all. An item that cannot be opened fails the step, and at the last attempt
// only itself. Why is set when the item that was asked about cannot be compared.
func (d *Desk) stepScenes(ctx context.Context, search store.SceneSearch, last bool) (more bool, why string, err error) {
	known, why, err := d.features(ctx, search.ItemID)
	if err != nil || why != "" {
		return false, why, err
	}
	var next []store.SceneComparison
	err = d.options.Ledger.Peek(ctx, func(tx *store.Tx) error {
		if next, err = tx.NextScenes(search.ID, d.scenesPerStep); err != nil {
			return err
		}
		for i := range next {
			if next[i].Result, err = d.left(tx, next[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(next) == 0 {
		return false, "", err
	}
	var read, alike []string
	for i := range next {
		if next[i].Result != "" {
			continue
		}
		read = append(read, next[i].ItemID)
		err := d.compareScene(ctx, known, &next[i])
		switch {
		case err != nil && last && ctx.Err() == nil:
			next[i].Result = store.SceneFailed
		case err != nil:
			return false, "", err
		}
		if next[i].Result == store.SceneAlike {
			alike = append(alike, next[i].ItemID)
		}
	}
	return true, "", d.options.Ledger.Do(ctx, d.comparing(search), func(tx *ledger.Tx) error {
		tx.Note("search", search.ID)
		tx.Note("read", read)
		tx.Note("alike", alike)
		for _, c := range next {
			if err := tx.SettleScene(c); err != nil {
				return err
			}
		}
		return nil
	})
}

// left is why an item is not compared any more, though it was named; empty when it may be.
func (d *Desk) left(tx *store.Tx, c store.SceneComparison) (string, error) {
	row, assessment, err := assessed(tx, c.ItemID)
	if err != nil {
		return "", err
	}
	if row.Content == store.ContentErased {
		return store.SceneErased, nil
	}
	final, decided := assessment.Final()
	stands := c.Ground == store.SceneDecided && decided && final.Outcome == item.Reportable ||
		c.Ground == store.SceneWaiting && slices.Contains([]item.State{item.Open, item.AwaitingSecond, item.Adjudication}, assessment.State)
	live, err := tx.LiveSightings(c.ItemID)
	if err != nil {
		return "", err
	}
	if !stands || live == 0 || !comparable(row.Item) {
		return store.SceneChanged, nil
	}
	return "", nil
}

func (d *Desk) compareScene(ctx context.Context, known scene.Features, c *store.SceneComparison) error {
	features, why, err := d.features(ctx, c.ItemID)
	if err != nil {
		return fmt.Errorf("describing item %s: %w", c.ItemID, err)
	}
	if c.Result = why; why != "" {
		return nil
	}
	r := scene.Compare(known, features)
	if c.Result = store.SceneUnlike; !r.Found {
		return nil
	}
	c.Result = store.SceneAlike
	c.Found, err = json.Marshal(Likeness{r.Strength(), r.Likeness()})
	return err
}

// shownSearches is how many questions a card lists.
const shownSearches = 10

// scenesOn puts the questions about scenes on the card: one's own, and those of others once
// a decision is final, so that nobody is led by what a colleague looked for.
func (d *Desk) scenesOn(c *Card, tx *ledger.Tx, id, person string) error {
	if c.Decision != nil {
		person = ""
	}
	c.MayCompare = c.Mine && comparable(c.Item)
	searches, err := tx.SceneSearches(id, person, shownSearches)
	if err != nil {
		return err
	}
	for _, s := range searches {
		shown, err := d.sceneSearch(tx, s)
		if err != nil {
			return err
		}
		c.Scenes = append(c.Scenes, shown)
	}
	return nil
}

func (d *Desk) sceneSearch(tx *ledger.Tx, s store.SceneSearch) (SceneSearch, error) {
	shown := SceneSearch{SceneSearch: s}
	counts, err := tx.CountScenes(s.ID)
	if err != nil {
		return shown, err
	}
	shown.Left = map[string]int{}
	for result, count := range counts {
		shown.All += count
		switch result {
		case store.SceneAlike, store.SceneUnlike:
			shown.Compared += count
		case "":
		default:
			shown.Left[result] = count
		}
	}
	shown.Found, err = findings(tx, s.ID)
	return shown, err
}

// findings are what a question found.
func findings(tx *ledger.Tx, search string) (found []SceneFinding, err error) {
	alike, err := tx.ScenesAlike(search)
	if err != nil {
		return nil, err
	}
	for _, one := range alike {
		f := SceneFinding{ItemID: one.ItemID, Ground: one.Ground}
		if err := json.Unmarshal(one.Found, &f.Likeness); err != nil {
			return nil, fmt.Errorf("reading what was found of %s: %w", one.ItemID, err)
		}
		row, err := tx.Item(one.ItemID)
		if err != nil {
			return nil, err
		}
		f.Erased = row.Content == store.ContentErased
		found = append(found, f)
	}
	return found, nil
}

// SceneViews are the exposures under which the two pictures of a finding are fetched.
type SceneViews struct {
	Item, Other string
	Finding     SceneFinding
}

// ViewScenes records that a person who has an item is about to be shown the sketches of it
// and of an item that their question found, to compare them: two views of the sketch, with
// all that follows from views. To see more of either, a person takes it.
//
// Errors: Denied; NotFound when the question found no such thing; those of [Desk.View].
func (d *Desk) ViewScenes(ctx context.Context, actor mandate.Actor, id, search, other string) (views SceneViews, err error) {
	look := Look{Level: item.LevelSketch}
	err = d.options.Ledger.Do(ctx, d.onItem(actor, mandate.ItemView, other), func(tx *ledger.Tx) error {
		if views.Finding, err = d.foundScene(tx, actor, id, search, other); err != nil {
			return err
		}
		tx.Note("search", search)
		views.Other, err = d.expose(tx, actor, other, look, "")
		return err
	})
	if err != nil {
		return views, err
	}
	views.Item, err = d.view(ctx, actor, id, look, views.Other)
	if err != nil {
		// The page will not be there, so the other is not shown either.
		return views, errors.Join(err, d.EndView(context.WithoutCancel(ctx), actor, views.Other))
	}
	return views, nil
}

// foundScene is what a question of the person, about an item that they have, found of the
// other, unless the other is somebody else's now or was passed on by the person.
func (d *Desk) foundScene(tx *ledger.Tx, actor mandate.Actor, id, search, other string) (SceneFinding, error) {
	_, own, err := assessed(tx.Tx, id)
	if err != nil {
		return SceneFinding{}, err
	}
	if _, err := own.StationFor(actor.ID); err != nil {
		return SceneFinding{}, err
	}
	asked, err := tx.SceneSearch(search)
	if err != nil {
		return SceneFinding{}, err
	}
	found, err := findings(tx, search)
	if err != nil {
		return SceneFinding{}, err
	}
	at := slices.IndexFunc(found, func(f SceneFinding) bool { return f.ItemID == other })
	if asked.ItemID != id || asked.AskedBy != actor.ID || at < 0 {
		return SceneFinding{}, store.NotFound("finding", other)
	}
	_, assessment, err := assessed(tx.Tx, other)
	switch {
	case err != nil:
		return SceneFinding{}, err
	case slices.Contains(assessment.Passed, actor.ID):
		return SceneFinding{}, problem.New(problem.Denied, "you passed the other item, so it is not shown to you", "leave the comparison to a colleague")
	case assessment.Claim != nil && assessment.Claim.Person != actor.ID && assessment.Claim.Until.After(tx.Now):
		return SceneFinding{}, problem.New(problem.Conflict, "another person has the other item", "wait until it is free again")
	}
	return found[at], nil
}
