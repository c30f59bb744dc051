package lists_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/vote"
	"github.com/brdoproject/brdo/internal/desk/lists"
	"github.com/brdoproject/brdo/internal/desk/triage"
	"github.com/brdoproject/brdo/internal/exchange/exchangetest"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// decided is an item that one person decided about, and whose file is in the exchange.
func (r *reader) decided(t *testing.T, number int, id string, verdict triage.Verdict) string {
	t.Helper()
	item := r.Flag(t, number, "")
	r.Judge(t, r.Analyst(), item, verdict)
	r.Settle(t)
	row, _ := r.Item(t, item)
	r.ncmec.Put(exchangetest.NCMECEntry{
		Member: 60, MemberName: "Example Member", ID: id, Changed: r.Clock.Now(), Classification: "A1", Fingerprints: map[string]string{"md5": row.MD5, "sha1": row.SHA1},
	})
	return item
}

// votes are those of the list, as record, state and how often they were sent.
func (r *reader) votes(t *testing.T, list string) string {
	t.Helper()
	v, err := r.Lists.Votes(t.Context(), mona(r.Node), list)
	must(t, err)
	var all []string
	for _, one := range v.Votes {
		all = append(all, fmt.Sprint(one.Record, " ", one.Fingerprint, " ", one.State, " ", one.Attempts))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// alarmed counts the alarms of a list that say something.
func (r *reader) alarmed(t *testing.T, says string) (count int) {
	t.Helper()
	alarms, _, err := r.Alarms.List(t.Context(), mona(r.Node))
	must(t, err)
	for _, a := range alarms {
		if strings.Contains(a.Reason, says) {
			count += a.Times
		}
	}
	return count
}

// takesVotes: what people decided goes to the exchange when a person approved it, once,
// through failures and a process that dies; and is withdrawn when the decision falls.
func (r *reader) takesVotes(t *testing.T, list string) {
	t.Helper()
	ctx, manager := t.Context(), mona(r.Node)
	const guid = "01234567-abcd"
	right := r.decided(t, 301, "right/one ü", nodetest.Yes)
	wrong := r.decided(t, 302, "wrong", nodetest.No)
	alike := r.Flag(t, 303, "") // not in the exchange
	r.Judge(t, r.Analyst(), alike, nodetest.Yes)
	r.Settle(t)
	r.later(t)
	v, err := r.Lists.Votes(ctx, manager, list)
	must(t, err)
	if len(v.Opinions) != 2 || !v.Takes || len(v.Reasons["SHA-1"]) != 1 || v.Reasons["MD5"][0].Name != "Example Reason 1" {
		t.Fatalf("%+v", v)
	}
	for _, o := range v.Opinions {
		if o.Affirmative != (o.Item == right) || len(o.Decisions) != 1 || len(o.Records) != 1 || o.Kind.String() != "SHA-1" {
			t.Errorf("%+v", o)
		}
	}
	yes := func(item string) lists.Approval {
		return lists.Approval{Item: item, Affirmative: true, Why: "seen here"}
	}
	no := func(item, guid string) lists.Approval {
		return lists.Approval{Item: item, GUID: guid, Why: "seen here"}
	}
	for what, c := range map[string]struct {
		who  mandate.Actor
		says lists.Approval
		kind problem.Kind
	}{
		"an analyst approving": {r.Analyst(), yes(right), problem.Denied}, "without a reason": {manager, lists.Approval{Item: right, Affirmative: true}, problem.Invalid},
		"otherwise than people decided": {manager, no(right, guid), problem.Conflict}, "with a reason that the exchange has not": {manager, no(wrong, "other"), problem.Invalid},
		"wrong without the exchange's reason": {manager, no(wrong, ""), problem.Invalid}, "right with one": {manager, lists.Approval{Item: right, Affirmative: true, GUID: guid, Why: "x"}, problem.Invalid},
		"of a file that the exchange has not": {manager, yes(alike), problem.Conflict}, "of no item": {manager, yes(strings.Repeat("0", 64)), problem.NotFound},
	} {
		nodetest.Want(t, "voting "+what, r.Lists.Vote(ctx, c.who, list, c.says), c.kind)
	}
	must(t, r.Drain(ctx))
	if votes := r.ncmec.Votes(); len(votes) != 0 {
		t.Fatalf("votes that nobody approved: %v", votes)
	}

	// Refusals, an error, a cut connection: it is sent again, and counts once.
	must(t, r.Lists.Vote(ctx, manager, list, yes(right)))
	nodetest.Want(t, "voting twice", r.Lists.Vote(ctx, manager, list, yes(right)), problem.Conflict)
	for i, status := range []int{http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusBadGateway, 0} {
		r.ncmec.Before(func(w http.ResponseWriter, q *http.Request) bool {
			switch {
			case q.Method != http.MethodPut:
				return false
			case status == 0:
				panic(http.ErrAbortHandler)
			case status == http.StatusTooManyRequests:
				w.Header().Set("Retry-After", "7200")
			}
			w.WriteHeader(status)
			return true
		})
		must(t, r.Drain(ctx))
		r.Clock.Add(3 * time.Hour)
		if got := r.votes(t, list); got != fmt.Sprint("60/right/one ü SHA-1 sending ", i+1) {
			t.Errorf("after %d: %s", status, got)
		}
	}
	// The exchange has it, and the process dies before it writes that down.
	dying, stop := context.WithCancel(ctx)
	r.ncmec.Before(func(w http.ResponseWriter, q *http.Request) bool {
		if q.Method == http.MethodPut {
			r.ncmec.Before(nil)
			r.ncmec.ServeHTTP(w, q)
			stop()
			<-q.Context().Done()
			return true
		}
		return false
	})
	_ = r.Drain(dying)
	const at = "60/right/one ü/SHA1"
	if votes := r.ncmec.Votes(); len(votes) != 1 || votes[at] != "affirmative" || r.votes(t, list) != "60/right/one ü SHA-1 sending 5" {
		t.Errorf("%v, %s", votes, r.votes(t, list))
	}
	r.later(t)
	if votes := r.ncmec.Votes(); len(votes) != 1 || r.votes(t, list) != "60/right/one ü SHA-1 sent 6" {
		t.Errorf("%v, %s", votes, r.votes(t, list))
	}
	r.isLogged(t, list)

	// The decision is opened again: what was sent is outdated, until people decide anew.
	must(t, r.Lists.Vote(ctx, manager, list, no(wrong, guid)))
	for _, item := range []string{right, wrong} {
		_, err = r.Triage.Reopen(ctx, r.Supervisor(), item, "a complaint")
		must(t, err)
	}
	nodetest.Want(t, "voting while people look", r.Lists.Vote(ctx, manager, list, yes(right)), problem.Conflict)
	r.later(t)
	if got := r.votes(t, list); got != "60/right/one ü SHA-1 outdated 6, 60/wrong SHA-1 withdrawn 0" || len(r.ncmec.Votes()) != 1 || r.alarmed(t, "a vote about an entry of the exchange is outdated: people opened") != 1 {
		t.Errorf("%s, %v, %d", got, r.ncmec.Votes(), r.alarmed(t, "a vote"))
	}
	again(t, r.Node, right, "301", nodetest.No)
	must(t, r.Lists.Vote(ctx, manager, list, no(right, guid)))
	r.later(t)
	if got := r.votes(t, list); got != "60/right/one ü SHA-1 replaced 6, 60/right/one ü SHA-1 sent 1, 60/wrong SHA-1 withdrawn 0" || r.ncmec.Votes()[at] != guid {
		t.Errorf("%s, %v", got, r.ncmec.Votes())
	}

	// A person takes back what was not sent; and the exchange does not take what it does not hold.
	again(t, r.Node, wrong, "302", nodetest.No)
	must(t, r.Lists.Vote(ctx, manager, list, no(wrong, guid)))
	v, err = r.Lists.Votes(ctx, manager, list)
	must(t, err)
	queued := v.Votes[slices.IndexFunc(v.Votes, func(row store.VoteRow) bool { return row.State == vote.Queued })].ID
	nodetest.Want(t, "an analyst taking back", r.Lists.RecallVote(ctx, r.Analyst(), list, queued, "x"), problem.Denied)
	must(t, r.Lists.RecallVote(ctx, manager, list, queued, "too early"))
	r.later(t)
	must(t, r.Lists.Vote(ctx, manager, list, no(wrong, guid)))
	r.ncmec.Put(exchangetest.NCMECEntry{Member: 60, ID: "wrong", Changed: r.Clock.Now(), Deleted: true})
	must(t, r.Drain(ctx))
	if got := r.votes(t, list); !strings.HasSuffix(got, "60/wrong SHA-1 refused 1, 60/wrong SHA-1 withdrawn 0, 60/wrong SHA-1 withdrawn 0") || len(r.ncmec.Votes()) != 1 ||
		r.alarmed(t, "is refused: the exchange refuses the question (404)") != 1 {
		t.Errorf("%s, %v", got, r.ncmec.Votes())
	}
}

// isLogged: one event of the approval by the person and one of the sending by the node.
func (r *reader) isLogged(t *testing.T, list string) {
	t.Helper()
	must(t, r.Ledger.Sequence(t.Context()))
	var done []string
	r.Look(t, func(tx *store.Tx) error {
		rows, err := tx.LogEventsOf(list, 10_000)
		for _, row := range rows {
			event, err := ledger.ParseEvent(row.Record)
			must(t, err)
			if strings.HasPrefix(event.Action, "list.vote") && event.Outcome == "done" {
				done = append(done, event.Actor+" "+event.Action)
			}
		}
		return err
	})
	if !slices.Equal(done, []string{mona(r.Node).ID + " list.vote", "node list.vote.send"}) {
		t.Errorf("the log says: %q", done)
	}
}
