package match

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// TestTableFindsWhatIsInIt compares the table with a set, under hashes that
// collide often and wrap around its end.
func TestTableFindsWhatIsInIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spread := rapid.SampledFrom([]uint64{1, 3, 16, 1 << 40}).Draw(t, "spread")
		hashes := map[uint32]uint64{}
		hashOf := func(number uint32) uint64 { return hashes[number] }
		var x table
		in := map[uint32]bool{}
		for step, number := range rapid.SliceOfN(rapid.Uint32Range(1, 60), 0, 300).Draw(t, "numbers") {
			switch {
			case !in[number]:
				hashes[number] = rapid.Uint64Range(0, spread).Draw(t, "hash") * 0x9e3779b97f4a7c15 >> 3
				x.insert(hashOf(number), number, hashOf)
				in[number] = true
			case step%5 == 0 && !in[number+100]: // another takes its place
				hashes[number+100] = hashes[number]
				x.replace(hashOf(number), number, number+100, hashOf)
				in[number], in[number+100] = false, true
			default:
				x.replace(hashOf(number), number, 0, hashOf)
				in[number] = false
			}
		}
		count := 0
		for number, there := range in {
			found := 0
			x.each(hashOf(number), func(other uint32) bool {
				if other == number {
					found++
				}
				return true
			})
			if there {
				count++
			}
			if found > 1 || there != (found == 1) {
				t.Fatalf("%d is found %d times, in it: %v", number, found, there)
			}
		}
		if count != x.used {
			t.Fatalf("%d numbers, counted as %d", count, x.used)
		}
	})
}

func TestIdentifiersComeBackAsTheyWere(t *testing.T) {
	for id, short := range map[string]bool{
		"entry/0197a3b0-1c2d-7e4f-8a9b-0c1d2e3f4a5b":  true,
		"entry/00000000-0000-0000-0000-000000000000":  true,
		"entry/0197A3B0-1c2d-7e4f-8a9b-0c1d2e3f4a5b":  false,
		"entry/0197a3b001c2d-7e4f-8a9b-0c1d2e3f4a5b":  false,
		"entrz/0197a3b0-1c2d-7e4f-8a9b-0c1d2e3f4a5b":  false,
		"entry/0197a3b0-1c2d-7e4f-8a9b-0c1d2e3f4a5bc": false,
		"row 17": false,
		"":       false,
	} {
		packed, ok := pack(id)
		if ok != short || ok && unpack(packed) != id {
			t.Errorf("%q is short: %v, and comes back as %q", id, ok, unpack(packed))
		}
	}
}

// TestOneDigestInManyRows: a list that repeats one digest costs no more than
// another, and each of its rows is found and can go.
func TestOneDigestInManyRows(t *testing.T) {
	const many = 50_000
	x := New()
	x.PutList(List{ID: "list/a"})
	d := Delta{List: "list/a", To: 1}
	same := [16]byte{1, 2, 3}
	for i := range many {
		d.Put = append(d.Put, Entry{ID: fmt.Sprintf("row %d", i), MD5: same[:]})
	}
	if err := x.Apply(d); err != nil {
		t.Fatal(err)
	}
	if x.Len() != many || x.rows.exact[hasMD5].used != 1 {
		t.Fatalf("%d rows, %d places in the table", x.Len(), x.rows.exact[hasMD5].used)
	}
	var gone Delta
	gone.List, gone.From, gone.To = "list/a", 1, 2
	for i := range 100 {
		gone.RemoveEntries = append(gone.RemoveEntries, fmt.Sprintf("row %d", i*7))
	}
	if err := x.Apply(gone); err != nil {
		t.Fatal(err)
	}
	found := 0
	for number := x.rows.head(hasMD5, same[:]); number != 0; number = x.rows.at(number).next[hasMD5] {
		found++
	}
	if found != many-100 {
		t.Errorf("%d rows are found", found)
	}
	x.RemoveList("list/a")
	if x.Len() != 0 || x.rows.exact[hasMD5].used != 0 || x.rows.ids.used != 0 || len(x.rows.known) != 0 || len(x.rows.odd) != 0 {
		t.Errorf("a removed list leaves something: %d rows", x.Len())
	}
}
