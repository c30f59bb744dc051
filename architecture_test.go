package brdo_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/brdoproject/brdo"

// room is a folder of the house and the floor that it stands on.
type room struct {
	// path is a folder of the module with all that lies below it. With a final
	// slash each folder below is a room of its own.
	path  string
	floor int
	// lateral rooms may import others of their own floor.
	lateral bool
	// own rooms import nothing of the module but what stands here and below it.
	own []string
	// bare rooms import the standard library and this module only.
	bare bool
	// testing rooms are imported by tests and by each other only.
	testing bool
}

// The floors, from the ground up.
const (
	ground = iota
	halls
	machinery
	desks
	faces
	entrance
)

// house is the table of ARCHITECTURE.md. A package that has no room here fails
// the test: decide first on which floor it lives.
var house = []room{
	{path: "domain/", floor: ground, lateral: true, own: []string{"domain/"}, bare: true},
	{path: "engine/", floor: ground, lateral: true, own: []string{"engine/"}},
	{path: "engine/pdf/pdftest", floor: ground, lateral: true, own: []string{"engine/"}, testing: true},
	{path: "law", floor: ground, own: []string{"law"}, bare: true},

	{path: "internal/media", floor: halls},
	{path: "internal/media/mediatest", floor: halls, lateral: true, testing: true},
	{path: "internal/match", floor: halls},
	{path: "internal/print", floor: halls},
	{path: "internal/webhost", floor: halls},

	{path: "internal/racetest", floor: ground, lateral: true, testing: true},
	{path: "internal/vectortest", floor: ground, lateral: true, testing: true},
	{path: "internal/postgrestest", floor: machinery, lateral: true, testing: true},
	{path: "internal/lossydisk", floor: machinery, lateral: true, testing: true},
	{path: "internal/store/storetest", floor: machinery, lateral: true, testing: true},
	{path: "internal/blob/blobtest", floor: machinery, lateral: true, testing: true},
	{path: "internal/store", floor: machinery, lateral: true},
	{path: "internal/access", floor: machinery, lateral: true},
	{path: "internal/ledger", floor: machinery, lateral: true},
	{path: "internal/identity", floor: machinery, lateral: true},
	{path: "internal/job", floor: machinery, lateral: true},
	{path: "internal/peer", floor: machinery, lateral: true},
	{path: "internal/keyring", floor: machinery, lateral: true},
	{path: "internal/blob", floor: machinery, lateral: true},
	{path: "internal/door", floor: machinery, lateral: true},
	{path: "internal/lookout", floor: machinery, lateral: true},
	{path: "internal/exchange", floor: machinery, lateral: true},
	{path: "internal/exchange/exchangetest", floor: machinery, lateral: true, testing: true},

	{path: "internal/desk/", floor: desks},

	{path: "internal/api", floor: faces},
	{path: "internal/web", floor: faces},

	{path: "client", floor: entrance, own: []string{"client", "domain/"}},
	{path: "internal/node", floor: entrance},
	{path: "internal/node/nodetest", floor: entrance, lateral: true, testing: true},
	{path: "cmd/brdo", floor: entrance, lateral: true},
	{path: "cmd/brdo-hash-wasm", floor: entrance, own: []string{"engine/"}},
	{path: "bench/peers/hma", floor: entrance, own: []string{"engine/"}},
}

// within reports whether a package lies in a room's folder.
func within(folder, pkg string) bool {
	folder = strings.TrimSuffix(folder, "/")
	return pkg == folder || strings.HasPrefix(pkg, folder+"/")
}

// roomOf finds the room of a package, the most specific one first.
func roomOf(pkg string) (room, bool) {
	best, found := room{}, false
	for _, r := range house {
		if within(r.path, pkg) && (!found || len(r.path) > len(best.path)) {
			best, found = r, true
		}
	}
	return best, found
}

// sameRoom tells a desk's own sub-packages from another desk.
func sameRoom(r room, from, to string) bool {
	if !strings.HasSuffix(r.path, "/") {
		return within(r.path, to)
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(from, r.path), "/")
	return within(r.path+first, to)
}

