package orders_test

import (
	"testing"

	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/store"
)

// uploadedAgain: what an order removed comes in again. People of the provider
// see it; the authority learns of it when one of them says so.
func uploadedAgain(t *testing.T, u *union) {
	ctx := t.Context()
	const own, elsewhere = "https://photos.example/p/40", "https://photos.example/p/41"
	upload := func(url string) string {
		s := nodetest.Submission(40, "")
		s.Flagged, s.Context.URL = true, url
		return u.provider.Submit(t, s).SHA256
	}
	item := upload(own)
	id, received := u.executed(func(d *orders.Draft) { d.Items = []order.Item{{URL: own, SHA256: item}} })
	if v := u.received(received); len(v.Uploads) != 0 {
		t.Errorf("the upload before the order counts: %+v", v.Uploads)
	}
	waiting := func() int {
		return len(u.issued(id).Documents) + len(u.issued(id).Issuance.Elsewhere) + len(u.issued(id).Alarms)
	}
	before := waiting()
	upload(elsewhere)
	upload(own)
	u.settle()
	v := u.received(received)
	if len(v.Uploads) != 2 || v.Uploads[0].URL != own || v.Uploads[1].URL != elsewhere || v.Uploads[1].State != store.UploadOpen || !alarmed(v, "uploaded again") {
		t.Fatalf("%+v, people were told %+v", v.Uploads, v.Alarms)
	}
	if waiting() != before {
		t.Error("the authority was told by a machine")
	}
	if card, err := u.provider.Triage.Card(ctx, u.moderator(), item); err != nil || len(card.RemovedBy) != 0 {
		t.Errorf("the card leads whoever has to decide: %+v, %v", card.RemovedBy, err)
	}
	u.provider.Judge(t, u.moderator(), item, nodetest.Yes)
	u.provider.Settle(t)
	if card, err := u.provider.Triage.Card(ctx, u.moderator(), item); err != nil || card.Decision == nil || len(card.RemovedBy) != 1 || card.RemovedBy[0].ID != received {
		t.Errorf("the card says %+v of orders, %v", card.RemovedBy, err)
	}

	first := v.Uploads[1].ID
	nodetest.Want(t, "leaving without a reason", u.provider.Orders.LeaveUpload(ctx, u.moderator(), received, first, ""), problem.Invalid)
	nodetest.Want(t, "an upload of another order", u.provider.Orders.TellUpload(ctx, u.moderator(), received, "upload/none"), problem.NotFound)
	nodetest.Want(t, "telling without the role", u.provider.Orders.TellUpload(ctx, u.provider.Second(), received, first), problem.Denied)
	must(t, u.provider.Orders.TellUpload(ctx, u.moderator(), received, first))
	nodetest.Want(t, "deciding twice", u.provider.Orders.LeaveUpload(ctx, u.moderator(), received, first, "a mistake"), problem.Conflict)
	u.settle()
	if v := u.wantIssued(id, order.Reappeared); len(v.Issuance.Elsewhere) != 1 || v.Issuance.Elsewhere[0] != elsewhere {
		t.Errorf("the authority knows of %v", v.Issuance.Elsewhere)
	}
	// An address of the order itself is looked at by people, not believed.
	must(t, u.provider.Orders.TellUpload(ctx, u.moderator(), received, v.Uploads[0].ID))
	upload(elsewhere)
	u.settle()
	if v := u.issued(id); !alarmed(v, "saw the material uploaded again") || len(v.Issuance.Elsewhere) != 1 {
		t.Errorf("%+v", v.Alarms)
	}
	v = u.received(received)
	must(t, u.provider.Orders.LeaveUpload(ctx, u.moderator(), received, v.Uploads[0].ID, "removed within a minute"))
	if v = u.received(received); v.Uploads[0].State == store.UploadOpen || len(v.Uploads) != 3 {
		t.Errorf("%+v", v.Uploads)
	}
}
