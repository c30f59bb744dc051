package reports

import "testing"

// TestWhatIsShownWhole: only of a picture can somebody have viewed the file.
func TestWhatIsShownWhole(t *testing.T) {
	for mime, want := range map[string]bool{"image/png": true, "image/jpeg": true, "video/mp4": false, "application/octet-stream": false, "": false} {
		if shownWhole(mime) != want {
			t.Errorf("%q: %v", mime, !want)
		}
	}
}
