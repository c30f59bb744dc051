//go:build race

package lists_test

const raceDetector = true
