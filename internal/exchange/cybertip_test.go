package exchange_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brdoproject/brdo/domain/cybertip"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/exchange"
	"github.com/brdoproject/brdo/internal/exchange/exchangetest"
	"github.com/brdoproject/brdo/internal/lookout"
	"github.com/brdoproject/brdo/internal/webhost"
)

// documents are those of the golden files of the mapping, by their kinds.
func documents(t *testing.T) map[string][]string {
	t.Helper()
	paths, err := filepath.Glob("../../domain/cybertip/testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	all := map[string][]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			for _, kind := range []string{"report", "fileDetails"} {
				if strings.HasPrefix(line, "<"+kind+">") {
					all[kind] = append(all[kind], line)
				}
			}
		}
	}
	return all
}

// TestDocumentsFitTheSchema holds what the mapping writes against the sequences of the schema,
// and the sequences against documents that break them.
func TestDocumentsFitTheSchema(t *testing.T) {
	all := documents(t)
	if len(all["report"]) != 3 || len(all["fileDetails"]) != 3 {
		t.Fatalf("%d reports and %d files", len(all["report"]), len(all["fileDetails"]))
	}
	for kind, texts := range all {
		for _, text := range texts {
			if err := exchangetest.ValidCyberTip(kind, []byte(text)); err != nil {
				t.Errorf("%v: %s", err, text)
			}
		}
	}
	at := slices.IndexFunc(all["report"], func(text string) bool { return strings.Contains(text, "ferry") })
	good := all["report"][at]
	for what, bad := range map[string]string{
		"an unknown type":        strings.Replace(good, "Misleading Domain Name", "Other", 1),
		"a time without an zone": strings.Replace(good, "2026-03-01T12:00:00Z", "2026-03-01T12:00:00", 1),
		"two elements exchanged": strings.Replace(good, "<espIdentifier>17</espIdentifier><screenName>user1</screenName>", "<screenName>user1</screenName><espIdentifier>17</espIdentifier>", 1),
		"no reporter":            strings.Replace(strings.Replace(good, "<reporter>", "<victim>", 1), "</reporter>", "</victim>", 1),
		"an element of no type":  strings.Replace(good, "<port>", "<ports>0</ports><port>", 1),
		"a word for a port":      strings.Replace(good, "4711", "http", 1),
		"text between":           strings.Replace(good, "<reporter>", "<reporter>x", 1),
		"nowhere":                good[:strings.Index(good, "<internetDetails>")] + good[strings.Index(good, "</internetDetails>")+len("</internetDetails>"):],
	} {
		if bad == good || exchangetest.ValidCyberTip("report", []byte(bad)) == nil {
			t.Errorf("%s passes", what)
		}
	}
}

// asked is a played service that answers with one text and status.
func asked(t *testing.T, status int, header map[string]string, text string) *exchange.CyberTipline {
	t.Helper()
	internet, err := webhost.New()
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(internet)
	t.Cleanup(proxy.Close)
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	through, err := lookout.New(lookout.Options{Proxy: at, Roots: internet.Roots()})
	if err != nil {
		t.Fatal(err)
	}
	internet.Host(exchangetest.CyberTiplineHost, http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		for name, value := range header {
			answer.Header().Set(name, value)
		}
		answer.WriteHeader(status)
		_, _ = answer.Write([]byte(text))
	}))
	t.Setenv(exchange.CyberTiplineVariable, "brdo:word")
	return &exchange.CyberTipline{Base: exchangetest.CyberTiplineBase, Credentials: exchange.Credentials{Variable: exchange.CyberTiplineVariable}, Through: through}
}

// TestWhatFollowsFromAnswers: the code in the body counts, whatever HTTP says; where there is
// none HTTP does; nothing is taken for success that does not say so.
func TestWhatFollowsFromAnswers(t *testing.T) {
	coded := func(code int) string {
		return fmt.Sprintf("<reportResponse><responseCode>%d</responseCode><responseDescription>message 17</responseDescription></reportResponse>", code)
	}
	for _, c := range []struct {
		status int
		text   string
		want   cybertip.Meaning
		code   cybertip.Code
	}{
		{200, coded(4100), cybertip.Mend, 4100}, {400, coded(4100), cybertip.Mend, 4100}, {200, coded(1000), cybertip.Again, 1000}, {200, coded(2000), cybertip.Look, 2000}, {401, coded(2000), cybertip.Look, 2000},
		{200, coded(9), cybertip.Look, 9}, {200, "<html></html>", cybertip.Again, 0}, {200, coded(0), cybertip.Again, 0}, {500, "", cybertip.Again, 0}, {503, coded(0), cybertip.Again, 0}, {429, "", cybertip.Again, 0},
		{401, "", cybertip.Look, 0}, {404, "", cybertip.Look, 0}, {302, coded(0), cybertip.Look, 0}, {200, strings.Repeat(" ", 2<<20), cybertip.Again, 0},
	} {
		number, err := asked(t, c.status, nil, c.text).Submit(t.Context(), []byte("<report></report>"))
		if meaning, code := exchange.MeaningOf(err); err == nil || number != 0 || meaning != c.want || code != c.code || !problem.Is(err, problem.Unavailable) {
			t.Errorf("%d %.60q: %d, %s %d, %v", c.status, c.text, number, meaning, code, err)
		}
	}
	_, err := asked(t, 503, map[string]string{"Retry-After": "600"}, "").Submit(t.Context(), nil)
	var pause *exchange.Pause
	if !errors.As(err, &pause) || pause.For != 10*time.Minute {
		t.Errorf("%v", err)
	}
	other := strings.Replace(coded(0), "</responseDescription>", "</responseDescription><reportId>8</reportId>", 1)
	if _, err := asked(t, 200, nil, other).Finish(t.Context(), 7); err == nil {
		t.Error("another report was finished, and that passes")
	}
	for code, finished := range map[int]bool{0: false, 5001: false, 5101: false, 5102: true} {
		if was, err := asked(t, 200, nil, coded(code)).Retract(t.Context(), 7); err != nil || was != finished {
			t.Errorf("retracting, answered %d: %v %v", code, was, err)
		}
	}
	for _, code := range []int{1000, 3000, 4000, 5002} {
		if _, err := asked(t, 200, nil, coded(code)).Retract(t.Context(), 7); err == nil {
			t.Errorf("retracting, answered %d, is taken for done", code)
		}
	}
	service := asked(t, 200, nil, coded(0))
	if said, err := service.Status(t.Context()); err != nil || said != "message 17" {
		t.Errorf("it answers, and that is %q, %v", said, err)
	}
	t.Setenv(exchange.CyberTiplineVariable, "word")
	if _, err := service.Status(t.Context()); err == nil || strings.Contains(err.Error(), "word:") {
		t.Errorf("without credentials: %v", err)
	} else if meaning, _ := exchange.MeaningOf(err); meaning != cybertip.Look {
		t.Errorf("without credentials: %s", meaning)
	}
}
