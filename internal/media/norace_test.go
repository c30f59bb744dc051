//go:build !race

package media

const raceMemory = 0
