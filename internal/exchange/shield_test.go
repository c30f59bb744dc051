package exchange

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/engine/pdq"
)

// shieldHashes are two hashes, and shieldText what Shield answers about them.
var (
	shieldHashes = []pdq.Hash{{1}, {2}}
	shieldText   = `{"scanned_hashes":{"` + base64.StdEncoding.EncodeToString(shieldHashes[0][:]) + `":{"classification":"csam","match_type":"near","near_match_details":
 {"timestamp":0,"sha1_base32":"3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ","sha256_hex":"` + strings.Repeat("AB", 32) + `","classification":"csam"}},
 "` + base64.StdEncoding.EncodeToString(shieldHashes[1][:]) + `":{"classification":"no-known-match","match_type":null,"near_match_details":null}}}`
	mediaText = `{"sha1_base32":"3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ","sha256_hex":"` + strings.Repeat("cd", 32) + `","size_bytes":15021,"is_match":true,
 "classification":"harmful-abusive-material","match_type":"exact","near_match_details":[]}`
)

func TestAnswersOfShield(t *testing.T) {
	found, err := parseShieldHashes([]byte(shieldText), shieldHashes)
	if err != nil || found[shieldHashes[0]] != (Finding{"csam", false, strings.Repeat("ab", 32)}) || found[shieldHashes[1]].Known() {
		t.Errorf("%+v %v", found, err)
	}
	// What its clients disagree about: details as a list, and null for what is not known.
	several := strings.NewReplacer(`"near_match_details":
 {`, `"near_match_details":[{`, `"classification":"csam"}}`, `"classification":"csam"}]}`, `{"classification":"no-known-match","match_type":null,"near_match_details":null}`, "null").Replace(shieldText)
	if again, err := parseShieldHashes([]byte(several), shieldHashes); err != nil || again[shieldHashes[0]] != found[shieldHashes[0]] || again[shieldHashes[1]].Known() {
		t.Errorf("%+v %v", again, err)
	}
	media, err := parseShieldMedia([]byte(mediaText))
	if err != nil || media != (Finding{"harmful-abusive-material", true, strings.Repeat("cd", 32)}) {
		t.Errorf("%+v %v", media, err)
	}
	for why, text := range map[string]string{
		"broken": shieldText[:100], "followed by more": shieldText + "1", "about other hashes": `{"scanned_hashes":{}}`, "an error": `{"detail":"no"}`,
		"that knows and does not": strings.Replace(shieldText, `"match_type":null`, `"match_type":"near"`, 1), "that does not say how": strings.Replace(shieldText, `"near"`, `"odd"`, 1),
		"without a classification": strings.Replace(shieldText, `"csam"`, `""`, 1), "with odd details": strings.Replace(shieldText, `"sha256_hex":"`, `"sha256_hex":1,"x":"`, 1),
		"of the same file": strings.Replace(shieldText, `"near"`, `"exact"`, 1),
	} {
		if found, err := parseShieldHashes([]byte(text), shieldHashes); err == nil {
			t.Errorf("an answer %s: %+v", why, found)
		}
	}
	for why, text := range map[string]string{"empty": "", "of null": "null", "without a match": `{"classification":"csam","match_type":null}`} {
		if found, err := parseShieldMedia([]byte(text)); err == nil {
			t.Errorf("an answer %s: %+v", why, found)
		}
	}
}

// FuzzShield: whatever Shield answers, what is taken from it can be stored and shown, and
// nothing that it knows is taken for unknown.
func FuzzShield(f *testing.F) {
	f.Add([]byte(shieldText))
	f.Add([]byte(mediaText))
	f.Add([]byte(`{"classification":"a\u0000b\n","match_type":"near","near_match_details":[{"sha256_hex":"x"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		check := func(found Finding) {
			if found.Classification == "" || len(found.Classification) > maxText || strings.ContainsAny(found.Classification, "\x00\n") || (found.SHA256 != "" && len(found.SHA256) != 64) || (!found.Known() && found.Exact) {
				t.Errorf("%+v", found)
			}
			if explained := found.Explain("shield"); strings.ContainsAny(explained, "\x00\n") {
				t.Errorf("%q", explained)
			}
		}
		if found, err := parseShieldHashes(text, shieldHashes); err == nil {
			for _, h := range shieldHashes {
				check(found[h])
			}
		}
		if found, err := parseShieldMedia(text); err == nil {
			check(found)
		}
	})
}

// TestWhichFindingCounts of two about one picture.
func TestWhichFindingCounts(t *testing.T) {
	unknown, other, abuse := Finding{Classification: NoKnownMatch}, Finding{Classification: "harmful-abusive-material"}, Finding{Classification: csam}
	for i, order := range [][2]Finding{{abuse, other}, {abuse, unknown}, {other, unknown}} {
		if !order[0].Before(order[1]) || order[1].Before(order[0]) || order[0].Before(order[0]) || order[1].Before(order[1]) {
			t.Errorf("pair %d is in no such order", i)
		}
	}
}
