//go:build race

package racetest

// Enabled reports whether the race detector watches this test binary.
const Enabled = true
