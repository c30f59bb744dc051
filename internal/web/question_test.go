package web

import (
	"net/url"
	"testing"
	"time"
)

func TestTypedAddresses(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	all, err := typedAddresses("geo.ip_events", "192.0.2.7 40000 2026-03-01T12:00:00Z\n\n 2001:db8::7\n192.0.2.8 2026-03-01T14:00:00+02:00")
	if err != nil || len(all) != 3 || all[0].Port != 40_000 || !all[0].At.Equal(at) || all[0].TZ != "Z" || all[1].Port != 0 || !all[2].At.Equal(at) || all[2].TZ != "+02:00" {
		t.Errorf("%+v, %v", all, err)
	}
	for _, text := range []string{"a harbour", "192.0.2.7 yesterday", "192.0.2.7 1 2", "192.0.2.7:40000", "192.0.2.7 1 2026-03-01T12:00:00Z 4"} {
		if all, err := typedAddresses("geo.ip_events", text); err == nil {
			t.Errorf("%q is read as %+v", text, all)
		}
	}
	if _, err := (answering{Typed: url.Values{"value.geo.ip_events": {"a harbour"}}}).supplement(); err == nil {
		t.Error("an answer with no address is read")
	}
}

// FuzzTypedAddresses: whatever is typed, what is read has an address in each.
func FuzzTypedAddresses(f *testing.F) {
	f.Add("192.0.2.7 40000 2026-03-01T12:00:00Z")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := typedAddresses("geo.ip_events", text)
		for _, event := range all {
			if err != nil || event.IP == "" {
				t.Errorf("%q: %+v, %v", text, event, err)
			}
		}
	})
}
