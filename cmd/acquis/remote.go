package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/config"
	"acquis/lrs"
)

// remote is a running acquis that a command talks to, as the holder of a credential.
type remote struct {
	Config     string        `type:"path" placeholder:"FILE" help:"Configuration file that serve was given: it says where acquis listens, and its root credential."`
	URL        string        `name:"url" aliases:"endpoint" placeholder:"URL" help:"Address of acquis, base path included, whatever the configuration says."`
	Key        string        `placeholder:"KEY" help:"Key of the credential to use instead of the configured root credential."`
	SecretFile string        `type:"path" placeholder:"FILE" help:"File that holds the secret of --key."`
	Insecure   bool          `help:"Send the secret to another machine in the clear, over http."`
	JSON       bool          `name:"json" help:"Print the answer as JSON, as the server gave it."`
	Timeout    time.Duration `default:"30s" help:"How long to wait for an answer (${default})."`
}

// asker is what remote's settings come to.
type asker struct {
	base, key, secret string
	client            *http.Client
}

// open works out where to ask, and as whom.
func (r *remote) open() (*asker, error) {
	cfg, err := config.Load(r.Config, os.Environ())
	if err != nil {
		return nil, fmt.Errorf("the configuration has faults:\n%w", err)
	}
	a := &asker{base: r.URL, key: cfg.Root.Key, secret: cfg.Root.Secret.Reveal()}
	a.client = &http.Client{Timeout: r.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if a.base == "" {
		if a.base, err = listenerOf(cfg); err != nil {
			return nil, err
		}
	}
	a.base = strings.TrimSuffix(a.base, "/")
	if r.Key != "" {
		if r.SecretFile == "" {
			return nil, errors.New("--key needs --secret-file, the file that holds its secret")
		}
		content, err := os.ReadFile(r.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("--secret-file: %w", err)
		}
		a.key, a.secret = r.Key, strings.TrimSpace(string(content))
	}
	if a.key == "" || a.secret == "" {
		return nil, errors.New("no credential: name one with --key and --secret-file, or the configuration's with root.key and root.secret, as ACQUIS_ROOT_KEY and ACQUIS_ROOT_SECRET in the environment")
	}
	return a, a.mayTrust(r.Insecure)
}

// listenerOf is the address of the acquis that a configuration starts.
func listenerOf(cfg config.Config) (string, error) {
	if cfg.PublicURL != "" {
		return cfg.PublicURL + cfg.BasePath, nil
	}
	host, port, err := net.SplitHostPort(cfg.Listen)
	if err != nil {
		return "", fmt.Errorf("listen: %w", err)
	}
	if port == "0" {
		return "", fmt.Errorf("listen is %s, which leaves the port to the system: name the address with --url", cfg.Listen)
	}
	scheme := "http://"
	if cfg.TLS.Cert != "" {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(reachable(host), port) + cfg.BasePath, nil
}

// mayTrust refuses addresses to which the secret would travel for all to read.
func (a *asker) mayTrust(insecure bool) error {
	u, err := url.Parse(a.base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is not an address such as https://acquis.example.org", a.base)
	}
	ip, err := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	if u.Scheme == "http" && !local && !insecure {
		return fmt.Errorf("%s would get the secret in the clear: use https, or say --insecure if nobody can listen on the way", a.base)
	}
	return nil
}

// reply to a command.
type remoteReply struct {
	body     []byte
	revision string // its ETag
}

// ask sends a request with a JSON body, nil for none. A problem document becomes an error in words.
func (a *asker) ask(ctx context.Context, method, path string, body any, header ...string) (remoteReply, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return remoteReply{}, err
		}
		content = bytes.NewReader(encoded)
	}
	if body != nil {
		header = append([]string{"Content-Type", "application/json"}, header...)
	}
	return a.send(ctx, method, path, content, header...)
}

// send sends a request with a body of any kind, nil for none.
func (a *asker) send(ctx context.Context, method, path string, content io.Reader, header ...string) (remoteReply, error) {
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, content)
	if err != nil {
		return remoteReply{}, err
	}
	r.SetBasicAuth(a.key, a.secret)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := a.client.Do(r)
	if err != nil {
		return remoteReply{}, fmt.Errorf("%s does not answer: %w", a.base, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 256<<20))
	if err != nil {
		return remoteReply{}, fmt.Errorf("%s broke off its answer: %w", a.base, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return remoteReply{}, refusalOf(response, answer)
	}
	return remoteReply{answer, response.Header.Get("ETag")}, nil
}

// refusalOf puts an error answer into words.
func refusalOf(response *http.Response, answer []byte) error {
	var said struct {
		Title, Detail string
		Violations    []lrs.Violation
	}
	if err := json.Unmarshal(answer, &said, json.MatchCaseInsensitiveNames(true)); err != nil || said.Title == "" {
		return fmt.Errorf("%s answers %s: is it an acquis?", response.Request.URL, response.Status)
	}
	text := cmp.Or(said.Detail, said.Title)
	for _, v := range said.Violations {
		text += fmt.Sprintf("\n  %s %s", cmp.Or(v.Pointer, "/"), v.Detail)
	}
	return errors.New(text)
}

// show prints an answer: as JSON when that is wanted, else as print does.
func (r *remote) show(out io.Writer, answer remoteReply, into any, print func(io.Writer) error) error {
	if r.JSON {
		value := jsontext.Value(answer.body)
		if err := value.Indent(); err != nil {
			return fmt.Errorf("the answer is not JSON: %w", err)
		}
		_, err := fmt.Fprintln(out, string(value))
		return err
	}
	if err := json.Unmarshal(answer.body, into, json.MatchCaseInsensitiveNames(true)); err != nil {
		return fmt.Errorf("the answer is not what this command knows: %w", err)
	}
	return print(out)
}

// table prints rows under a heading, with a word when there are none.
func table(out io.Writer, none, heading string, rows [][]string) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintln(out, none)
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, heading) // Flush tells whether it could be written
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// readInput reads a file, or the standard input for "-".
func readInput(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(path)
}