// refused says why a package must not import another; empty when it may. Both
// are import paths.
func refused(from, to string) string {
	from = strings.TrimPrefix(from, module+"/")
	here, known := roomOf(from)
	if !known {
		return "no floor is named for " + from + " in architecture_test.go"
	}
	inside, ours := strings.CutPrefix(to, module+"/")
	if !ours {
		first, _, _ := strings.Cut(to, "/")
		if here.bare && strings.Contains(first, ".") {
			return "it stands on the standard library alone"
		}
		return ""
	}
	there, known := roomOf(inside)
	switch {
	case !known:
		return "no floor is named for " + inside + " in architecture_test.go"
	case there.testing && !here.testing:
		return "it is for tests only"
	case here.own != nil && !slices.ContainsFunc(here.own, func(folder string) bool { return within(folder, inside) }):
		return "this room imports only " + strings.Join(here.own, ", ")
	case there.floor > here.floor:
		return fmt.Sprintf("imports go down only: from floor %d to floor %d", here.floor, there.floor)
	case there.floor == here.floor && !here.lateral && !(here.path == there.path && sameRoom(here, from, inside)):
		return fmt.Sprintf("rooms of floor %d do not import each other", here.floor)
	}
	return ""
}

func TestRefusedImports(t *testing.T) {
	for _, c := range []struct {
		from, to string
		refused  bool
	}{
		{"internal/store", "internal/desk/intake", true},
		{"internal/match", "internal/store", true},
		{"internal/ledger", "internal/store", false},
		{"internal/ledger", "internal/api", true},
		{"internal/desk/intake", "internal/desk/lists", true},
		{"internal/desk/intake", "internal/desk/intake/answers", false},
		{"internal/desk/intake", "internal/ledger", false},
		{"internal/desk/intake", "internal/web", true},
		{"internal/web", "internal/api", true},
		{"internal/api", "internal/web", true},
		{"internal/web", "internal/desk/triage", false},
		{"internal/node", "cmd/brdo", true},
		{"cmd/brdo", "internal/node", false},
		{"cmd/brdo", "internal/media", false},
		{"client", "internal/api", true},
		{"client", "domain/report", false},
		{"domain/item", "domain/law", false},
		{"domain/item", "engine/pdq", true},
		{"domain/item", "law", true},
		{"engine/hamming", "domain/problem", true},
		{"engine/hamming", "engine/pdq", false},
		{"internal/media", "internal/match", true},
		{"internal/ledger", "internal/store/storetest", true},
		{"internal/somewhere", "domain/item", true},
		{"internal/node", "internal/somewhere", true},
	} {
		if why := refused(module+"/"+c.from, module+"/"+c.to); (why != "") != c.refused {
			t.Errorf("%s imports %s: refused %q, want refused: %v", c.from, c.to, why, c.refused)
		}
	}
	if refused(module+"/domain/item", "github.com/google/uuid") == "" {
		t.Error("domain may import a library")
	}
	if why := refused(module+"/domain/item", "encoding/json"); why != "" {
		t.Errorf("domain may not import the standard library: %s", why)
	}
	if why := refused(module+"/engine/translog", "golang.org/x/mod/sumdb/note"); why != "" {
		t.Errorf("engine may not import a library: %s", why)
	}
}

// source is one file of the module that is no test.
type source struct {
	pkg string // folder, relative to the module
	*ast.File
}

