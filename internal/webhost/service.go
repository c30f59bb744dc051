package webhost

import (
	"html/template"
	"net/http"
	"net/url"
)

// servicePage is what whoever runs the service sees: what it serves, and a
// button that takes it away.
var servicePage = template.Must(template.New("service").Parse(`<!doctype html>
<html lang="en">
<title>The service itself (demonstration)</title>
<meta name="viewport" content="width=device-width">
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem } td { padding: .2rem .6rem .2rem 0; overflow-wrap: anywhere }</style>
<h1>The service itself</h1>
<p>This plays the service of the provider, and every other web address of the demonstration. All pictures are generated. What is removed here answers 410.</p>
<form><label>Address contains <input name="part" value="{{.Part}}"></label> <button>Find</button></form>
<form method="post">
<table>
{{range .Served}}<tr><td>{{.Address}}</td><td>{{if .Removed.IsZero}}<button name="remove" value="{{.Address}}" aria-label="Remove {{.Address}}">Remove</button>{{else}}removed {{.Removed.UTC.Format "2006-01-02 15:04:05"}} UTC{{end}}</td></tr>
{{else}}<tr><td>Nothing is served at such an address.</td></tr>
{{end}}</table>
</form>
</html>
`))

// latest is how many addresses the page shows.
const latest = 100

// service is the page of whoever runs the service, for a browser that comes
// straight to the listener.
func (w *Web) service(answer http.ResponseWriter, request *http.Request) {
	if request.URL.Path != "/" {
		http.NotFound(answer, request)
		return
	}
	switch request.Method {
	case http.MethodPost:
		if err := http.NewCrossOriginProtection().Check(request); err != nil {
			http.Error(answer, "this comes from another site", http.StatusForbidden)
			return
		}
		address := request.PostFormValue("remove")
		if !w.Remove(address) {
			http.Error(answer, "nothing is served there", http.StatusNotFound)
			return
		}
		http.Redirect(answer, request, "/?part="+url.QueryEscape(address), http.StatusSeeOther)
	case http.MethodGet, http.MethodHead:
		part := request.FormValue("part")
		answer.Header().Set("Content-Type", "text/html; charset=utf-8")
		answer.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
		_ = servicePage.Execute(answer, struct {
			Part   string
			Served []Served
		}{part, w.Latest(part, latest)})
	default:
		http.Error(answer, "no such method", http.StatusMethodNotAllowed)
	}
}
