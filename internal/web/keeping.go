package web

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/hashlist"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/store"
)

func showLists(v *visit) error {
	found, err := v.s.options.Desks.Lists.Lists(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.show(listsPage(v.frame("lists.title", "/lists"), found, v.actor.Has(mandate.ListManager), v.s.options.Desks.Lists.Fetches(), v.takeDone()))
}

func followsExchange(l store.HashList) bool {
	_, is := lists.FollowsExchange(l)
	return is
}

func createList(v *visit) error {
	text := func(name string) string { return strings.TrimSpace(v.r.PostFormValue(name)) }
	basis, err := law.ParseRef(text("legal_basis"))
	if err != nil {
		return problem.InvalidField("legal_basis", "it is not a reference such as provider/hosting-terms@1", "use a profile of law/legal-basis")
	}
	radius, err := strconv.Atoi(cmp.Or(text("radius"), "31"))
	if err != nil {
		return problem.InvalidField("radius", "it is not a number", "31 is usual")
	}
	var shares [2]int
	for i, name := range []string{"video_upload", "video_entry"} {
		if shares[i], err = strconv.Atoi(cmp.Or(text(name), "-1")); err != nil {
			return problem.InvalidField(name, "it is not a number", "50 is usual")
		}
	}
	until, err := time.Parse(time.DateOnly, text("valid_until"))
	if err != nil && text("valid_until") != "" {
		return problem.InvalidField("valid_until", "it is not a date", "choose a day")
	}
	follows, err := lists.ParseSource(text("follows"))
	if err != nil {
		return err
	}
	l, err := v.s.options.Desks.Lists.Create(v.r.Context(), v.actor, lists.NewList{
		Name: text("name"), Source: text("source"), Scheme: text("scheme"), Verification: text("verification"), LegalBasis: basis, ValidUntil: until, Radius: radius,
		VideoUpload: shares[0], VideoEntry: shares[1],
		Own: text("own") == "yes", Follows: follows, Benign: text("benign") == "yes", Insets: text("insets") == "yes",
	})
	if err != nil {
		return err
	}
	if l.Own {
		return v.done("/lists/"+strings.TrimPrefix(l.ID, "list/")+"/decided", "list.created.own")
	}
	return v.done("/lists/"+strings.TrimPrefix(l.ID, "list/"), "list.created")
}

func (v *visit) listID() string { return "list/" + v.r.PathValue("id") }

func showList(v *visit) error {
	l, versions, entries, err := v.s.options.Desks.Lists.List(v.r.Context(), v.actor, v.listID())
	if err != nil {
		return err
	}
	manages := v.actor.Has(mandate.ListManager)
	return v.show(listPage(v.frame("list.title", "/lists"), l, versions, entries, manages, manages && v.s.options.Desks.Lists.TakesVotes(l.HashList), v.takeDone()))
}

// importMemory is how much of an imported file is kept in memory; the rest of a
// larger one waits in a temporary file.
const importMemory = 8 << 20

func importList(v *visit) error {
	if err := v.r.ParseMultipartForm(importMemory); err != nil {
		return problem.InvalidField("file", "the form broke off or is larger than 512 MiB", "use the API for larger lists").Because(err)
	}
	defer v.r.MultipartForm.RemoveAll()
	file, header, err := v.r.FormFile("file")
	if err != nil {
		return errNoFile
	}
	defer file.Close()
	kind, err := hashlist.ParseKind(cmp.Or(v.r.FormValue("kind"), "sha256"))
	if err != nil {
		return problem.InvalidField("kind", err.Error(), "choose one of them")
	}
	done, err := v.s.options.Desks.Lists.Import(v.r.Context(), v.actor, v.listID(), lists.Import{
		FileName: header.Filename, Content: file, Options: hashlist.Options{Kind64: kind}, Reason: v.r.FormValue("reason"),
	})
	if err != nil {
		return err
	}
	return v.done("/lists/"+v.r.PathValue("id"), "list.imported", "added", done.Added, "changed", done.Changed, "refused", done.RefusedCount, "stopped", done.Suspended+done.Withdrawn, "restored", done.Restored, "held", done.Held)
}

// askBenign asks that a list of benign look-alikes counts; another person confirms it.
func askBenign(v *visit) error {
	request, err := v.s.options.Desks.Lists.AskBenign(v.r.Context(), v.actor, v.listID(), v.r.PostFormValue("reason"))
	if err != nil {
		return err
	}
	return v.done("/lists/"+v.r.PathValue("id"), "list.benign.asked", "request", request)
}

func confirmBenign(v *visit) error {
	request, err := strconv.ParseInt(v.r.PostFormValue("request"), 10, 64)
	if err != nil {
		return problem.InvalidField("request", "it is not the number of a request", "type the number that the list's versions show")
	}
	if err := v.s.options.Desks.Lists.ConfirmBenign(v.r.Context(), v.actor, v.listID(), request); err != nil {
		return err
	}
	return v.done("/lists/"+v.r.PathValue("id"), "list.benign.confirmed")
}

// radiusLabel names what the radius of a list is for.
func radiusLabel(l lists.List) string {
	if l.Benign {
		return "list.radius.benign"
	}
	return "list.radius"
}

// changeRadius makes the radius narrower, or asks for a wider one; another person confirms that.
func changeRadius(v *visit) error {
	radius, err := strconv.Atoi(strings.TrimSpace(v.r.PostFormValue("radius")))
	if err != nil {
		return problem.InvalidField("radius", "it is not a number", "31 is usual")
	}
	request, err := v.s.options.Desks.Lists.ChangeRadius(v.r.Context(), v.actor, v.listID(), radius, v.r.PostFormValue("reason"))
	switch {
	case err != nil:
		return err
	case request > 0:
		return v.done("/lists/"+v.r.PathValue("id"), "list.radius.asked", "radius", radius)
	}
	return v.done("/lists/"+v.r.PathValue("id"), "list.radius.changed", "radius", radius)
}

func confirmRadius(v *visit) error {
	request, err := strconv.ParseInt(v.r.PostFormValue("request"), 10, 64)
	if err != nil {
		return problem.InvalidField("request", "it is not the number of a request", "load the list's page again")
	}
	radius, err := v.s.options.Desks.Lists.ConfirmRadius(v.r.Context(), v.actor, v.listID(), request)
	if err != nil {
		return err
	}
	return v.done("/lists/"+v.r.PathValue("id"), "list.radius.changed", "radius", radius)
}

// requestExport asks for a list to leave the house; another person releases it.
func requestExport(v *visit) error {
	request, err := v.s.options.Desks.Lists.RequestExport(v.r.Context(), v.actor, v.listID(), v.r.PostFormValue("reason"))
	if err != nil {
		return err
	}
	return v.done("/lists/"+v.r.PathValue("id"), "list.export.requested", "request", request)
}

// exportList releases a list that another person asked for, as a download.
func exportList(v *visit) error {
	request, err := strconv.ParseInt(v.r.PostFormValue("request"), 10, 64)
	if err != nil {
		return problem.InvalidField("request", "it is not the number of a request", "type the number that the list's versions show")
	}
	format, kind, _ := strings.Cut(v.r.PostFormValue("format"), ":")
	digest, err := hashlist.ParseKind(cmp.Or(kind, "sha256"))
	if err != nil {
		return problem.InvalidField("format", err.Error(), "choose one of them")
	}
	after, name := int64(0), "list-"+v.r.PathValue("id")
	if text := v.r.PostFormValue("after"); text != "" && text != "0" {
		if after, err = strconv.ParseInt(text, 10, 64); err != nil {
			return problem.InvalidField("after", "it is not the number of a version", "type a number that the list's versions show, or leave it empty")
		}
		name += "-changes-after-" + strconv.FormatInt(after, 10)
	}
	out := &download{w: v.w, name: name + map[string]string{"csv": ".csv", "jsonl": ".jsonl", "vics": ".json", "plain": ".txt"}[format]}
	_, err = v.s.options.Desks.Lists.Export(v.r.Context(), v.actor, v.listID(), request, hashlist.Format(format), digest, after, out)
	if err != nil && out.begun {
		panic(http.ErrAbortHandler) // a broken download must not look like a whole one
	}
	return err
}

// download begins an answer as a file with its first byte, so that an error
// before it is still a page.
type download struct {
	w     http.ResponseWriter
	name  string
	begun bool
}

func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.w.Header().Set("Content-Type", "application/octet-stream")
		d.w.Header().Set("Content-Disposition", "attachment; filename=\""+d.name+"\"")
	}
	return d.w.Write(p)
}

