// Package xapi speaks to other record stores: it reads their statements page by page, attachments streamed, and
// sends them statements. Answers that no specification allows are met, and told in words.
package xapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"acquis/connectors"
	"acquis/lrs"
)

// The headers of xAPI, and what a page and an error may hold at most.
const (
	headerVersion           = "X-Experience-API-Version"
	headerConsistentThrough = "X-Experience-API-Consistent-Through"
	headerHash              = "X-Experience-API-Hash"

	maxPage  = 256 << 20
	maxError = 64 << 10
)

// Options say which record store is spoken to.
type Options struct {
	Endpoint string // the address below which /statements is
	Key      string
	Secret   func() (string, error) // asked at each request, so that a new one is in use at once
	Version  lrs.Version
	HTTP     *http.Client
	Attempts int           // of a page, 4
	MinWait  time.Duration // before the second attempt, 500ms, then twice as long each time
	MaxWait  time.Duration // 30s; a Retry-After beyond it ends the reading with it as the delay
	Timeout  time.Duration // of one attempt, 5m
	Wait     func(ctx context.Context, d time.Duration) error
}

// Client speaks to one record store. Safe for concurrent use.
type Client struct {
	options  Options
	endpoint *url.URL
}

// New judges an endpoint. It does no I/O.
func New(o Options) (*Client, error) {
	u, err := url.Parse(strings.TrimSuffix(o.Endpoint, "/"))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return nil, lrs.Errorf(lrs.KindInvalid, "the endpoint must be an address such as https://lrs.example.org/xapi, without a credential or a query")
	}
	u.Path = strings.TrimSuffix(u.Path, "/statements")
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	if o.Attempts == 0 {
		o.Attempts = 4
	}
	if o.MinWait == 0 {
		o.MinWait = 500 * time.Millisecond
	}
	if o.MaxWait == 0 {
		o.MaxWait = 30 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Minute
	}
	if o.Version == "" {
		o.Version = lrs.V103
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	return &Client{o, u}, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Host is where the endpoint is, with a port where it is not the scheme's.
func (c *Client) Host() string { return c.endpoint.Host }

// Page is an answer to a question for statements.
type Page struct {
	Statements [][]byte
	// More is where the rest is, always at the endpoint's host; "" when nothing is left.
	More string
	// Through is the store's promise that nothing more appears up to it; zero when it makes none.
	Through time.Time
	Odd     []string // what was wrong with the answer and could be met
}

// Keep takes an attachment of a page. It reads the content to its end, or not.
type Keep func(sha2 string, content io.Reader) error

// Statements asks for the first page of what a query selects.
func (c *Client) Statements(ctx context.Context, query url.Values, keep Keep) (Page, error) {
	return c.page(ctx, c.at("/statements", query), keep)
}

func (c *Client) at(path string, query url.Values) *url.URL {
	u := *c.endpoint
	u.Path += path
	u.RawQuery = query.Encode()
	return &u
}

// More asks for the page that a former one leads to.
func (c *Client) More(ctx context.Context, more string, keep Keep) (Page, error) {
	u, err := url.Parse(more)
	if err != nil {
		return Page{}, connectors.Faultf(connectors.GiveUp, "The other store gave an address for its next page that is none.", "more is %.200q", more)
	}
	page, err := c.page(ctx, u, keep)
	var answer *Refusal
	if errors.As(err, &answer) && answer.Status == http.StatusNotFound && u.Path != c.endpoint.Path+"/statements" {
		// A proxy moved the store without telling it: what it calls its path is not the one it is reached by.
		moved := c.at("/statements", nil)
		moved.RawQuery = u.RawQuery
		if page, err = c.page(ctx, moved, keep); err == nil {
			page.Odd = append(page.Odd, "more names a path that is not there; the endpoint's was asked instead")
		}
	}
	return page, err
}

// Statement asks for one statement, the voided one of the id when voided. ok is false when there is none.
func (c *Client) Statement(ctx context.Context, id lrs.ID, voided bool, keep Keep) (statement []byte, ok bool, err error) {
	name := "statementId"
	if voided {
		name = "voidedStatementId"
	}
	query := url.Values{name: {id.String()}}
	if keep != nil {
		query.Set("attachments", "true")
	}
	body, _, err := c.get(ctx, c.at("/statements", query), keep)
	var answer *Refusal
	if errors.As(err, &answer) && answer.Status == http.StatusNotFound {
		return nil, false, nil
	}
	return body, err == nil, err
}

func (c *Client) page(ctx context.Context, u *url.URL, keep Keep) (Page, error) {
	body, header, err := c.get(ctx, u, keep)
	if err != nil {
		return Page{}, err
	}
	page, more, err := parsePage(body)
	if err != nil {
		return Page{}, connectors.Faultf(connectors.GiveUp, "The other store's answer is not a page of statements. Nothing of it was taken.", "%s: %v", u.Path, err)
	}
	if text := header.Get(headerConsistentThrough); text == "" {
		page.Odd = append(page.Odd, "the header "+headerConsistentThrough+" is missing")
	} else if at, err := lrs.ParseTimestamp(text, lrs.V103); err != nil {
		page.Odd = append(page.Odd, "the header "+headerConsistentThrough+" is no time")
	} else {
		page.Through = at
	}
	if more == "" {
		return page, nil
	}
	page.More, err = c.resolve(u, more, &page)
	return page, err
}

// resolve makes of a more link an address at the endpoint's host, to which alone the credential goes.
func (c *Client) resolve(from *url.URL, more string, page *Page) (string, error) {
	link, err := url.Parse(more)
	if err != nil {
		return "", connectors.Faultf(connectors.GiveUp, "The other store gave an address for its next page that is none.", "more is %.200q", more)
	}
	at := from.ResolveReference(link)
	if at.Host != c.endpoint.Host || at.Scheme != c.endpoint.Scheme {
		page.Odd = append(page.Odd, "more leads to another host or scheme; the endpoint's was asked instead")
		at.Scheme, at.Host, at.User = c.endpoint.Scheme, c.endpoint.Host, nil
	}
	if at.String() == from.String() {
		return "", connectors.Faultf(connectors.GiveUp, "The other store leads in circles: its next page is the page itself.", "more is %.200q", more)
	}
	return at.String(), nil
}

// get asks, again when that is of use, and gives the attachments of a multipart answer to keep.
func (c *Client) get(ctx context.Context, u *url.URL, keep Keep) ([]byte, http.Header, error) {
	pause := c.options.MinWait
	for attempt := 1; ; attempt++ {
		body, header, err := c.getOnce(ctx, u, keep)
		fault, is := errors.AsType[*connectors.Fault](err)
		if !is || fault.Class != connectors.RetryLater || attempt == c.options.Attempts || fault.Delay > c.options.MaxWait || ctx.Err() != nil {
			return body, header, err
		}
		if err := c.options.Wait(ctx, max(pause, fault.Delay)); err != nil {
			return nil, nil, err
		}
		pause = min(2*pause, c.options.MaxWait)
	}
}

func (c *Client) getOnce(ctx context.Context, u *url.URL, keep Keep) ([]byte, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	response, err := c.do(r)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, nil, refusalOf(response)
	}
	mediaType, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	var body []byte
	switch {
	case err == nil && mediaType == "multipart/mixed":
		body, err = readParts(multipart.NewReader(response.Body, parameters["boundary"]), keep)
	default:
		body, err = readBounded(response.Body)
	}
	if err != nil {
		if _, is := errors.AsType[*connectors.Fault](err); is {
			return nil, nil, err
		}
		if own, is := errors.AsType[*ownError](err); is {
			return nil, nil, own.error
		}
		return nil, nil, connectors.Faultf(connectors.RetryLater, "The other store broke off its answer. Nothing is lost: it will be asked again.", "GET %s: %v", u.Path, err)
	}
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || trimmed[0] == '<' {
		return nil, nil, webPage(u, response.StatusCode)
	}
	return body, response.Header, nil
}

