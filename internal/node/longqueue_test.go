package node_test

import (
	"database/sql"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pquerna/otp/totp"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
)

// waiting is how many items wait in the long queue.
const waiting = 100_000

// TestTheMostUrgentIsFirstHoweverLongTheQueue hands in what may be a child in
// danger behind a hundred thousand others: it is the first thing that the next
// person sees, with the reason. How the database finds it is tested in the
// store.
func TestTheMostUrgentIsFirstHoweverLongTheQueue(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: the race detector makes SQLite a hundred times slower; this is tested without it")
	}
	nodetest.Each(t, func(t *testing.T, n *nodetest.Node) {
		ctx := t.Context()
		fill(t, n, n.Flag(t, 1, ""))
		ada, c := enrolled(t, n, "ada", mandate.Analyst)
		before, err := n.Triage.Queue(ctx, ada)
		must(t, "reading the queue", err)
		n.Clock.Add(1)
		urgent := nodetest.Submission(2, "")
		urgent.Signals = []law.Signal{law.SignalUrgent}
		found := n.Submit(t, urgent)

		queue, err := n.Triage.Queue(ctx, ada)
		must(t, "reading the queue", err)
		total := int64(0)
		for _, figure := range queue.Figures {
			total += figure.Waiting
		}
		if total != waiting+1 || len(before.Entries) != len(queue.Entries) {
			t.Errorf("%d wait, %d of them on the page; before there were %d", total, len(queue.Entries), len(before.Entries))
		}
		const why = "the source marked it urgent: a child may be in danger now"
		if first := queue.Entries[0]; first.ID != found.SHA256 || first.Tier != "P0" || first.Why != why {
			t.Errorf("the first of the queue is %+v", first)
		}

		answer, err := c.Get(n.Config.Origin + "/queue")
		must(t, "reading the page", err)
		defer answer.Body.Close()
		page, err := io.ReadAll(answer.Body)
		must(t, "reading the page", err)
		rows := strings.Split(string(page), "<tr data-row>")
		if answer.StatusCode != http.StatusOK || len(rows) < 2 || !strings.Contains(rows[1], "/items/"+found.SHA256) || !strings.Contains(rows[1], why) {
			t.Errorf("the page's first row is not the most urgent, with its reason: %s %.600s", answer.Status, strings.Join(rows[min(1, len(rows)-1):], ""))
		}

		if next, err := n.Triage.GoOn(ctx, ada); err != nil || next != found.SHA256 {
			t.Errorf("the next item is %s, %v", next, err)
		}
	})
}

// enrolled is a person who has an account and is logged in, without a browser.
func enrolled(t *testing.T, n *nodetest.Node, name string, roles ...mandate.Role) (mandate.Actor, *http.Client) {
	t.Helper()
	person, link, err := n.Identity.Invite(t.Context(), n.Person("operator", mandate.Operator), name, roles)
	must(t, "inviting", err)
	codes := n.Identity.NewCodes(person)
	code, err := totp.GenerateCode(codes.Secret, n.Clock.Now())
	must(t, "making a code", err)
	must(t, "enrolling", n.Identity.ConfirmCodes(t.Context(), person, "the queue is long today", codes.Secret, code))
	return n.Identity.Actor(person), client(t, n.Config.Origin, link.Token)
}

// fill lets as many items wait as the long queue has, all like one that was
// handed in, with other names, tiers and scores. One statement copies the row:
// a hundred thousand would take a quarter of a minute.
func fill(t *testing.T, n *nodetest.Node, like string) {
	t.Helper()
	driver, source := "sqlite", "file:"+filepath.Join(n.Config.Data, "brdo.db")
	numbers, name := "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < $2)", "printf('%064x', number)"
	if n.Store.Dialect() == store.PostgreSQL {
		driver, source = "pgx", n.Config.Database
		numbers, name = "WITH numbers AS (SELECT number FROM generate_series(1, $2) AS number)", "lpad(to_hex(number), 64, '0')"
	}
	database, err := sql.Open(driver, source)
	must(t, "connecting", err)
	defer database.Close()
	_, err = database.ExecContext(t.Context(), numbers+` INSERT INTO items (id, mime, size, width, height, md5, sha1, pdq, pdq_quality, media_status, content, scheme, review,
		tier, score, why, state, assessment, outcome, claimed_by, claimed_until, first_decider, received_at, decided_at, sightings, version)
		SELECT `+name+`, mime, size, width, height, md5, sha1, pdq, pdq_quality, media_status, content, scheme, review,
		'P' || (1 + number % 4), number * 1.0 / $2, why, state, assessment, outcome, claimed_by, claimed_until, first_decider, received_at, decided_at, sightings, version
		FROM items, numbers WHERE id = $1`, like, waiting-1)
	must(t, "filling the queue", err)
}
