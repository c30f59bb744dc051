package node

import (
	"html/template"
	"net"
	"net/http"
	"regexp"
)

// JourneysPath is where the demonstration, at [World.Service], links what each of its nodes knows of
// one report.
const JourneysPath = "/journey"

// journeysPage says nothing of any report: it only writes one name into the
// addresses of all nodes, and each of them asks for a login of its own.
var journeysPage = template.Must(template.New("journeys").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>One report, four organisations (demonstration)</title>
<meta name="viewport" content="width=device-width">
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem } li { padding: .2rem 0; overflow-wrap: anywhere } input { max-width: 100% }</style>
<main>
<h1>One report, four organisations</h1>
<p>Each node shows what it did about a report and was told of it, to people who log in there. Real organisations never see each other's pages; this one only links them.</p>
<form><label>Report <input name="report" size="40" value="{{.Report}}"></label> <button>Show links</button></form>
{{if .Report}}<ul>
{{range .Nodes}}<li><a href="{{.URL}}">{{.Title}}</a></li>
{{end}}</ul>
{{else}}<p>The name of a report stands on its journey page, as 8-4-4-4-12 letters and digits.</p>
{{end}}</main>
</html>
`))

var reportName = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// internet serves the played internet, and beside it, to a browser that comes
// straight to the listener, the links between the nodes.
func (w *World) internet(answer http.ResponseWriter, request *http.Request) {
	host, _, err := net.SplitHostPort(request.Host)
	if err != nil || request.URL.Host != "" || request.URL.Path != JourneysPath || (host != "localhost" && host != "127.0.0.1") {
		w.web.ServeHTTP(answer, request)
		return
	}
	type link struct{ Title, URL string }
	page := struct {
		Report string
		Nodes  []link
	}{Report: reportName.FindString(request.FormValue("report"))}
	for _, n := range w.nodes {
		page.Nodes = append(page.Nodes, link{n.Config.Organisation.Name, n.Config.Origin + "/journey/" + page.Report})
	}
	answer.Header().Set("Content-Type", "text/html; charset=utf-8")
	answer.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'")
	_ = journeysPage.Execute(answer, page)
}
