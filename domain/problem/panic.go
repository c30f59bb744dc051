package problem

import (
	"fmt"
	"runtime"
)

// FromPanic turns what was recovered from a panic into an Internal problem. The
// runtime's own errors hold indexes and types and are its cause; of anything
// else only the type is told, because a value may hold personal data.
func FromPanic(recovered any) *Error {
	p := &Error{Kind: Internal, Reason: "an internal error occurred", Remedy: "the operator finds the details in the log"}
	if own, is := recovered.(runtime.Error); is {
		return p.Because(own)
	}
	return p.Because(fmt.Errorf("a panic with a %T", recovered))
}
