// Package fakeserver is what every fake provider stands on: a real HTTP server on the loopback address, and a
// plan of faults that happen to its requests. The tests and the demo start the same fakes, so nothing here
// knows of testing.
package fakeserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Server serves one fake on 127.0.0.1.
type Server struct {
	// URL is the address to set as a connection's base address, without a slash at the end.
	URL string

	http *http.Server
	done chan error
}

// Start serves the handler on a free port until Close.
func Start(handler http.Handler) (*Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("fakeserver: %w", err)
	}
	s := &Server{
		URL:  "http://" + listener.Addr().String(),
		http: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second},
		done: make(chan error, 1),
	}
	go func() { s.done <- s.http.Serve(listener) }()
	return s, nil
}

// Close ends the server at once, also for requests that hang.
func (s *Server) Close() error {
	err := s.http.Close()
	if serving := <-s.done; !errors.Is(serving, http.ErrServerClosed) {
		err = errors.Join(err, serving)
	}
	return err
}
