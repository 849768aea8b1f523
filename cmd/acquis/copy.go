package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"
	"github.com/schollz/progressbar/v3"

	"acquis/config"
	"acquis/storage"
	"acquis/storage/mongostore"
	"acquis/storage/pebblestore"
)

// CopyCmd moves a whole store that no acquis uses to another backend, or another place.
type CopyCmd struct {
	From     string `placeholder:"STORE" xor:"from" required:"" help:"Store to copy: a data directory, or a MongoDB connection string."`
	FromFile string `placeholder:"FILE" xor:"from" required:"" type:"path" help:"File that holds what --from would say, so that a password is in no list of processes."`
	To       string `placeholder:"STORE" xor:"to" required:"" help:"Empty store to make the copy, or an unfinished copy to go on with."`
	ToFile   string `placeholder:"FILE" xor:"to" required:"" type:"path" help:"File that holds what --to would say."`
}

// Run copies, compares and says what the copy holds.
func (c *CopyCmd) Run(ctx context.Context, app *kong.Context) (err error) {
	from, err := readPlace(c.From, c.FromFile)
	if err != nil {
		return err
	}
	to, err := readPlace(c.To, c.ToFile)
	if err != nil {
		return err
	}
	if err := from.checkApart(to); err != nil {
		return err
	}
	logger := newLogger(config.Log{Level: "warn", Format: "text"}, app.Stderr)
	source, err := from.open(ctx, false, logger)
	if err != nil {
		return fmt.Errorf("the store to copy from: %w", err)
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := to.open(ctx, true, logger)
	if err != nil {
		return fmt.Errorf("the store to copy to: %w", err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	bars := copyBars{out: app.Stderr}
	copied, err := storage.Copy(ctx, source, target, storage.CopyOptions{Collections: collections(), Progress: bars.show})
	bars.clear()
	switch {
	case err == nil:
		return printCopied(app.Stdout, copied)
	case ctx.Err() != nil:
		return errors.New("stopped before the copy was finished: the same command goes on with it")
	default:
		return err
	}
}

func printCopied(w io.Writer, copied []storage.CopiedPart) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "part\tcount\tdigest, the same on both sides")
	for _, p := range copied {
		fmt.Fprintf(table, "%s\t%d\t%.32s\n", p.Name, p.Count, p.Digest)
	}
	return table.Flush()
}

// place is where a store is: a directory or a MongoDB.
type place struct{ directory, uri string }

// readPlace reads the place from the command line or a file; kong sees to it that one is given.
func readPlace(given, file string) (place, error) {
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return place{}, err
		}
		if given = strings.TrimSpace(string(content)); given == "" {
			return place{}, fmt.Errorf("%s is empty: write a data directory or a MongoDB connection string into it", file)
		}
	}
	if scheme, _, ok := strings.Cut(given, "://"); !ok {
		directory, err := filepath.Abs(given)
		return place{directory: directory}, err
	} else if scheme != "mongodb" && scheme != "mongodb+srv" { // not quoted: there may be a password in it
		return place{}, errors.New("a store is a data directory or a connection string that begins with mongodb:// or mongodb+srv://")
	}
	if err := checkURI(given); err != nil {
		return place{}, &unusableStore{err}
	}
	return place{uri: given}, nil
}

// checkApart refuses to copy a store to itself, or from where none is.
func (p place) checkApart(to place) error {
	if p.uri != "" {
		hosts, database := mongoPlace(p.uri)
		if toHosts, toDatabase := mongoPlace(to.uri); to.uri != "" && hosts == toHosts && database == toDatabase {
			return errSamePlace
		}
		return nil
	}
	info, err := os.Stat(filepath.Join(p.directory, "store"))
	if err != nil {
		return fmt.Errorf("there is no store to copy in %s: name the directory that the configuration has under data", p.directory)
	}
	if other, err := os.Stat(filepath.Join(to.directory, "store")); to.directory != "" && err == nil && os.SameFile(info, other) {
		return errSamePlace
	}
	return nil
}

var errSamePlace = errors.New("both places are the same store: name an empty one to copy to")

// open opens the store at the place; filling says that it may be an unfinished copy.
func (p place) open(ctx context.Context, filling bool, logger *slog.Logger) (storage.Copyable, error) {
	if p.uri == "" {
		store, err := pebblestore.Open(pebblestore.Options{Dir: p.directory, Logger: logger, Filling: filling})
		if errors.Is(err, pebblestore.ErrLocked) {
			return nil, fmt.Errorf("%w: stop the acquis that has it", err)
		}
		if err != nil {
			return nil, err
		}
		return store, nil
	}
	store, err := mongostore.Open(ctx, mongostore.Options{URI: p.uri, Logger: logger, Filling: filling})
	if err != nil {
		return nil, &unusableStore{err}
	}
	return store, nil
}

// copyBars shows one bar after the other, on a terminal only.
type copyBars struct {
	out  io.Writer
	what string
	bar  *progressbar.ProgressBar
}

func (b *copyBars) show(what string, done, total int64) {
	if what != b.what {
		b.clear()
		if total == 0 {
			total = -1
		}
		b.what, b.bar = what, newBar(b.out, what, total, progressbar.OptionSetPredictTime(total > 0))
	}
	_ = b.bar.Set64(done) // a bar that cannot be drawn is not worth failing for
}

func (b *copyBars) clear() {
	if b.bar != nil {
		_ = b.bar.Clear() // as above
	}
}
