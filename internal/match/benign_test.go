package match_test

import (
	"testing"

	"github.com/brdoproject/brdo/engine/pdq"
	"github.com/brdoproject/brdo/internal/match"
)

// TestNearMatchesOfLookAlikesAreSetAside but equal digests never, nor what is nearer to its entry,
// nor anything for a list that does not count.
func TestNearMatchesOfLookAlikesAreSetAside(t *testing.T) {
	same, look := content(1), content(3)
	for _, c := range []struct {
		name     string
		benign   match.List
		distance int // of the look-alike, on the far side of the picture
		query    match.Query
		standing int
		matches  int
	}{
		{"nearer", match.List{Radius: 31}, 4, match.Query{Digests: content(2)}, 0, 1},
		{"as near", match.List{Radius: 31}, 5, match.Query{Digests: content(2)}, 0, 1},
		{"farther", match.List{Radius: 31}, 6, match.Query{Digests: content(2)}, 1, 1},
		{"beyond the radius of the look-alikes", match.List{Radius: 3}, 4, match.Query{Digests: content(2)}, 1, 1},
		{"an equal file", match.List{Radius: 31}, 0, match.Query{Digests: same}, 1, 1},
		{"the look-alike itself", match.List{Radius: 0}, 20, match.Query{Digests: look}, 0, 1},
		{"not confirmed", match.List{Radius: 31, Unconfirmed: true}, 4, match.Query{Digests: content(2)}, 1, 1},
		{"suspended", match.List{Radius: 31, Suspended: true}, 4, match.Query{Digests: content(2)}, 1, 1},
	} {
		x := one(t, match.List{ID: "list/1", Name: "List", Radius: 31})
		c.benign.ID, c.benign.Name, c.benign.Benign = "list/2", "Look-alikes", true
		x.PutList(c.benign)
		// The picture is 5 bits from the entry, and the look-alike on its other side.
		alike := code(1, 5)
		for bit := range c.distance {
			alike[31-bit/8] ^= 1 << (bit % 8)
		}
		apply(t, x, match.Delta{List: "list/2", To: 1, Put: []match.Entry{{ID: "entry/2", SHA256: look.SHA256[:], PDQ: bytesOf(alike)}}})
		c.query.Forms, c.query.Decoded, c.query.Now = forms(100, variants(pdq.FlipX, code(1, 5))), true, now
		got := x.Query(c.query)
		if len(got.Matches) != c.matches || len(match.Standing(got.Matches)) != c.standing {
			t.Errorf("%s: %+v", c.name, got.Matches)
			continue
		}
		if m := got.Matches[0]; m.List != "list/1" || (m.SetAside != nil) != (c.standing == 0) ||
			m.SetAside != nil && (m.SetAside.Entry != "entry/2" || m.SetAside.ListName != "Look-alikes" || m.SetAside.Reason == "") {
			t.Errorf("%s: %+v", c.name, m)
		}
		if skipped := len(got.Skipped) == 1; skipped != (c.benign.Unconfirmed || c.benign.Suspended) {
			t.Errorf("%s: skipped %+v", c.name, got.Skipped)
		}
	}
}

func TestLookAlikesMatchNothing(t *testing.T) {
	x := one(t, match.List{ID: "list/1", Name: "List", Radius: 31, Benign: true})
	if got := x.Query(match.Query{Digests: content(1), Forms: forms(100, variants(0, code(1, 0))), Decoded: true, Now: now}); len(got.Matches) != 0 {
		t.Errorf("%+v", got.Matches)
	}
	near := code(1, 3)
	if got := x.Lookup(match.Hashes{PDQ: &near}, now); len(got.Matches) != 0 {
		t.Errorf("%+v", got.Matches)
	}
}
