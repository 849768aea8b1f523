package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"acquis/config"
	"acquis/lrs"
	"acquis/schemas"
	"acquis/server"
	"acquis/server/ops"
	"acquis/server/problem"
	"acquis/storage"
)

// ServeCmd serves xAPI until it is told to stop.
type ServeCmd struct {
	Config string `type:"path" placeholder:"FILE" help:"Configuration file (YAML); docs/configuration.md lists the keys."`
	Listen string `placeholder:"ADDR" help:"Address to listen on, instead of the configuration's."`
	Data   string `placeholder:"DIR" xor:"store" help:"Data directory of the embedded store, instead of the configuration's."`
	Store  string `placeholder:"URI" xor:"store" help:"Connection string of a MongoDB, instead of the configuration's. Others on this machine can read a command line: keep credentials in ACQUIS_STORE_URI_FILE."`
	Demo   bool   `help:"Load a small made-up campus and make a development credential. Not for production."`
}

// Run serves until ctx ends, then drains: requests in flight end, the store closes clean.
func (c *ServeCmd) Run(ctx context.Context, app *kong.Context) (err error) {
	cfg, err := c.load()
	if err != nil {
		return fmt.Errorf("the configuration has faults:\n%w", err)
	}
	logger := newLogger(cfg.Log, app.Stderr)
	// Listening comes before the store, so that an address in use is said at once.
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	defer listener.Close() // Serve closes it too; this is for the errors before
	store, err := openStore(ctx, cfg, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	p, err := c.build(ctx, cfg, store, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if err := p.welcome(ctx, app.Stdout, listener.Addr(), c.Demo); err != nil {
		return err
	}
	return p.serve(ctx, listener)
}

// build wires the program, with made-up providers for the demo.
func (c *ServeCmd) build(ctx context.Context, cfg config.Config, store backend, logger *slog.Logger) (*process, error) {
	if !c.Demo {
		return build(ctx, cfg, store, logger)
	}
	made, err := startDemoProviders(&cfg)
	if err != nil {
		return nil, fmt.Errorf("start the made-up providers: %w", err)
	}
	p, err := build(ctx, cfg, store, logger)
	if err != nil {
		return nil, errors.Join(err, made.close())
	}
	p.demo = made
	return p, nil
}

// close ends what the process alone has.
func (p *process) close() error {
	if p.demo == nil {
		return nil
	}
	return p.demo.close()
}

func (c *ServeCmd) load() (config.Config, error) {
	cfg, err := config.Load(c.Config, os.Environ())
	if err != nil {
		return cfg, err
	}
	if c.Listen != "" {
		cfg.Listen = c.Listen
	}
	if c.Store != "" {
		cfg.Store.URI = config.Secret(c.Store)
	}
	if c.Data != "" {
		if cfg.Store.URI != "" {
			return cfg, errors.New("--data names a directory of the embedded store, but store.uri names a MongoDB: give one of them")
		}
		cfg.Data = c.Data
	}
	return cfg, cfg.Validate()
}

func newLogger(cfg config.Log, w io.Writer) *slog.Logger {
	level := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}[cfg.Level]
	options := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// process is a wired program.
type process struct {
	config  config.Config
	store   storage.Store
	service *lrs.Service
	house   *house
	moving  *moving
	hub     *hubParts

	connecting *connecting
	demo       *demoProviders // nil without
	server     *server.Server
	metrics    *server.Server // on ops.listen, nil without
	logger     *slog.Logger
}

func build(ctx context.Context, cfg config.Config, store backend, logger *slog.Logger) (*process, error) {
	registry := prometheus.NewRegistry()
	service, err := newService(ctx, cfg, store, newSourceMetrics(registry, logger))
	if err != nil {
		return nil, err
	}
	house, err := openHouse(ctx, cfg, store, logger)
	if err != nil {
		return nil, err
	}
	moving, err := openMoving(ctx, cfg, store, service, house.store, logger)
	if err != nil {
		return nil, err
	}
	parts, err := openHub(ctx, cfg, store, house.store, logger)
	if err != nil {
		return nil, err
	}
	p := &process{config: cfg, store: store, service: service, house: house, moving: moving, hub: parts, logger: logger}
	if p.connecting, err = openConnecting(ctx, cfg, store, service, house, parts.directory, registry, logger); err != nil {
		return nil, err
	}
	registry.MustRegister(newForwardMetrics(moving.forwarder), newCompletionMetrics(parts.consolidator), newPullMetrics(moving.puller), store.Collector(), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return p, p.mount(registry)
}

func newService(ctx context.Context, cfg config.Config, store storage.Store, metrics *sourceMetrics) (*lrs.Service, error) {
	explain, err := newJudge(cfg.XAPI.Versions)
	if err != nil {
		return nil, err
	}
	roots, err := readRoots(cfg.Validation.SignatureRoots)
	if err != nil {
		return nil, err
	}
	return lrs.NewService(ctx, store, lrs.ServiceOptions{
		Limits:      lrs.Limits{Batch: cfg.Limits.Batch, Statement: int(cfg.Limits.Statement), Depth: cfg.Limits.Depth},
		PageDefault: cfg.Limits.PageDefault, PageMax: cfg.Limits.Page, Steps: cfg.Limits.QuerySteps,
		Explain: explain, JudgeAll: cfg.Validation.Schema == "always", SignatureRoots: roots,
		Objected: metrics.objected, Repeated: metrics.repeated,
	})
}

// newJudge lets the JSON Schemas speak to the service, which must not know them.
func newJudge(versions []string) (lrs.Judge, error) {
	compiled := map[lrs.Version]*schemas.Schema{}
	for _, v := range versions {
		schema, err := schemas.Statement(v)
		if err != nil {
			return nil, err
		}
		compiled[lrs.Version(v)] = schema
	}
	return func(version lrs.Version, statement []byte) []lrs.Violation {
		found, err := compiled[version].Check(statement)
		if err != nil { // not JSON: the decoder says so
			return nil
		}
		violations := make([]lrs.Violation, len(found))
		for i, v := range found {
			violations[i] = lrs.Violation(v)
		}
		return violations
	}, nil
}

func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("validation.signature_roots: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("validation.signature_roots: %s holds no certificate in PEM", path)
	}
	return pool, nil
}

// mount is the list of everything that is served.
func (p *process) mount(registry *prometheus.Registry) error {
	guard, err := newGuard(p.config, p.house, registry)
	if err != nil {
		return err
	}
	problems := problem.New(p.logger)
	probes := ops.Options{Logger: p.logger, Checks: map[string]ops.Check{"store": p.store.Ready}}
	apart := p.config.Ops.Listen != ""
	if !apart {
		probes.Metrics = registry
	}
	main := ops.New(probes)
	probes.Metrics = registry
	aside := ops.New(probes)
	options, err := p.publicOptions()
	if err != nil {
		return err
	}
	options.Admit = guard.Visit
	options.Metrics, options.OnDrain = registry, func() {
		main.Drain()
		aside.Drain()
	}
	administered, err := p.administration(guard, problems)
	if err != nil {
		return err
	}
	p.server, err = server.New(options, slices.Concat(
		p.records(guard, problems),
		administered,
		[]server.Mount{{Path: "", Surface: main, Unlimited: true}},
	)...)
	if err != nil || !apart {
		return err
	}
	p.metrics, err = server.New(p.serverOptions(), server.Mount{Path: "", Surface: aside, Unlimited: true})
	return err
}

func (p *process) serverOptions() server.Options {
	return server.Options{
		Logger: p.logger, BasePath: p.config.BasePath, Origins: p.config.CORS.Origins, PreflightAge: p.config.CORS.MaxAge,
		ReadHeaderTimeout: p.config.HTTP.HeaderTimeout, ReadIdleTimeout: p.config.HTTP.ReadIdleTimeout,
		WriteIdleTimeout: p.config.HTTP.WriteIdleTimeout, IdleTimeout: p.config.HTTP.IdleTimeout,
		DrainDelay: p.config.HTTP.DrainDelay, DrainTimeout: p.config.HTTP.Drain, MaxHeaderBytes: int(p.config.Limits.Header),
		MaxBody: int64(max(p.config.Limits.Request, p.config.Limits.Body, p.config.Limits.Document)),
	}
}

// publicOptions are those of the address that partners call.
func (p *process) publicOptions() (server.Options, error) {
	certificate, err := loadCertificate(p.config.TLS, p.logger)
	if err != nil {
		return server.Options{}, err
	}
	proxies, err := trustedProxies(p.config.Proxy)
	o := p.serverOptions()
	o.Certificate, o.MinTLS, o.HSTS, o.Proxies = certificate, oldestTLS(p.config.TLS.MinVersion), p.config.TLS.HSTS, proxies
	return o, err
}

// serve answers until ctx ends.
func (p *process) serve(ctx context.Context, listener net.Listener) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.server.Serve(ctx, listener) })
	if p.metrics != nil {
		group.Go(func() error {
			apart, err := net.Listen("tcp", p.config.Ops.Listen)
			if err != nil {
				return fmt.Errorf("listen on ops.listen %s: %w", p.config.Ops.Listen, err)
			}
			return p.metrics.Serve(ctx, apart)
		})
	}
	group.Go(func() error {
		p.house.directory.Run(ctx)
		return nil
	})
	if p.config.Connect.Enabled {
		group.Go(func() error {
			p.connecting.run(ctx)
			return nil
		})
	}
	p.hub.run(ctx, group)
	group.Go(func() error {
		p.moving.forwarder.Run(ctx)
		return nil
	})
	group.Go(func() error {
		p.moving.puller.Run(ctx)
		return nil
	})
	group.Go(func() error {
		p.sweep(ctx)
		return nil
	})
	return group.Wait()
}

// sweepEvery is how often attachments that no statement refers to are looked for.
const sweepEvery = time.Hour

func (p *process) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		removed, err := p.store.SweepAttachments(ctx, time.Now().Add(-p.config.Store.OrphanAge))
		switch {
		case ctx.Err() != nil:
		case err != nil:
			p.logger.Error("sweeping attachments failed", "error", err)
		case removed > 0:
			p.logger.Info("attachments without a statement were removed", "count", removed)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// address is the URL under which the listener is reached from this machine.
func (p *process) address(a net.Addr) string {
	host := a.String()
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		host = fmt.Sprintf("127.0.0.1:%d", tcp.Port)
	}
	return scheme(p.config) + "://" + host + strings.TrimSuffix(p.config.BasePath, "/")
}
