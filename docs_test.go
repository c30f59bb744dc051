package brdo_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestDependenciesAreJustified compares docs/dependencies.md with go.mod.
func TestDependenciesAreJustified(t *testing.T) {
	mod, err := modfile.Parse("go.mod", []byte(read(t, "go.mod")), nil)
	if err != nil {
		t.Fatal(err)
	}
	direct := map[string]bool{}
	for _, requirement := range mod.Require {
		if !requirement.Indirect {
			direct[requirement.Mod.Path] = true
		}
	}
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1) {
		explained[row[1]] = true
		if !direct[row[1]] {
			t.Errorf("docs/dependencies.md explains %s, which go.mod does not require directly", row[1])
		}
	}
	for path := range direct {
		if !explained[path] {
			t.Errorf("docs/dependencies.md does not explain %s", path)
		}
	}
}

// TestTheSourceIsOpenToAll: the licence of the program lets everybody use it and pass it on, and so do those of all
// that it is built with, as docs/dependencies.md has them.
func TestTheSourceIsOpenToAll(t *testing.T) {
	if !regexp.MustCompile(`^\s+Apache License\n\s+Version 2\.0, January 2004\n`).MatchString(read(t, "LICENSE")) {
		t.Error("LICENSE is not the Apache License 2.0")
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|[^|]*\\| ([^|]+) \\|").FindAllStringSubmatch(read(t, "docs/dependencies.md"), -1)
	for _, row := range rows {
		if !regexp.MustCompile(`^(MIT|BSD-[23]-Clause|Apache-2\.0|ISC|MPL-2\.0|Unlicense|0BSD)\b`).MatchString(row[2]) {
			t.Errorf("the licence of %s is %q: may everybody pass on what is built with it?", row[1], row[2])
		}
	}
	if len(rows) < 20 {
		t.Errorf("only %d licences were found", len(rows))
	}
}

// TestTheMissionIsTested: what docs/mission.md calls working names code that is there, and tests.
func TestTheMissionIsTested(t *testing.T) {
	rows := 0
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]+) \| ([^|]+) \|([^|]*)\| ((?:working|partly)[^|]*) \|`).FindAllStringSubmatch(read(t, "docs/mission.md"), -1) {
		rows++
		what, code, test := row[1], row[2], strings.TrimSpace(row[3])
		if test == "" {
			t.Errorf("%q names no test", what)
		}
		places := regexp.MustCompile("`([a-z][^` ]*)`").FindAllStringSubmatch(code+test, -1)
		tested := strings.Contains(test, ".md") || strings.Contains(test, "Test")
		for _, place := range places {
			info, err := os.Stat(place[1])
			if err != nil {
				t.Errorf("%q: %v", what, err)
				continue
			}
			folder := place[1]
			if !info.IsDir() {
				folder = filepath.Dir(folder)
			}
			found, _ := filepath.Glob(filepath.Join(folder, "*_test.go"))
			tested = tested || len(found) > 0
		}
		if !tested {
			t.Errorf("%q: nothing of what it names has a test", what)
		}
	}
	if rows < 20 {
		t.Errorf("only %d rows were found", rows)
	}
}

// TestEveryKeyIsExplained compares docs/configuration.md with the keys that the
// configuration knows.
func TestEveryKeyIsExplained(t *testing.T) {
	text := read(t, "docs/configuration.md")
	keys := regexp.MustCompile("yaml:\"([a-z_]+)\"").FindAllStringSubmatch(read(t, "internal/node/config.go"), -1)
	if len(keys) < 20 {
		t.Fatalf("only %d keys were found in the configuration", len(keys))
	}
	for _, key := range keys {
		if !regexp.MustCompile("`([a-z_]+\\.)*" + key[1] + "(`|\\.|\\[\\])").MatchString(text) {
			t.Errorf("docs/configuration.md does not explain %s", key[1])
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

// TestDocumentsLinkToWhatIsThere follows the relative links of all documents.
func TestDocumentsLinkToWhatIsThere(t *testing.T) {
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			for _, found := range link.FindAllStringSubmatch(read(t, name), -1) {
				if strings.Contains(found[1], "://") || strings.HasPrefix(found[1], "mailto:") {
					continue
				}
				if _, err := os.Stat(filepath.Join(filepath.Dir(name), found[1])); err != nil {
					t.Errorf("%s links to %s, which is not there", name, found[1])
				}
			}
		}
	}
}

// TestDocumentsNameTestsThatExist reads the column of tests of the threat model.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	cell := regexp.MustCompile("(?:`([a-z]+(?:/[a-z]+)+)`|(root)): ([A-Za-z0-9, ]+?)(?: \\||;|, [a-z])")
	count := 0
	for _, found := range cell.FindAllStringSubmatch(read(t, "docs/threat-model.md"), -1) {
		folder := found[1]
		if found[2] != "" {
			folder = "."
		}
		files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		var tests strings.Builder
		for _, file := range files {
			tests.WriteString(read(t, file))
		}
		for name := range strings.SplitSeq(found[3], ", ") {
			if name == "not yet" {
				continue
			}
			count++
			if !strings.HasPrefix(name, "Fuzz") {
				name = "Test" + name
			}
			if !strings.Contains(tests.String(), "func "+name+"(") {
				t.Errorf("docs/threat-model.md names %s in %s, which is not there", name, folder)
			}
		}
	}
	if count < 30 {
		t.Errorf("only %d tests were found in docs/threat-model.md", count)
	}
}
