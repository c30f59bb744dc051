//go:build race

package referral_test

const raceDetector = true
