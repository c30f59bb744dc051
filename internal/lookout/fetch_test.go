package lookout

import "testing"

func TestAllowed(t *testing.T) {
	names := []string{"photos.example", ".cdn.example"}
	for host, want := range map[string]bool{
		"photos.example": true, "a.photos.example": false, "notphotos.example": false, "photos.example.org": false, "": false,
		"a.cdn.example": true, "a.b.cdn.example": true, "cdn.example": false, "acdn.example": false,
	} {
		if got := Allowed(host, names); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
