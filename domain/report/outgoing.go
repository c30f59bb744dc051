package report

import (
	"fmt"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
)

// Outgoing returns what a recipient of that kind gets: the whole form, and of
// the control fields only those that the profile allows. left names every
// filled control field that stays at home, for the preview before sending. A
// kind of recipient that the profile does not name gets nothing: kind Denied.
func (r Report) Outgoing(form *law.ReportForm, recipient string) (out Report, left []string, err error) {
	for _, known := range form.Recipients {
		if known.Key != recipient {
			continue
		}
		allowed := map[string]bool{}
		for _, field := range known.Control {
			allowed[field] = true
		}
		out = Report{ID: r.ID, Profile: r.Profile, Form: r.Form}
		keep := func(field string, filled bool, copy func()) {
			switch {
			case allowed[field]:
				copy()
			case filled:
				left = append(left, "control."+field)
			}
		}
		keep("client_ref", r.Control.ClientRef != "", func() { out.Control.ClientRef = r.Control.ClientRef })
		keep("files", len(r.Control.Files) > 0, func() { out.Control.Files = r.Control.Files })
		keep("batch", r.Control.Batch, func() { out.Control.Batch = r.Control.Batch })
		keep("meme", r.Control.Meme, func() { out.Control.Meme = r.Control.Meme })
		return out, left, nil
	}
	return Report{}, nil, problem.New(problem.Denied, fmt.Sprintf("%s names no recipient of kind %q", form.Ref(), recipient), "add the recipient and the fields it may get to the profile")
}
