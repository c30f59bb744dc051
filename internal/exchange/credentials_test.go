package exchange

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCredentials(t *testing.T) {
	const word = "canary-51d2"
	folder := t.TempDir()
	write := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	user, password, err := (Credentials{File: write("good", "brdo:"+word+":x\n", 0o600)}).pair(":", "user:password")
	if err != nil || user != "brdo" || password != word+":x" {
		t.Errorf("%q %q %v", user, password, err)
	}
	t.Setenv(VariableOf("ncmec-industry"), "brdo:"+word)
	if user, password, err := (Credentials{Variable: "BRDO_LIST_EXCHANGE_NCMEC_INDUSTRY"}).pair(":", "user:password"); err != nil || user != "brdo" || password != word {
		t.Errorf("%q %q %v", user, password, err)
	}
	for why, c := range map[string]Credentials{
		"read by others": {File: write("open", "brdo:"+word, 0o640)}, "missing": {File: filepath.Join(folder, "none")}, "a folder": {File: folder},
		"of one part": {File: write("half", word, 0o600)}, "long": {File: write("long", word+strings.Repeat("x", maxCredentials), 0o600)}, "not set": {Variable: "BRDO_LIST_EXCHANGE_NONE"},
	} {
		if _, _, err := c.pair(":", "user:password"); err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), word) {
			t.Errorf("credentials that are %s: %v", why, err)
		}
	}
	secret, err := Credentials{File: filepath.Join(folder, "good")}.Read()
	if text := fmt.Sprintf("%v %+v %#v %s", secret, secret, secret, secret); err != nil || strings.Contains(text, word) {
		t.Errorf("%s %v", text, err)
	}
}