// sources parses all files of the module that are no tests, for every system
// and build tag.
func sources(t *testing.T) (*token.FileSet, []source) {
	t.Helper()
	files := token.NewFileSet()
	var found []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := entry.Name()
		if entry.IsDir() {
			if name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || strings.HasSuffix(base, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(files, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		found = append(found, source{path.Dir(filepath.ToSlash(name)), file})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 50 {
		t.Fatalf("only %d source files were found: the test does not run in the module's root", len(found))
	}
	return files, found
}

func TestImportsGoDownOnly(t *testing.T) {
	files, all := sources(t)
	homeless := map[string]bool{}
	for _, file := range all {
		if file.pkg == "." {
			continue // documentation only
		}
		if _, known := roomOf(file.pkg); !known {
			if !homeless[file.pkg] {
				t.Errorf("no floor is named for %s in architecture_test.go", file.pkg)
			}
			homeless[file.pkg] = true
			continue
		}
		for _, spec := range file.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if why := refused(module+"/"+file.pkg, to); why != "" {
				t.Errorf("%s imports %s: %s", files.Position(spec.Pos()), to, why)
			}
		}
	}
}

// doors are the functions that open a transaction without the ledger, and why
// that is right. All others reach rows through ledger.Do and ledger.Read.
var doors = map[string]string{
	"internal/desk/notices.(Desk).due":       "finds the addresses that the node itself looks at; what it finds there is logged",
	"internal/desk/orders.(Desk).due":        "finds the addresses that the node itself looks at; what it finds there is logged",
	"internal/desk/lists.(Desk).Load":        "fills the index of this process: the node compares, nobody is shown anything",
	"internal/desk/lists.(Desk).catchUp":     "fills the index of this process: the node compares, nobody is shown anything",
	"internal/desk/lists.(Desk).Begin":       "enqueues the work that comes again and again; it touches no personal data",
	"internal/desk/lists.(Desk).moveOn":      "moves a checkpoint up to which nothing changed; what changes is logged",
	"internal/desk/lists.(Desk).beginVote":   "notes that a vote may be sent from now on; what became of it is logged",
	"internal/desk/lists.(Desk).voteLater":   "notes why a vote did not get through; what became of it is logged",
	"internal/desk/lists.(Desk).readReasons": "keeps the reasons of votes that an exchange names; they are no personal data",
	"internal/desk/lists.(Desk).roundEnded":  "notes how a round ended; it touches no personal data",
	"internal/desk/lists.(Desk).Export":      "writes out what the release permits, which was logged before the first byte",
	"internal/desk/intake.(Desk).Begin":      "enqueues the work that comes again and again; it touches no personal data",
	"internal/desk/intake.(Desk).clear":      "forgets a look-up that was logged, when its content is erased",
	"internal/desk/intake.(Desk).askAbout":   "notes that a look-up may be sent from now on; its event is written with the answer",
	"internal/desk/intake.(Desk).asked":      "notes how a question ended; it touches no personal data",
	"internal/desk/intake.(Desk).answered":   "asks whether the same request was answered to the same actor before; Detect logs it whatever the answer",
	"internal/desk/intake.(Desk).flush":      "counts how many files were compared; no personal data",

	"internal/desk/statistics.(Desk).Published": "reads figures that a person published for everybody; no personal data",

	"cmd/brdo.benchExchange": "counts envelopes without a receipt in a demonstration of its own; no personal data",

	"internal/node.(examination).sealed":             "asks which of the names in the vault no row has, and tells the operator how many; no name leaves",
	"internal/node.(examination).rows":               "counts jobs and waiting envelopes for the operator; no personal data",
	"internal/node.Backup":                           "reads the latest checkpoint, which is public, for the manifest of a backup",
	"internal/identity.(Directory).Finish":           "there is no actor before the login; the login itself is then logged",
	"internal/identity.(Service).Login":              "there is no actor before the login; the login itself is then logged",
	"internal/identity.(Service).storedPassphrase":   "reads the hash before the transaction of a login, so that hashing holds no lock",
	"internal/identity.(Service).UseLink":            "there is no actor before the login; the login itself is then logged",
	"internal/identity.(Service).FinishPasskeyLogin": "there is no actor before the login; the login itself is then logged",
	"internal/identity.(Service).BeginPasskey":       "prepares a registration that FinishPasskey logs",
	"internal/identity.(Service).Person":             "recognises who acts, so that the ledger can be asked at all",
	"internal/identity.(Service).Machine":            "recognises who acts, so that the ledger can be asked at all",
	"internal/identity.(Sessions).FindCtx":           "recognises who acts, so that the ledger can be asked at all",
	"internal/identity.(Sessions).CommitCtx":         "keeps a session, which is named by a digest",
	"internal/identity.(Sessions).DeleteCtx":         "ends a session, which is named by a digest",
	"internal/identity.(Sessions).Sweep":             "removes sessions and links that have ended",

	"internal/job.(Runner).step":   "leases work; the handler's own effect goes through the ledger",
	"internal/job.(Runner).run":    "leases work; the handler's own effect goes through the ledger",
	"internal/job.(Runner).handle": "leases work; the handler's own effect goes through the ledger",
	"internal/job.(Runner).failed": "notes a failure of work; the handler's own effect goes through the ledger",

	"internal/peer.(Post).failed":      "notes that a delivery failed; the delivery itself is logged",
	"internal/peer.(Post).reachOut":    "notes whether a peer answers, and when deliveries to it are due; each delivery is logged",
	"internal/peer.(Post).linked":      "notes that a peer's log only grew; it touches no personal data",
	"internal/peer.(Post).Begin":       "enqueues the work that comes again and again; it touches no personal data",
	"internal/peer.(directory).GetKey": "recognises which node signed a request, so that the ledger can be asked at all",

	"internal/node.(Node).takeOver":   "ends leases of work whose process is dead; the handlers' own effects go through the ledger",
	"internal/node.(Node).follow":     "removes finished work and kept answers that are older than their term",
	"internal/node.(figures).Collect": "counts, for operators: no row and no name leaves",
}

// opens reports whether a call opens a transaction of the store: a call of
// Read, Write or WriteShared on something declared as *store.Store, or with a
// function of a *store.Tx.
func opens(call *ast.CallExpr, stores map[string]bool) bool {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Read", "Write", "WriteShared"}, method.Sel.Name) {
		return false
	}
	switch on := method.X.(type) {
	case *ast.SelectorExpr:
		if stores[on.Sel.Name] {
			return true
		}
	case *ast.Ident:
		if stores[on.Name] {
			return true
		}
	}
	for _, argument := range call.Args {
		if literal, ok := argument.(*ast.FuncLit); ok {
			for _, parameter := range literal.Type.Params.List {
				if isPointerTo(parameter.Type, "store", "Tx") {
					return true
				}
			}
		}
	}
	return false
}

func isPointerTo(expression ast.Expr, pkg, name string) bool {
	star, ok := expression.(*ast.StarExpr)
	if !ok {
		return false
	}
	selector, ok := star.X.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	ident, ok := selector.X.(*ast.Ident)
	return ok && ident.Name == pkg && selector.Sel.Name == name
}

// storesOf collects the names of fields, parameters and variables that are
// declared as *store.Store.
func storesOf(file *ast.File, into map[string]bool) {
	ast.Inspect(file, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.Field:
			if isPointerTo(n.Type, "store", "Store") {
				for _, name := range n.Names {
					into[name.Name] = true
				}
			}
		case *ast.ValueSpec:
			if isPointerTo(n.Type, "store", "Store") {
				for _, name := range n.Names {
					into[name.Name] = true
				}
			}
		}
		return true
	})
}

