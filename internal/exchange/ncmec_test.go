package exchange

import (
	"strings"
	"testing"

	"github.com/brdoproject/brdo/engine/hashlist"
)

// ncmecPageText has the shapes of the documentation: fingerprints of kinds that are not
// read, feedback of others, large fingerprints behind a link, a deletion without any.
const ncmecPageText = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
 <images count="4" maxTimestamp="2026-02-24T15:10:00Z">
  <image><member id="42">Example Member</member><timestamp>2026-02-24T15:00:00Z</timestamp><id>one</id><classification>A1</classification>
   <fingerprints><md5>11111111111111111111111111111111</md5><sha1>2222222222222222222222222222222222222222</sha1><pdna>AAECAw</pdna>
    <pdq>3333333333333333333333333333333333333333333333333333333333333333</pdq></fingerprints>
   <feedback lastUpdateTimestamp="2026-02-25T00:00:00Z"><affirmativeFeedback type="Md5"><members><member id="1">A</member></members></affirmativeFeedback>
    <negativeFeedback type="Sha1"><reasons><reason guid="0" name="R" type="Sha1"/><members><member id="7">B</member><member id="8">C</member></members></reasons></negativeFeedback></feedback></image>
  <deletedImage><member id="43">Other</member><id>two</id><timestamp>2026-02-24T15:10:00Z</timestamp></deletedImage>
  <image><member id="42">Example Member</member><id>three</id><fingerprints><pdna>AAECAw</pdna></fingerprints><feedback/></image>
  <image><member id="42">Example Member</member><id>four</id><fingerprints><md5>d41d8cd98f00b204e9800998ecf8427e</md5></fingerprints></image>
  <image><member id="42">Example Member</member><id>five</id><fingerprints><md5>00000000000000000000000000000000</md5><sha1>xx</sha1></fingerprints></image>
 </images>
 <videos count="1"><video><member id="42">Example Member</member><id>six</id>
  <fingerprints><md5>4444444444444444444444444444444A</md5><tmk-pdqf rel="self" href="/v2/entries/1/fingerprints/TMK_PDQF"/></fingerprints></video></videos>
 <paging><next>/v2/entries?from=2026-02-20T00%3A00%3A00.000Z&amp;to=2026-03-01T00%3A00%3A00.000Z&amp;start=2001&amp;size=1000&amp;max=3000</next></paging>
</queryResult>`

func TestPagesOfNCMEC(t *testing.T) {
	page, err := parseNCMEC([]byte(ncmecPageText))
	if err != nil {
		t.Fatal(err)
	}
	if page.next != "/v2/entries?from=2026-02-20T00%3A00%3A00.000Z&to=2026-03-01T00%3A00%3A00.000Z&start=2001&size=1000&max=3000" || len(page.changes) != 6 {
		t.Fatalf("next %q, %d changes", page.next, len(page.changes))
	}
	one := page.changes[0]
	if one.Key != "42/one" || one.Gone || one.Refused != "" || one.Entry.Category != "A1" || one.Entry.Source != "Example Member" ||
		one.Entry.Hex(hashlist.MD5) != strings.Repeat("1", 32) || one.Entry.Hex(hashlist.SHA1) != strings.Repeat("2", 40) || one.Entry.Hex(hashlist.PDQ) != strings.Repeat("3", 64) ||
		one.Entry.Note != "2 times a member disagrees with a fingerprint" {
		t.Errorf("the first is %+v", one)
	}
	if two := page.changes[1]; two.Key != "43/two" || !two.Gone {
		t.Errorf("the second is %+v", two)
	}
	for i, refused := range []hashlist.Refusal{hashlist.RefusedUnsupported, hashlist.RefusedEmptyFile, hashlist.RefusedPlaceholder} {
		if c := page.changes[2+i]; c.Refused != refused || c.Entry.Kinds != 0 {
			t.Errorf("%s is refused as %q: %+v", c.Key, c.Refused, c.Entry)
		}
	}
	if six := page.changes[5]; six.Key != "42/six" || six.Entry.Hex(hashlist.MD5) != strings.Repeat("4", 31)+"a" {
		t.Errorf("the video is %+v", six)
	}
	for why, text := range map[string]string{
		"broken": ncmecPageText[:len(ncmecPageText)/2], "of another kind": `<status xmlns="x"/>`, "followed by more": ncmecPageText + "<x/>", "of an unknown entry": `<queryResult><images><pixel><member id="1"/><id>x</id></pixel></images></queryResult>`,
		"without a member": `<queryResult><images><image><id>x</id></image></images></queryResult>`, "empty": "", "in Latin-1": `<?xml version="1.0" encoding="ISO-8859-1"?><queryResult/>`,
	} {
		if page, err := parseNCMEC([]byte(text)); err == nil {
			t.Errorf("a page that is %s is read: %+v", why, page)
		}
	}
}

// FuzzNCMEC: whatever a page holds, what is taken from it can be stored and asked for.
func FuzzNCMEC(f *testing.F) {
	f.Add([]byte(ncmecPageText))
	f.Add([]byte("<queryResult><images><image><member id=\"1\">\u0085</member><id>x</id><classification>a\nb</classification><fingerprints><md5>" + strings.Repeat("1", 32) + "</md5></fingerprints></image></images></queryResult>"))
	f.Add([]byte(`<queryResult><images count="0"/><videos count="0"/></queryResult>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		page, err := parseNCMEC(text)
		if err != nil {
			return
		}
		usable(t, page.changes)
		if page.next != "" && onward("", page.next) == nil && !strings.HasPrefix(page.next, "/v2/entries") {
			t.Errorf("the next page is %q", page.next)
		}
	})
}

// usable checks what holds for all changes.
func usable(t *testing.T, changes []Change) {
	for _, c := range changes {
		switch {
		case !isKey(c.Key):
			t.Errorf("a record is called %q", c.Key)
		case c.Gone || c.Refused != "":
			if c.Entry.Kinds != 0 {
				t.Errorf("%s has digests: %+v", c.Key, c)
			}
		case c.Entry.Kinds == 0 || c.Entry.NamesEmptyFile():
			t.Errorf("%s has no digest, or that of nothing", c.Key)
		case len(c.Entry.Category) > maxText || len(c.Entry.Source) > maxText || len(c.Entry.Note) > maxText || len(c.Entry.SourceID) > maxText ||
			strings.ContainsAny(c.Entry.Category+c.Entry.Source+c.Entry.Note+c.Entry.SourceID, "\x00\n"):
			t.Errorf("%s has a long or an odd text", c.Key)
		}
	}
}
