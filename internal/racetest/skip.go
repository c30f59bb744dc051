package racetest

import "testing"

// Skip leaves a test to the run without the race detector, for a reason.
func Skip(t testing.TB, why string) {
	t.Helper()
	if Enabled {
		t.Skip("SKIP: " + why + "; it is run without the race detector")
	}
}
