package server

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"acquis/lrs"
	"acquis/server/problem"
)

// Server answers HTTP requests from the mounted surfaces.
type Server struct {
	opts     Options
	problems *problem.Writer
	handler  http.Handler
	inFlight atomic.Int64
}

// New builds the server and mounts the surfaces. It refuses origins that are no origins, and
// metrics that the registry holds already.
func New(opts Options, mounts ...Mount) (*Server, error) {
	opts = opts.withDefaults()
	s := &Server{opts: opts, problems: problem.New(opts.Logger)}
	metrics, err := newMetrics(opts.Metrics)
	if err != nil {
		return nil, err
	}
	if opts.Certificate != nil {
		if err := opts.Certificate.register(opts.Metrics); err != nil {
			return nil, err
		}
	}
	crossOrigin, err := s.crossOrigin(mounts)
	if err != nil {
		return nil, err
	}
	engine := s.engine()
	engine.Use(
		accessLog(opts.Logger, opts.Now),
		metrics.observe(opts.Now),
		s.recoverPanics,
		crossOrigin,
		s.readBody,
		notModified,
	)
	for _, m := range mounts {
		group := engine.Group(path.Join(opts.BasePath, m.Path))
		if !m.Unlimited {
			group.Use(s.admit)
		}
		m.Surface.Mount(group)
	}
	compressed, err := gzipAnswers(opts.GzipMinSize, engine)
	if err != nil {
		return nil, err
	}
	guarded := guardSlow(opts.ReadIdleTimeout, opts.WriteIdleTimeout, opts.readTimeout(), compressed)
	s.handler = welcome(opts.Proxies, opts.NewID, safeHeaders(opts.HSTS, guarded))
	return s, nil
}

// engine returns the bare router. It routes on the decoded path, since gin would read "+" in an
// encoded path parameter as a space; so an encoded slash parts segments like any other. Nothing
// is redirected: a request to a path that is not there is a 404, whatever stands beside it.
func (s *Server) engine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.ContextWithFallback = true
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.ForwardedByClientIP = false // ClientOf tells: headers are what any client says they are
	engine.NoRoute(s.admit, func(c *gin.Context) {
		s.problems.Write(c.Writer, c.Request, lrs.Errorf(lrs.KindNotFound, "No resource has this path."))
	})
	engine.NoMethod(s.admit, func(c *gin.Context) {
		s.problems.Write(c.Writer, c.Request, problem.ErrMethodNotAllowed)
	})
	return engine
}

// admit asks whether the client may ask now. What it sends is not read when it may not.
func (s *Server) admit(c *gin.Context) {
	if err := s.opts.Admit(c.Request.Context()); err != nil {
		c.Abort()
		s.problems.Write(c.Writer, c.Request, err)
	}
}

// ServeHTTP answers one request as Serve does, without the limits that belong to a connection.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	s.handler.ServeHTTP(w, r)
}

// httpServer returns the standard library's server around s. Its read and write time-outs hold
// where no handler reads or writes: an unread body, the server's own 400. guardSlow moves them on
// from there.
func (s *Server) httpServer() *http.Server {
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.opts.ReadHeaderTimeout,
		ReadTimeout:       s.opts.readTimeout(),
		WriteTimeout:      s.opts.WriteIdleTimeout,
		IdleTimeout:       s.opts.IdleTimeout,
		MaxHeaderBytes:    s.opts.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelDebug), // it names addresses of clients
	}
	if s.opts.Certificate != nil {
		srv.TLSConfig = s.opts.Certificate.config(s.opts.MinTLS)
	}
	return srv
}

// accept answers requests from ln until srv is closed.
func (s *Server) accept(srv *http.Server, ln net.Listener) error {
	if srv.TLSConfig == nil {
		return srv.Serve(ln)
	}
	return srv.ServeTLS(ln, "", "")
}

// crossOrigin returns the CORS step for the mounts that ask for it.
func (s *Server) crossOrigin(mounts []Mount) (gin.HandlerFunc, error) {
	var prefixes []string
	for _, m := range mounts {
		if m.CrossOrigin {
			prefixes = append(prefixes, path.Join(s.opts.BasePath, m.Path))
		}
	}
	allowed, err := parseOrigins(s.opts.Origins)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return allowOrigins(allowed, s.opts.PreflightAge, prefixes, s.problems), nil
}
