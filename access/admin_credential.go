package access

import (
	"context"
	"slices"
	"strings"
	"time"

	"acquis/lrs"
)

// Credentials lists the credentials by key, with when they were last used, without digests of
// secrets. source, unless it is "", lists that source's only.
func (a *Admin) Credentials(ctx context.Context, c Caller, source string, q List) (Listed[Credential], error) {
	if err := c.Has(readers, "read credentials"); err != nil {
		return Listed[Credential]{}, err
	}
	uses, err := a.lastUses(ctx)
	if err != nil {
		return Listed[Credential]{}, err
	}
	wanted := func(k Credential) bool { return source == "" || k.Source == source }
	tell := func(k Credential) Credential { return told(k, uses) }
	return shown(listed(a.directory.picture.Load().kept, q, wanted), tell), nil
}

// Credential returns a credential as Credentials does. KindNotFound when there is none.
func (a *Admin) Credential(ctx context.Context, c Caller, key string) (Credential, error) {
	if err := c.Has(readers, "read credentials"); err != nil {
		return Credential{}, err
	}
	k, known := a.directory.picture.Load().kept[key]
	if !known {
		return Credential{}, notFound("credential", key)
	}
	uses, err := a.lastUses(ctx)
	return told(k, uses), err
}

// lastUses joins what is kept with what this process knows.
func (a *Admin) lastUses(ctx context.Context) (map[string]time.Time, error) {
	uses, err := a.store.Uses(ctx)
	if err != nil {
		return nil, err
	}
	if uses == nil {
		uses = map[string]time.Time{}
	}
	for key, at := range a.directory.uses() {
		if at.After(uses[key]) {
			uses[key] = at
		}
	}
	return uses, nil
}

// told is a credential as people may see it.
func told(c Credential, uses map[string]time.Time) Credential {
	c.LastUsed = uses[c.Key]
	c.Secrets = slices.Clone(c.Secrets)
	for i := range c.Secrets {
		c.Secrets[i].MAC = nil
	}
	return c
}

// broad are the scopes by which one sees what others sent.
const broad = lrs.ScopeStatementsRead | lrs.ScopeAllRead | lrs.ScopeAll

// rolesFor are the roles that may make, change or rotate a credential: only administrators give
// roles, or scopes that reach beyond the source.
func rolesFor(c Credential) lrs.Role {
	if c.Kind == OfAccount || c.Scopes&broad != 0 {
		return grantors
	}
	return managers
}

// IssueCredential makes a credential with a secret, which is returned this once; an external one has
// none. Without a key one is made up. KindConflict when the key is taken.
func (a *Admin) IssueCredential(ctx context.Context, c Caller, k Credential) (Credential, string, error) {
	if k.Key == "" {
		k.Key = strings.ToLower(k.Source+k.Account) + "-" + newSecret()[:8]
		k.Key = strings.Map(plain, k.Key)
	}
	secret := ""
	now := a.now().UTC().Truncate(time.Second)
	k.Created, k.LastUsed, k.Revision, k.Secrets = now, time.Time{}, 0, nil
	if !k.External {
		secret = newSecret()
		k.Secrets = []Secret{{MAC: a.directory.macs.of(secret), Created: now}}
	}
	change, err := a.act(ctx, c, "credential.issue", "credential/"+k.Key, rolesFor(k), func(p *picture) (Change, error) {
		if err := k.faults(p.sources); err != nil {
			return Change{}, err
		}
		if _, taken := p.kept[k.Key]; taken {
			return Change{}, lrs.Errorf(lrs.KindConflict, "the key %s is taken: choose another, or rotate its secret", k.Key)
		}
		return Change{Credential: &k, Entry: Entry{After: image(told(k, nil), true)}}, nil
	})
	if err != nil {
		return Credential{}, "", err
	}
	return told(*change.Credential, nil), secret, nil
}

// plain replaces what base64 has and a shell or a reader might stumble over.
func plain(r rune) rune {
	if r == '_' {
		return 'x'
	}
	return r
}

