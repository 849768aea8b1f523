package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"acquis/config"
	"acquis/connectors"
	"acquis/docstore"
	"acquis/hub/catalogue"
	"acquis/hub/completion"
	"acquis/hub/directory"
	"acquis/hub/exchange"
	"acquis/hub/programme"
	"acquis/storage"
	"acquis/storage/accessstore"
	"acquis/storage/mongostore"
	"acquis/storage/pebblestore"
)

// backend is a store with its metrics.
type backend interface {
	storage.Store
	Collector() prometheus.Collector
}

// openStore opens the store that the configuration names.
func openStore(ctx context.Context, cfg config.Config, logger *slog.Logger) (backend, error) {
	if cfg.Store.URI != "" {
		return openMongo(ctx, cfg.Store, logger)
	}
	return openEmbedded(cfg, logger)
}

// working is what the process needs besides the block cache and the memtables of the embedded store.
const working = 224 << 20

// boundMemory asks the garbage collector to work harder rather than to let the process grow: cache and
// memtables live on its heap, which would otherwise double. GOMEMLIMIT in the environment has the last word.
func boundMemory(cfg config.Store) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(cfg.Cache) + pebblestore.MaxMemtables*int64(cfg.Memtable) + working)
	}
}

func openEmbedded(cfg config.Config, logger *slog.Logger) (*pebblestore.Store, error) {
	boundMemory(cfg.Store)
	store, err := pebblestore.Open(pebblestore.Options{
		Dir: cfg.Data, CacheBytes: int64(cfg.Store.Cache), MemtableSize: uint64(cfg.Store.Memtable), Logger: logger,
	})
	if errors.Is(err, pebblestore.ErrLocked) {
		return nil, fmt.Errorf("%w: stop the acquis that has it, or give this one its own with --data", err)
	}
	return store, err
}

func openMongo(ctx context.Context, cfg config.Store, logger *slog.Logger) (*mongostore.Store, error) {
	uri := cfg.URI.Reveal()
	if err := checkURI(uri); err != nil {
		return nil, &unusableStore{err}
	}
	hosts, database := mongoPlace(uri)
	logger.Info("opening the store on MongoDB", "hosts", hosts, "database", database)
	store, err := mongostore.Open(ctx, mongostore.Options{URI: uri, Logger: logger, Lease: cfg.Lease, Skew: cfg.ClockSkew})
	switch {
	case err == nil:
		return store, nil
	case ctx.Err() != nil: // told to stop while it waited
		return nil, ctx.Err()
	}
	return nil, &unusableStore{err}
}

// unusableStore says in one line why the MongoDB that was named cannot be used, and what to do. The process
// ends with exit code 2, which no other error has.
type unusableStore struct{ cause error }

func (e *unusableStore) Error() string {
	return strings.Join(strings.Fields(e.cause.Error()), " ")
}

func (e *unusableStore) Unwrap() error { return e.cause }

// exitCode is what the process ends with after an error.
func exitCode(err error) int {
	if _, unusable := errors.AsType[*unusableStore](err); unusable {
		return 2
	}
	return 1
}

// checkURI says what is wrong with a connection string, without quoting its credentials. The driver takes the
// first @ for the end of the password: what follows a second one would be looked up, and logged, as a host.
func checkURI(uri string) error {
	if strings.Count(uri, "@") > 1 {
		return errors.New("store.uri holds more than one @: percent-encode those of the user name, the password and the options as %40")
	}
	if err := mongostore.Valid(uri); err != nil {
		return fmt.Errorf("store.uri: %w", err)
	}
	return nil
}

// mongoPlace is what of a valid connection string may be told to everybody.
func mongoPlace(uri string) (hosts, database string) {
	_, rest, _ := strings.Cut(uri, "://")
	if _, after, credentials := strings.Cut(rest, "@"); credentials {
		rest = after
	}
	rest, _, _ = strings.Cut(rest, "?")
	hosts, database, _ = strings.Cut(rest, "/")
	if database == "" {
		database = "acquis"
	}
	return hosts, database
}

// collections are all that are kept besides statements, by whichever part of the program.
func collections() []docstore.Collection {
	return slices.Concat(accessstore.Collections(), exchange.Collections(), directory.Collections(), catalogue.Collections(),
		completion.Collections(), programme.Collections(), connectors.Collections())
}
