package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"acquis/config"
	"acquis/server"
	"acquis/server/limit"
)

// newGuard makes the limits on what clients may ask.
func newGuard(cfg config.Config, h *house, registry prometheus.Registerer) (*limit.Guard, error) {
	return limit.New(limit.Options{
		Address:    limit.Rate{PerSecond: float64(cfg.Rate.Address), Burst: cfg.Rate.AddressBurst},
		Credential: limit.Rate{PerSecond: float64(cfg.Rate.Credential), Burst: cfg.Rate.CredentialBurst},
		Daily:      cfg.Rate.Daily,
		Tracked:    cfg.Rate.Tracked,
		Lockout:    limit.Lockout{Failures: cfg.Lockout.Failures, First: cfg.Lockout.First, Longest: cfg.Lockout.Longest},
		RateOf:     h.rateOf,
		DailyOf:    h.dailyOf,
		Refused:    h.lockedOut,
		Metrics:    registry,
	})
}

// loadCertificate loads the certificate that the configuration names; nil without one.
func loadCertificate(cfg config.TLS, logger *slog.Logger) (*server.Certificate, error) {
	if cfg.Cert == "" {
		return nil, nil
	}
	certificate, err := server.LoadCertificate(cfg.Cert, cfg.Key, logger, time.Now)
	if err != nil {
		return nil, fmt.Errorf("tls.cert and tls.key: %w", err)
	}
	return certificate, nil
}

// oldestTLS is the version that tls.min_version names.
func oldestTLS(name string) uint16 {
	if name == "1.3" {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}

// trustedProxies are the networks of proxy.trusted.
func trustedProxies(cfg config.Proxy) ([]netip.Prefix, error) {
	networks := make([]netip.Prefix, len(cfg.Trusted))
	for i, text := range cfg.Trusted {
		network, err := config.ParseNetwork(text)
		if err != nil {
			return nil, fmt.Errorf("proxy.trusted: %w", err)
		}
		networks[i] = network
	}
	return networks, nil
}
