// Package xapi is the HTTP surface of the record store: the resources of xAPI 1.0.3 and 2.0.0 under
// one path (Communication 1 to 4).
//
// A request becomes a call: the alternate request syntax is undone (alternate.go), the version is
// negotiated, the credential is known. A handler reads the call, asks the service once, and writes
// the answer; the errors it returns become problem documents.
package xapi

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"acquis/access"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
)

// The headers of Communication 1.2 and 3.3.
const (
	headerVersion           = "X-Experience-API-Version"
	headerConsistentThrough = "X-Experience-API-Consistent-Through"
	headerHash              = "X-Experience-API-Hash"
)

// Options configure the surface.
type Options struct {
	Versions        []lrs.Version // spoken; the first is announced to a request without a version
	Path            string        // where the surface is mounted, base path included: it begins every more link; ":source" stands for the source of a lenient door
	BodyBytes       int64         // most bytes of a JSON body, after decompression
	RequestBytes    int64         // most bytes of a multipart request
	AttachmentBytes int64         // most bytes of one attachment
	DocumentBytes   int64         // most bytes of a document
	Quota           Quota         // of statements; none without one

	// DefaultVersion makes the surface a lenient door (lenient.go); nil elsewhere.
	DefaultVersion func(source string) lrs.Version
}

// Quota bounds how many statements a principal may store.
type Quota interface {
	// MayStore refuses statements of a principal that has stored as many as it may.
	MayStore(ctx context.Context, p lrs.Principal) error
	// Stored counts what was stored after MayStore allowed it.
	Stored(p lrs.Principal, statements int)
}

type noQuota struct{}

func (noQuota) MayStore(context.Context, lrs.Principal) error { return nil }
func (noQuota) Stored(lrs.Principal, int)                     {}

// Authenticator tells who presents a credential or a token.
type Authenticator interface {
	Authenticate(ctx context.Context, given access.Presented) (lrs.Principal, error)
}

// Surface answers for the xAPI resources.
type Surface struct {
	service  *lrs.Service
	accounts Authenticator
	problems *problem.Writer
	options  Options
	routes   map[string]map[string]handler // by path and method
}

// New returns the surface over a service.
func New(service *lrs.Service, accounts Authenticator, problems *problem.Writer, o Options) *Surface {
	if o.Quota == nil {
		o.Quota = noQuota{}
	}
	s := &Surface{service: service, accounts: accounts, problems: problems, options: o}
	s.routes = map[string]map[string]handler{
		"/about":              {"GET": s.about},
		"/statements":         {"GET": s.getStatements, "POST": s.postStatements, "PUT": s.putStatement},
		"/activities":         {"GET": s.getActivity},
		"/activities/state":   {"GET": s.getState, "PUT": s.putState, "POST": s.postState, "DELETE": s.deleteState},
		"/activities/profile": {"GET": s.getActivityProfile, "PUT": s.putActivityProfile, "POST": s.postActivityProfile, "DELETE": s.deleteActivityProfile},
		"/agents":             {"GET": s.getPerson},
		"/agents/profile":     {"GET": s.getAgentProfile, "PUT": s.putAgentProfile, "POST": s.postAgentProfile, "DELETE": s.deleteAgentProfile},
	}
	return s
}

// Mount adds the resources. They answer for every method, also to refuse it: each takes POST, for
// the alternate request syntax, and a refusal carries the headers of the resource too.
func (s *Surface) Mount(r *gin.RouterGroup) {
	for path := range s.routes {
		r.Any(path, s.entry(path))
	}
}

// handler answers a call. What it returns is written as a problem document.
type handler func(*call) error

// call is a request that may be answered.
type call struct {
	w         http.ResponseWriter
	r         *http.Request
	query     url.Values
	version   lrs.Version
	principal lrs.Principal
	source    string // of a lenient door
}

func (s *Surface) entry(path string) gin.HandlerFunc {
	return func(g *gin.Context) {
		c := &call{w: g.Writer, r: g.Request, source: g.Param("source")}
		if err := s.answer(path, c); err != nil {
			s.problems.Write(c.w, c.r, err)
		}
	}
}

