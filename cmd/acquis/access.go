package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"acquis/access"
	"acquis/config"
	"acquis/lrs"
	"acquis/server/limit"
	"acquis/server/oauth"
	"acquis/storage/accessstore"
)

// house is who may do what, and who may change that.
type house struct {
	store     access.Store
	directory *access.Directory
	admin     *access.Admin
	tokens    *access.Tokens
}

// longestLaunch is the most that a partner may ask for a launch token, whatever is usual.
const longestLaunch = 24 * time.Hour

// openHouse reads who may do what.
func openHouse(ctx context.Context, cfg config.Config, store backend, logger *slog.Logger) (*house, error) {
	kept, err := accessstore.New(ctx, store)
	if err != nil {
		return nil, err
	}
	shipped, err := shippedContracts()
	if err != nil {
		return nil, err
	}
	o := access.DirectoryOptions{Compile: compileContract, Shipped: shipped, Every: cfg.Access.Refresh, Logger: logger}
	if cfg.Store.URI == "" { // nobody else writes to it, and looking would keep an idle disk awake
		o.Every = time.Hour
	}
	if cfg.OIDC.Issuer != "" {
		o.External = newIssuer(cfg.OIDC, logger).Verify
	}
	directory, err := access.NewDirectory(ctx, kept, o)
	if err != nil {
		return nil, err
	}
	lifetimes := access.Lifetimes{
		Access: cfg.OAuth.TokenLifetime, Launch: cfg.OAuth.LaunchLifetime, LaunchMax: max(cfg.OAuth.LaunchLifetime, longestLaunch),
	}
	return &house{kept, directory, access.NewAdmin(kept, directory), access.NewTokens(kept, directory, lifetimes)}, nil
}

func newIssuer(cfg config.OIDC, logger *slog.Logger) *oauth.Issuer {
	return oauth.NewIssuer(oauth.IssuerOptions{
		URL: cfg.Issuer, Audience: cfg.Audience, ClientClaim: cfg.ClientClaim, ScopeClaim: cfg.ScopeClaim,
		ScopePrefix: cfg.ScopePrefix, Logger: logger,
	})
}

// rateOf is the rate that a source has been given.
func (h *house) rateOf(p lrs.Principal) (limit.Rate, bool) {
	s, known := h.directory.Source(p.Source)
	return limit.Rate{PerSecond: s.Rate, Burst: s.Burst}, known && s.Rate > 0
}

// dailyOf is the quota that a source has been given.
func (h *house) dailyOf(p lrs.Principal) (int, bool) {
	s, known := h.directory.Source(p.Source)
	return s.DailyQuota, known && s.DailyQuota > 0
}

// lockedOut puts on record who has to wait; other refusals the directory has on record.
func (h *house) lockedOut(_ context.Context, r limit.Refusal) {
	if r.Locked {
		h.directory.Refused(access.Presented{Key: r.Key, Address: r.Address.String()}, "too many wrong secrets came before")
	}
}

// sourceMetrics count what becomes of the statements of sources. Sources are made by operators, so
// their number is bounded.
type sourceMetrics struct {
	objections *prometheus.CounterVec
	repeats    *prometheus.CounterVec
	logger     *slog.Logger
}

func newSourceMetrics(registry prometheus.Registerer, logger *slog.Logger) *sourceMetrics {
	m := &sourceMetrics{
		objections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "acquis_source_violations_total",
			Help: "Rules of sources that their statements broke, by source and by what came of it: noted or refused.",
		}, []string{"source", "outcome"}),
		repeats: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "acquis_source_repeated_statements_total",
			Help: "Statements without an id of their sender that were stored and told what the source had told before, by source.",
		}, []string{"source"}),
		logger: logger,
	}
	registry.MustRegister(m.objections, m.repeats)
	return m
}

// maxListed is how many violations of a request the log lists.
const maxListed = 20

// objected counts violations and lists them in the log: which rule, where, never what was written.
func (m *sourceMetrics) objected(p lrs.Principal, objections []lrs.Objection) {
	for i, o := range objections {
		outcome := "refused"
		if o.Weight == lrs.Noted {
			outcome = "noted"
		}
		m.objections.WithLabelValues(p.Source, outcome).Inc()
		if i < maxListed {
			m.logger.Info("a source broke its rules", "source", p.Source, "outcome", outcome, "statement", o.Statement, "pointer", loggedPointer(o.Pointer), "rule", o.Rule)
		}
	}
}

// loggedPointer leaves out what stands in extensions, whose names are the sender's own words.
func loggedPointer(pointer string) string {
	if before, _, inside := strings.Cut(pointer, "/extensions/"); inside {
		return before + "/extensions"
	}
	return pointer
}

func (m *sourceMetrics) repeated(p lrs.Principal, statements int) {
	m.repeats.WithLabelValues(p.Source).Add(float64(statements))
}
