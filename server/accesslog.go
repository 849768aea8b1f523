package server

import (
	"log/slog"
	"time"

	"github.com/gin-gonic/gin"
)

// unmatched is the route of requests that no route takes. Their paths are not logged and not
// counted: they are whatever a stranger likes to send.
const unmatched = "unmatched"

// accessLog writes a line for each request: what was asked by route template, never the path,
// query, headers, body or address, which can hold personal data or credentials. aborted marks an
// answer that was cut; its status is the one that had been sent.
func accessLog(logger *slog.Logger, now func() time.Time) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx := c.Request.Context()
		if !logger.Enabled(ctx, slog.LevelInfo) {
			c.Next()
			return
		}
		start, aborted := now(), true
		defer func() {
			logger.LogAttrs(ctx, slog.LevelInfo, "request",
				slog.String("requestId", RequestID(ctx)),
				slog.String("method", methodLabel(c.Request.Method)),
				slog.String("route", routeLabel(c)),
				slog.Int("status", c.Writer.Status()),
				slog.Duration("duration", now().Sub(start)),
				slog.Int("bytes", max(0, c.Writer.Size())),
				slog.Bool("aborted", aborted))
		}()
		c.Next()
		aborted = false
	}
}

// routeLabel is the template of the matched route.
func routeLabel(c *gin.Context) string {
	if route := c.FullPath(); route != "" {
		return route
	}
	return unmatched
}

// methodLabel keeps methods to a closed set: a client may invent any number of them.
func methodLabel(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return method
	default:
		return "other"
	}
}
