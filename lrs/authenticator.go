package lrs

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
)

// Authenticator tells who presents a key and a secret. Secrets are random and long, so a keyed
// digest keeps them safe and costs next to nothing to compare; the key is the store's.
type Authenticator struct {
	store    CredentialStore
	macKey   []byte
	admitted map[string]Credential
}

// NewAuthenticator returns an authenticator over the store's credentials.
func NewAuthenticator(ctx context.Context, store CredentialStore, keys KeyStore) (*Authenticator, error) {
	key, err := keys.Key(ctx, "credentials")
	if err != nil {
		return nil, err
	}
	return &Authenticator{store, key, map[string]Credential{}}, nil
}

// Authenticate returns the principal of a Basic key and secret. KindUnauthenticated when the pair
// is not known; unknown keys take as long as wrong secrets.
func (a *Authenticator) Authenticate(ctx context.Context, key, secret string) (Principal, error) {
	given := a.mac(secret)
	c, admitted := a.admitted[key]
	if !admitted {
		var err error
		if c, err = a.store.Credential(ctx, key); err != nil && !errors.Is(err, ErrNotFound) {
			return Principal{}, err
		}
	}
	if !hmac.Equal(given, c.SecretMAC) {
		return Principal{}, Errorf(KindUnauthenticated, "the key or the secret is not known")
	}
	authority, err := NewAuthority(c.Authority)
	if err != nil {
		return Principal{}, err
	}
	return Principal{Name: c.Key, Source: c.Source, Authority: authority, Scopes: c.Scopes}, nil
}

// Admit lets a credential with this secret in as long as the process lives; it goes before a kept
// one of the same key. It must not be called once Authenticate is in use.
func (a *Authenticator) Admit(c Credential, secret string) error {
	c, err := a.withSecret(c, secret)
	if err == nil {
		a.admitted[c.Key] = c
	}
	return err
}

// Register keeps a credential with this secret in the store, replacing the one of the same key.
func (a *Authenticator) Register(ctx context.Context, c Credential, secret string) error {
	c, err := a.withSecret(c, secret)
	if err != nil {
		return err
	}
	return a.store.PutCredential(ctx, c)
}

func (a *Authenticator) withSecret(c Credential, secret string) (Credential, error) {
	if c.Key == "" || secret == "" {
		return c, Errorf(KindInvalid, "a credential needs a key and a secret")
	}
	if _, err := NewAuthority(c.Authority); err != nil {
		return c, err
	}
	c.SecretMAC = a.mac(secret)
	return c, nil
}

func (a *Authenticator) mac(secret string) []byte {
	mac := hmac.New(sha256.New, a.macKey)
	mac.Write([]byte(secret))
	return mac.Sum(nil)
}

// NewSecret makes a random secret of 192 bits.
func NewSecret() (string, error) {
	b := make([]byte, 24)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}
