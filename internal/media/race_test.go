//go:build race

package media

// The race detector maps its shadow memory as writable.
const raceMemory = 1 << 40