// functionName is package.(Receiver).Name or package.Name.
func functionName(pkg string, function *ast.FuncDecl) string {
	if receiver := receiverName(function); receiver != "" {
		return pkg + ".(" + receiver + ")." + function.Name.Name
	}
	return pkg + "." + function.Name.Name
}

func receiverName(function *ast.FuncDecl) string {
	if function.Recv == nil || len(function.Recv.List) == 0 {
		return ""
	}
	kind := function.Recv.List[0].Type
	for {
		switch k := kind.(type) {
		case *ast.StarExpr:
			kind = k.X
		case *ast.IndexExpr:
			kind = k.X
		case *ast.IndexListExpr:
			kind = k.X
		case *ast.Ident:
			return k.Name
		default:
			return ""
		}
	}
}

// openings lists the functions that open a transaction of their own.
func openings(all []source) map[string]bool {
	stores := map[string]map[string]bool{}
	for _, file := range all {
		if stores[file.pkg] == nil {
			stores[file.pkg] = map[string]bool{}
		}
		storesOf(file.File, stores[file.pkg])
	}
	found := map[string]bool{}
	for _, file := range all {
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Body == nil {
				continue
			}
			ast.Inspect(function.Body, func(node ast.Node) bool {
				if call, ok := node.(*ast.CallExpr); ok && opens(call, stores[file.pkg]) {
					found[functionName(file.pkg, function)] = true
				}
				return true
			})
		}
	}
	return found
}

func TestOnlyTheLedgerOpensTransactions(t *testing.T) {
	_, all := sources(t)
	found := openings(slices.DeleteFunc(all, func(file source) bool {
		r, known := roomOf(file.pkg)
		// The store is what is opened, the ledger is who opens it.
		return !known || r.testing || r.path == "internal/store" || r.path == "internal/ledger"
	}))
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if doors[name] == "" {
			t.Errorf("%s opens a transaction without the ledger: use ledger.Do or ledger.Read, or give the reason in the table of doors", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(doors)) {
		if !found[name] {
			t.Errorf("%s is in the table of doors, but opens no transaction", name)
		}
	}
}

func TestAnOpeningIsSeen(t *testing.T) {
	const text = `package desk
type Desk struct{ rows *store.Store; ledger *ledger.Ledger }
func (d *Desk) ByField()   { d.rows.Read(ctx, consult) }
func (d *Desk) ByLiteral() { d.other.Write(ctx, func(tx *store.Tx) error { return nil }) }
func ByParameter(s *store.Store) { s.WriteShared(ctx, change) }
func (d *Desk) ByLedger()  { d.ledger.Read(ctx, act, func(tx *ledger.Tx) error { return nil }) }
func ByWriter(w io.Writer) { w.Write(text) }
`
	file, err := parser.ParseFile(token.NewFileSet(), "desk.go", text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(openings([]source{{"desk", file}})))
	want := []string{"desk.(Desk).ByField", "desk.(Desk).ByLiteral", "desk.ByParameter"}
	if !slices.Equal(got, want) {
		t.Errorf("openings are %v, want %v", got, want)
	}
}
