package api

import (
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/desk/intake"
)

func TestLookupQuestion(t *testing.T) {
	md5, sha1, sha256 := strings.Repeat("aB", 16), strings.Repeat("ab", 20), strings.Repeat("ab", 32)
	for text, field := range map[string]string{
		`{"hashes":[{"md5":"` + md5 + `","sha1":"` + sha1 + `"},{"sha256":"` + sha256 + `"},{"pdq":"` + sha256 + `"}]}`: "",
		`{"hashes":[]}`:                       "hashes",
		`{}`:                                  "hashes",
		`{"hashes":[{}]}`:                     "hashes[0]",
		`{"hashes":[{"md5":"` + sha1 + `"}]}`: "hashes[0].md5",
		`{"hashes":[{"md5":"ab"}]}`:           "hashes[0].md5",
		`{"hashes":[{"sha1":"` + md5 + `"}]}`: "hashes[0].sha1",
		`{"hashes":[{"sha256":"x` + sha256[1:] + `"}]}`: "hashes[0].sha256",
		`{"hashes":[{"pdq":"` + md5 + `"}]}`:            "hashes[0].pdq",
		`{"hashes":[{"crc":"00"}]}`:                     "hashes[0].crc",
		`{"hashes":[` + strings.Repeat(`{"md5":"`+md5+`"},`, intake.MaxHashes) + `{"md5":"` + md5 + `"}]}`: "hashes",
	} {
		all, err := parseLookup([]byte(text))
		if field == "" {
			if err != nil || len(all) != 3 || all[0].MD5[1] != 0xab || all[0].SHA1[19] != 0xab || all[0].PDQ != nil || all[1].SHA256[31] != 0xab || all[2].PDQ[31] != 0xab {
				t.Errorf("%v %+v", err, all)
			}
			continue
		}
		if !problem.Is(err, problem.Invalid) || problem.From(err).Field != field {
			t.Errorf("%.60s: %v, want the field %s", text, err, field)
		}
	}
}

func FuzzLookupQuestion(f *testing.F) {
	f.Add([]byte(`{"hashes":[{"md5":"` + strings.Repeat("ab", 16) + `","pdq":"` + strings.Repeat("0", 64) + `"}]}`))
	f.Add([]byte(`{"hashes":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		all, err := parseLookup(text)
		if err != nil && !problem.Is(err, problem.Invalid) {
			t.Fatalf("not a problem of the input: %v", err)
		}
		if err == nil && (len(all) == 0 || len(all) > intake.MaxHashes) {
			t.Fatalf("%d hashes", len(all))
		}
	})
}
