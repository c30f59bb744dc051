package problem_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/brdoproject/brdo/domain/problem"
)

func TestFromPanic(t *testing.T) {
	recovered := func(work func()) (p any) {
		defer func() { p = recover() }()
		work()
		return nil
	}
	var none []int
	for _, c := range []struct {
		what any
		says string
	}{
		{recovered(func() { _ = none[len(none)+5] }), "index out of range [5] with length 0"},
		{"message 17", "a panic with a string"},
		{errors.New("message 17"), "a panic with a *errors.errorString"},
	} {
		p := problem.FromPanic(c.what)
		if p.Kind != problem.Internal || !strings.Contains(p.Error(), c.says) || strings.Contains(p.Error(), "17") {
			t.Errorf("%v: %v", c.what, p)
		}
	}
}
