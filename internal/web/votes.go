package web

import (
	"strings"

	"github.com/brdoproject/brdo/internal/desk/lists"
)

// showVotes shows what decisions here say about the entries of an exchange, and what it was
// told.
func showVotes(v *visit) error {
	found, err := v.s.options.Desks.Lists.Votes(v.r.Context(), v.actor, v.listID())
	if err != nil {
		return err
	}
	return v.show(votesPage(v.frame("votes.title", "/lists"), found, v.takeDone()))
}

func (v *visit) backToVotes(key string) error {
	return v.done("/lists/"+v.r.PathValue("id")+"/votes", key)
}

func approveVote(v *visit) error {
	err := v.s.options.Desks.Lists.Vote(v.r.Context(), v.actor, v.listID(), lists.Approval{
		Item: strings.TrimSpace(v.r.PostFormValue("item")), Affirmative: v.r.PostFormValue("affirmative") == "yes", GUID: v.r.PostFormValue("guid"), Why: v.reason(),
	})
	if err != nil {
		return err
	}
	return v.backToVotes("votes.approved")
}

func recallVote(v *visit) error {
	if err := v.s.options.Desks.Lists.RecallVote(v.r.Context(), v.actor, v.listID(), "vote/"+v.r.PathValue("vote"), v.reason()); err != nil {
		return err
	}
	return v.backToVotes("votes.recalled")
}