// UpdateCredential replaces scopes, roles, subtrees, note, expiry and whether a credential is disabled;
// whose it is and its secrets stay. k.Revision is that of the credential it replaces. A disabled
// credential stops everywhere within seconds, with the tokens that were issued for it.
func (a *Admin) UpdateCredential(ctx context.Context, c Caller, k Credential) (Credential, error) {
	return a.change(ctx, c, "credential.update", k.Key, k.Scopes, func(p *picture, now Credential) (Credential, error) {
		next := now
		next.Scopes, next.Roles, next.Subtrees = k.Scopes, k.Roles, k.Subtrees
		next.Note, next.Expires, next.Disabled = k.Note, k.Expires, k.Disabled
		next.Revision = k.Revision
		return next, next.faults(p.sources)
	})
}

// RotateSecret gives a credential a new secret, which is returned this once. The one before is taken
// for overlap more, so that the partner can change over; an older one not at all any more.
func (a *Admin) RotateSecret(ctx context.Context, c Caller, key string, overlap time.Duration) (Credential, string, error) {
	secret := newSecret()
	k, err := a.change(ctx, c, "credential.rotate", key, 0, func(_ *picture, before Credential) (Credential, error) {
		switch {
		case before.External:
			return before, lrs.Errorf(lrs.KindInvalid, "this credential has no secret: its tokens come from the issuer")
		case overlap < 0 || overlap > maxOverlap:
			return before, lrs.Errorf(lrs.KindInvalid, "the two secrets may overlap by %s at most", maxOverlap)
		}
		now := a.now().UTC().Truncate(time.Second)
		next := before
		next.Secrets = []Secret{{MAC: a.directory.macs.of(secret), Created: now}}
		if until := now.Add(overlap); overlap > 0 && len(before.Secrets) > 0 {
			former := before.Secrets[0]
			if former.Expires.IsZero() || former.Expires.After(until) {
				former.Expires = until
			}
			next.Secrets = append(next.Secrets, former)
		}
		return next, nil
	})
	if err != nil {
		return Credential{}, "", err
	}
	return k, secret, nil
}

// maxOverlap is how long two secrets may live beside each other.
const maxOverlap = 90 * 24 * time.Hour

// change replaces a credential by what next makes of it; wanted are the scopes that it is to have.
func (a *Admin) change(ctx context.Context, c Caller, action, key string, wanted lrs.Scope, next func(*picture, Credential) (Credential, error)) (Credential, error) {
	roles := rolesFor(Credential{Scopes: wanted})
	change, err := a.act(ctx, c, action, "credential/"+key, roles, func(p *picture) (Change, error) {
		before, known := p.kept[key]
		if !known {
			return Change{}, notFound("credential", key)
		}
		if err := c.Has(rolesFor(before), actionWords(action)); err != nil {
			return Change{}, err
		}
		k, err := next(p, before)
		if err != nil {
			return Change{}, err
		}
		return Change{Credential: &k, Entry: Entry{Before: image(told(before, nil), true), After: image(told(k, nil), true)}}, nil
	})
	if err != nil {
		return Credential{}, err
	}
	return told(*change.Credential, nil), nil
}

// FirstCredential makes, where no credential is kept yet, a service account of this name with every
// scope and the role of the administrator, so that somebody can come in. The secret is returned this
// once; "" when there was one.
func (a *Admin) FirstCredential(ctx context.Context, name string) (secret string, err error) {
	if len(a.directory.picture.Load().kept) > 0 {
		return "", nil
	}
	first := Caller{Principal: lrs.Principal{Name: "acquis", Roles: lrs.RoleAdministrator}}
	_, secret, err = a.IssueCredential(ctx, first, Credential{
		Key: name, Kind: OfAccount, Account: name, Scopes: lrs.ScopeAll, Roles: lrs.RoleAdministrator, Note: "made at the first start",
	})
	if lrs.KindOf(err) == lrs.KindConflict { // another process was first
		return "", nil
	}
	return secret, err
}
