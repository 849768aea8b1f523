package access

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"acquis/lrs"
)

// Token is what was issued in exchange for a credential. It lives no longer than that.
type Token struct {
	ID         string         `json:"id"`         // hexadecimal HMAC-SHA-256 of the token
	Credential string         `json:"credential"` // the key
	Scopes     lrs.Scope      `json:"scopes,omitzero"`
	Launch     *LaunchBinding `json:"launch,omitempty"`
	Issued     time.Time      `json:"issued"`
	Expires    time.Time      `json:"expires"`
}

// LaunchBinding is one learner's attempt at one activity.
type LaunchBinding struct {
	Actor        jsontext.Value `json:"actor"`    // an Agent or identified Group
	Activity     string         `json:"activity"` // IRI
	Registration lrs.ID         `json:"registration,omitzero"`
}

// LaunchRequest asks for a launch token. Without a registration a new one is made.
type LaunchRequest struct {
	LaunchBinding
	Lifetime time.Duration // 0: the installation's
}

// Issued is a token as it is shown once.
type Issued struct {
	Token   string
	Scopes  lrs.Scope
	Launch  *LaunchBinding // of a launch token
	Issued  time.Time
	Expires time.Time
}

// Lifetimes say how long tokens live.
type Lifetimes struct {
	Access    time.Duration // of an access token
	Launch    time.Duration // of a launch token when nothing else is asked for
	LaunchMax time.Duration // the most that may be asked for
}

// Tokens issues and revokes tokens. They are opaque and random, and kept as keyed digests.
type Tokens struct {
	store     Store
	directory *Directory
	lifetimes Lifetimes
}

// NewTokens returns the issuer of the directory's tokens.
func NewTokens(store Store, d *Directory, l Lifetimes) *Tokens {
	return &Tokens{store: store, directory: d, lifetimes: l}
}

// launchScopes is what a launch token may do, within its binding, if its credential may.
const launchScopes = lrs.ScopeStatementsWrite | lrs.ScopeState

// Issue exchanges a credential for an access token with these scopes, 0 for all that the credential
// has. KindForbidden when the credential lacks one of them. The token carries no role.
func (t *Tokens) Issue(ctx context.Context, p lrs.Principal, scopes lrs.Scope) (Issued, error) {
	if scopes == 0 {
		scopes = p.Scopes
	}
	if p.Launch != nil {
		return Issued{}, lrs.Errorf(lrs.KindForbidden, "a launch token cannot be exchanged for another token")
	}
	if lacking := scopes &^ implied(p.Scopes); lacking != 0 || scopes == 0 {
		return Issued{}, lrs.Errorf(lrs.KindForbidden, "this credential was not granted the scope %s: it has %s", lacking, p.Scopes)
	}
	return t.issue(ctx, Token{Credential: p.Name, Scopes: scopes}, t.lifetimes.Access)
}

// Launch exchanges a source's credential for a token that a learner's browser may hold: it stores
// statements of this actor about this activity in this registration, and keeps state there, and
// nothing else. KindForbidden when the credential could not store statements itself.
func (t *Tokens) Launch(ctx context.Context, p lrs.Principal, r LaunchRequest) (Issued, error) {
	switch {
	case p.Launch != nil:
		return Issued{}, lrs.Errorf(lrs.KindForbidden, "a launch token cannot be exchanged for another token")
	case implied(p.Scopes)&lrs.ScopeStatementsWrite == 0:
		return Issued{}, lrs.Errorf(lrs.KindForbidden, "this credential may not launch content: it needs the scope statements/write")
	}
	if err := t.launchFaults(r); err != nil {
		return Issued{}, err
	}
	binding := r.LaunchBinding
	if binding.Registration == uuid.Nil {
		binding.Registration = uuid.New()
	}
	lifetime := r.Lifetime
	if lifetime == 0 {
		lifetime = t.lifetimes.Launch
	}
	return t.issue(ctx, Token{Credential: p.Name, Scopes: launchScopes & implied(p.Scopes), Launch: &binding}, lifetime)
}

func (t *Tokens) launchFaults(r LaunchRequest) error {
	var f faults
	if _, err := lrs.DecodeAgent(r.Actor); err != nil {
		var e *lrs.Error
		if errors.As(err, &e) && len(e.Violations) > 0 {
			for _, v := range e.Violations {
				v.Pointer = "/actor" + v.Pointer
				f.found = append(f.found, v)
			}
		} else {
			f.add("/actor", "actor", "%v", err)
		}
	}
	if err := lrs.CheckIRI(r.Activity); err != nil {
		f.add("/activity", "iri", "must be the IRI of an activity: this one %v", err)
	}
	if r.Lifetime < 0 || r.Lifetime > t.lifetimes.LaunchMax {
		f.add("/lifetime", "range", "must be %s at most", t.lifetimes.LaunchMax)
	}
	return f.err("the launch")
}

func (t *Tokens) issue(ctx context.Context, token Token, lifetime time.Duration) (Issued, error) {
	secret := newSecret()
	token.ID = hex.EncodeToString(t.directory.macs.of(secret))
	token.Issued = t.directory.options.Now().UTC()
	token.Expires = token.Issued.Add(lifetime)
	if err := t.store.PutToken(ctx, token); err != nil {
		return Issued{}, err
	}
	return Issued{Token: secret, Scopes: token.Scopes, Launch: token.Launch, Issued: token.Issued, Expires: token.Expires}, nil
}

// Revoke ends a token that was issued to the principal's credential (RFC 7009). One that is not known
// or another's is left alone, and that is no error.
func (t *Tokens) Revoke(ctx context.Context, p lrs.Principal, token string) error {
	var mac digest
	t.directory.macs.sum(token, &mac)
	id := hex.EncodeToString(mac[:])
	known, err := t.store.Token(ctx, id)
	switch {
	case errors.Is(err, lrs.ErrNotFound), err == nil && known.Credential != p.Name:
		return nil
	case err != nil:
		return err
	}
	err = t.store.DeleteToken(ctx, id)
	t.directory.tokens.tokens.Remove(mac)
	return err
}