func webPage(u *url.URL, status int) error {
	return connectors.Faultf(connectors.NeedsPerson, "The address answers with a web page or with nothing: it is no record store, or something stands before it. Check the endpoint.", "%s answers %d", u.Path, status)
}

func (c *Client) do(r *http.Request) (*http.Response, error) {
	secret, err := c.options.Secret()
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth(c.options.Key, secret)
	r.Header.Set(headerVersion, string(c.options.Version))
	r.Header.Set("User-Agent", "acquis")
	response, err := c.options.HTTP.Do(r)
	if err != nil {
		if cause := context.Cause(r.Context()); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
			return nil, cause
		}
		return nil, connectors.UnreachableFault(r, err)
	}
	return response, nil
}

// errPageSize says that an answer is too large to be one page.
var errPageSize = connectors.Faultf(connectors.GiveUp, "The other store's page is far too large: ask for fewer statements at a time.", "more than %d bytes", maxPage)

func readBounded(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxPage+1))
	if len(body) > maxPage {
		return nil, errPageSize
	}
	return body, err
}

// readParts reads the statements of a multipart answer, and gives each attachment to keep as it comes in.
func readParts(parts *multipart.Reader, keep Keep) ([]byte, error) {
	first, err := parts.NextRawPart()
	if err != nil {
		return nil, err
	}
	body, err := readBounded(first)
	if err != nil {
		return nil, err
	}
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // a wrapped one is of a body that is cut
			return body, nil
		}
		if err != nil {
			return nil, err
		}
		sum := strings.ToLower(part.Header.Get(headerHash))
		if sum == "" || keep == nil {
			continue
		}
		content := &watched{Reader: part}
		if err := keep(sum, content); err != nil {
			if content.err != nil {
				return nil, content.err
			}
			return nil, &ownError{err}
		}
	}
}

