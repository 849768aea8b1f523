package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"acquis/server"
)

// pair is a certificate in files.
type pair struct{ cert, key string }

func newPair(t *testing.T) pair {
	dir := t.TempDir()
	return pair{filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}
}

// write fills the files with a new certificate of that name, and returns it.
func (p pair) write(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, p.cert, "CERTIFICATE", cert)
	writePEM(t, p.key, "PRIVATE KEY", private)
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func writePEM(t *testing.T, path, kind string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// clock is a clock that a test moves.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time           { return time.Unix(1_800_000_000, c.offset.Load()) }
func (c *clock) forward(by time.Duration) { c.offset.Add(int64(by)) }

// trusting is a client that believes one certificate, and speaks HTTP/2 where it can.
func trusting(t *testing.T, cert *x509.Certificate, change func(*tls.Config)) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	config := &tls.Config{RootCAs: roots, ServerName: cert.DNSNames[0]}
	if change != nil {
		change(config)
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestTLS(t *testing.T) {
	files, c, log := newPair(t), &clock{}, newLines()
	first := files.write(t, "first.example")
	certificate, err := server.LoadCertificate(files.cert, files.key, slog.New(slog.NewTextHandler(log, nil)), c.now)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, server.Options{Certificate: certificate, HSTS: time.Hour}, at("/", func(r *gin.RouterGroup) {
		r.POST("/echo", func(c *gin.Context) {
			body, err := io.ReadAll(c.Request.Body)
			c.String(http.StatusOK, "%s %d %v %s", c.Request.Proto, len(body), err, server.ClientOf(c).Scheme)
		})
	}))
	post := func(client *http.Client) (string, error) {
		resp, err := client.Post("https://"+s.addr+"/echo", "text/plain", strings.NewReader(strings.Repeat("x", 1<<20)))
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return string(body) + " " + resp.Header.Get("Strict-Transport-Security"), err
	}
	t.Run("HTTP/2 is spoken, with bodies", func(t *testing.T) {
		if got, err := post(trusting(t, first, nil)); err != nil || got != "HTTP/2.0 1048576 <nil> https max-age=3600" {
			t.Errorf("%q %v", got, err)
		}
	})
	t.Run("HTTP/1.1 is, too", func(t *testing.T) {
		client := trusting(t, first, func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} })
		client.Transport.(*http.Transport).ForceAttemptHTTP2 = false
		if got, err := post(client); err != nil || got != "HTTP/1.1 1048576 <nil> https max-age=3600" {
			t.Errorf("%q %v", got, err)
		}
	})
	t.Run("TLS 1.2 is, but nothing older", func(t *testing.T) {
		if _, err := post(trusting(t, first, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })); err != nil {
			t.Errorf("1.2: %v", err)
		}
		if _, err := post(trusting(t, first, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 })); err == nil {
			t.Error("1.1 is spoken")
		}
	})
	t.Run("plain HTTP is refused", func(t *testing.T) {
		if got := get(s.http, s.URL+"/echo"); !strings.HasPrefix(got, "400") {
			t.Error(got)
		}
	})
	second := files.write(t, "second.example")
	t.Run("a new certificate is not looked for at each handshake", func(t *testing.T) {
		c.forward(4 * time.Second)
		if _, err := post(trusting(t, first, nil)); err != nil {
			t.Error(err)
		}
	})
	t.Run("after five seconds it is in use", func(t *testing.T) {
		c.forward(time.Second)
		if _, err := post(trusting(t, second, nil)); err != nil {
			t.Error(err)
		}
		if !certificate.Expires().Equal(second.NotAfter) || !strings.Contains(log.String(), "a new certificate is in use") {
			t.Error(log.String())
		}
	})
	t.Run("one that does not fit its key leaves the former in use, and is complained about once", func(t *testing.T) {
		other := newPair(t)
		other.write(t, "other.example")
		content, err := os.ReadFile(other.cert)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(files.cert, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			c.forward(5 * time.Second)
			if _, err := post(trusting(t, second, nil)); err != nil {
				t.Error(err)
			}
		}
		if n := strings.Count(log.String(), "cannot be used"); n != 1 {
			t.Errorf("%d complaints: %s", n, log)
		}
	})
	t.Run("so do files that are gone", func(t *testing.T) {
		if err := os.Remove(files.cert); err != nil {
			t.Fatal(err)
		}
		c.forward(5 * time.Second)
		if _, err := post(trusting(t, second, nil)); err != nil {
			t.Error(err)
		}
	})
	t.Run("the next good pair is taken", func(t *testing.T) {
		third := files.write(t, "third.example")
		c.forward(5 * time.Second)
		if _, err := post(trusting(t, third, nil)); err != nil {
			t.Error(err)
		}
	})
}

func TestTLS_oldest(t *testing.T) {
	files := newPair(t)
	cert := files.write(t, "lrs.example")
	certificate, err := server.LoadCertificate(files.cert, files.key, newLogger(t), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, server.Options{Certificate: certificate, MinTLS: tls.VersionTLS13})
	if got := get(trusting(t, cert, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), "https://"+s.addr); !strings.Contains(got, "protocol version") {
		t.Errorf("1.2 where 1.3 is the oldest: %s", got)
	}
	if got := get(trusting(t, cert, nil), "https://"+s.addr); !strings.HasPrefix(got, "404") {
		t.Errorf("1.3: %s", got)
	}
}

func TestLoadCertificate(t *testing.T) {
	files, other := newPair(t), newPair(t)
	files.write(t, "lrs.example")
	other.write(t, "other.example")
	for name, p := range map[string]pair{
		"a file that is not there": {filepath.Join(t.TempDir(), "none.crt"), files.key},
		"another's key":            {files.cert, other.key},
		"a key for a certificate":  {files.key, files.key},
	} {
		t.Run(name+" is refused by its name", func(t *testing.T) {
			if _, err := server.LoadCertificate(p.cert, p.key, newLogger(t), time.Now); err == nil || !strings.Contains(err.Error(), p.cert) {
				t.Errorf("%v", err)
			}
		})
	}
}
