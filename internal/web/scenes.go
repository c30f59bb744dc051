package web

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/brdoproject/brdo/internal/desk/triage"
)

// askScenes asks which items here show the same scene.
func askScenes(v *visit) error {
	id := v.r.PathValue("id")
	if _, err := v.s.options.Desks.Triage.AskScenes(v.r.Context(), v.actor, id, v.reason()); err != nil {
		return err
	}
	return v.done("/items/"+id, "scenes.asked")
}

// viewScenes shows an item and one that a question found beside each other.
func viewScenes(v *visit) error {
	id, other := v.r.PathValue("id"), v.r.PostFormValue("item")
	views, err := v.s.options.Desks.Triage.ViewScenes(v.r.Context(), v.actor, id, "search/"+v.r.PathValue("search"), other)
	if err != nil {
		return err
	}
	return v.show(scenesPage(v.frame("scenes.shown.title", "/queue"), id, views, keysOf(v.person)))
}

// hideScenes ends what was shown.
func hideScenes(v *visit) error {
	for _, exposure := range v.r.PostForm["exposure"] {
		if err := v.s.options.Desks.Triage.EndView(v.r.Context(), v.actor, exposure); err != nil {
			return err
		}
	}
	return v.redirect("/items/" + v.r.PathValue("id"))
}

// editsOf says what was done to the other picture to make this one.
func editsOf(ctx context.Context, l triage.Likeness) string {
	var said []string
	if l.Mirrored {
		said = append(said, t(ctx, "scenes.edit.mirrored"))
	}
	switch turn := math.Round(l.Rotation); {
	case turn > 0:
		said = append(said, t(ctx, "scenes.edit.right", "degrees", int(turn)))
	case turn < 0:
		said = append(said, t(ctx, "scenes.edit.left", "degrees", int(-turn)))
	}
	if math.Abs(l.Scale-1) >= 0.02 {
		said = append(said, t(ctx, "scenes.edit.scaled", "percent", percentOf(l.Scale)))
	}
	if l.Stretch >= 1.03 {
		said = append(said, t(ctx, "scenes.edit.stretched", "percent", percentOf(l.Stretch-1)))
	}
	if len(said) == 0 {
		said = append(said, t(ctx, "scenes.edit.none"))
	}
	return strings.Join(said, ", ")
}

func percentOf(share float64) string { return strconv.FormatFloat(100*share, 'f', 0, 64) }
