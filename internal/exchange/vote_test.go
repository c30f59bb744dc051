package exchange

import (
	"strings"
	"testing"
)

const reasonsText = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<availableFeedbackReasons xmlns="https://hashsharing.ncmec.org/hashsharing/v2">
 <reason guid="01234567-abcd-0123-4567-012345678900" name="Example Reason 1" type="Sha1"/>
 <reason guid="01234567-abcd-0123-4567-012345678901" name="Example
 Reason 2" type="Sha1"/>
</availableFeedbackReasons>`

func TestReasonsOfVotes(t *testing.T) {
	reasons, err := parseReasons([]byte(reasonsText))
	if err != nil || len(reasons) != 2 || reasons[0] != (Reason{"01234567-abcd-0123-4567-012345678900", "Example Reason 1"}) || strings.Contains(reasons[1].Name, "\n") {
		t.Errorf("%+v %v", reasons, err)
	}
	for why, text := range map[string]string{
		"broken": reasonsText[:150], "of another kind": `<status/>`, "followed by more": reasonsText + "<x/>", "empty": "",
		"without a name": `<availableFeedbackReasons><reason guid="a"/></availableFeedbackReasons>`, "without an identifier": `<availableFeedbackReasons><reason name="a"/></availableFeedbackReasons>`,
		"with one twice": `<availableFeedbackReasons><reason guid="a" name="a"/><reason guid="a" name="b"/></availableFeedbackReasons>`,
		"endless":        `<availableFeedbackReasons>` + strings.Repeat(`<reason/>`, maxReasons+1) + `</availableFeedbackReasons>`,
	} {
		if reasons, err := parseReasons([]byte(text)); err == nil {
			t.Errorf("reasons that are %s: %+v", why, reasons)
		}
	}
}

// FuzzReasons: whatever an answer holds, what is taken from it can be stored and shown.
func FuzzReasons(f *testing.F) {
	f.Add([]byte(reasonsText))
	f.Add([]byte("<availableFeedbackReasons><reason guid=\"\u0085\" name=\"a&#10;b\"/></availableFeedbackReasons>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		reasons, err := parseReasons(text)
		if err != nil {
			return
		}
		for _, r := range reasons {
			if !isKey(r.GUID) || r.Name == "" || len(r.Name) > maxText || strings.ContainsAny(r.Name, "\x00\n") {
				t.Errorf("%+v", r)
			}
		}
	})
}
