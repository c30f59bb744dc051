package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/brdoproject/brdo/domain/item"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/triage"
)

func showQueue(v *visit) error {
	q, err := v.s.options.Desks.Triage.Queue(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.show(queuePage(v.frame("queue.title", "/queue"), q, keysOf(v.person), v.takeDone()))
}

func takeItem(v *visit) error {
	id := v.r.PathValue("id")
	if err := v.s.options.Desks.Triage.Take(v.r.Context(), v.actor, id); err != nil {
		return err
	}
	return v.redirect("/items/" + id)
}

// goOn makes the last decision final and opens the next item.
func goOn(v *visit) error {
	next, err := v.s.options.Desks.Triage.GoOn(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	if next == "" {
		return v.done("/queue", "queue.nothing")
	}
	return v.redirect("/items/" + next)
}

func showCard(v *visit) error {
	c, err := v.s.options.Desks.Triage.Card(v.r.Context(), v.actor, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.show(cardPage(v.frame("card.title", "/queue"), c, keysOf(v.person), v.actor.Has(mandate.Supervisor), v.takeDone()))
}

// openItem fetches what another organisation reported, for whoever looks next.
func openItem(v *visit) error {
	id := v.r.PathValue("id")
	if err := v.s.options.Desks.Triage.Open(v.r.Context(), v.actor, id); err != nil {
		return err
	}
	return v.done("/items/"+id, "card.opened")
}

// viewItem records what a person is about to be shown; the picture follows
// under the exposure that it answers.
func viewItem(v *visit) error {
	var asked struct {
		Level       string
		Column, Row int
	}
	if err := json.NewDecoder(http.MaxBytesReader(v.w, v.r.Body, 4<<10)).Decode(&asked); err != nil {
		return problem.InvalidField("body", "it is not what the page sends", "load the page again")
	}
	level, err := item.ParseLevel(asked.Level)
	if err != nil {
		return err
	}
	exposure, err := v.s.options.Desks.Triage.View(v.r.Context(), v.actor, v.r.PathValue("id"), triage.Look{Level: level, Column: asked.Column, Row: asked.Row})
	if err != nil {
		return err
	}
	ctx := v.r.Context()
	answer := map[string]string{
		"exposure": exposure, "picture": "/pictures/" + exposure, "label": t(ctx, "view."+asked.Level, "column", asked.Column+1, "row", asked.Row+1),
		"alt": t(ctx, "view.alt."+asked.Level),
	}
	if v.r.URL.Query().Has("film") {
		answer["label"] = t(ctx, "film."+asked.Level, "scene", asked.Row*triage.Grid+asked.Column+1)
		answer["alt"] = t(ctx, "film.alt."+asked.Level)
	}
	writeJSON(v.w, http.StatusOK, answer)
	return nil
}

func showPicture(v *visit) error {
	picture, err := v.s.options.Desks.Triage.Picture(v.r.Context(), v.actor, v.r.PathValue("exposure"))
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", picture.MIME)
	v.w.Header().Set("Content-Disposition", "inline")
	v.w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, err = v.w.Write(picture.Data)
	return err
}

func endView(v *visit) error {
	exposure, found := strings.CutSuffix(v.r.PathValue("exposure"), "/end")
	if !found {
		return problem.New(problem.NotFound, "there is no such action", "")
	}
	if err := v.s.options.Desks.Triage.EndView(v.r.Context(), v.actor, exposure); err != nil {
		return err
	}
	v.w.WriteHeader(http.StatusNoContent)
	return nil
}

// facts are the answers of a form, one field "fact.KEY" a fact.
func facts(v *visit) (map[string]string, error) {
	if err := v.r.ParseForm(); err != nil {
		return nil, problem.InvalidField("form", "it cannot be read", "load the page again").Because(err)
	}
	labels := map[string]string{}
	for name, values := range v.r.PostForm {
		if key, found := strings.CutPrefix(name, "fact."); found && len(values) == 1 && values[0] != "" {
			labels[key] = values[0]
		}
	}
	return labels, nil
}

func decideItem(v *visit) error {
	labels, err := facts(v)
	if err != nil {
		return err
	}
	id := v.r.PathValue("id")
	if err := v.s.options.Desks.Triage.Decide(v.r.Context(), v.actor, id, triage.Verdict{Labels: labels, Reason: strings.TrimSpace(v.r.PostFormValue("reason"))}); err != nil {
		return err
	}
	return v.done("/items/"+id, "card.decided")
}

func passItem(v *visit) error {
	if err := v.s.options.Desks.Triage.Pass(v.r.Context(), v.actor, v.r.PathValue("id")); err != nil {
		return err
	}
	return v.done("/queue", "card.passed")
}

func escalateItem(v *visit) error {
	id := v.r.PathValue("id")
	if err := v.s.options.Desks.Triage.Escalate(v.r.Context(), v.actor, id); err != nil {
		return err
	}
	return v.done("/items/"+id, "card.escalated")
}

func undoItem(v *visit) error {
	id := v.r.PathValue("id")
	if err := v.s.options.Desks.Triage.Undo(v.r.Context(), v.actor, id); err != nil {
		return err
	}
	return v.done("/items/"+id, "card.undone")
}

// eraseItem ends an item's content for good.
func eraseItem(v *visit) error {
	id := v.r.PathValue("id")
	if err := v.s.options.Desks.Triage.Erase(v.r.Context(), v.actor, id, v.reason()); err != nil {
		return err
	}
	return v.done("/items/"+id, "card.erased")
}

// reopenItem has people who took no part look at an item again.
func reopenItem(v *visit) error {
	id := v.r.PathValue("id")
	reports, err := v.s.options.Desks.Triage.Reopen(v.r.Context(), v.actor, id, v.reason())
	if err != nil {
		return err
	}
	return v.done("/items/"+id, "card.reopened", "count", reports)
}

func showWellbeing(v *visit) error {
	w, err := v.s.options.Desks.Triage.Wellbeing(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.show(wellbeingPage(v.frame("wellbeing.title", "/wellbeing"), w, v.actor, v.takeDone()))
}

func setBreak(v *visit) error {
	limit, first := strconv.Atoi(v.r.PostFormValue("limit"))
	minutes, second := strconv.Atoi(v.r.PostFormValue("minutes"))
	if first != nil || second != nil {
		return problem.InvalidField("limit", "limit and minutes are numbers", "type two numbers")
	}
	if err := v.s.options.Desks.Triage.SetBreak(v.r.Context(), v.actor, limit, minutes); err != nil {
		return err
	}
	return v.done("/wellbeing", "wellbeing.break.done")
}
