//go:build !race

// Package racetest tells tests whether the race detector watches them. A test of
// one goroutine, or one that sees nothing new on a second database, is slow under
// it for nothing: it skips there, and is run again without it.
package racetest

// Enabled reports whether the race detector watches this test binary.
const Enabled = false
