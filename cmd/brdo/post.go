package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/peer"
)

type postCommand struct {
	Export postExportCommand `cmd:"" help:"Write what waits for one node into a file."`
	Import postImportCommand `cmd:"" help:"Take in such a file, and write the receipts to carry back."`
}

func (postCommand) Help() string {
	return `Carries envelopes to a node without a network, and their receipts back:

  here   $ brdo post export --to node.unit.example out.bundle
  there  $ brdo post import out.bundle receipts.bundle
  here   $ brdo post import receipts.bundle

Envelopes wait until their receipts are back. The files are signed and what they carry is encrypted;
carrying one twice does nothing twice.`
}

type postExportCommand struct {
	Config string `help:"The configuration file." default:"brdo.yaml" type:"path"`
	To     string `required:"" help:"The recipient: the name of its node, or its id." placeholder:"NODE"`
	File   string `arg:"" help:"The file to write; it must not exist."`
}

func (c postExportCommand) Run(ctx context.Context, w world) error {
	n, err := openNode(ctx, c.Config)
	if err != nil {
		return err
	}
	defer n.Close()
	recipient, err := n.PeerNamed(ctx, c.To)
	if err != nil {
		return err
	}
	text, count, left, err := n.Post.Export(ctx, recipient)
	if err != nil {
		return err
	}
	if err := writeBundle(c.File, text); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.out, "%d envelopes written to %s, %d left for a further file\n", count, c.File, left)
	return err
}

func writeBundle(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return problem.InvalidField("file", path+" exists", "name a new file")
	}
	if err != nil {
		return fmt.Errorf("making the file: %w", err)
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(path))
	}
	return nil
}

type postImportCommand struct {
	Config string `help:"The configuration file." default:"brdo.yaml" type:"path"`
	File   string `arg:"" help:"The file that was carried here."`
	Reply  string `arg:"" optional:"" help:"The file of receipts to write; needed when the other one holds envelopes."`
}

func (c postImportCommand) Run(ctx context.Context, w world) error {
	file, err := os.Open(c.File)
	if err != nil {
		return problem.InvalidField("file", err.Error(), "name the file that was carried here").Because(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, peer.MaxBundle+1))
	if err != nil {
		return fmt.Errorf("reading the file: %w", err)
	}
	n, err := openNode(ctx, c.Config)
	if err != nil {
		return err
	}
	defer n.Close()
	return c.take(ctx, w, n, text)
}

func (c postImportCommand) take(ctx context.Context, w world, n *node.Node, text []byte) error {
	done, err := n.Post.Import(ctx, text)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.out, "from %s: %d envelopes taken in, %d refused; %d receipts new, %d known, %d not accepted\n",
		done.From.Name, done.Taken, done.Refused, done.Answered, done.Known, done.Wrong)
	if len(done.Reply) > 0 {
		if c.Reply == "" {
			return problem.InvalidField("reply", "the receipts have to go back, and no file was named for them", "run it again with a second file; nothing is done twice")
		}
		if err := writeBundle(c.Reply, done.Reply); err != nil {
			return err
		}
	}
	if done.Refused+done.Wrong > 0 {
		return incomplete("not everything was taken in; the sender keeps it, and the log says why")
	}
	return nil
}
