package connectors

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/sony/gobreaker/v2"
)

// Client carries out the requests of one connection: within its hosts, at the host's rate, again with
// growing waits when that is safe, never without an end. It implements Caller.
type Client struct {
	egress *Egress
	hosts  []string
	record func(Exchange)
	client *retryablehttp.Client
}

// Exchange is one request and its answer, for the record.
type Exchange struct {
	Method, Host, Path string
	Status             int
	Body               []byte
}

// Client returns a client that reaches the hosts only. record, when not nil, is told every answer.
func (e *Egress) Client(hosts []string, record func(Exchange)) *Client {
	c := &Client{egress: e, hosts: hosts, record: record}
	c.client = &retryablehttp.Client{
		HTTPClient: &http.Client{Transport: c, CheckRedirect: c.redirect},
		RetryMax:   e.options.Attempts - 1, RetryWaitMin: e.options.MinWait, RetryWaitMax: e.options.MaxWait,
		CheckRetry: c.again, Backoff: backoff, ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	return c
}

type repeatable struct{}

// Repeatable marks a request, such as a POST for a token, as safe to send again.
func Repeatable(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), repeatable{}, true))
}

// Do implements Caller.
func (c *Client) Do(ctx context.Context, r *http.Request) (Answer, error) {
	total, cancel := context.WithTimeoutCause(ctx, c.egress.options.Total, errTotal)
	defer cancel()
	if r.Context().Value(repeatable{}) != nil {
		total = context.WithValue(total, repeatable{}, true)
	}
	sent := r.WithContext(total)
	if sent.Header.Get("User-Agent") == "" {
		sent.Header.Set("User-Agent", c.egress.options.UserAgent)
	}
	wrapped, err := retryablehttp.FromRequest(sent)
	if err != nil {
		return Answer{}, err
	}
	response, err := c.client.Do(wrapped)
	if ctx.Err() != nil {
		return Answer{}, context.Cause(ctx)
	}
	if err != nil {
		return Answer{}, c.faultOf(r, err)
	}
	body, err := io.ReadAll(response.Body) // from memory
	if err != nil {
		return Answer{}, err
	}
	if response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError {
		return Answer{}, refusedFor(r, response)
	}
	return Answer{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// errTotal says that a request took too long with all its attempts.
var errTotal = errors.New("all attempts together took too long")

// RoundTrip is one attempt: it implements http.RoundTripper for the inside of the client. The answer's
// body is read whole, so that one that breaks off counts as no answer.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := c.permit(r.URL); err != nil {
		return nil, err
	}
	host := c.egress.host(strings.ToLower(r.URL.Host))
	if err := host.limiter.Wait(r.Context()); err != nil {
		return nil, err
	}
	response, err := host.breaker.Execute(func() (*http.Response, error) {
		timed, cancel := context.WithTimeout(r.Context(), c.egress.options.Timeout)
		defer cancel() // the body is read by then
		response, err := c.egress.base.RoundTrip(r.WithContext(timed))
		if err != nil {
			return nil, err
		}
		if err := c.hold(response); err != nil {
			return nil, err
		}
		if response.StatusCode >= http.StatusInternalServerError {
			return response, errServer
		}
		return response, nil
	})
	if errors.Is(err, errServer) {
		return response, nil
	}
	return response, err
}

// errServer makes the breaker count an answer as a failure.
var errServer = errors.New("the server failed")

// errTooLarge says that an answer is larger than any that makes sense.
var errTooLarge = errors.New("the answer is too large")

// hold reads the body of an answer into memory.
func (c *Client) hold(response *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, c.egress.options.MaxBody+1))
	err = errors.Join(err, response.Body.Close())
	if err != nil {
		return err
	}
	if int64(len(body)) > c.egress.options.MaxBody {
		return errTooLarge
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	if c.record != nil {
		u := response.Request.URL
		c.record(Exchange{response.Request.Method, u.Host, u.Path, response.StatusCode, body})
	}
	return nil
}

// notPermitted says which host was refused.
type notPermitted struct{ reason string }

func (e *notPermitted) Error() string { return e.reason }

func (c *Client) permit(u *url.URL) error {
	own := slices.ContainsFunc(c.hosts, func(h string) bool { return strings.EqualFold(h, u.Host) })
	switch {
	case !own:
		return &notPermitted{fmt.Sprintf("%.200s is none of the connection's hosts", u.Host)}
	case !c.egress.permits(u.Host):
		return &notPermitted{fmt.Sprintf("%.200s is not in connect.hosts", u.Host)}
	case u.Scheme != "https" && (u.Scheme != "http" || !c.egress.private(u.Host)):
		return &notPermitted{fmt.Sprintf("%.200s is to be asked without TLS, which is for hosts in connect.private only", u.Host)}
	}
	return nil
}

// maxRedirects is how many redirects in a row are followed.
const maxRedirects = 5

