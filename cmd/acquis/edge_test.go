package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// ask sends a request for statements as a client behind a proxy on this machine, without a credential when the
// key is empty.
func (p *serving) ask(t *testing.T, client, key, secret string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, p.url+"/xapi/statements?limit=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Experience-API-Version", "1.0.3")
	r.Header.Set("X-Forwarded-For", client)
	if key != "" {
		r.SetBasicAuth(key, secret)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response
}

func TestServe_limits(t *testing.T) {
	p := serve(t, []string{
		"ACQUIS_PROXY_TRUSTED=127.0.0.1", "ACQUIS_RATE_ADDRESS=1", "ACQUIS_RATE_ADDRESS_BURST=60",
		"ACQUIS_RATE_CREDENTIAL=1", "ACQUIS_RATE_CREDENTIAL_BURST=20", "ACQUIS_RATE_DAILY=2",
		"ACQUIS_LOCKOUT_FAILURES=3", "ACQUIS_LOCKOUT_FIRST=1h", "ACQUIS_LOCKOUT_LONGEST=1h",
	}, "--data", t.TempDir())
	// until asks until the answer is a 429, and returns it with the number of answers before.
	until := func(t *testing.T, client, key, secret string, before int) (*http.Response, int) {
		t.Helper()
		for n := range 200 {
			if a := p.ask(t, client, key, secret); a.StatusCode == http.StatusTooManyRequests {
				return a, n
			} else if a.StatusCode != before {
				t.Fatalf("request %d: %s, want %d", n, a.Status, before)
			}
		}
		t.Fatal("200 requests passed")
		return nil, 0
	}
	t.Run("a credential has its rate, which the answer tells", func(t *testing.T) {
		a, n := until(t, "198.51.100.1", p.key, p.secret, http.StatusOK)
		if n < 20 || a.Header.Get("Retry-After") == "" || len(a.Header["Ratelimit"]) != 2 {
			t.Errorf("%d requests passed, then %v", n, a.Header)
		}
	})
	t.Run("wrong secrets lock out one address, for one key", func(t *testing.T) {
		a, n := until(t, "198.51.100.2", p.key, "wrong", http.StatusUnauthorized)
		if n != 3 || a.Header.Get("Retry-After") != "3600" {
			t.Errorf("after %d wrong secrets: %v", n, a.Header)
		}
		if a := p.ask(t, "198.51.100.2", p.key, p.secret); a.StatusCode != http.StatusTooManyRequests {
			t.Errorf("the right secret: %s", a.Status)
		}
		if a := p.ask(t, "198.51.100.3", "other", "wrong"); a.StatusCode != http.StatusUnauthorized {
			t.Errorf("elsewhere: %s", a.Status)
		}
	})
	t.Run("the form of the alternate syntax counts like the header", func(t *testing.T) {
		form := url.Values{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("guessed:wrong"))}, "X-Experience-API-Version": {"1.0.3"}}
		var statuses []int
		for range 4 {
			response, err := http.PostForm(p.url+"/xapi/statements?method=GET", form)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			statuses = append(statuses, response.StatusCode)
		}
		if !slices.Equal(statuses, []int{401, 401, 401, 429}) {
			t.Errorf("%v", statuses)
		}
	})
	t.Run("an address has its rate, whatever it asks for", func(t *testing.T) {
		if _, n := until(t, "198.51.100.4", "", "", http.StatusUnauthorized); n < 60 {
			t.Errorf("%d requests passed", n)
		}
	})
	t.Run("this machine is not limited, but for its source's quota", func(t *testing.T) {
		for range 100 {
			p.must(t, p.key, p.secret, "GET", "/xapi/statements", "", 200)
		}
		p.must(t, p.key, p.secret, "POST", "/xapi/statements", "["+simple(uuid.NewString())+","+simple(uuid.NewString())+"]", 200)
		p.must(t, p.key, p.secret, "POST", "/xapi/statements", simple(uuid.NewString()), 429)
	})
	t.Run("probes answer whatever happens, and what was refused is counted", func(t *testing.T) {
		if v := p.metric(t, `acquis_limited_requests_total{limit="lockout"}`); v != 3 {
			t.Errorf("%g were locked out", v)
		}
		if v := p.metric(t, "acquis_authentication_failures_total"); v < 4 {
			t.Errorf("%g failures", v)
		}
	})
}

