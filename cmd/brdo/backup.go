package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/node"
)

type backupCommand struct {
	Config string `help:"The configuration file." default:"brdo.yaml" type:"path"`
	Keys   string `help:"Write the current copy of the key vault over this file." type:"path"`
	Folder string `arg:"" help:"A folder that does not exist yet." type:"path"`
}

func (backupCommand) Help() string {
	return `Writes rows and sealed content into a folder, while the node may run.

  $ brdo backup --config brdo.yaml --keys /safe/keys.copy /backups/monday

A backup holds no key. The keys of the items have one current copy, --keys, which is written over
each time: so an erased item stays erased, whichever old backup is restored. Keep the copy, the
folder "identity" and the file "node.key" apart from the backups.`
}

func (c backupCommand) Run(ctx context.Context, w world) error {
	config, err := node.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	m, err := node.Backup(ctx, config, c.Folder, c.Keys)
	if err != nil {
		return err
	}
	if c.Keys == "" {
		fmt.Fprintln(w.err, "brdo: the keys were not copied; without a current copy (--keys) the content of this backup cannot be read")
	}
	_, err = fmt.Fprintf(w.out, "%d files of %s are in %s. Check them with: brdo restore --verify %s\n", len(m.Files), m.Node, c.Folder, c.Folder)
	return err
}

type restoreCommand struct {
	Config string `help:"The configuration file of the node to restore into." default:"brdo.yaml" type:"path"`
	Verify bool   `help:"Only check the backup; change nothing."`
	Keys   string `help:"The current copy of the key vault." type:"path"`
	Folder string `arg:"" help:"The folder that brdo backup made." type:"path"`
}

func (restoreCommand) Help() string {
	return `Checks a backup to its last byte, log included, and puts it back.

  $ brdo restore --verify /backups/monday
  $ brdo restore --config brdo.yaml --keys /safe/keys.copy /backups/monday

The data folder must hold the identity and node key that were kept apart, and nothing else.`
}

func (c restoreCommand) Run(ctx context.Context, w world) error {
	if c.Verify {
		m, report, err := node.CheckBackup(ctx, c.Folder)
		var fault *translog.Fault
		if errors.As(err, &fault) || problem.Is(err, problem.Invalid) && m.Format != 0 {
			fmt.Fprintf(w.out, "WRONG: %v\n", err)
			return errWrong
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.out, "The backup of %s from %s is whole: %d files; its log has %d records and fits together.\n",
			m.Node, m.Created.Format("2006-01-02 15:04 MST"), len(m.Files), report.Records)
		return err
	}
	if c.Keys == "" {
		return problem.InvalidField("keys", "the current copy of the key vault is not named", "give --keys; without it nothing can be read")
	}
	config, err := node.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	m, err := node.Restore(ctx, config, c.Folder, c.Keys)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.out, "The backup of %s is back in %s. Start it with: brdo serve\n", m.Node, config.Data)
	return err
}
