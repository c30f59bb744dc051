package store

import (
	"time"

	"github.com/brdoproject/brdo/domain/problem"
)

// Why an item is compared with another one.
const (
	// SceneDecided: people decided that it is of the outcome that was asked for.
	SceneDecided = "decided"
	// SceneWaiting: it waits for people.
	SceneWaiting = "waiting"
)

// What became of an item that a question about scenes names.
const (
	SceneAlike   = "alike"
	SceneUnlike  = "unlike"
	SceneErased  = "erased"
	SceneChanged = "changed"
	// ScenePlain has too few features, or was not decoded.
	ScenePlain = "plain"
	// SceneFailed could not be opened; the operator finds why.
	SceneFailed = "failed"
)

// SceneSearch is the question of a person, which items held here show the same scene as one.
type SceneSearch struct {
	ID, ItemID, AskedBy string
	AskedAt             time.Time
	Reason              string
	// Beyond is how many items could have been compared and were too many.
	Beyond  int64
	EndedAt time.Time
	// Problem is why it ended without an answer, of the item that it is about: [SceneErased],
	// [ScenePlain] or [SceneFailed]; empty when it has one.
	Problem string
}

// SceneComparison is an item that a question names.
type SceneComparison struct {
	SearchID string
	// Place counts from 0, in the order of comparing.
	Place  int64
	ItemID string
	Ground string
	// Result is empty while it is to be compared.
	Result string
	// Found is what was found of it, as JSON; nil when nothing was.
	Found []byte
}

// sceneCandidates are pictures held here that people decided to be of an outcome, or that wait for
// people, but for one of them and those that the person had compared with it before.
const sceneCandidates = ` FROM items WHERE items.state = $1 AND ($2 = '' OR items.outcome = $2) AND items.content = 'sealed' AND items.mime LIKE 'image/%' AND items.id <> $3
	AND NOT EXISTS (SELECT 1 FROM scene_comparisons c JOIN scene_searches s ON s.id = c.search_id
		WHERE c.item_id = items.id AND s.item_id = $3 AND s.asked_by = $4 AND c.result IN ('alike', 'unlike'))`

// SceneCandidates returns the ids of up to limit pictures that are in one state, and of an outcome
// when one is given, to compare with an item, the newest first; and how many there are. Those that
// the person had compared with it before are left out.
func (tx *Tx) SceneCandidates(state, outcome, itemID, person string, limit int) (ids []string, all int64, err error) {
	if err := tx.one("counting items to compare", nil, `SELECT COUNT(*)`+sceneCandidates, []any{state, outcome, itemID, person}, &all); err != nil {
		return nil, 0, err
	}
	err = tx.rows("reading items to compare",
		`SELECT items.id`+sceneCandidates+` ORDER BY COALESCE(items.decided_at, items.received_at) DESC, items.id LIMIT $5`,
		[]any{state, outcome, itemID, person, limit}, func(row scanner) error {
			var id string
			err := row.Scan(&id)
			ids = append(ids, id)
			return err
		})
	return ids, all, err
}

// InsertSceneSearch writes a question with the items that it names.
//
// Errors: Conflict while an earlier question of the person is being answered.
func (tx *Tx) InsertSceneSearch(s SceneSearch, with []SceneComparison) error {
	err := tx.change("writing a question about scenes", problem.New(problem.Conflict, "your earlier question is still being answered", "wait for it"),
		`INSERT INTO scene_searches (id, item_id, asked_by, asked_at, reason, beyond, problem)
		 VALUES ($1, $2, $3, $4, $5, $6, '') ON CONFLICT (asked_by) WHERE ended_at IS NULL DO NOTHING`,
		s.ID, s.ItemID, s.AskedBy, micros(s.AskedAt), s.Reason, s.Beyond)
	if err != nil {
		return err
	}
	for place, c := range with {
		if err := tx.exec("writing an item to compare", `INSERT INTO scene_comparisons (search_id, place, item_id, ground) VALUES ($1, $2, $3, $4)`,
			s.ID, place, c.ItemID, c.Ground); err != nil {
			return err
		}
	}
	return nil
}

