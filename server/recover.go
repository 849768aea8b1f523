package server

import (
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"
)

// recoverPanics turns a panic into a 500 and logs its stack under the request id. An answer that
// has begun is cut instead. http.ErrAbortHandler passes: it is how a handler asks for the cut.
func (s *Server) recoverPanics(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares the same way
			panic(cause)
		}
		c.Abort()
		s.problems.Write(c.Writer, c.Request, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
	}()
	c.Next()
}
