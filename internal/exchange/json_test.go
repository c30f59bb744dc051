package exchange

import (
	"strings"
	"testing"

	"github.com/brdoproject/brdo/engine/hashlist"
)

const threatsText = `{"data":[
 {"id":"2001","indicator":"1111111111111111111111111111111111111111111111111111111111111111","type":"HASH_PDQ","last_updated":1771900000,"should_delete":false,
  "descriptors":{"data":[{"id":"1","owner":{"id":"7"},"status":"MALICIOUS","tags":{"data":[{"id":"5","text":"media_type_photo"}]}},{"id":"2","owner":{"id":"8"},"status":"NON_MALICIOUS","tags":["disputed"]}]}},
 {"id":2002,"indicator":"x","type":"HASH_MD5","last_updated":1771900001,"should_delete":true},
 {"id":"2003","indicator":"https://page.example","type":"URI","last_updated":1771900001,"should_delete":false,"descriptors":{"data":[{"id":"3","status":"UNKNOWN"}]}},
 {"id":"2004","indicator":"11111111111111111111111111111111","type":"HASH_MD5","last_updated":1771900002,"should_delete":false}],
 "paging":{"cursors":{"before":"A","after":"B"},"next":"https://graph.facebook.com/v21.0/1/threat_updates/?access_token=1%7Cword&after=B"}}`

func TestPagesOfThreatExchange(t *testing.T) {
	page, err := parseThreats([]byte(threatsText))
	if err != nil || page.after != "B" || len(page.changes) != 4 {
		t.Fatalf("%v %+v", err, page)
	}
	one := page.changes[0]
	if one.Key != "2001" || one.Entry.Hex(hashlist.PDQ) != strings.Repeat("1", 64) || one.Entry.Category != "disputed media_type_photo" || one.Entry.Note != "1 of 2 descriptors call it benign" {
		t.Errorf("%+v", one)
	}
	if !page.changes[1].Gone || page.changes[1].Key != "2002" || page.changes[2].Refused != hashlist.RefusedUnsupported || !page.changes[3].Gone {
		t.Errorf("%+v", page.changes[1:])
	}
	for why, text := range map[string]string{
		"broken": threatsText[:200], "followed by more": threatsText + "1", "an error": `{"error":{"code":190}}`, "without an identifier": `{"data":[{"type":"HASH_MD5"}]}`,
		"without a cursor": `{"data":[],"paging":{"next":"https://graph.facebook.com/?access_token=x"}}`,
	} {
		if page, err := parseThreats([]byte(text)); err == nil || strings.Contains(err.Error(), "access_token") {
			t.Errorf("a page that is %s: %v %+v", why, err, page)
		}
	}
}

const nciiText = `{"count":3,"nextSetTimestamp":1625175071,"nextPageToken":"VG9rZW4","hasMoreRecords":true,"hashRecords":[
 {"lastModtimestamp":1625167804,"hashValue":"1111111111111111111111111111111111111111111111111111111111111111","hashStatus":"Received","caseNumbers":{"a":"Withdrawn","b":"Active"},"signalType":"ImagePDQ",
  "CSPFeedbacks":[{"source":"One","feedbackValue":"NotBlocked","tags":["x"]},{"source":"Two","feedbackValue":"Blocked","tags":[]}]},
 {"lastModtimestamp":1625167804,"hashValue":"22222222222222222222222222222222","hashStatus":"Deleted","caseNumbers":{},"signalType":"VideoMD5"},
 {"lastModtimestamp":1625167804,"hashValue":"some text","hashStatus":"Active","signalType":"Text"}]}`

func TestPagesOfStopNCII(t *testing.T) {
	page, err := parseNCII([]byte(nciiText))
	if err != nil || page.token != "VG9rZW4" || !page.more || page.latest != 1625175071 || len(page.changes) != 3 {
		t.Fatalf("%v %+v", err, page)
	}
	if one := page.changes[0]; one.Entry.Hex(hashlist.PDQ) != strings.Repeat("1", 64) || one.Gone || one.Entry.Note != "1 of 2 services that looked did not block it" {
		t.Errorf("%+v", one)
	}
	if !page.changes[1].Gone || page.changes[2].Refused != hashlist.RefusedUnsupported {
		t.Errorf("%+v", page.changes[1:])
	}
	for why, text := range map[string]string{
		"broken": nciiText[:100], "without a time": `{"hashRecords":[]}`, "without a token": `{"nextSetTimestamp":1,"hasMoreRecords":true}`, "with a zero in a name": `{"nextSetTimestamp":1,"hashRecords":[{"signalType":"Text","hashValue":"a\u0000b"}]}`, "without a hash": `{"nextSetTimestamp":1,"hashRecords":[{"signalType":"ImagePDQ"}]}`,
	} {
		if page, err := parseNCII([]byte(text)); err == nil {
			t.Errorf("a page that is %s: %+v", why, page)
		}
	}
}

// FuzzThreats and FuzzNCII: whatever a page holds, what is taken from it can be stored
// and asked for.
func FuzzThreats(f *testing.F) {
	f.Add([]byte(threatsText))
	f.Add([]byte(`{"data":[{"id":"1","indicator":"11111111111111111111111111111111","type":"HASH_MD5","descriptors":{"data":[{"tags":["a\u0000b\n"]}]}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if page, err := parseThreats(text); err == nil {
			usable(t, page.changes)
			if len(page.after) > maxCursor {
				t.Error("a long cursor")
			}
		}
	})
}

func FuzzNCII(f *testing.F) {
	f.Add([]byte(nciiText))
	f.Fuzz(func(t *testing.T, text []byte) {
		if page, err := parseNCII(text); err == nil {
			usable(t, page.changes)
			if page.more && (page.token == "" || len(page.token) > maxCursor) {
				t.Error("no usable token")
			}
		}
	})
}
