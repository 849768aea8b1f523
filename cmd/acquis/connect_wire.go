package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"
	_ "time/tzdata" // machines may have no time zones

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"acquis/access"
	"acquis/config"
	"acquis/connectors"
	"acquis/connectors/attendance"
	"acquis/connectors/openclassrooms"
	"acquis/connectors/pix"
	"acquis/hub"
	"acquis/hub/directory"
	"acquis/lrs"
	"acquis/server/connections"
	"acquis/server/limit"
	"acquis/server/problem"
)

// connecting is what pulls from providers.
type connecting struct {
	scheduler *connectors.Scheduler
	service   *connectors.Service
	egress    *connectors.Egress
	vault     *connectors.Vault
}

// providers are the kinds of connections.
func providers() []connectors.Provider {
	return []connectors.Provider{pix.Provider(time.Now), openclassrooms.Provider(time.Now), attendance.Provider()}
}

// openConnecting wires what pulls from providers and tells the directory whom they see. It does not run yet.
func openConnecting(ctx context.Context, cfg config.Config, store backend, service *lrs.Service, house *house, people *directory.Directory, registry *prometheus.Registry, logger *slog.Logger) (*connecting, error) {
	if err := store.DeclareCollections(ctx, connectors.Collections()...); err != nil {
		return nil, err
	}
	egress, err := newEgress(cfg.Connect)
	if err != nil {
		return nil, err
	}
	vault := &connectors.Vault{Dir: cfg.Connect.Secrets, Lookup: os.LookupEnv}
	runner, err := connectors.NewRunner(ctx, connectors.RunnerOptions{
		Providers: providers(), Store: store, Keys: store, Door: service, Finder: store, Version: lrs.Version(cfg.XAPI.Versions[0]),
		Identities: sightings{people}, Principal: house.pulling, Egress: egress,
		Secrets: vault,
		Files:   dropped(cfg.Connect.Files), Process: uuid.NewString(), Lease: cfg.Connect.Lease, Batch: min(cfg.Limits.Batch, 500),
		Now: time.Now, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	c := &connecting{egress: egress, vault: vault}
	c.scheduler = connectors.NewScheduler(connectors.SchedulerOptions{Runner: runner, Jitter: cfg.Connect.Jitter, Logger: logger})
	c.service = connectors.NewService(connectors.ServiceOptions{Runner: runner, Scheduler: c.scheduler, Sources: house, Audit: hubAudit{house.store}})
	registry.MustRegister(c.scheduler.Collector())
	return c, nil
}

// run pulls what is due until ctx ends.
func (c *connecting) run(ctx context.Context) {
	c.scheduler.Run(ctx)
	c.egress.Close()
}

// connectionSurface is what connections are administered by.
func (p *process) connectionSurface(guard *limit.Guard, problems *problem.Writer) *connections.Surface {
	return connections.New(guard.Over(p.house.directory), p.connecting.service, problems, connections.Options{FileBytes: int64(p.config.Limits.Request)})
}

func newEgress(cfg config.Connect) (*connectors.Egress, error) {
	o := connectors.EgressOptions{
		Hosts: cfg.Hosts, Private: cfg.Private, Attempts: cfg.Attempts, Timeout: cfg.Timeout, Total: cfg.Total,
		Rate: float64(cfg.Rate) / 60, MaxBody: int64(cfg.Answer), BreakAt: cfg.BreakAfter,
	}
	if cfg.Rate == 0 {
		o.Rate = -1
	}
	if proxy := cfg.Proxy.Reveal(); proxy != "" {
		at, err := url.Parse(proxy)
		if err != nil {
			return nil, errors.New("connect.proxy is no URL")
		}
		o.Proxy = at
	}
	return connectors.NewEgress(o), nil
}

// sightings tells the directory whom connectors see.
type sightings struct{ people *directory.Directory }

// AliasID implements connectors.Identities.
func (s sightings) AliasID(k connectors.Key) hub.AliasID { return s.people.AliasID(keyOf(k)) }

// Observe implements connectors.Identities.
func (s sightings) Observe(ctx context.Context, seen []connectors.Sighting) error {
	all := make([]directory.Sighting, len(seen))
	for i, one := range seen {
		all[i] = directory.Sighting{Key: keyOf(one.Key), Name: one.Name, At: one.At}
		if one.At == 0 {
			all[i].At = lrs.InstantOf(time.Now())
		}
		for _, k := range one.Related {
			all[i].Related = append(all[i].Related, keyOf(k))
		}
	}
	_, err := s.people.Observe(ctx, all)
	return err
}

func keyOf(k connectors.Key) directory.Key {
	return directory.Key{Kind: directory.KeyKind(k.Kind), Value: k.Value, HomePage: k.HomePage}
}

// dropped lists the files that lie in the folder of a connection.
func dropped(dir string) func(string) ([]connectors.File, error) {
	if dir == "" {
		return nil
	}
	return func(connection string) ([]connectors.File, error) {
		folder := filepath.Join(dir, connection)
		entries, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, connectors.Faultf(connectors.NeedsPerson, "The folder of this connection's files cannot be read. Ask whoever runs Acquis to look at it.", "connect.files: the folder %s cannot be read", connection)
		}
		var files []connectors.File
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() || e.Name()[0] == '.' {
				continue
			}
			path := filepath.Join(folder, e.Name())
			files = append(files, connectors.File{Name: e.Name(), Size: info.Size(), Open: func() (io.ReadSeekCloser, error) { return os.Open(path) }})
		}
		return files, nil
	}
}

// pulling is who sends the statements of a connection's source.
func (h *house) pulling(source string) (lrs.Principal, error) {
	return h.directory.SourcePrincipal(source, lrs.ScopeStatementsWrite|lrs.ScopeStatementsReadMine)
}

// EnsureSource implements connectors.Sources.
func (h *house) EnsureSource(ctx context.Context, caller hub.Caller, name, title string, rules connectors.SourceRules) error {
	wanted := access.Source{
		Name: name, Title: title, MayVoid: true, Define: true, ActorForms: []string{"account"},
		Verbs: rules.Verbs, ActivityPrefixes: rules.ActivityPrefixes,
	}
	for _, id := range rules.Schemas {
		schema, version := splitSchema(id)
		wanted.Schemas = append(wanted.Schemas, access.SchemaUse{Name: schema, Version: version, Mode: access.Enforce})
	}
	if found, known := h.directory.Source(name); known {
		found.Revision = 0
		if same, err := sameJSON(found, wanted); err != nil || !same {
			return errors.Join(err, lrs.Errorf(lrs.KindConflict, "there is a source %s already, which was not made for this connection: choose another name", name))
		}
		return nil
	}
	_, err := h.admin.PutSource(ctx, access.Caller{Principal: caller.Principal, Address: caller.Address}, wanted)
	return err
}

func splitSchema(id string) (name, version string) {
	at := slices.Index([]byte(id), '@')
	if at < 0 {
		return id, ""
	}
	return id[:at], id[at+1:]
}

func sameJSON(a, b any) (bool, error) {
	first, err := json.Marshal(a, json.Deterministic(true))
	if err != nil {
		return false, err
	}
	second, err := json.Marshal(b, json.Deterministic(true))
	return string(first) == string(second), err
}
