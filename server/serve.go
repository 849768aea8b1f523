package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// cutWait is how long handlers may take to notice that their request was cancelled.
const cutWait = 5 * time.Second

// Serve answers requests from ln until ctx ends, then drains: OnDrain is called, new connections
// are still taken for DrainDelay, so that a load balancer can look away first, and requests in
// flight have DrainTimeout to end. Those that do not are cancelled and cut, and Serve says how
// many. The requests' contexts do not end with ctx. When Serve returns nil no handler runs any
// more: the store may be closed. ln is closed in any case.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := s.httpServer()
	srv.BaseContext = func(net.Listener) context.Context { return requests }

	failed := make(chan error, 1)
	go func() { failed <- s.accept(srv, ln) }()
	select {
	case err := <-failed:
		cancel()
		return errors.Join(fmt.Errorf("server: accept on %s: %w", ln.Addr(), err), srv.Close(), s.awaitHandlers())
	case <-ctx.Done():
	}
	s.opts.OnDrain()
	stopped := s.delay(failed)
	err := s.drain(srv, cancel)
	if !stopped {
		<-failed // http.ErrServerClosed: Serve's goroutine has ended
	}
	return err
}

// delay waits for DrainDelay. It reports whether the accepting goroutine ended meanwhile.
func (s *Server) delay(failed <-chan error) bool {
	timer := time.NewTimer(s.opts.DrainDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return false
	case <-failed:
		return true
	}
}

// drain lets requests in flight end, and cuts those that take too long.
func (s *Server) drain(srv *http.Server, cancel context.CancelFunc) error {
	bounded, stop := context.WithTimeout(context.Background(), s.opts.DrainTimeout)
	defer stop()
	err := srv.Shutdown(bounded)
	if err == nil {
		return nil
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("server: close the listener: %w", err)
	}
	cut := s.inFlight.Load()
	cancel()
	return errors.Join(
		fmt.Errorf("server: %d requests were cut after %s of draining", cut, s.opts.DrainTimeout),
		srv.Close(), s.awaitHandlers())
}

// awaitHandlers waits until no handler runs, for cutWait at most.
func (s *Server) awaitHandlers() error {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(cutWait); time.Now().Before(deadline); <-ticker.C {
		if s.inFlight.Load() == 0 {
			return nil
		}
	}
	return fmt.Errorf("server: %d requests still run after being cancelled", s.inFlight.Load())
}
