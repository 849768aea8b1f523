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
// secrets can be guessed past it. A token is as good as a key of its own: one that has ended makes the
// client wait with it, and not with the next. It is never put on record.
func (g *Guard) Over(who Authenticator) Authenticator { return guarded{g, who} }

type guarded struct {
	guard *Guard
	who   Authenticator
}

func (a guarded) Authenticate(ctx context.Context, given access.Presented) (lrs.Principal, error) {
	return a.guard.authenticate(ctx, cmp.Or(given.Bearer, given.Key), given.Key, func(ctx context.Context) (lrs.Principal, error) {
		return a.who.Authenticate(ctx, given)
	})
}
