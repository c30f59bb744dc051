package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

type logCommand struct {
	Export logExportCommand `cmd:"" help:"Write the whole log as a bundle that anybody can verify."`
}

type logExportCommand struct {
	Data     string `required:"" help:"The data folder of the node." type:"path" placeholder:"DIR"`
	Database string `help:"The node's postgres:// address, where the rows are not in the data folder." placeholder:"URL"`
	File     string `arg:"" help:"The file to write; it must not exist." type:"path"`
}

func (logExportCommand) Help() string {
	return `Writes every record up to the latest checkpoint, with all checkpoints, while the node may run:

  $ brdo log export --data brdo-data log.bundle
  $ brdo verify --bundle log.bundle --key VERIFIER

The records say who did what to which identifier; give the file only to who may read the log.`
}

func (c logExportCommand) Run(ctx context.Context, w world) (err error) {
	self, err := keyring.OpenIdentity(filepath.Join(c.Data, "identity"))
	if err != nil {
		return fmt.Errorf("reading the node's identity: %w", err)
	}
	rows, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer rows.Close()
	file, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return problem.InvalidField("file", c.File+" exists", "name a new file")
	}
	if err != nil {
		return fmt.Errorf("making the bundle: %w", err)
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
		if err != nil {
			err = errors.Join(err, os.Remove(c.File)) // half a bundle proves nothing
		}
	}()
	out := bufio.NewWriter(file)
	public := self.Public()
	count, err := ledger.ExportBundle(ctx, rows, public.Name, []string{public.LogVerifier}, out)
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("syncing the bundle: %w", err)
	}
	_, err = fmt.Fprintf(w.out, "%d records written to %s\nverify with: brdo verify --bundle FILE --key %s\n", count, c.File, public.LogVerifier)
	return err
}

// open opens the rows, which must exist: opening would make a missing file.
func (c logExportCommand) open(ctx context.Context) (*store.Store, error) {
	if c.Database != "" {
		return store.Open(ctx, c.Database)
	}
	path := filepath.Join(c.Data, "brdo.db")
	if _, err := os.Stat(path); err != nil {
		return nil, problem.InvalidField("data", err.Error(), "name a node's data folder, or give --database").Because(err)
	}
	return store.Open(ctx, path)
}
