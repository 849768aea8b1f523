package access

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"acquis/lrs"
)

// Presented is what a request identifies itself with: a key and a secret, or a bearer token.
type Presented struct {
	Key, Secret string
	Bearer      string
	Address     string // from where, for the record
}

// ExternalIssuer verifies a token of an issuer elsewhere, signature, issuer, audience and times
// included, and returns the client it was issued to and what it permits. KindUnauthenticated when it
// does not hold.
type ExternalIssuer func(ctx context.Context, token string) (client string, scopes lrs.Scope, err error)

// DirectoryOptions configure a Directory.
type DirectoryOptions struct {
	Compile  Compiler
	Shipped  []Schema       // that come with the product
	External ExternalIssuer // nil: tokens from elsewhere are refused
	Every    time.Duration  // how often changes are looked for; 0: every second
	Logger   *slog.Logger
	Now      func() time.Time
}

// Directory knows, in memory, who is who. What changes in the store, through whichever process,
// counts here within Every. Between two looks a picture never changes, so nobody waits for another.
type Directory struct {
	store   Store
	options DirectoryOptions
	macs    *macs
	journal *journal
	tokens  *tokenCache
	nobody  *holder // who is compared with when a key is not known
	picture atomic.Pointer[picture]

	refreshing sync.Mutex // guards what is below
	through    lrs.Instant
	pinned     map[string]*holder
}

