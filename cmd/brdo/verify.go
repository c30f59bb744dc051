package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/peer"
	"github.com/brdoproject/brdo/internal/store"
)

type verifyCommand struct {
	Data       string   `help:"The data folder of a node." type:"existingdir" xor:"what"`
	Database   string   `help:"A postgres:// address, when the node has one; --data still names its keys."`
	Bundle     string   `help:"An exported log." type:"existingfile" xor:"what"`
	Receipt    string   `help:"A receipt that was downloaded from the journey of a report." type:"existingfile" xor:"what"`
	Node       string   `help:"With --receipt: the description of the node that signed it, as that organisation hands it out." type:"existingfile"`
	Key        string   `help:"The log's public key, as the organisation publishes it. With --data the folder's own key is used otherwise."`
	Checkpoint []string `help:"A checkpoint that was kept elsewhere; may be given more than once. It shows a log that was shortened or written anew." type:"existingfile"`
}

func (verifyCommand) Help() string {
	return `Checks a node's log, an exported bundle or a receipt, offline, and names the first thing wrong.

  $ brdo verify --data brdo-data
  $ brdo verify --bundle log.jsonl --key provider.example+1a2b3c4d+AbC…
  $ brdo verify --receipt receipt.jws --node centre.json

Whoever holds a log's private key could write another history; only a checkpoint that somebody
else kept shows that. Exit code 0 when everything fits, 4 when something is wrong.`
}

func (c verifyCommand) Run(ctx context.Context, w world) error {
	if c.Receipt != "" {
		return c.receipt(w)
	}
	if c.Data == "" && c.Bundle == "" {
		return problem.InvalidField("data", "neither a data folder nor a bundle is named", "give --data or --bundle")
	}
	trust, err := c.trust()
	if err != nil {
		return err
	}
	report, err := c.audit(ctx, trust)
	var fault *translog.Fault
	var broken *translog.BundleError
	switch {
	case errors.As(err, &fault), errors.As(err, &broken):
		fmt.Fprintf(w.out, "WRONG: %[2]v\n(%[1]d records were read before that.)\n", report.Records, err)
		return errWrong
	case err != nil:
		return err
	}
	if c.Bundle != "" && report.Records < report.Head.Size {
		fmt.Fprintf(w.out, "The %d records of this extract are in the log %s, under its signed checkpoint of %d records. It says nothing of the others.\n",
			report.Records, trust.Origin, report.Head.Size)
	} else {
		fmt.Fprintf(w.out, "The log %s fits together: %d records, %d signed checkpoints, %d checkpoints from elsewhere.\nRoot over all records: %s\n",
			trust.Origin, report.Records, report.Checkpoints, report.Known, report.Root)
	}
	if report.Uncovered > 0 {
		fmt.Fprintf(w.out, "The last %d records are not signed yet; a running node signs them within a second.\n", report.Uncovered)
	}
	if len(trust.Known) == 0 {
		fmt.Fprintln(w.out, "No checkpoint from elsewhere was given, so this says nothing about a log that its keeper wrote anew.")
	}
	return nil
}

// receipt checks the signature of a receipt and says what it says.
func (c verifyCommand) receipt(w world) error {
	if c.Node == "" {
		return problem.InvalidField("node", "it is missing", "give the description of the node that signed it; the receipt's own word is not enough")
	}
	document, err := os.ReadFile(c.Node)
	if err != nil {
		return fmt.Errorf("reading the description of a node: %w", err)
	}
	by, err := peer.ParseNode(document)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.Receipt)
	if err != nil {
		return fmt.Errorf("reading the receipt: %w", err)
	}
	receipt, err := peer.ReadReceipt(strings.TrimSpace(string(text)), by)
	if err != nil {
		fmt.Fprintf(w.out, "WRONG: %s\n", problem.From(err).Reason)
		return errWrong
	}
	fmt.Fprintf(w.out, "%s (%s) signed on %s that it has %s envelope %s of %s.\nSHA-256 of the envelope: %s\n",
		by.Title, by.NodeID, receipt.At.Format(time.RFC3339Nano), receipt.Status, receipt.ID, receipt.Source, receipt.Digest)
	if receipt.Reason != "" {
		fmt.Fprintf(w.out, "Because: %s\n", receipt.Reason)
	}
	return nil
}

func (c verifyCommand) trust() (translog.Trust, error) {
	key, origin := c.Key, ""
	if key == "" {
		if c.Data == "" {
			return translog.Trust{}, problem.InvalidField("key", "it is missing", "give the log's public key; a bundle's own word is not enough")
		}
		self, err := keyring.OpenIdentity(filepath.Join(c.Data, "identity"))
		if err != nil {
			return translog.Trust{}, err
		}
		key, origin = self.Public().LogVerifier, self.Public().Name
	}
	if origin == "" {
		for i, r := range key {
			if r == '+' {
				origin = key[:i]
				break
			}
		}
	}
	trust, err := translog.NewTrust(origin, key)
	if err != nil {
		return trust, problem.InvalidField("key", err.Error(), "give the key exactly as it was published").Because(err)
	}
	for _, path := range c.Checkpoint {
		text, err := os.ReadFile(path)
		if err != nil {
			return trust, fmt.Errorf("reading a checkpoint: %w", err)
		}
		signed, err := translog.Open(text, trust)
		if err != nil {
			return trust, problem.InvalidField(path, err.Error(), "give a checkpoint of this log").Because(err)
		}
		trust.Known = append(trust.Known, signed.Checkpoint)
	}
	return trust, nil
}

func (c verifyCommand) audit(ctx context.Context, trust translog.Trust) (translog.Report, error) {
	if c.Bundle != "" {
		file, err := os.Open(c.Bundle)
		if err != nil {
			return translog.Report{}, fmt.Errorf("reading the bundle: %w", err)
		}
		defer file.Close()
		return translog.AuditBundle(file, trust)
	}
	location := c.Database
	if location == "" {
		path := filepath.Join(c.Data, "brdo.db")
		if _, err := os.Stat(path); err != nil {
			return translog.Report{}, problem.InvalidField("data", "the folder holds no database", "name the data folder of a node, or its --database").Because(err)
		}
		location = "sqlite:" + path
	}
	s, err := store.Open(ctx, location)
	if err != nil {
		return translog.Report{}, err
	}
	defer s.Close()
	return ledger.Verify(ctx, s, trust)
}
