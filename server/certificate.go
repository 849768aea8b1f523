package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// lookEvery is how often at most the files of a certificate are read again.
const lookEvery = 5 * time.Second

// Certificate is a certificate and its key in two PEM files, which may be replaced while it is in use:
// a handshake that comes lookEvery after the last look reads them again. Files that do not fit, as when
// one of the two is written before the other, leave the former pair in use until they do.
type Certificate struct {
	certFile, keyFile string
	logger            *slog.Logger
	now               func() time.Time
	current           atomic.Pointer[loaded]

	mu      sync.Mutex // held by the one handshake that looks
	looked  time.Time
	refused []byte // the files' content that did not fit, so that it is complained about once
}

// loaded is a pair and the content of the files that it was made from.
type loaded struct {
	pair    tls.Certificate
	content []byte
}

// LoadCertificate reads the files and refuses what no handshake could use.
func LoadCertificate(certFile, keyFile string, logger *slog.Logger, now func() time.Time) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, logger: logger, now: now, looked: now()}
	content, cert, key, err := c.read()
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("the certificate %s and the key %s: %w", certFile, keyFile, err)
	}
	c.use(pair, content)
	return c, nil
}

// Expires is the end of the certificate in use.
func (c *Certificate) Expires() time.Time { return c.leaf().NotAfter }

// register shows the end of the certificate in use, so that one that is not renewed is noticed in time.
func (c *Certificate) register(registry prometheus.Registerer) error {
	err := registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "acquis_tls_certificate_expires_timestamp_seconds",
		Help: "When the certificate in use ends, in seconds since 1970.",
	}, func() float64 { return float64(c.Expires().Unix()) }))
	if err != nil {
		return fmt.Errorf("server: register metrics: %w", err)
	}
	return nil
}

func (c *Certificate) leaf() *x509.Certificate { return c.current.Load().pair.Leaf }

// get is a tls.Config's GetCertificate.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if c.mu.TryLock() {
		c.look()
		c.mu.Unlock()
	}
	return &c.current.Load().pair, nil
}

// look takes files that have changed into use.
func (c *Certificate) look() {
	now := c.now()
	if now.Sub(c.looked) < lookEvery {
		return
	}
	c.looked = now
	content, cert, key, err := c.read()
	if err == nil && bytes.Equal(content, c.current.Load().content) {
		return
	}
	var pair tls.Certificate
	if err == nil {
		pair, err = tls.X509KeyPair(cert, key)
	}
	switch {
	case err == nil:
		c.use(pair, content)
		c.refused = nil
		c.logger.Info("a new certificate is in use", "expires", c.Expires())
	case c.refused == nil || !bytes.Equal(content, c.refused):
		c.refused = append([]byte{}, content...)
		c.logger.Error("the new certificate cannot be used, the former stays", "cert", c.certFile, "key", c.keyFile, "error", err)
	}
}

func (c *Certificate) use(pair tls.Certificate, content []byte) {
	c.current.Store(&loaded{pair, content})
}

// read returns both files, and their content as one.
func (c *Certificate) read() (content, cert, key []byte, err error) {
	if cert, err = os.ReadFile(c.certFile); err == nil {
		key, err = os.ReadFile(c.keyFile)
	}
	return append(append([]byte{}, cert...), key...), cert, key, err
}

// config returns what TLS is spoken with. The cipher suites are Go's, which has none that are weak.
func (c *Certificate) config(oldest uint16) *tls.Config {
	return &tls.Config{MinVersion: oldest, GetCertificate: c.get, NextProtos: []string{"h2", "http/1.1"}}
}
