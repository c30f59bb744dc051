package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/brdoproject/brdo/internal/node"
)

type serveCommand struct {
	Config string    `help:"The configuration file." default:"brdo.yaml" type:"path"`
	Role   node.Role `help:"What this process does: all, api, web or worker; in place of the file's role."`
	Listen string    `help:"The address to serve on, in place of the file's."`
}

func (serveCommand) Help() string {
	return `Runs the node: pages, API, delivery and clocks, until it is interrupted.

  $ brdo serve --config brdo.yaml

On the first start it makes its keys and database in the data folder and prints a login link
for the first operator. docs/configuration.md explains every key of the file.

Several processes of one node share its PostgreSQL database, content and keys:

  $ brdo serve --config brdo.yaml --role worker --listen 127.0.0.1:8081`
}

func logger(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l}))
}

func (c serveCommand) Run(ctx context.Context, w world) error {
	config, err := node.LoadConfig(c.Config)
	if err == nil {
		config, err = config.As(c.Role, c.Listen)
	}
	if err != nil {
		return err
	}
	n, err := node.Open(ctx, config, node.Options{Log: logger(w.err, config.Log.Level)})
	if err != nil {
		return err
	}
	defer n.Close()
	link, first, err := n.FirstOperator(ctx)
	if err != nil {
		return err
	}
	if first {
		fmt.Fprintf(w.out, "The first operator logs in once with this link, until %s:\n  %s/login/%s\n", link.Expires.Format(time.RFC1123), config.Origin, link.Token)
	}
	listener, err := net.Listen("tcp", config.Listen)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", config.Listen, err)
	}
	fmt.Fprintf(w.out, "Brdo serves %s on %s (%s)\n", config.Organisation.Name, config.Origin, config.Listen)
	return n.Run(ctx, listener)
}

type loginLinkCommand struct {
	Config string `help:"The configuration file." default:"brdo.yaml" type:"path"`
	Name   string `arg:"" help:"The name of the account."`
}

func (loginLinkCommand) Help() string {
	return `Prints a one-time login link for somebody who lost every means to log in. Whoever may read
the data folder may do this; it is logged.`
}

func (c loginLinkCommand) Run(ctx context.Context, w world) error {
	config, err := node.LoadConfig(c.Config)
	if err != nil {
		return err
	}
	n, err := node.Open(ctx, config, node.Options{})
	if err != nil {
		return err
	}
	defer n.Close()
	link, err := n.LoginLink(ctx, c.Name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.out, "%s/login/%s\n", config.Origin, link.Token)
	return err
}

type demoCommand struct {
	Port  int           `help:"Port of the provider; the Centre, two authorities and the played internet get the next ones. 0 lets the system choose." default:"8080"`
	Data  string        `help:"Keep the demonstration's data in this folder; otherwise it goes when the demonstration ends." type:"path"`
	Items int           `help:"How many pictures are submitted at the start." default:"200"`
	Live  time.Duration `help:"How often another picture is submitted." default:"15s"`
}

func (demoCommand) Help() string {
	return `Runs a provider, a Centre and two authorities on this machine, with generated landscapes and patterns, and prints
one login link a role and a trail of ten steps. A played internet serves the pictures. It opens no connection to anywhere else.`
}

func (c demoCommand) Run(ctx context.Context, w world) error {
	folder := c.Data
	if folder == "" {
		made, err := os.MkdirTemp("", "brdo-demo-")
		if err != nil {
			return fmt.Errorf("making the demonstration's folder: %w", err)
		}
		defer os.RemoveAll(made)
		folder = made
	}
	fmt.Fprintln(w.out, "Making the demonstration: keys, four nodes, two lists of generated pictures …")
	world, err := node.OpenWorld(ctx, folder, c.Port, logger(w.err, "warn"))
	if err != nil {
		return err
	}
	defer world.Close()
	// A few pictures are there before the first page is opened; the rest come
	// while the reader reads.
	first := min(c.Items, 40)
	if err := world.Fill(ctx, 1, 1+first); err != nil {
		return err
	}
	fmt.Fprint(w.out, trail(world))
	running := make(chan error, 1)
	go func() { running <- world.Run(ctx, 1+c.Items, c.Live) }()
	if err := world.Fill(ctx, 1+first, 1+c.Items); err != nil && ctx.Err() == nil {
		fmt.Fprintln(w.err, "brdo: some pictures could not be submitted:", err)
	}
	err = <-running
	if ctx.Err() != nil {
		return nil // ended on purpose
	}
	return err
}

func trail(world *node.World) string {
	text := "\nBrdo demonstration. Every picture is generated; nothing here has a legal meaning.\n\n" +
		"  Provider  " + world.Provider.Config.Origin + "\n  Centre    " + world.Centre.Config.Origin + "\n  Authorities A and B  " + world.AuthorityA.Config.Origin + "  " + world.AuthorityB.Config.Origin + "\n  The provider's service itself  " + world.Service + "\n\nLogin links, each works once:\n"
	for _, login := range world.Logins {
		text += fmt.Sprintf("  %-11s %-14s %s\n", login.Node, login.Role, login.URL)
	}
	return text + fmt.Sprintf(`
A trail of ten steps:
  1  As the provider's analyst, open the queue, take the first item (Enter), press v for a sketch,
     1 and 4 for the facts, Enter to decide. Take the next item: the decision becomes final.
  2  As the second-looker (in a private window), take the same item and decide: blind to the first.
  3  As the analyst, open the item under "Decided, not reported yet", begin a report, answer the
     questions and decide to report. If it names a user, the second-looker approves it.
  4  As the Centre's analyst, open the received report, find it not unfounded, and send it on to both
     authorities; the provider's report shows the signed receipt and that it was accepted.
  5  As the investigator of authority A, open the referred report and claim it.
  6  As the investigator of authority B, claim it too: both are responsible. Each says who should lead;
     when they name the same, a lead is agreed.
  7  As the investigator of authority A, request an order on the referred report's page and ask authority B,
     which answers under "Orders"; the supervisor issues it. As the provider's analyst, decide to execute it,
     remove the picture at the service itself, record that, and answer. A minute later the order says "gone".
  8  As both investigators, say what became of the report. "Our assessment does not confirm it" goes to every
     authority that has it, as a correction that is pursued until it is receipted, and back to the provider
     as the end of its report; the Centre's page shows each.
  9  On the report's page at any of the four, choose "Follow this report": what that organisation did and was
     told, with receipts and places in its log. %s links the same report at all four.
 10  As any auditor, open the log and verify it; on the page of a report's journey, download its records and
     check them offline: brdo verify --bundle FILE --key VERIFIER

Upload a picture yourself:
  curl -s -H 'Authorization: Bearer %s' --data-binary @picture.jpg %s/v1/detect

Stop with Ctrl-C.
`, world.Service+node.JourneysPath, world.Key, world.Provider.Config.Origin)
}
