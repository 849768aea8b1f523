// Command ferretdb is a MongoDB to test against: FerretDB, which speaks MongoDB's wire protocol and
// keeps the documents in SQLite or PostgreSQL. README.md says what it is for and what it lacks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ferretdb:", err)
		os.Exit(2)
	}
}

// run serves until ctx is done or the input ends: the process that started the server holds the other
// end of that input, so that the server cannot outlive it. The only line on out is the server's URI,
// written when it answers.
func run(ctx context.Context, args []string, in io.Reader, out, log io.Writer) error {
	o, err := parse(args, log)
	if err != nil {
		return err
	}
	directory, err := os.MkdirTemp("", "ferretdb-*")
	if err != nil {
		return fmt.Errorf("making a temporary directory: %w", err)
	}
	defer func() { _ = os.RemoveAll(directory) }()
	config, err := o.config(directory, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer listener.Close()
	server, err := ferretdb.New(config)
	if err != nil {
		return fmt.Errorf("starting FerretDB: %w", err)
	}

	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	served := make(chan error, 1)
	go func() { served <- server.Run(ctx) }()
	g := gate{listener: listener, dial: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", config.Listener.Unix)
	}}
	_, err = fmt.Fprintf(out, "mongodb://%s/\n", listener.Addr())
	if err == nil {
		err = g.serve(ctx)
	}
	cancel()
	return errors.Join(err, <-served)
}

// options are those of the command line.
type options struct {
	listen, sqlite, postgresql string
	log                        slog.Level
}

func parse(args []string, log io.Writer) (options, error) {
	o := options{log: slog.LevelError + 1}
	flags := flag.NewFlagSet("ferretdb", flag.ContinueOnError)
	flags.SetOutput(log)
	flags.StringVar(&o.listen, "listen", "127.0.0.1:0", "`address` to listen on; port 0 is any free one")
	flags.StringVar(&o.sqlite, "sqlite", "", "`directory` to keep the documents in (default a temporary one, removed at the end)")
	flags.StringVar(&o.postgresql, "postgresql", "", "`URL` of the PostgreSQL database to keep the documents in, instead of SQLite")
	flags.TextVar(&o.log, "log", o.log, "lowest `level` that is logged; at ERROR and below FerretDB logs duplicate keys too, at WARN every error that it answers with")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q: see ferretdb --help", flags.Arg(0))
	}
	if o.sqlite != "" && o.postgresql != "" {
		return options{}, errors.New("--sqlite and --postgresql exclude each other: leave one out")
	}
	return o, nil
}

// config returns the configuration of a server that listens inside a temporary directory, and keeps
// the documents there when nothing else is asked for.
func (o options) config(temporary string, log io.Writer) (*ferretdb.Config, error) {
	config := &ferretdb.Config{
		Listener: ferretdb.ListenerConfig{Unix: filepath.Join(temporary, "socket")},
		Logger:   slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: o.log})),
	}
	if o.postgresql != "" {
		config.Handler, config.PostgreSQLURL = "postgresql", o.postgresql
		return config, nil
	}
	config.Handler = "sqlite"
	query := url.Values{}
	directory := o.sqlite
	if directory == "" {
		directory = filepath.Join(temporary, "data")
		query.Set("_pragma", "synchronous(off)") // nothing in it has to outlive a crash
	}
	directory, err := filepath.Abs(directory)
	if err == nil {
		err = os.MkdirAll(directory, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("--sqlite: %w", err)
	}
	config.SQLiteURL = (&url.URL{Scheme: "file", Path: directory + "/", RawQuery: query.Encode()}).String()
	return config, nil
}
