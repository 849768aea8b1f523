package access

import (
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"acquis/lrs"
)

// picture is everything that is known at a time. It never changes.
type picture struct {
	sources     map[string]Source
	kept        map[string]Credential
	schemas     map[string]*compiledSchema // by Schema.ID
	credentials map[string]*holder         // ready to authenticate
}

// compiledSchema is a schema with its judge; nil when it does not compile any more.
type compiledSchema struct {
	Schema
	judge SchemaJudge
}

func (p *picture) setSchema(s *compiledSchema) {
	if p.schemas == nil {
		p.schemas = map[string]*compiledSchema{}
	}
	p.schemas[s.ID()] = s
}

// with returns the picture after changes, not yet rebuilt, and whether anything is new.
func (p *picture) with(c Changes, compile Compiler) (*picture, bool) {
	next := &picture{sources: cloned(p.sources), kept: cloned(p.kept), schemas: cloned(p.schemas), credentials: p.credentials}
	changed := false
	for _, s := range c.Sources {
		if s.Revision > next.sources[s.Name].Revision {
			next.sources[s.Name], changed = s, true
		}
	}
	for _, k := range c.Credentials {
		if k.Revision > next.kept[k.Key].Revision {
			next.kept[k.Key], changed = k, true
		}
	}
	for _, s := range c.Schemas {
		if known := next.schemas[s.ID()]; known != nil && (known.Shipped || known.Revision >= s.Revision) {
			continue
		}
		judge, err := compile(s.Body)
		if err != nil {
			judge = nil
		}
		next.schemas[s.ID()], changed = &compiledSchema{Schema: s, judge: judge}, true
	}
	return next, changed
}

// cloned is a copy that can be written to.
func cloned[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

// rebuild makes the credentials ready, and returns why some are not.
func (p *picture) rebuild() (faults []error) {
	former := p.credentials
	p.credentials = make(map[string]*holder, len(p.kept))
	for key, c := range p.kept {
		h, err := p.holder(c)
		if err != nil {
			faults = append(faults, fmt.Errorf("credential %s: %w", key, err))
			continue
		}
		if before := former[key]; before != nil {
			h.used = before.used
		}
		p.credentials[key] = h
	}
	return faults
}

// holder is a credential that is ready to be compared with what a request presents.
type holder struct {
	credential Credential
	principal  lrs.Principal
	disabled   string // why it is not taken, "" when it is
	secrets    [2]digest
	until      [2]time.Time // until when each secret is taken; zero for ever
	have       int          // how many secrets there are
	used       *atomic.Int64
}

// holder makes a credential ready.
func (p *picture) holder(c Credential) (*holder, error) {
	h := &holder{credential: c, used: &atomic.Int64{}, have: min(len(c.Secrets), 2)}
	for i, s := range c.Secrets[:h.have] {
		copy(h.secrets[i][:], s.MAC)
		h.until[i] = s.Expires
	}
	if c.Disabled {
		h.disabled = "this credential is disabled"
	}
	h.principal = lrs.Principal{Name: c.Key, Scopes: c.Scopes}
	authority := accountAuthority(c.Account)
	if c.Kind == OfSource {
		s, known := p.sources[c.Source]
		if !known {
			return nil, fmt.Errorf("its source %q is not known", c.Source)
		}
		if s.Disabled {
			h.disabled = "the source of this credential is disabled"
		}
		authority = s.authority()
		h.principal.Source, h.principal.Rules = s.Name, p.rules(s)
		h.principal.Scopes = s.scopes(c.Scopes)
	} else {
		h.principal.Source = accountSource(c.Account)
		h.principal.Roles, h.principal.Subtrees = c.Roles, c.Subtrees
	}
	var err error
	h.principal.Authority, err = lrs.NewAuthority(authority)
	return h, err
}

// accountSource is the name by which an account's own statements are known. No source's name has a
// colon.
func accountSource(account string) string { return "account:" + account }

func accountAuthority(account string) []byte {
	return namedAuthority("urn:acquis:account", account, account)
}

func namedAuthority(homePage, account, name string) []byte {
	b, _ := json.Marshal(map[string]any{ // text and maps only: nothing can fail
		"objectType": "Agent", "name": name, "account": map[string]string{"homePage": homePage, "name": account},
	}, json.Deterministic(true))
	return b
}

// holds reports whether one of the secrets has the digest, in a time that tells nothing.
func (h *holder) holds(mac *digest, now time.Time) bool {
	right := false
	for i := range h.secrets {
		same := hmac.Equal(mac[:], h.secrets[i][:])
		right = same && i < h.have && (h.until[i].IsZero() || now.Before(h.until[i])) || right
	}
	return right
}

// fault says why the credential is not taken although its secret is right.
func (h *holder) fault(now time.Time) error {
	switch {
	case h.disabled != "":
		return lrs.Errorf(lrs.KindUnauthenticated, "%s: ask whoever issued it", h.disabled)
	case !h.credential.Expires.IsZero() && !now.Before(h.credential.Expires):
		return lrs.Errorf(lrs.KindUnauthenticated, "this credential expired on %s: ask whoever issued it for another", h.credential.Expires.UTC().Format(time.RFC3339))
	}
	return nil
}

// touch notes a use, to the minute, so that the memory is seldom written to.
func (h *holder) touch(now time.Time) {
	minute := now.Unix() / 60 * 60
	if h.used.Load() < minute {
		h.used.Store(minute)
	}
}

func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled)
}
