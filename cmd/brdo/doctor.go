package main

import (
	"context"
	"fmt"
	"time"

	"github.com/brdoproject/brdo/internal/node"
)

type doctorCommand struct {
	Config       string `help:"The configuration file." default:"brdo.yaml" type:"path"`
	Content      bool   `help:"Also compare all sealed content with its keys, which takes a while where there is much."`
	CyberTipline bool   `help:"Also ask NCMEC's CyberTipline whether it answers and knows the credentials (GET /status). Nothing else of this command asks anybody." name:"cybertipline"`
}

func (doctorCommand) Help() string {
	return `Looks at everything that a node needs: sandbox, ffmpeg, folder, keys, legal bases, database, sealed
content that no row names, delivery.

  $ brdo doctor --config brdo.yaml
  ok       sandbox             12 attempts to get out were refused

Exit code 0 when nothing is a problem, 4 otherwise.`
}

func (c doctorCommand) Run(ctx context.Context, w world) error {
	config, err := node.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	ill, now := false, time.Now()
	findings := node.Examine(ctx, config, now)
	if c.Content {
		findings = append(findings, node.ExamineContent(ctx, config, now)...)
	}
	if c.CyberTipline {
		findings = append(findings, node.AskCyberTipline(ctx, config))
	}
	for _, f := range findings {
		fmt.Fprintf(w.out, "%-8s %-28s %s\n", f.Health, f.What, f.Found)
		if f.Remedy != "" && f.Health != node.Well {
			fmt.Fprintf(w.out, "%-8s %-28s → %s\n", "", "", f.Remedy)
		}
		ill = ill || f.Health == node.Ill
	}
	if ill {
		return errWrong
	}
	return nil
}
