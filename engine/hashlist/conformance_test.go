package hashlist

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// vectors returns the folder of the conformance lists, or skips.
func vectors(t *testing.T) string {
	t.Helper()
	folder := filepath.Join("..", "..", "..", "shared", "vectors", "forensics", "formats")
	if _, err := os.Stat(folder); err != nil {
		message := "SKIP: conformance vectors not present at " + folder
		if os.Getenv("BRDO_REQUIRE_ALL") == "1" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	return folder
}

// The digests are those of the manifest's pictures P01 to P08 and video V02.
func TestConformance(t *testing.T) {
	folder := vectors(t)
	const (
		p01 = "7a13e26c9dce9753378f5973b1acefd7"
		p02 = "82d2c11eab3a9d171e7b8e1b10592f4b"
		p03 = "dae91fe90b6480b29c7785bd8d06c206"
		p04 = "98357a2ef7c2909ae7f0c3b40ec3154c"
		p05 = "852b7ff80493486f458d5035f9eff20f"
		p06 = "212eaa9bf386d342b85910847c0a3672"
		p07 = "da87a5a50070431cf6599ad5f9a6f354"
		p08 = "7dc4f21f3f4440f57573e0884e180f65"
		v02 = "542e955480ef18a970f06af1f8f686b6"
	)
	cases := []string{p01 + " 5 313032 1", p03 + "  407477 2", v02 + " 4 294320 3"}
	for _, test := range []struct {
		file    string
		format  Format
		version string
		profile string
		content string
		total   int64
		refused int64
		want    []string // MD5, category, size, source's number
	}{
		{"vics20_hashset.json", VICS, "2.0", "Default", "Media", -1, 1, []string{p06 + " 1 59310 1001", p08 + " 2 193621 1002", p07 + " 0 307105 1003"}},
		{"vics13_hashset.json", VICS, "1.3", "", "Media", -1, 0, []string{p06 + " 1 59310 1001", p08 + " 2 193621 1002", p07 + " 0 307105 1003"}},
		{"vics20_us_case.json", VICS, "2.0", "US", "Cases", 3, 0, cases},
		{"vics20_us_case_bom.json", VICS, "2.0", "US", "Cases", 3, 0, cases},
		{"vics20_uk_case.json", VICS, "2.0", "UK", "Cases", 3, 0, cases},
		{"nist_caid_1.2.json", VICS, "1.2", "", "Media", -1, 0, []string{p04 + " 8 196439 0", p05 + " 8 142065 0"}},
		{"icse_like.csv", CSV, "", "ICSE", "", -1, 0, []string{p02 + "  -1 42"}},
		{"plain_md5.txt", Plain, "", "", "", -1, 0, []string{p02 + "  -1 ", p06 + "  -1 "}},
		{"NSRLFile.txt", CSV, "", "", "", -1, 0, []string{p04 + "  196439 "}},
		{"hashkeeper.hsh", CSV, "", "", "", -1, 0, []string{p02 + "  535194 "}},
	} {
		t.Run(test.file, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join(folder, test.file))
			if err != nil {
				t.Fatal(err)
			}
			entries, r, err := readAll(bytes.NewReader(content), Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range entries {
				if e.Refused == "" {
					got = append(got, fmt.Sprintf("%s %s %d %s", e.Hex(MD5), e.Category, e.Size, e.SourceID))
				} else if e.Refused != RefusedEmptyFile {
					t.Errorf("row %d refused as %s", e.Number, e.Refused)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
			h, s := r.Header(), r.Stats()
			if h.Format != test.format || h.Version != test.version || h.Profile != test.profile || h.Content != test.content || h.DeclaredTotal != test.total {
				t.Errorf("header %+v", h)
			}
			if s.Refused != test.refused {
				t.Errorf("%d refused, want %d", s.Refused, test.refused)
			}
			if test.format != VICS {
				return
			}
			// Cut off anywhere, the list fails as a whole.
			for cut := 1; cut < len(bytes.TrimRight(content, "\r\n \t"))-1; cut += 7 {
				_, _, err := readAll(bytes.NewReader(content[:cut]), Options{Format: VICS})
				var syntax *SyntaxError
				if !errors.As(err, &syntax) {
					t.Fatalf("the first %d of %d bytes: %v", cut, len(content), err)
				}
			}
		})
	}
}

func TestConformanceFlags(t *testing.T) {
	folder := vectors(t)
	for file, want := range map[string]Flag{"vics20_us_case.json": No, "vics20_uk_case.json": Unknown} {
		content, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		entries, _, err := readAll(bytes.NewReader(content), Options{})
		if err != nil || len(entries) != 3 {
			t.Fatal(len(entries), err)
		}
		e := entries[0]
		if e.VictimIdentified != want || e.IsPrecategorized != Yes || e.Source != "test" || !strings.EqualFold(e.Case, "5b1d2c6e-0b6a-4d5d-9a10-000000000002") ||
			e.Tags != "alps;benign" || e.Note != `a "quoted" note, Grüße` || e.Path != `photos\P01.jpg` || e.Series != "" {
			t.Errorf("%s: %+v", file, e)
		}
		if e.Hex(SHA256) != "91a0d9b3b93bc857259511940cbe2a655a7753a0b8315cd182493ba43b1bfd82" {
			t.Errorf("%s: the SHA-256 among the alternative hashes is %s", file, e.Hex(SHA256))
		}
	}
}
