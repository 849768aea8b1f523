package access

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"acquis/lrs"
)

const (
	// tokenTrust is the longest that a token counts without looking whether it was revoked.
	tokenTrust = 2 * time.Second
	maxTokens  = 20_000
)

// tokenCache spares reading a token for each request. What was revoked through another process
// counts here within trust.
type tokenCache struct {
	store  Store
	now    func() time.Time
	trust  time.Duration
	tokens *lru.Cache[digest, knownToken]
}

// knownToken is a token, ready for use.
type knownToken struct {
	credential string
	scopes     lrs.Scope
	launch     *lrs.Launch
	expires    time.Time
	read       time.Time
}

// newTokenCache returns a cache that looks again as often as the directory does, or more often.
func newTokenCache(store Store, now func() time.Time, every time.Duration) *tokenCache {
	tokens, _ := lru.New[digest, knownToken](maxTokens) // fails without a size only
	return &tokenCache{store, now, min(every, tokenTrust), tokens}
}

var errTokenUnknown = lrs.Errorf(lrs.KindUnauthenticated, "the token is not known, revoked or expired: get another")

func (c *tokenCache) get(ctx context.Context, mac digest) (knownToken, error) {
	now := c.now()
	known, cached := c.tokens.Get(mac)
	if !cached || now.Sub(known.read) >= c.trust {
		t, err := c.store.Token(ctx, hex.EncodeToString(mac[:]))
		switch {
		case errors.Is(err, lrs.ErrNotFound):
			c.tokens.Remove(mac)
			return known, errTokenUnknown
		case err != nil:
			return known, err
		}
		if known, err = readied(t, now); err != nil {
			return known, err
		}
		c.tokens.Add(mac, known)
	}
	if !now.Before(known.expires) {
		return known, errTokenUnknown
	}
	return known, nil
}

func readied(t Token, now time.Time) (knownToken, error) {
	known := knownToken{credential: t.Credential, scopes: t.Scopes, expires: t.Expires, read: now}
	if t.Launch == nil {
		return known, nil
	}
	actor, err := lrs.DecodeAgent(t.Launch.Actor)
	if err != nil {
		return known, err
	}
	known.launch = &lrs.Launch{Actor: *actor, Activity: t.Launch.Activity, Registration: t.Launch.Registration}
	return known, nil
}
