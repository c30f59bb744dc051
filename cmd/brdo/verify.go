package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

type verifyCommand struct {
	Data        string   `help:"The data folder of a node." type:"path" placeholder:"DIR"`
	Database    string   `help:"The node's postgres:// address, where the rows are not in the data folder." placeholder:"URL"`
	Bundle      string   `help:"A bundle that was exported from a log." type:"path" placeholder:"FILE"`
	Keys        []string `name:"key" sep:"none" help:"The log's public key, in place of the one in the data folder. May be repeated after a change of key." placeholder:"VERIFIER"`
	Checkpoints []string `name:"checkpoint" sep:"none" help:"A signed checkpoint that was kept elsewhere. May be repeated." type:"path" placeholder:"FILE"`
}

func (verifyCommand) Help() string {
	return `Checks a log without a running node, and changes nothing in it:

  $ brdo verify --data brdo-data
  $ brdo verify --bundle log.bundle --key provider.example+0a1b2c3d+AbC… --checkpoint kept.txt

Only a checkpoint that was kept elsewhere shows that a log was cut short or rewritten by somebody
who holds its key. Exit code 4 when something is wrong; the first thing wrong is named.`
}

func (c verifyCommand) Run(ctx context.Context, w world) error {
	if (c.Bundle == "") == (c.Data == "" && c.Database == "") {
		return problem.InvalidField("--data", "either a node's log or a bundle is verified", "give --data DIR or --bundle FILE")
	}
	trust, err := logTrust(c.Data, c.Keys)
	if err != nil {
		return err
	}
	for _, path := range c.Checkpoints {
		known, err := readCheckpoint(path, trust)
		if err != nil {
			return err
		}
		trust.Known = append(trust.Known, known)
	}
	var report translog.Report
	if c.Bundle != "" {
		report, err = verifyBundle(c.Bundle, trust)
	} else {
		report, err = verifyStored(ctx, c.Data, c.Database, trust)
	}
	var fault *translog.Fault
	var broken *translog.BundleError
	if errors.As(err, &fault) || errors.As(err, &broken) {
		fmt.Fprintf(w.out, "WRONG: the log of %s is not as it was signed.\n  records in order before the fault: %d\n  checkpoints that fit: %d\n", trust.Origin, report.Records, report.Checkpoints)
		if fault != nil {
			fmt.Fprintf(w.out, "  first thing wrong: %s\n", fault)
			return fmt.Errorf("%w: %w", errWrong, fault)
		}
		fmt.Fprintf(w.out, "  first thing wrong: %s\n", broken)
		return fmt.Errorf("%w: %w", errWrong, broken)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "OK: the log of %s\n  %d records are in their places and unchanged\n  %d signed checkpoints fit them\n  %d of %d checkpoints kept elsewhere fit them\n  %d records are not yet under a checkpoint\n",
		trust.Origin, report.Records, report.Checkpoints, report.Known, len(c.Checkpoints), report.Uncovered)
	if c.Bundle == "" {
		fmt.Fprintln(w.out, "  the stored hashes are those of the records")
	}
	return nil
}

// logTrust is the trust in the keys given, or else in the key of the node whose
// data folder is given.
func logTrust(data string, keys []string) (translog.Trust, error) {
	if len(keys) == 0 {
		if data == "" {
			return translog.Trust{}, problem.InvalidField("--key", "it is missing", "give the log's public key as you got it from the node's operator, or --data of the node")
		}
		self, err := keyring.OpenIdentity(filepath.Join(data, "identity"))
		if err != nil {
			return translog.Trust{}, fmt.Errorf("reading the node's identity: %w", err)
		}
		return translog.NewTrust(self.Public().Name, self.Public().LogVerifier)
	}
	origin := ""
	for _, key := range keys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return translog.Trust{}, problem.InvalidField("--key", fmt.Sprintf("%q is not a verifier key", key), "give it as name+hash+key").Because(err)
		}
		if origin != "" && verifier.Name() != origin {
			return translog.Trust{}, problem.InvalidField("--key", fmt.Sprintf("the keys are of two logs, %q and %q", origin, verifier.Name()), "give keys of one log")
		}
		origin = verifier.Name()
	}
	return translog.NewTrust(origin, keys...)
}

// maxCheckpoint is the largest checkpoint file, in bytes.
const maxCheckpoint = 1 << 20

func readCheckpoint(path string, trust translog.Trust) (translog.Checkpoint, error) {
	file, err := os.Open(path)
	if err != nil {
		return translog.Checkpoint{}, problem.InvalidField("--checkpoint", err.Error(), "name a file with a signed checkpoint").Because(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxCheckpoint))
	if err != nil {
		return translog.Checkpoint{}, fmt.Errorf("reading the checkpoint %s: %w", path, err)
	}
	known, err := translog.Open(text, trust)
	if err != nil {
		return known, problem.InvalidField("--checkpoint", path+": "+err.Error(), "name a checkpoint that this log signed").Because(err)
	}
	return known, nil
}

func verifyBundle(path string, trust translog.Trust) (translog.Report, error) {
	file, err := os.Open(path)
	if err != nil {
		return translog.Report{}, problem.InvalidField("--bundle", err.Error(), "name an exported bundle").Because(err)
	}
	defer file.Close()
	return translog.AuditBundle(bufio.NewReader(file), trust)
}

// openRows opens a database that exists; opening would make a missing one.
func openRows(ctx context.Context, data, database string) (*store.Store, error) {
	if database != "" {
		return store.Open(ctx, database)
	}
	path := filepath.Join(data, "brdo.db")
	if _, err := os.Stat(path); err != nil {
		return nil, problem.InvalidField("--data", err.Error(), "name a node's data folder, or give --database").Because(err)
	}
	return store.Open(ctx, path)
}

func verifyStored(ctx context.Context, data, database string, trust translog.Trust) (translog.Report, error) {
	rows, err := openRows(ctx, data, database)
	if err != nil {
		return translog.Report{}, err
	}
	defer rows.Close()
	return ledger.Verify(ctx, rows, trust)
}
