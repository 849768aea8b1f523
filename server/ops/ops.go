package ops

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check reports why a part cannot serve, nil when it can. It is called for every request to
// /readyz, concurrently with the other checks, and must honour ctx.
type Check func(ctx context.Context) error

// Options are what an Ops shows.
type Options struct {
	Logger       *slog.Logger // failing checks; none without one
	Checks       map[string]Check
	CheckTimeout time.Duration       // for all checks together; 2 s
	Metrics      prometheus.Gatherer // /metrics; not there without one
	Version      string              // the release; the module's version when empty
}

// Ops is the surface of probes and metrics.
type Ops struct {
	opts     Options
	version  version
	draining atomic.Bool
}

// New returns the surface for opts.
func New(opts Options) *Ops {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	opts.CheckTimeout = cmp.Or(opts.CheckTimeout, 2*time.Second)
	return &Ops{opts: opts, version: readVersion(opts.Version)}
}

// Drain makes /readyz answer 503 from now on. The server calls it when its end begins.
func (o *Ops) Drain() { o.draining.Store(true) }

// Mount adds the routes, each for GET and HEAD.
func (o *Ops) Mount(r *gin.RouterGroup) {
	routes := map[string]gin.HandlerFunc{"/healthz": o.getHealth, "/readyz": o.getReadiness, "/version": o.getVersion}
	if o.opts.Metrics != nil {
		routes["/metrics"] = gin.WrapH(promhttp.HandlerFor(o.opts.Metrics, promhttp.HandlerOpts{
			DisableCompression: true, // the server compresses
			ErrorHandling:      promhttp.ContinueOnError,
			ErrorLog:           slog.NewLogLogger(o.opts.Logger.Handler(), slog.LevelError),
		}))
	}
	for path, handler := range routes {
		r.GET(path, handler)
		r.HEAD(path, handler)
	}
}

// getHealth says that the process runs and answers; it looks at nothing else, since the cure for
// a "no" is a restart.
func (o *Ops) getHealth(c *gin.Context) {
	answer(c, http.StatusOK, gin.H{"status": "alive"})
}

func (o *Ops) getVersion(c *gin.Context) {
	answer(c, http.StatusOK, o.version)
}

// answer writes body as JSON that nobody keeps.
func answer(c *gin.Context, status int, body any) {
	c.Header("Cache-Control", "no-store")
	c.JSON(status, body)
}
