//go:build !race

package translog_test

const raceDetector = false
