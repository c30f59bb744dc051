package report

// Skeleton is what is left of a report when its text was erased where it had
// been sent to: its name and form, what kind of report by which provider it was,
// and the names of its files. Nothing of it leads to a person.
func (r Report) Skeleton() Report {
	left := Report{ID: r.ID, Profile: r.Profile, Form: Form{
		Provider: Provider{Name: r.Form.Provider.Name}, Urgent: r.Form.Urgent, Types: r.Form.Types, Service: Service{Type: r.Form.Service.Type}, IssuedAt: r.Form.IssuedAt,
	}}
	for _, file := range r.Control.Files {
		left.Control.Files = append(left.Control.Files, File{Item: file.Item})
	}
	return left
}
