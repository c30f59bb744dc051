package web

import "github.com/brdoproject/brdo/internal/desk/alarms"

func showAlarms(v *visit) error {
	all, names, err := v.s.options.Desks.Alarms.List(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.show(alarmsPage(v.frame("alarms.title", "/alarms"), all, names, v.takeDone()))
}

func lookAtAlarm(v *visit) error {
	if err := v.s.options.Desks.Alarms.Look(v.r.Context(), v.actor, "alarm/"+v.r.PathValue("id"), v.reason()); err != nil {
		return err
	}
	return v.done("/alarms", "alarms.done")
}

// subjectPath is the page of what an alarm is about.
func subjectPath(a alarms.Alarm) string {
	switch {
	case a.Peer:
		return "/peers"
	case a.Kind() == "deconfliction":
		return "/orders"
	}
	return "/" + pathOf(a.Subject)
}
