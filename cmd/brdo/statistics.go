package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/brdoproject/brdo/domain/law"
	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/domain/statistics"
	"github.com/brdoproject/brdo/engine/translog"
	profiles "github.com/brdoproject/brdo/law"
)

type statisticsCommand struct {
	Bundle     string   `required:"" help:"An exported log." type:"existingfile" placeholder:"FILE"`
	Key        string   `required:"" help:"The log's public key, as the organisation publishes it." placeholder:"VERIFIER"`
	Checkpoint []string `help:"A checkpoint that was kept elsewhere; may be given more than once." type:"existingfile"`
	Year       int      `required:"" help:"The calendar year (UTC) to count."`
	Records    int64    `help:"Count only so many records from the beginning of the log, as a publication says." placeholder:"NUMBER"`
	Profile    string   `help:"What is counted." default:"csar/article-83"`
	Format     string   `help:"json or csv." enum:"json,csv" default:"json"`
}

func (statisticsCommand) Help() string {
	return `Checks an exported log and counts the figures of a year from it, offline:

  $ brdo statistics --bundle log.bundle --key VERIFIER --year 2026 > figures.json

They are the same, to the byte, as those that the node itself gives out at /statistics, and
with --records those that it published at /open/figures, which say how many records they count.
Small numbers are suppressed; what the log does not say is not measured, which is not none.
Exit code 0 when the log fits together, 4 when something is wrong; then nothing is counted.`
}

func (c statisticsCommand) Run(_ context.Context, w world) error {
	library, err := law.Load(profiles.Files)
	if err != nil {
		return err
	}
	profile, err := library.LatestStatistics(c.Profile)
	if err != nil {
		return err
	}
	trust, err := verifyCommand{Key: c.Key, Checkpoint: c.Checkpoint}.trust()
	if err != nil {
		return err
	}
	file, err := os.Open(c.Bundle)
	if err != nil {
		return fmt.Errorf("reading the bundle: %w", err)
	}
	defer file.Close()
	var fault *translog.Fault
	var broken *translog.BundleError
	if _, err := translog.AuditBundle(file, trust); errors.As(err, &fault) || errors.As(err, &broken) {
		fmt.Fprintf(w.out, "WRONG: %v\n", err)
		return errWrong
	} else if err != nil {
		return err
	}
	count, err := c.count(file)
	if err != nil {
		return err
	}
	figures := count.Publish(profile, trust.Origin)
	figures.Records = c.Records
	if c.Format == "csv" {
		return figures.WriteCSV(w.out)
	}
	return figures.WriteJSON(w.out)
}

// count reads the bundle again, whose audit has passed.
func (c statisticsCommand) count(file *os.File) (*statistics.Count, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("reading the bundle again: %w", err)
	}
	bundle, err := translog.NewBundleReader(file)
	if err != nil {
		return nil, err
	}
	if bundle.Header().Kind != translog.Whole {
		return nil, problem.InvalidField("bundle", "it is an extract, so figures counted from it would be too small", "export the whole log")
	}
	count := statistics.New(c.Year)
	for read := int64(0); ; {
		entry, err := bundle.Next()
		if errors.Is(err, io.EOF) && read < c.Records {
			return nil, problem.InvalidField("records", fmt.Sprintf("the bundle has only %d", read), "export the log anew, or count fewer")
		}
		if errors.Is(err, io.EOF) {
			return count, nil
		}
		if err != nil {
			return nil, err
		}
		if entry.Checkpoint != nil {
			continue
		}
		if c.Records > 0 && read == c.Records {
			return count, nil
		}
		read++
		if err := count.Add(entry.Record.Data); err != nil {
			return nil, err
		}
	}
}
