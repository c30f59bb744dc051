package media

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/brdoproject/brdo/engine/pdq"
)

func TestInsetsAreHashedInTheChild(t *testing.T) {
	service := start(t, Options{Children: 1})
	picture := landscape(320, 240)
	for name, content := range map[string][]byte{"PNG": asPNG(t, picture), "nothing": {}, "no picture": []byte("message 17")} {
		found, err := service.Insets(t.Context(), bytes.NewReader(content), int64(len(content)))
		want := pdq.ComputeInsets(picture)
		if name != "PNG" {
			want = nil
		}
		if err != nil || !slices.Equal(found, want) || name == "PNG" && len(found) != 8 {
			t.Errorf("%s: %d insets, %v", name, len(found), err)
		}
	}
}

func TestLyingInsetsAreRefused(t *testing.T) {
	about := outcome{status: StatusOK, mime: "image/png", width: 100, height: 100}
	with := func(o outcome, tenths ...int) []byte {
		var all []pdq.Inset
		for _, t := range tenths {
			all = append(all, pdq.Inset{Tenths: t})
		}
		return append(o.encode(), pdq.PackInsets(all)...)
	}
	if _, found, err := parseInsets(with(about, 25, 100, 200), DefaultMaxPixels); err != nil || len(found) != 3 {
		t.Fatal(found, err)
	}
	for name, payload := range map[string][]byte{
		"one that is not computed": with(about, 30), "out of order": with(about, 50, 25), "twice": with(about, 50, 50),
		"cut off": with(about, 25)[:60], "of what was not decoded": with(outcome{status: StatusUnreadable, mime: "image/png"}, 25),
	} {
		if _, found, err := parseInsets(payload, DefaultMaxPixels); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
}
