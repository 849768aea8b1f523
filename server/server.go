package server

import (
	"fmt"
	"log/slog"
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
		m.Surface.Mount(engine.Group(path.Join(opts.BasePath, m.Path)))
	}
	compressed, err := gzipAnswers(opts.GzipMinSize, engine)
	if err != nil {
		return nil, err
	}
	guarded := guardSlow(opts.ReadIdleTimeout, opts.WriteIdleTimeout, opts.readTimeout(), compressed)
	s.handler = requestIDs(opts.NewID, guarded)
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
	engine.ForwardedByClientIP = false // X-Forwarded-For is what any client says it is
	engine.NoRoute(func(c *gin.Context) {
		s.problems.Write(c.Writer, c.Request, lrs.Errorf(lrs.KindNotFound, "No resource has this path."))
	})
	engine.NoMethod(func(c *gin.Context) {
		s.problems.Write(c.Writer, c.Request, problem.ErrMethodNotAllowed)
	})
	return engine
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
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.opts.ReadHeaderTimeout,
		ReadTimeout:       s.opts.readTimeout(),
		WriteTimeout:      s.opts.WriteIdleTimeout,
		IdleTimeout:       s.opts.IdleTimeout,
		MaxHeaderBytes:    s.opts.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.opts.Logger.Handler(), slog.LevelDebug), // it names addresses of clients
	}
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