func (c *Client) redirect(r *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return &notPermitted{"it redirects in circles"}
	}
	return c.permit(r.URL)
}

// again decides whether an attempt is followed by another.
func (c *Client) again(ctx context.Context, response *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	safe := ctx.Value(repeatable{}) != nil
	if response != nil {
		safe = safe || isSafe(response.Request.Method)
	}
	if err != nil {
		return c.againAfter(err, safe), nil
	}
	status := response.StatusCode
	transient := status == http.StatusTooManyRequests || safe && slices.Contains([]int{500, 502, 503, 504}, status)
	wait, said := retryAfter(response)
	if deadline, has := ctx.Deadline(); said && (wait > c.egress.options.MaxWait || has && wait > time.Until(deadline)) {
		return false, nil
	}
	return transient, nil
}

func isSafe(method string) bool {
	return slices.Contains([]string{"GET", "HEAD", "OPTIONS", "PUT", "DELETE"}, method)
}

// againAfter decides after an attempt without an answer.
func (c *Client) againAfter(err error, marked bool) bool {
	var refused *notPermitted
	switch {
	case errors.As(err, &refused), errors.Is(err, errPrivate), errors.Is(err, errTooLarge), isTLS(err),
		errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return false
	}
	if broken, is := errors.AsType[*net.OpError](err); is && broken.Op == "dial" {
		return true // nothing was sent
	}
	if failed, is := errors.AsType[*url.Error](err); is {
		return marked || isSafe(strings.ToUpper(failed.Op)) // Op is the method, as in "Get"
	}
	return marked
}

func isTLS(err error) bool {
	_, unverified := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	return unverified || unknown
}

// retryAfter reads how long the server asks to wait (RFC 9110, section 10.2.3).
func retryAfter(response *http.Response) (time.Duration, bool) {
	text := strings.TrimSpace(response.Header.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	from, err := http.ParseTime(response.Header.Get("Date")) // the server's clock, so that ours need not be right
	if err != nil {
		from = time.Now()
	}
	return max(at.Sub(from), 0), true
}

// backoff is how long to wait before the next attempt: what the server asks for, or a random part of a
// span that doubles.
func backoff(least, most time.Duration, attempt int, response *http.Response) time.Duration {
	if response != nil {
		if wait, said := retryAfter(response); said {
			return wait + time.Duration(rand.Int64N(int64(least)/4+1))
		}
	}
	span := min(least<<min(attempt, 20), most)
	return span/2 + time.Duration(rand.Int64N(int64(span)/2+1))
}

// place names what was asked, without what may be personal.
func place(r *http.Request) string { return r.Method + " " + r.URL.Host + maskedPath(r.URL.Path) }

// refusedFor is the fault of an answer that says to come back later.
func refusedFor(r *http.Request, response *http.Response) error {
	f := Faultf(RetryLater, "The provider's server has a problem. Nothing is lost: Acquis will ask again.", "%s answers %d", place(r), response.StatusCode)
	if response.StatusCode == http.StatusTooManyRequests {
		f.Sentence = "The provider asks Acquis to slow down. Nothing is lost: Acquis will ask again later."
	}
	f.Delay, _ = retryAfter(response)
	return f
}

// faultOf is the fault of a request that got no answer.
func (c *Client) faultOf(r *http.Request, err error) error {
	var refused *notPermitted
	switch {
	case errors.As(err, &refused):
		return Faultf(NeedsPerson, "The connection leads to a server that Acquis may not ask. Ask whoever runs Acquis to permit it, or correct the address.", "%s: %v", place(r), refused)
	case errors.Is(err, errPrivate):
		return Faultf(NeedsPerson, "The connection leads to a server inside the network, which Acquis may not ask. Ask whoever runs Acquis to permit it, or correct the address.", "%s: %v", place(r), errPrivate)
	case errors.Is(err, errTooLarge):
		return Faultf(GiveUp, "The provider's answer is far larger than expected, so nothing was taken from it. Show the detail to an engineer.", "%s: more than %d bytes", place(r), c.egress.options.MaxBody)
	case isTLS(err):
		return Faultf(NeedsPerson, "The provider's server could not prove who it is. Do not go on before an engineer has looked at it.", "%s: %v", place(r), err)
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		f := Faultf(RetryLater, "The provider's server failed many times in a row and is left alone for a while.", "%s: the circuit breaker is open", place(r))
		f.Delay = c.egress.options.BreakFor
		return f
	}
	return Faultf(RetryLater, "The provider's server could not be reached, or broke off. Nothing is lost: Acquis will ask again.", "%s: %v", place(r), withoutURL(err))
}

// withoutURL takes the address, whose query may be personal, out of an error of net/http.
func withoutURL(err error) error {
	if failed, is := errors.AsType[*url.Error](err); is {
		return failed.Err
	}
	return err
}

func tlsConfig(roots *x509.CertPool) *tls.Config {
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}