func listState(v *visit) error {
	if err := v.s.options.Desks.Lists.SetState(v.r.Context(), v.actor, v.listID(), v.r.PostFormValue("state"), v.r.PostFormValue("reason")); err != nil {
		return err
	}
	return v.done("/lists/"+v.r.PathValue("id"), "list.changed")
}

func entryState(v *visit) error {
	entry := "entry/" + v.r.PathValue("entry")
	if err := v.s.options.Desks.Lists.ChangeEntry(v.r.Context(), v.actor, v.listID(), entry, v.r.PostFormValue("state"), v.r.PostFormValue("reason")); err != nil {
		return err
	}
	return v.done("/lists/"+v.r.PathValue("id"), "list.changed")
}

// liftQuarantine brings what an entry held back to the queue.
func liftQuarantine(v *visit) error {
	if err := v.s.options.Desks.Lists.LiftQuarantine(v.r.Context(), v.actor, v.listID(), "entry/"+v.r.PathValue("entry"), v.reason()); err != nil {
		return err
	}
	return v.done("/lists/"+v.r.PathValue("id"), "quarantine.lifted")
}

func showLog(v *visit) error {
	before, _ := strconv.ParseInt(v.r.URL.Query().Get("before"), 10, 64)
	page, err := v.s.options.Ledger.Log(v.r.Context(), v.actor, before, 100)
	if err != nil {
		return err
	}
	return v.show(logPage(v.frame("log.title", "/log"), page, v.takeDone()))
}

func showEvent(v *visit) error {
	p, err := v.s.options.Ledger.Proven(v.r.Context(), v.actor, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.show(eventPage(v.frame("log.event", "/log"), p))
}

func verifyLog(v *visit) error {
	r, err := v.s.options.Ledger.Verify(v.r.Context(), v.actor)
	if err != nil {
		return err
	}
	return v.done("/log", "log.verified", "records", r.Records, "checkpoints", r.Checkpoints)
}
