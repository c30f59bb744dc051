package orders_test

import (
	"bytes"
	"image/png"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/mandate"
	"github.com/brdoproject/brdo/domain/order"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/watch"
	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/desk/orders"
	"github.com/brdoproject/brdo/internal/lookout"
	"github.com/brdoproject/brdo/internal/node/nodetest"
	"github.com/brdoproject/brdo/internal/racetest"
	"github.com/brdoproject/brdo/internal/store"
	"github.com/brdoproject/brdo/internal/webhost"
)

const seventeen, eighteen, elsewhere = "https://pictures.example/17", "https://pictures.example/18", "https://elsewhere.example/17"

// wantSeen compares the latest look at each of the two addresses, and returns
// the page's view.
func (u *union) wantSeen(id string, state order.State, first, second lookout.Outcome) orders.View {
	u.t.Helper()
	v := u.wantIssued(id, state)
	seen := v.Seen()
	if len(seen) != 2 || seen[0].Place != seventeen || seen[0].Last.Outcome != string(first) || seen[1].Last.Outcome != string(second) {
		u.t.Errorf("seen: %+v, want %s and %s", seen, first, second)
	}
	return v
}

// TestPeopleLookWithoutAProxy: no proxy, no look, and people are asked.
func TestPeopleLookWithoutAProxy(t *testing.T) {
	if racetest.Enabled {
		t.Skip("SKIP: four more nodes are slow under the race detector, which sees the same code in TestAnOrder; run without it")
	}
	execute(t, found(t, func() string { return "" }, nil))
}