// NewDirectory returns a directory that knows what the store holds.
func NewDirectory(ctx context.Context, store Store, o DirectoryOptions) (*Directory, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Every == 0 {
		o.Every = time.Second
	}
	if o.Compile == nil {
		o.Compile = func([]byte) (SchemaJudge, error) {
			return nil, lrs.Errorf(lrs.KindInvalid, "schemas are not taken here")
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	key, err := store.Key(ctx, "credentials")
	if err != nil {
		return nil, err
	}
	d := &Directory{store: store, options: o, macs: newMACs(key), pinned: map[string]*holder{}}
	d.journal = newJournal(store, o.Now)
	d.tokens = newTokenCache(store, o.Now, o.Every)
	d.nobody = &holder{used: &atomic.Int64{}}
	shipped := picture{}
	for _, s := range o.Shipped {
		s.Shipped = true
		judge, err := o.Compile(s.Body)
		if err != nil {
			return nil, err
		}
		shipped.setSchema(&compiledSchema{Schema: s, judge: judge})
	}
	d.picture.Store(&shipped)
	return d, d.Refresh(ctx)
}

// Pin lets a credential with this secret in as long as the process lives; it goes before a kept one
// of the same key. It is not kept and not to be administered.
func (d *Directory) Pin(c Credential, secret string) error {
	if c.Key == "" || secret == "" {
		return lrs.Errorf(lrs.KindInvalid, "a credential needs a key and a secret")
	}
	c.Secrets = []Secret{{MAC: d.macs.of(secret), Created: d.options.Now()}}
	d.refreshing.Lock()
	defer d.refreshing.Unlock()
	h, err := d.picture.Load().holder(c)
	if err != nil {
		return err
	}
	d.pinned[c.Key] = h
	d.publish(d.picture.Load())
	return nil
}

// Authenticate returns the principal of what is presented. KindUnauthenticated when it is not known
// or no longer taken; a key that is not known costs what a wrong secret costs.
func (d *Directory) Authenticate(ctx context.Context, given Presented) (lrs.Principal, error) {
	var p lrs.Principal
	var err error
	if given.Bearer != "" {
		p, err = d.authenticateBearer(ctx, given.Bearer)
	} else {
		p, err = d.authenticateKey(given)
	}
	if lrs.KindOf(err) == lrs.KindUnauthenticated {
		d.journal.refused(given, err.Error())
	}
	return p, err
}

var errUnknown = lrs.Errorf(lrs.KindUnauthenticated, "the key or the secret is not known")

func (d *Directory) authenticateKey(given Presented) (lrs.Principal, error) {
	now := d.options.Now()
	h, known := d.picture.Load().credentials[given.Key]
	if !known {
		h = d.nobody
	}
	var mac digest
	d.macs.sum(given.Secret, &mac)
	if !h.holds(&mac, now) {
		return lrs.Principal{}, errUnknown
	}
	if err := h.fault(now); err != nil {
		return lrs.Principal{}, err
	}
	h.touch(now)
	return h.principal, nil
}

// authenticateBearer takes a token that was issued here, or by the issuer elsewhere.
func (d *Directory) authenticateBearer(ctx context.Context, bearer string) (lrs.Principal, error) {
	if d.options.External != nil && strings.Count(bearer, ".") == 2 { // a JWT; tokens made here have no dot
		client, scopes, err := d.options.External(ctx, bearer)
		if err != nil {
			return lrs.Principal{}, err
		}
		return d.bearerOf(client, scopes, true, nil)
	}
	var mac digest
	d.macs.sum(bearer, &mac)
	t, err := d.tokens.get(ctx, mac)
	if err != nil {
		return lrs.Principal{}, err
	}
	return d.bearerOf(t.credential, t.scopes, false, t.launch)
}

// bearerOf is the principal of a credential as a token of it stands for it: with no more scopes than
// both have, and without roles.
func (d *Directory) bearerOf(key string, scopes lrs.Scope, external bool, launch *lrs.Launch) (lrs.Principal, error) {
	now := d.options.Now()
	h, known := d.picture.Load().credentials[key]
	if !known || external && !h.credential.External {
		return lrs.Principal{}, lrs.Errorf(lrs.KindUnauthenticated, "the client that the token was issued to is not registered here")
	}
	if err := h.fault(now); err != nil {
		return lrs.Principal{}, err
	}
	h.touch(now)
	p := h.principal
	p.Scopes = scopes & implied(p.Scopes)
	p.Roles, p.Subtrees, p.Launch = 0, nil, launch
	return p, nil
}

// implied are the scopes that a set of scopes permits (Communication 4.2).
func implied(s lrs.Scope) lrs.Scope {
	if s&lrs.ScopeAll != 0 {
		s |= lrs.ScopeAll - 1 // every other
	}
	if s&lrs.ScopeAllRead != 0 {
		s |= lrs.ScopeStatementsRead
	}
	if s&lrs.ScopeStatementsRead != 0 {
		s |= lrs.ScopeStatementsReadMine
	}
	return s
}

// Refused puts on record that somebody was refused before the directory was asked.
func (d *Directory) Refused(given Presented, detail string) { d.journal.refused(given, detail) }

// Source returns a source by its name.
func (d *Directory) Source(name string) (Source, bool) {
	s, known := d.picture.Load().sources[name]
	return s, known
}

// SourcePrincipal is who sends for a source from within this process, with the scopes and the source's rules.
// KindUnauthenticated when there is no such source, or it is disabled.
func (d *Directory) SourcePrincipal(name string, scopes lrs.Scope) (lrs.Principal, error) {
	p := d.picture.Load()
	s, known := p.sources[name]
	switch {
	case !known:
		return lrs.Principal{}, lrs.Errorf(lrs.KindUnauthenticated, "there is no source %.100q", name)
	case s.Disabled:
		return lrs.Principal{}, lrs.Errorf(lrs.KindUnauthenticated, "the source %s is disabled", name)
	}
	authority, err := lrs.NewAuthority(s.authority())
	return lrs.Principal{Name: s.Name, Source: s.Name, Authority: authority, Scopes: s.scopes(scopes), Rules: p.rules(s)}, err
}

// Refresh looks for changes now.
func (d *Directory) Refresh(ctx context.Context) error {
	d.refreshing.Lock()
	defer d.refreshing.Unlock()
	changes, err := d.store.Changes(ctx, d.through)
	if err != nil {
		return err
	}
	d.through = changes.Through
	d.apply(changes)
	return nil
}

// apply makes the next picture, if anything is new.
func (d *Directory) apply(c Changes) {
	next, changed := d.picture.Load().with(c, d.options.Compile)
	if !changed {
		return
	}
	for _, fault := range next.rebuild() {
		d.options.Logger.Error("something that is kept cannot be used", "fault", fault)
	}
	d.publish(next)
}

// publish puts the pinned credentials before the kept ones.
func (d *Directory) publish(p *picture) {
	next := *p
	next.credentials = maps.Clone(p.credentials)
	if next.credentials == nil {
		next.credentials = map[string]*holder{}
	}
	maps.Copy(next.credentials, d.pinned)
	d.picture.Store(&next)
}

// note counts a change at once that this process made.
func (d *Directory) note(c Changes) {
	d.refreshing.Lock()
	defer d.refreshing.Unlock()
	d.apply(c)
}

// How often Run does what need not be done at once.
const (
	journalEvery = 10 * time.Second
	usesEvery    = time.Minute
	sweepEvery   = 10 * time.Minute
)

// Run follows the store until ctx ends, and keeps in it what authentication told: refusals and last
// uses. What it could not keep by then is lost.
func (d *Directory) Run(ctx context.Context) {
	refresh, journal := time.NewTicker(d.options.Every), time.NewTicker(journalEvery)
	uses, sweep := time.NewTicker(usesEvery), time.NewTicker(sweepEvery)
	defer refresh.Stop()
	defer journal.Stop()
	defer uses.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalEvery)
			defer cancel()
			d.report("keeping refused authentications", d.journal.flush(last))
			d.report("keeping last uses", d.flushUses(last))
			return
		case <-refresh.C:
			d.report("following sources and credentials", d.Refresh(ctx))
		case <-journal.C:
			d.report("keeping refused authentications", d.journal.flush(ctx))
		case <-uses.C:
			d.report("keeping last uses", d.flushUses(ctx))
		case <-sweep.C:
			_, err := d.store.SweepTokens(ctx, d.options.Now())
			d.report("removing expired tokens", err)
		}
	}
}

func (d *Directory) report(what string, err error) {
	if err != nil && !isCancelled(err) {
		d.options.Logger.Error(what+" failed", "error", err)
	}
}

// flushUses keeps when credentials were used.
func (d *Directory) flushUses(ctx context.Context) error {
	uses := d.uses()
	if len(uses) == 0 {
		return nil
	}
	return d.store.NoteUses(ctx, uses)
}

// uses tells when credentials were used since the start of the process.
func (d *Directory) uses() map[string]time.Time {
	uses := map[string]time.Time{}
	for key, h := range d.picture.Load().credentials {
		if at := h.used.Load(); at != 0 {
			uses[key] = time.Unix(at, 0).UTC()
		}
	}
	return uses
}
