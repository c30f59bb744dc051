package pdq

import (
	"image"
	"reflect"
	"testing"
)

// TestKeptPlans are those that would be made anew, whatever came before, and more sizes than are kept.
func TestKeptPlans(t *testing.T) {
	for round := range 3 {
		for n := range 2*len(plans.kept) + 1 {
			size := image.Pt(100+n*round, 640-7*n)
			kept := planOf(size)
			if again := planOf(size); again != kept {
				t.Fatalf("%v: made twice", size)
			}
			if want := newPlan(image.Rectangle{Max: size}); !reflect.DeepEqual(kept, want) {
				t.Fatalf("%v: another plan", size)
			}
		}
	}
}