// answer takes the steps that all resources share, in their order.
func (s *Surface) answer(path string, c *call) error {
	c.w.Header().Set(headerVersion, string(s.options.Versions[0]))
	if path == "/statements" {
		through, err := s.service.ConsistentThrough(c.r.Context())
		if err != nil {
			return err
		}
		c.w.Header().Set(headerConsistentThrough, through.String())
	}
	var err error
	if c.query, err = url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return lrs.Errorf(lrs.KindInvalid, "the query string cannot be read: percent-encode its values")
	}
	if err := s.undoAlternateSyntax(c); err != nil {
		return err
	}
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handle := s.routes[path][method]
	if handle == nil {
		c.w.Header().Set("Allow", strings.Join(s.allowed(path), ", "))
		return problem.ErrMethodNotAllowed
	}
	if path == "/about" { // open to all, in any version (Communication 2.8)
		return handle(c)
	}
	if err := s.admit(c); err != nil {
		return err
	}
	return handle(c)
}

func (s *Surface) allowed(path string) []string {
	var methods []string
	for method := range s.routes[path] {
		methods = append(methods, method)
		if method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return methods
}

// negotiate reads the version of the request (Communication 3.3).
func (s *Surface) negotiate(c *call) error {
	header := c.r.Header.Get(headerVersion)
	spoken := make([]string, len(s.options.Versions))
	for i, v := range s.options.Versions {
		spoken[i] = string(v)
	}
	if header == "" {
		return lrs.Errorf(lrs.KindInvalid, "the header %s is missing: set it to %s", headerVersion, strings.Join(spoken, " or "))
	}
	version, known := lrs.ParseVersion(header)
	if !known || !slices.Contains(s.options.Versions, version) {
		return lrs.Errorf(lrs.KindInvalid, "the header %s asks for a version that is not spoken here: use %s", headerVersion, strings.Join(spoken, " or "))
	}
	c.version = version
	c.w.Header().Set(headerVersion, string(version))
	return nil
}

// authenticate finds out who asks (Communication 4.0, RFC 6750).
func (s *Surface) authenticate(c *call) error {
	given, err := server.Presented(c.r)
	if err == nil {
		c.principal, err = s.accounts.Authenticate(c.r.Context(), given)
	}
	if lrs.KindOf(err) == lrs.KindUnauthenticated {
		if given.Bearer != "" {
			c.w.Header().Add("WWW-Authenticate", `Bearer realm="Acquis", error="invalid_token"`)
		} else {
			c.w.Header().Add("WWW-Authenticate", `Basic realm="Acquis"`)
			c.w.Header().Add("WWW-Authenticate", `Bearer realm="Acquis"`)
		}
	}
	return err
}

// only refuses parameters that the resource does not have, and repeated ones (Communication 3.2).
func (c *call) only(names ...string) error {
	var violations []lrs.Violation
	for name, values := range c.query {
		switch {
		case !slices.Contains(names, name):
			violations = append(violations, lrs.Violation{
				Pointer: "", Rule: "unknown-parameter", Section: "Communication 3.2",
				Detail: "the parameter " + quoteShort(name) + " is not known here, names are case-sensitive; known are: " + cmp.Or(strings.Join(names, ", "), "none"),
			})
		case len(values) > 1:
			violations = append(violations, parameterFault(name, "is given more than once"))
		}
	}
	return refused(violations)
}

func parameterFault(name, detail string) lrs.Violation {
	return lrs.Violation{Rule: "parameter", Section: "Communication 2", Detail: "the parameter " + name + " " + detail}
}

// maxFaults bounds how many faults of parameters one answer lists.
const maxFaults = 50

// refused is the error of a request whose parameters have these faults, nil without any.
func refused(violations []lrs.Violation) error {
	if len(violations) == 0 {
		return nil
	}
	slices.SortFunc(violations, func(a, b lrs.Violation) int { return strings.Compare(a.Detail, b.Detail) })
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: "the request's parameters are wrong", Violations: violations[:min(len(violations), maxFaults)]}
}

// quoteShort quotes what a client sent, cut to a length that suits a message.
func quoteShort(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return "“" + strings.ToValidUTF8(s, "�") + "”"
}

// readBody reads a whole body of at most limit bytes.
func (c *call) readBody(limit int64) ([]byte, error) {
	server.LimitBody(c.r, limit)
	return readAll(c.r.Body, c.r.ContentLength)
}

// writeContent sends content with its length.
func (c *call) writeContent(contentType string, content []byte) error {
	c.w.Header().Set("Content-Type", contentType)
	c.w.Header().Set("Content-Length", strconv.Itoa(len(content)))
	c.w.WriteHeader(http.StatusOK)
	_, err := c.w.Write(content)
	return ignoreGone(err)
}