// watched remembers that the other store broke off, to tell it from faults on our side.
type watched struct {
	io.Reader
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// ownError is a fault of whoever keeps what is read.
type ownError struct{ error }

func (e *ownError) Unwrap() error { return e.error }

// Refusal is an answer that says no.
type Refusal struct {
	Status int
	Text   string // of the answer, cut
	Fault  *connectors.Fault
}

func (e *Refusal) Error() string { return e.Fault.Error() }

// Unwrap returns what it means.
func (e *Refusal) Unwrap() error { return e.Fault }

// refusalOf says what an answer with another status than it should have means.
func refusalOf(response *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxError)) // as much as there is
	e := &Refusal{Status: response.StatusCode, Text: strings.ToValidUTF8(firstBytes(strings.TrimSpace(string(text)), 500), "")}
	place := fmt.Sprintf("%s %s answers %d", response.Request.Method, response.Request.URL.Path, response.StatusCode)
	switch status := response.StatusCode; {
	case status == http.StatusTooManyRequests:
		e.Fault = connectors.Faultf(connectors.RetryLater, "The other store asks to slow down. Nothing is lost: it will be asked again later.", "%s", place)
	case status >= http.StatusInternalServerError:
		e.Fault = connectors.Faultf(connectors.RetryLater, "The other store has a problem. Nothing is lost: it will be asked again.", "%s", place)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		e.Fault = connectors.Faultf(connectors.NeedsPerson, "The other store does not take the credential, or it may not do this. Have it renewed, or its permissions widened.", "%s", place)
	case strings.HasPrefix(e.Text, "<"):
		e.Fault, _ = errors.AsType[*connectors.Fault](webPage(response.Request.URL, status))
	default:
		e.Fault = connectors.Faultf(connectors.GiveUp, "The other store refuses what it was asked.", "%s", place)
	}
	e.Fault.Delay = retryAfter(response)
	return e
}

func firstBytes(s string, n int) string { return s[:min(len(s), n)] }

// retryAfter reads when to come back: a number of seconds, or a time.
func retryAfter(response *http.Response) time.Duration {
	text := response.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return max(time.Duration(seconds)*time.Second, 0)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