// certify writes a certificate for this machine and its key, and returns the paths and a client that
// believes it.
func certify(t *testing.T, dir string) (cert, key string, client *http.Client) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{"lrs.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	content, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: content}, key: {Type: "PRIVATE KEY", Bytes: encoded}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: content}))
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "lrs.example.org"}}
	t.Cleanup(transport.CloseIdleConnections)
	return cert, key, &http.Client{Transport: transport}
}

var printedSafeURL = regexp.MustCompile(`xAPI\s+(https://\S+)/xapi/\n`)

func TestServe_tls(t *testing.T) {
	dir := t.TempDir()
	cert, key, client := certify(t, dir)
	env := []string{"ACQUIS_TLS_CERT=" + cert, "ACQUIS_TLS_KEY=" + key}
	p := &serving{ended: make(chan struct{})}
	p.cmd = command(context.Background(), env, "serve", "--listen", "0.0.0.0:0", "--data", t.TempDir())
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the state of the process tells
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	for deadline := time.Now().Add(patience); p.url == ""; time.Sleep(5 * time.Millisecond) {
		if found := printedSafeURL.FindStringSubmatch(p.out.String()); found != nil {
			p.url = found[1]
		}
		p.goOn(t, deadline)
	}
	// The listener takes connections before the address is printed, and answers once it serves.
	answer := func(client *http.Client) (*http.Response, error) {
		response, err := client.Get(p.url + "/readyz")
		if err == nil {
			response.Body.Close()
		}
		return response, err
	}
	t.Run("every interface is listened to, over TLS alone", func(t *testing.T) {
		response, err := answer(client)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%d %s %s", response.StatusCode, response.Proto, response.Header["Strict-Transport-Security"]); got != "200 HTTP/2.0 [max-age=31536000]" {
			t.Error(got)
		}
		plain, err := http.Get(strings.Replace(p.url, "https://", "http://", 1) + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		plain.Body.Close()
		if plain.StatusCode != http.StatusBadRequest {
			t.Error(plain.Status)
		}
	})
	t.Run("acquis health asks over TLS, under the address that the certificate does not name", func(t *testing.T) {
		said, ok := health(t, append(env, "ACQUIS_LISTEN="+strings.TrimPrefix(p.url, "https://")))
		if !ok || said != `{"status":"alive"}`+"\n" {
			t.Errorf("%v %s", ok, said)
		}
	})
	t.Run("a renewed certificate is in use within seconds", func(t *testing.T) {
		_, _, renewed := certify(t, dir)
		for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
			if _, err := answer(renewed); err == nil {
				return
			}
			p.goOn(t, deadline)
		}
	})
}

func TestServe_exposed(t *testing.T) {
	t.Run("an address that others reach is refused without TLS, and the ways out are named", func(t *testing.T) {
		data := filepath.Join(t.TempDir(), "data")
		said := fails(t, nil, "serve", "--listen", "0.0.0.0:0", "--data", data)
		for _, way := range []string{"0.0.0.0:0", "tls.cert", "proxy.trusted", "listen_insecure"} {
			if !strings.Contains(said, way) {
				t.Errorf("%q is missing in: %s", way, said)
			}
		}
		if _, err := os.Stat(data); !os.IsNotExist(err) {
			t.Errorf("the data directory was made: %v", err)
		}
	})
	t.Run("a certificate that is not there is told by its key", func(t *testing.T) {
		said := fails(t, []string{"ACQUIS_TLS_CERT=/nowhere/tls.crt", "ACQUIS_TLS_KEY=/nowhere/tls.key"}, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir())
		if !strings.Contains(said, "tls.cert") || !strings.Contains(said, "/nowhere/tls.crt") {
			t.Error(said)
		}
	})
}
