// Command brdo finds, reports and helps to remove known child sexual abuse
// material, and proves what was done. `brdo demo` shows it on benign pictures.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/media"
)

// version is set when a release is built.
var version = "development"

// Exit codes, documented in docs/cli.md.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitIncomplete  = 3
	exitWrong       = 4
	exitUnavailable = 5
	exitInterrupted = 130
)

// errIncomplete ends a command that did all it could, but not all it was asked:
// each thing left out has its own line.
var errIncomplete = errors.New("not everything could be read; see the lines whose status is not \"ok\" or \"unhashable\"")

// incomplete is [errIncomplete] in words of its own.
type incomplete string

func (i incomplete) Error() string        { return string(i) }
func (i incomplete) Is(target error) bool { return target == errIncomplete }

// commands is the command line, one field a command.
type commands struct {
	Demo       demoCommand       `cmd:"" help:"Show everything on benign pictures, on this machine only."`
	Serve      serveCommand      `cmd:"" help:"Run a node."`
	LoginLink  loginLinkCommand  `cmd:"" name:"login-link" help:"Print a one-time login link for an account."`
	Hash       hashCommand       `cmd:"" help:"Compute digests and PDQ of files, as JSON Lines."`
	Scan       scanCommand       `cmd:"" help:"Compare files with hash lists."`
	Verify     verifyCommand     `cmd:"" help:"Check a node's log or an exported bundle, offline."`
	Statistics statisticsCommand `cmd:"" help:"Count the figures of a year from an exported log, offline."`
	Bench      benchCommand      `cmd:"" help:"Measure this machine, as JSON."`
	Log        logCommand        `cmd:"" help:"Export the log."`
	Keys       keysCommand       `cmd:"" help:"Rotate the node's keys."`
	Post       postCommand       `cmd:"" help:"Carry envelopes in files, to a node without a network."`
	Registry   registryCommand   `cmd:"" help:"Publish the Centre's registry of nodes."`
	Doctor     doctorCommand     `cmd:"" help:"Look at everything that a node needs."`
	Backup     backupCommand     `cmd:"" help:"Write rows and sealed content into a folder."`
	Restore    restoreCommand    `cmd:"" help:"Check a backup, or put it back."`
	Version    kong.VersionFlag  `help:"Print the version."`
}

// world is what commands reach of the outside.
type world struct {
	out, err io.Writer
	in       io.Reader
	// terminal says that err is a terminal, where progress is shown.
	terminal bool
}

func main() {
	if media.IsChild(os.Args) {
		media.RunChild()
	}
	os.Exit(run(os.Args[1:], world{out: os.Stdout, err: os.Stderr, in: os.Stdin, terminal: isTerminal(os.Stderr)}))
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb" && os.Getenv("TERM") != ""
}

// run is main with everything given, for tests.
func run(arguments []string, w world) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c commands
	code := -1
	parser, err := kong.New(&c,
		kong.Name("brdo"),
		kong.Description("Find, report and help to remove known child sexual abuse material, and prove what was done.\n\nStart with: brdo demo"),
		kong.UsageOnError(), kong.Writers(w.out, w.err), kong.Exit(func(exit int) { code = exit }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Vars{"version": version},
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(w),
	)
	if err != nil {
		fmt.Fprintln(w.err, "brdo:", err)
		return exitFailed
	}
	parsed, err := parser.Parse(arguments)
	if code >= 0 { // help or version was asked for
		return code
	}
	if err != nil {
		fmt.Fprintf(w.err, "brdo: %v\n", err)
		return exitUsage
	}
	err = parsed.Run()
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		fmt.Fprintln(w.err, "brdo: interrupted")
		return exitInterrupted
	}
	return explain(w.err, err)
}

// explain says what went wrong and what to do, and gives the exit code.
func explain(w io.Writer, err error) int {
	if errors.Is(err, errIncomplete) {
		fmt.Fprintln(w, "brdo:", err)
		return exitIncomplete
	}
	if errors.Is(err, errWrong) {
		fmt.Fprintln(w, "brdo:", err)
		return exitWrong
	}
	fmt.Fprintln(w, "brdo:", err)
	switch problem.From(err).Kind {
	case problem.Invalid, problem.NotFound:
		return exitUsage
	case problem.Unavailable, problem.Conflict, problem.Expired:
		return exitUnavailable
	}
	return exitFailed
}

// errWrong ends a check that found something wrong.
var errWrong = errors.New("something is wrong")
