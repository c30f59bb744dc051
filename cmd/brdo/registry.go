package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/node"
	"github.com/brdoproject/brdo/internal/peer"
)

type registryCommand struct {
	Draft   registryDraftCommand   `cmd:"" help:"Print the entries that the next version starts from."`
	Publish registryPublishCommand `cmd:"" help:"Sign and publish the next version, at the Centre."`
}

func (registryCommand) Help() string {
	return `The registry names the nodes of all organisations. The Centre signs it, and the others follow it:

  $ brdo registry draft --config brdo.yaml > entries.json
  $ $EDITOR entries.json
  $ brdo registry publish --config brdo.yaml entries.json

An entry ends with "until", and at once with "revoked": {"at": TIME, "reason": TEXT}. A revocation
stays in every later version. Whoever may read the data folder may publish; it is logged.`
}

type registryDraftCommand struct {
	Config string `help:"The configuration file." default:"brdo.yaml" type:"path"`
}

func (c registryDraftCommand) Run(ctx context.Context, w world) error {
	n, err := openNode(ctx, c.Config)
	if err != nil {
		return err
	}
	defer n.Close()
	entries, err := n.DraftRegistry(ctx)
	if err != nil {
		return err
	}
	out := json.NewEncoder(w.out)
	out.SetIndent("", "  ")
	return out.Encode(entries)
}

func openNode(ctx context.Context, path string) (*node.Node, error) {
	config, err := node.LoadConfig(path)
	if err != nil {
		return nil, err
	}
	return node.Open(ctx, config, node.Options{})
}

type registryPublishCommand struct {
	Config string `help:"The configuration file." default:"brdo.yaml" type:"path"`
	File   string `arg:"" help:"The entries, as draft prints them."`
}

func (c registryPublishCommand) Run(ctx context.Context, w world) error {
	file, err := os.Open(c.File)
	if err != nil {
		return problem.InvalidField("file", err.Error(), "name the file of the entries").Because(err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 16<<20))
	if err != nil {
		return fmt.Errorf("reading the entries: %w", err)
	}
	entries, err := peer.ParseRegistryEntries(text)
	if err != nil {
		return err
	}
	n, err := openNode(ctx, c.Config)
	if err != nil {
		return err
	}
	defer n.Close()
	published, err := n.PublishRegistry(ctx, entries)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.out, "version %d with %d nodes is published\n", published.Number, len(published.Entries))
	return err
}