// lookAgain follows an order whose provider says that it removed the material,
// and did not; then did; and where it comes back.
func lookAgain(t *testing.T, u *union) {
	ctx := t.Context()
	picture := func() []byte { return nodetest.Picture(17) }
	u.internet.Put(seventeen, "image/png", picture)
	u.internet.Handle(eighteen, webhost.Status(http.StatusServiceUnavailable))
	id, received := u.executed(func(d *orders.Draft) {
		d.Items = []order.Item{{URL: seventeen, SHA256: sum(17)}, {URL: eighteen}}
	})
	if v := u.issued(id); !v.ByMachine || len(v.Looks) != 0 || u.internet.Asked(seventeen) != 0 || v.NextLook().IsZero() {
		t.Errorf("before the first round: %+v, asked %d times", v.Looks, u.internet.Asked(seventeen))
	}
	u.later(time.Hour + time.Minute)
	v := u.wantSeen(id, order.Reappeared, lookout.Present, lookout.Unreachable)
	if !alarmed(v, "still, or again") || !v.NextLook().IsZero() {
		t.Errorf("nobody was told that the provider did not remove it: %+v, next %s", v.Alarms, v.NextLook())
	}
	if p := u.wantReceived(received, order.Reappeared); len(p.Execution.Answers) != 1 {
		t.Errorf("the provider has %+v", p.Execution)
	}
	// Nothing more happens before people act.
	asked := u.internet.Asked(seventeen)
	u.later(48 * time.Hour)
	if u.internet.Asked(seventeen) != asked {
		t.Error("the machine went on looking at what a person has to act on")
	}

	must(t, u.provider.Orders.Accept(ctx, u.moderator(), received, ""))
	if !u.internet.Remove(seventeen) {
		t.Fatal("nothing was there")
	}
	must(t, u.provider.Orders.CarriedOut(ctx, u.moderator(), received, "removed", u.clock.Now()))
	must(t, u.provider.Orders.SendAnswer(ctx, u.moderator(), received))
	u.settle()
	if v := u.issued(id); v.Issuance.State == order.Reappeared {
		must(t, u.slovenia.Orders.Resolve(ctx, u.requester(), id, "the provider removed it now"))
	}
	// One of the two cannot be told: that is no success, and is tried again.
	u.later(time.Hour + time.Minute)
	v = u.wantSeen(id, order.Executed, lookout.Gone, lookout.Unreachable)
	if want := u.clock.Now().Add(6 * time.Hour); v.NextLook().Sub(want).Abs() > time.Minute {
		t.Errorf("looked at again %s, want %s", v.NextLook(), want)
	}
	u.internet.Handle(eighteen, webhost.Status(http.StatusNotFound))
	u.later(6*time.Hour + time.Minute)
	v = u.wantSeen(id, order.Verified, lookout.Gone, lookout.Gone)
	if got := len(v.Looks); got != 6 {
		t.Errorf("%d looks are kept, want 3 rounds of 2", got)
	}
	if events := slices.DeleteFunc(v.Events, func(e store.LogEvent) bool { return e.Action != "order.verify" }); len(events) != 3 {
		t.Errorf("%d events of looks, want one a round", len(events))
	}

	// A copy in another file is for a person to compare.
	u.alsoKnownAs(id, 17)
	u.internet.Put(seventeen, "image/png", func() []byte { return anotherFile(t, nodetest.Picture(17)) })
	u.later(24 * time.Hour)
	if v := u.wantSeen(id, order.Verified, lookout.Alike, lookout.Gone); !alarmed(v, "compare what is served now") {
		t.Errorf("%+v", v.Alarms)
	}

	// It comes back as it was: the order is open again, and both sides know.
	u.internet.Put(seventeen, "image/png", picture)
	u.later(7 * time.Hour)
	u.wantSeen(id, order.Reappeared, lookout.Present, lookout.Gone)
	u.wantReceived(received, order.Reappeared)

	// A person looks too; the machine's round that was due then is overtaken.
	must(t, u.slovenia.Orders.Resolve(ctx, u.requester(), id, "removed by the provider, by telephone"))
	u.clock.Add(2 * time.Hour)
	asked = u.internet.Asked(seventeen)
	must(t, u.slovenia.Orders.Looked(ctx, u.requester(), id, []watch.Check{
		{Place: seventeen, Finding: watch.Gone, Reason: "the page is empty"}, {Place: eighteen, Finding: watch.Gone, Reason: "the page is empty"},
	}))
	u.settle()
	if v := u.wantSeen(id, order.Verified, "", ""); v.Looks[0].Reason != "the page is empty" || u.internet.Asked(seventeen) != asked {
		t.Errorf("%+v, asked %d times more", v.Looks[0], u.internet.Asked(seventeen)-asked)
	}
	// So is a round that a person's look overtakes while the machine is looking.
	u.internet.Handle(seventeen, func(answer http.ResponseWriter, request *http.Request) {
		must(t, u.slovenia.Orders.Looked(ctx, u.requester(), id, []watch.Check{
			{Place: seventeen, Finding: watch.Gone, Reason: "looked meanwhile"}, {Place: eighteen, Finding: watch.Gone, Reason: "looked meanwhile"},
		}))
		webhost.Status(http.StatusNotFound)(answer, request)
	})
	u.later(24 * time.Hour)
	asked = u.internet.Asked(seventeen)
	if v := u.wantSeen(id, order.Verified, "", ""); v.Looks[0].Reason != "looked meanwhile" || asked == 0 {
		t.Errorf("%+v, asked %d times", v.Looks[0], asked)
	}
	// A person finds the material at an address that the order does not name.
	find := func(who mandate.Actor, place string) error {
		return u.slovenia.Orders.FoundElsewhere(ctx, who, id, place)
	}
	nodetest.Want(t, "a finding without the role", find(u.slovenia.Analyst(), elsewhere), problem.Denied)
	nodetest.Want(t, "no address", find(u.requester(), ""), problem.Invalid)
	nodetest.Want(t, "an address of the order itself", find(u.requester(), seventeen), problem.Invalid)
	must(t, find(u.requester(), elsewhere))
	u.settle()
	v = u.wantSeen(id, order.Reappeared, "", "")
	if !slices.Equal(v.Issuance.Elsewhere, []string{elsewhere}) || !alarmed(v, "at another address, which this order does not name") || !v.NextLook().IsZero() {
		t.Errorf("found at %q, next look %s: %+v", v.Issuance.Elsewhere, v.NextLook(), v.Alarms)
	}
	// The order binds nobody there, so the machine does not look.
	if u.internet.Asked(elsewhere) != 0 {
		t.Error("the machine looked at an address that the order does not name")
	}
	must(t, u.slovenia.Orders.Resolve(ctx, u.requester(), id, "an order of its own was requested"))
	asked = u.internet.Asked(seventeen)
	// An order that has fallen is looked after no more.
	must(t, u.slovenia.Orders.Withdraw(ctx, u.requester(), id, "issued by mistake"))
	u.later(30 * 24 * time.Hour)
	if u.internet.Asked(seventeen) != asked {
		t.Error("an order that has fallen is still looked after")
	}
}

// alsoKnownAs adds the perceptual digest of a picture to the first address.
func (u *union) alsoKnownAs(id string, number int) {
	u.t.Helper()
	img, err := png.Decode(bytes.NewReader(nodetest.Picture(number)))
	must(u.t, err)
	must(u.t, u.slovenia.Store.Write(u.t.Context(), func(tx *store.Tx) error {
		return tx.InsertOrderItem(store.OrderItem{OrderID: id, Position: 2, URL: seventeen, PDQ: pdq.FromImage(img).Hash.String()})
	}))
}

// anotherFile is the same picture in other bytes.
func anotherFile(t testing.TB, picture []byte) []byte {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(picture))
	must(t, err)
	var out bytes.Buffer
	must(t, (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&out, img))
	return out.Bytes()
}
