package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-contrib/cors"
	"github.com/gin-gonic/gin"

	"acquis/lrs"
	"acquis/server/problem"
)

// origins is the set of origins that may call from a browser.
type origins struct {
	all   bool
	exact []string
	under [][2]string // scheme with "://", and domain with its leading dot
}

// parseOrigins reads "*", "https://host[:port]" and "https://*.domain[:port]".
func parseOrigins(list []string) (origins, error) {
	var o origins
	for _, origin := range list {
		if origin == "*" {
			o.all = true
			continue
		}
		u, err := url.Parse(origin)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" ||
			origin != u.Scheme+"://"+u.Host || strings.Contains(strings.TrimPrefix(u.Host, "*."), "*") {
			return origins{}, fmt.Errorf(`origin %q: want "*", "https://host" or "https://*.domain", without a path`, origin)
		}
		origin = strings.ToLower(origin)
		if scheme, domain, wild := strings.Cut(origin, "*"); wild {
			o.under = append(o.under, [2]string{scheme, domain})
		} else {
			o.exact = append(o.exact, origin)
		}
	}
	return o, nil
}

func (o origins) none() bool { return !o.all && len(o.exact) == 0 && len(o.under) == 0 }

// contains reports whether a browser's Origin header names one of the set.
func (o origins) contains(origin string) bool {
	if o.all || slices.Contains(o.exact, origin) {
		return true
	}
	return slices.ContainsFunc(o.under, func(u [2]string) bool {
		return strings.HasPrefix(origin, u[0]) && strings.HasSuffix(origin, u[1]) && len(origin) > len(u[0])+len(u[1])
	})
}

// allowOrigins answers preflights and marks answers under the prefixes for content that runs in
// browsers (Communication 3.2). A preflight needs neither credential nor version header: browsers
// send none. Cookies are never part of it. A request from an origin outside the set is answered
// without the marks, so that the browser keeps the answer from the page.
func allowOrigins(allowed origins, maxAge time.Duration, prefixes []string, problems *problem.Writer) gin.HandlerFunc {
	if allowed.none() {
		return func(c *gin.Context) { c.Next() }
	}
	mark := cors.New(corsConfig(allowed, maxAge))
	return func(c *gin.Context) {
		origin := c.GetHeader("Origin")
		if !under(c.Request.URL.Path, prefixes) {
			return
		}
		if origin != "" && allowed.contains(origin) {
			keepVary(c.Writer.Header(), func() { mark(c) })
			return
		}
		if !allowed.all {
			c.Writer.Header().Add("Vary", "Origin")
		}
		if origin != "" && c.Request.Method == http.MethodOptions {
			c.Abort()
			problems.Write(c.Writer, c.Request, lrs.Errorf(lrs.KindForbidden,
				"Pages of this origin may not call this server; its operator can add the origin to the settings."))
		}
	}
}

// keepVary runs mark, which replaces Vary, and joins the former value to the new one. The new one
// is copied: mark puts the same slice into the answers of all requests.
func keepVary(h http.Header, mark func()) {
	before := h["Vary"]
	mark()
	if len(before) > 0 {
		h["Vary"] = slices.Concat(before, h["Vary"])
	}
}

func under(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool {
		rest, ok := strings.CutPrefix(path, strings.TrimSuffix(prefix, "/"))
		return ok && (rest == "" || rest[0] == '/')
	})
}

func corsConfig(allowed origins, maxAge time.Duration) cors.Config {
	config := cors.Config{
		AllowAllOrigins: allowed.all,
		AllowMethods:    []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"},
		AllowHeaders: []string{
			"Authorization", "Content-Type", "Content-Length", "Content-Transfer-Encoding",
			"If-Match", "If-None-Match", "Accept-Language", requestIDHeader,
			"X-Experience-API-Version", "X-Experience-API-Hash",
		},
		ExposeHeaders: []string{
			"ETag", "Last-Modified", "Location", "Content-Type", "Content-Length", "Retry-After", "RateLimit", "RateLimit-Policy", requestIDHeader,
			"X-Experience-API-Version", "X-Experience-API-Consistent-Through",
		},
		MaxAge: maxAge,
	}
	if !allowed.all {
		config.AllowOriginFunc = allowed.contains
	}
	return config
}
