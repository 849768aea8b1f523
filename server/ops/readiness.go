package ops

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"
)

// The states of the whole and of each check.
const (
	ready    = "ready"
	failing  = "failing"
	draining = "draining"
)

// readiness is the answer of /readyz.
type readiness struct {
	Status string            `json:"status"` // ready, failing or draining
	Checks map[string]string `json:"checks"` // ready or failing, by name
}

// getReadiness answers 200 when every check passes, 503 otherwise and while the server drains.
func (o *Ops) getReadiness(c *gin.Context) {
	state := o.runChecks(c.Request.Context())
	if o.draining.Load() {
		state.Status = draining
	}
	status := http.StatusOK
	if state.Status != ready {
		status = http.StatusServiceUnavailable
		c.Header("Retry-After", "2")
	}
	answer(c, status, state)
}

// runChecks runs all checks at once, so that a slow one does not use up the time of the others.
func (o *Ops) runChecks(ctx context.Context) readiness {
	ctx, cancel := context.WithTimeout(ctx, o.opts.CheckTimeout)
	defer cancel()
	state := readiness{Status: ready, Checks: make(map[string]string, len(o.opts.Checks))}
	var mu sync.Mutex
	var all sync.WaitGroup
	for name, check := range o.opts.Checks {
		all.Go(func() {
			err := run(ctx, check)
			mu.Lock()
			defer mu.Unlock()
			state.Checks[name] = ready
			if err != nil {
				state.Checks[name], state.Status = failing, failing
				o.opts.Logger.LogAttrs(ctx, slog.LevelWarn, "readiness check failed",
					slog.String("check", name), slog.Any("error", err))
			}
		})
	}
	all.Wait()
	return state
}

// run calls check. A panic counts as a failure: it must not end the process that it looks after.
func run(ctx context.Context, check Check) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	return check(ctx)
}
