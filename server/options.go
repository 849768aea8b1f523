package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
)

// Options are the settings of a Server. A zero value means the default that is named with it.
type Options struct {
	Logger  *slog.Logger          // access log and faults; nothing is logged without one
	Metrics prometheus.Registerer // where the HTTP metrics are registered; a registry of its own without one
	Now     func() time.Time      // the clock of log and metrics; time.Now
	NewID   func() string         // makes request ids; random text of 128 bits

	BasePath     string        // what stands before every path: "/lrs"; "/"
	Origins      []string      // origins that may call the CrossOrigin mounts: "https://a.fr", "https://*.a.fr" or "*"; none
	PreflightAge time.Duration // how long a browser may keep the answer to a preflight; 10 min

	ReadHeaderTimeout time.Duration // from the first byte of a request to the end of its header; 10 s
	ReadIdleTimeout   time.Duration // the longest wait for the next 4 KiB of a body; 30 s
	WriteIdleTimeout  time.Duration // the longest wait for a client to take 64 KiB of an answer; 30 s
	IdleTimeout       time.Duration // how long an idle connection is kept; 2 min
	DrainDelay        time.Duration // from "not ready" to the last accepted connection; none
	DrainTimeout      time.Duration // how long requests in flight may take to end; 30 s

	MaxHeaderBytes int   // 32 KiB
	MaxBody        int64 // ceiling for every body, as sent and as decompressed; 64 MiB. Surfaces set lower ones
	GzipMinSize    int   // answers shorter than this are sent plain; 1 KiB

	Certificate *Certificate                    // speaks TLS with it; plain HTTP without one
	MinTLS      uint16                          // the oldest version of TLS; 1.2
	HSTS        time.Duration                   // how long browsers shall come back by HTTPS only; nothing is said without
	Proxies     []netip.Prefix                  // networks whose X-Forwarded headers are believed; none
	Admit       func(ctx context.Context) error // asked before the handlers of a mount; why not now; all are admitted without one

	OnDrain func() // called once when the end begins, before anything is refused: readiness goes false
}

// Surface is a set of routes: an API, the probes, the console.
type Surface interface {
	// Mount adds the routes to r, whose path is the one of the Mount. It is called once.
	Mount(r *gin.RouterGroup)
}

// Mount says where a surface lives.
type Mount struct {
	Path        string // under the base path: "/xapi"
	Surface     Surface
	CrossOrigin bool // browsers may call it from Options.Origins
	Unlimited   bool // Options.Admit is not asked: for what must answer however many ask
}

// readTimeout is how long net/http waits for a request whose body nobody reads.
func (o Options) readTimeout() time.Duration { return o.ReadHeaderTimeout + o.ReadIdleTimeout }

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = rand.Text
	}
	if o.OnDrain == nil {
		o.OnDrain = func() {}
	}
	if o.Admit == nil {
		o.Admit = func(context.Context) error { return nil }
	}
	o.MinTLS = cmp.Or(o.MinTLS, tls.VersionTLS12)
	o.BasePath = cmp.Or(o.BasePath, "/")
	o.PreflightAge = cmp.Or(o.PreflightAge, 10*time.Minute)
	o.ReadHeaderTimeout = cmp.Or(o.ReadHeaderTimeout, 10*time.Second)
	o.ReadIdleTimeout = cmp.Or(o.ReadIdleTimeout, 30*time.Second)
	o.WriteIdleTimeout = cmp.Or(o.WriteIdleTimeout, 30*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 2*time.Minute)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 30*time.Second)
	o.MaxHeaderBytes = cmp.Or(o.MaxHeaderBytes, 32<<10)
	o.MaxBody = cmp.Or(o.MaxBody, 64<<20)
	o.GzipMinSize = cmp.Or(o.GzipMinSize, 1<<10)
	return o
}
