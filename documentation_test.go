package brdo_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strings"
	"testing"
)

// undocumented lists what a package exports without saying what it is.
//
// A constant or variable in a group is explained by its own comment, by the
// group's, or by the comment of its type: the values of a closed list read with
// the type. Methods that satisfy an interface of the standard library and do
// nothing else than its name says need no comment.
func undocumented(files *token.FileSet, all []*ast.File) []string {
	var found []string
	missing := func(node ast.Node, name string) {
		found = append(found, files.Position(node.Pos()).String()+": "+name)
	}
	explained := map[string]bool{}
	for _, file := range all {
		for _, declaration := range file.Decls {
			if general, ok := declaration.(*ast.GenDecl); ok && general.Tok == token.TYPE {
				for _, spec := range general.Specs {
					kind := spec.(*ast.TypeSpec)
					if says(general.Doc) || says(kind.Doc) || says(kind.Comment) {
						explained[kind.Name.Name] = true
					} else if kind.Name.IsExported() {
						missing(kind, kind.Name.Name)
					}
				}
			}
		}
	}
	for _, file := range all {
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				receiver := receiverName(d)
				if !d.Name.IsExported() || (receiver != "" && !ast.IsExported(receiver)) || says(d.Doc) {
					continue
				}
				if receiver != "" && slices.Contains([]string{"Error", "Unwrap", "String", "Read", "Write", "Close", "Seek", "ServeHTTP"}, d.Name.Name) {
					continue
				}
				missing(d, d.Name.Name)
			case *ast.GenDecl:
				if d.Tok != token.CONST && d.Tok != token.VAR {
					continue
				}
				kind := ""
				for _, spec := range d.Specs {
					value := spec.(*ast.ValueSpec)
					if ident, ok := value.Type.(*ast.Ident); ok {
						kind = ident.Name
					} else if value.Values != nil {
						kind = ""
					}
					if says(d.Doc) || says(value.Doc) || says(value.Comment) || explained[kind] {
						continue
					}
					for _, name := range value.Names {
						if name.IsExported() {
							missing(name, name.Name)
						}
					}
				}
			}
		}
	}
	return found
}

func says(comment *ast.CommentGroup) bool {
	return comment != nil && strings.TrimSpace(comment.Text()) != ""
}

func TestEverythingExportedIsExplained(t *testing.T) {
	files, all := sources(t)
	packages := map[string][]*ast.File{}
	for _, file := range all {
		if !ast.IsGenerated(file.File) {
			packages[file.pkg] = append(packages[file.pkg], file.File)
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(packages)) {
		if !slices.ContainsFunc(packages[pkg], func(file *ast.File) bool { return says(file.Doc) }) {
			t.Errorf("package %s has no comment", pkg)
		}
		for _, what := range undocumented(files, packages[pkg]) {
			t.Errorf("%s is exported without a comment", what)
		}
	}
}

func TestASilentExportIsSeen(t *testing.T) {
	const text = `package p
type Silent struct{}
// Kind is explained.
type Kind string
const (
	One Kind = "one"
	Two Kind = "two"
	Alone = 3
)
// Group is explained.
var ( First, Second int )
func Function() {}
func (Silent) Method() {}
func (Silent) String() string { return "" }
func (quiet) Method() {}
`
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "p.go", text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, what := range undocumented(files, []*ast.File{file}) {
		_, name, _ := strings.Cut(what, ": ")
		got = append(got, name)
	}
	if want := []string{"Silent", "Alone", "Function", "Method"}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
}
