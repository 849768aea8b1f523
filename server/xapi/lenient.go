package xapi

import (
	"net/url"
	"strings"

	"acquis/lrs"
)

// A lenient door is a surface at a path with the parameter :source, for that source's credentials alone.
// There a request without the version header is taken for one with the source's default version, since
// some platforms leave it out. The main door never does that (Communication 3.3). All else is the same.

// admit finds out in which version a request speaks and who asks, and lets no other source through a
// lenient door.
func (s *Surface) admit(c *call) error {
	if s.options.DefaultVersion == nil {
		if err := s.negotiate(c); err != nil {
			return err
		}
		return s.authenticate(c)
	}
	if err := s.authenticate(c); err != nil {
		return err
	}
	if c.principal.Source != c.source {
		return lrs.Errorf(lrs.KindForbidden, "this address is for another source: use the address of your own, or /xapi")
	}
	if c.r.Header.Get(headerVersion) != "" {
		return s.negotiate(c)
	}
	version := s.options.DefaultVersion(c.source)
	if version == "" {
		return lrs.Errorf(lrs.KindInvalid, "the header %s is missing, and this source has no default version: send the header, or have the operator set one", headerVersion)
	}
	c.r.Header.Set(headerVersion, string(version))
	return s.negotiate(c)
}

// path is where the call found the surface.
func (s *Surface) path(c *call) string {
	return strings.Replace(s.options.Path, ":source", url.PathEscape(c.source), 1)
}