const sceneSearchColumns = `id, item_id, asked_by, asked_at, reason, beyond, ended_at, problem`

func (tx *Tx) sceneSearches(query string, arguments ...any) ([]SceneSearch, error) {
	var found []SceneSearch
	err := tx.rows("reading questions about scenes", query, arguments, func(row scanner) error {
		var s SceneSearch
		err := row.Scan(&s.ID, &s.ItemID, &s.AskedBy, moment{&s.AskedAt}, &s.Reason, &s.Beyond, moment{&s.EndedAt}, &s.Problem)
		found = append(found, s)
		return err
	})
	return found, err
}

// SceneSearch returns one question.
func (tx *Tx) SceneSearch(id string) (SceneSearch, error) {
	found, err := tx.sceneSearches(`SELECT `+sceneSearchColumns+` FROM scene_searches WHERE id = $1`, id)
	if err == nil && len(found) == 0 {
		err = NotFound("question", id)
	}
	if err != nil {
		return SceneSearch{}, err
	}
	return found[0], nil
}

// SceneSearches returns up to limit questions about an item, the newest first; a person restricts
// them to their own.
func (tx *Tx) SceneSearches(itemID, person string, limit int) ([]SceneSearch, error) {
	return tx.sceneSearches(`SELECT `+sceneSearchColumns+` FROM scene_searches WHERE item_id = $1 AND ($2 = '' OR asked_by = $2) ORDER BY asked_at DESC, id DESC LIMIT $3`,
		itemID, person, limit)
}

// EndSceneSearch writes that a question is answered, or why it is not.
func (tx *Tx) EndSceneSearch(id, why string, now time.Time) error {
	return tx.change("ending a question about scenes", Changed("question"),
		`UPDATE scene_searches SET ended_at = $1, problem = $2 WHERE id = $3 AND ended_at IS NULL`, micros(now), why, id)
}

const sceneComparisonColumns = `search_id, place, item_id, ground, result, found`

func (tx *Tx) sceneComparisons(query string, arguments ...any) ([]SceneComparison, error) {
	var found []SceneComparison
	err := tx.rows("reading comparisons", query, arguments, func(row scanner) error {
		var c SceneComparison
		err := row.Scan(&c.SearchID, &c.Place, &c.ItemID, &c.Ground, &c.Result, &c.Found)
		found = append(found, c)
		return err
	})
	return found, err
}

// NextScenes returns up to limit items of a question that are still to be compared.
func (tx *Tx) NextScenes(search string, limit int) ([]SceneComparison, error) {
	return tx.sceneComparisons(`SELECT `+sceneComparisonColumns+` FROM scene_comparisons WHERE search_id = $1 AND result = '' ORDER BY place LIMIT $2`, search, limit)
}

// ScenesAlike returns what a question found.
func (tx *Tx) ScenesAlike(search string) ([]SceneComparison, error) {
	return tx.sceneComparisons(`SELECT `+sceneComparisonColumns+` FROM scene_comparisons WHERE search_id = $1 AND result = 'alike' ORDER BY place`, search)
}

// CountScenes counts the items of a question by what became of them; those under the empty name are
// still to be compared.
func (tx *Tx) CountScenes(search string) (map[string]int, error) {
	counts := map[string]int{}
	err := tx.rows("counting comparisons", `SELECT result, COUNT(*) FROM scene_comparisons WHERE search_id = $1 GROUP BY result`, []any{search}, func(row scanner) error {
		var result string
		var count int
		err := row.Scan(&result, &count)
		counts[result] = count
		return err
	})
	return counts, err
}

// SettleScene writes what became of an item of a question, once.
func (tx *Tx) SettleScene(c SceneComparison) error {
	return tx.change("writing a comparison", Changed("comparison"),
		`UPDATE scene_comparisons SET result = $1, found = $2 WHERE search_id = $3 AND place = $4 AND result = ''`, c.Result, c.Found, c.SearchID, c.Place)
}
