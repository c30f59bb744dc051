package orders_test

import (
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/node/nodetest"
)

// delist follows an order to a search engine through the same machine. What is
// delisted is still served, so no machine looks: people are asked to.
func delist(t *testing.T, u *union) {
	ctx := t.Context()
	const address = "https://pictures.example/50"
	u.internet.Put(address, "image/png", func() []byte { return nodetest.Picture(50) })
	unknown := u.draft()
	unknown.Kind = "seizure"
	_, err := u.slovenia.Orders.Request(ctx, u.requester(), unknown)
	nodetest.Want(t, "an order of a kind that nobody issues here", err, problem.Invalid)
	issued, received := u.delivered(func(d *orders.Draft) {
		d.Kind, d.Items = law.OrderDelisting, []order.Item{{URL: address, SHA256: sum(50)}}
	})
	v := u.received(received)
	if v.Row.Kind != string(law.OrderDelisting) || v.Form.Order != law.OrderDelisting || v.Form.Status == law.Verified {
		t.Errorf("the search engine received a %s under %s (%s)", v.Row.Kind, v.Form.Ref(), v.Form.Status)
	}
	must(t, u.provider.Orders.Accept(ctx, u.moderator(), received, ""))
	nodetest.Want(t, "a measure of another kind", u.provider.Orders.CarriedOut(ctx, u.moderator(), received, "removed", u.clock.Now()), problem.Invalid)
	must(t, u.provider.Orders.CarriedOut(ctx, u.moderator(), received, v.Form.Measures[0].Key, u.clock.Now()))
	must(t, u.provider.Orders.SendAnswer(ctx, u.moderator(), received))
	u.settle()
	u.later(2 * time.Hour)
	seen := u.wantIssued(issued, order.Executed)
	if u.internet.Asked(address) != 0 || !alarmed(seen, "look whether the material is gone") {
		t.Errorf("asked %d times by a machine; people were told %+v", u.internet.Asked(address), seen.Alarms)
	}
	for _, document := range seen.Documents {
		paper, err := u.slovenia.Orders.Document(ctx, u.requester(), issued, document.ID)
		must(t, err)
		if !strings.Contains(strings.ToLower(paper.Form.Title), "delisting") {
			t.Errorf("a document is titled %q", paper.Form.Title)
		}
	}
	// What is uploaded here later is not what this order removed.
	s := nodetest.Submission(50, "")
	s.Flagged, s.Context.URL = true, "https://photos.example/p/50"
	u.provider.Submit(t, s)
	if v := u.received(received); len(v.Uploads) != 0 {
		t.Errorf("an upload counts as one of what was removed: %+v", v.Uploads)
	}
}
