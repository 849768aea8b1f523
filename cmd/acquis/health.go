package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"acquis/config"
)

// HealthCmd asks a running acquis how it is, for images that hold no shell and no curl. It ends with
// status 0 for a good answer and 1 for any other, and says which in one line.
type HealthCmd struct {
	Config  string        `type:"path" placeholder:"FILE" help:"Configuration file that serve was given (YAML)."`
	URL     string        `name:"url" placeholder:"URL" help:"Ask this address, whatever the configuration says."`
	Ready   bool          `help:"Ask whether it takes requests (/readyz), not only whether it is alive (/healthz)."`
	Timeout time.Duration `default:"3s" help:"How long to wait for the answer."`
}

// Run asks once.
func (c *HealthCmd) Run(ctx context.Context, app *kong.Context) error {
	url, err := c.address()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	said, err := askHealth(ctx, url)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(app.Stdout, said)
	return err
}

// address is the URL to ask: the one that was given, or that of the configured listener.
func (c *HealthCmd) address() (string, error) {
	if c.URL != "" {
		return c.URL, nil
	}
	cfg, err := config.Load(c.Config, os.Environ())
	if err != nil {
		return "", fmt.Errorf("the configuration has faults:\n%w", err)
	}
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	if port == "0" {
		return "", fmt.Errorf("listen is %s, which leaves the port to the system: name the address with --url", cfg.Listen)
	}
	path := "/healthz"
	if c.Ready {
		path = "/readyz"
	}
	return scheme(cfg) + "://" + net.JoinHostPort(reachable(host), port) + cfg.BasePath + path, nil
}

// scheme is how the configured listener is spoken to.
func scheme(cfg config.Config) string {
	if cfg.TLS.Cert != "" {
		return "https"
	}
	return "http"
}

// reachable is the host under which this machine reaches what listens on host.
func reachable(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		if ip.Is6() {
			return "::1"
		}
		return "127.0.0.1"
	}
	return cmp.Or(host, "127.0.0.1")
}

// askHealth returns the answer in one line, or why it is no good one. It passes no proxy and follows no
// redirection: the answer is to come from the process itself. The certificate is not judged, since it
// names the public address and not the one that is asked; nothing secret is said.
func askHealth(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := (&http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
	}).RoundTrip(request)
	if err != nil {
		return "", fmt.Errorf("%s does not answer: %w", url, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<10))
	if err != nil {
		return "", fmt.Errorf("%s broke off its answer: %w", url, err)
	}
	line := strings.Join(strings.Fields(string(body)), " ")
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s: %s", url, response.Status, line)
	}
	return line, nil
}
