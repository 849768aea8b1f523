package limit

import (
	"cmp"
	"context"

	"acquis/access"
	"acquis/lrs"
)

// Authenticator tells who presents something.
type Authenticator interface {
	Authenticate(ctx context.Context, given access.Presented) (lrs.Principal, error)
}

// Over puts the guard's limits before an authenticator. Every surface has to ask what it returns, or
// secrets can be guessed past it. Tokens are guessed one by one, so each is a key of its own.
func (g *Guard) Over(who Authenticator) Authenticator { return guarded{g, who} }

type guarded struct {
	guard *Guard
	who   Authenticator
}

func (a guarded) Authenticate(ctx context.Context, given access.Presented) (lrs.Principal, error) {
	return a.guard.Authenticate(ctx, cmp.Or(given.Bearer, given.Key), func(ctx context.Context) (lrs.Principal, error) {
		return a.who.Authenticate(ctx, given)
	})
}
