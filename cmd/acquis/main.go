// Command acquis is the Learning Record Store: it serves, measures and looks after its own
// configuration. Everything is wired here, by hand; no other package knows configuration, backends
// and surfaces together.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is the command line.
type cli struct {
	Serve      ServeCmd      `cmd:"" help:"Serve xAPI over HTTP."`
	Source     SourceCmd     `cmd:"" help:"Administer the partners' platforms of a running acquis."`
	Credential CredentialCmd `cmd:"" help:"Administer the credentials of a running acquis."`
	Hub        HubCmd        `cmd:"" help:"Look after the catalogue and the people of a running acquis."`
	Schema     SchemaCmd     `cmd:"" help:"Administer the schemas for statements of a running acquis."`
	Audit      AuditCmd      `cmd:"" help:"Read the audit log of a running acquis."`
	Forward    ForwardCmd    `cmd:"" help:"Administer what a running acquis forwards to other LRSs and webhooks."`
	Pull       PullCmd       `cmd:"" help:"Administer the LRSs that a running acquis pulls statements from."`
	Export     ExportCmd     `cmd:"" help:"Write statements of a running acquis to files."`
	Import     ImportCmd     `cmd:"" help:"Take in statements from a file of this or another LRS, by a running acquis."`
	Connect    ConnectCmd    `cmd:"" help:"Administer and run the connections to providers of a running acquis."`
	Bench      BenchCmd      `cmd:"" help:"Measure this or any other LRS."`
	Compact    CompactCmd    `cmd:"" help:"Rewrite a data directory that no acquis uses, to the least room and without what was erased."`
	Copy       CopyCmd       `cmd:"" help:"Copy a store that no acquis uses to an empty one, of either backend."`
	Config     ConfigCmd     `cmd:"" help:"Check the configuration, or write its reference."`
	Mongo      MongoCmd      `cmd:"" help:"Plan a store on MongoDB."`
	Health     HealthCmd     `cmd:"" help:"Ask a running acquis whether it is alive or ready."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "acquis:", err)
		stop()
		os.Exit(exitCode(err))
	}
}

// run carries out one command line.
func run(ctx context.Context, args []string) error {
	var commands cli
	parser, err := kong.New(
		&commands,
		kong.Name("acquis"),
		kong.Description("A Learning Record Store for xAPI 1.0.3 and 2.0.0."),
		kong.UsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if err != nil {
		parser.FatalIfErrorf(err)
	}
	return command.Run()
}
