package lrs_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"acquis/lrs"
)

// credentials keep credentials and keys in memory, or fail.
type credentials struct {
	kept   map[string]lrs.Credential
	failed error
}

func (c *credentials) Credential(_ context.Context, key string) (lrs.Credential, error) {
	if c.failed != nil {
		return lrs.Credential{}, c.failed
	}
	kept, ok := c.kept[key]
	if !ok {
		return lrs.Credential{}, lrs.Errorf(lrs.KindNotFound, "there is no such credential")
	}
	return kept, nil
}

func (c *credentials) PutCredential(_ context.Context, credential lrs.Credential) error {
	c.kept[credential.Key] = credential
	return c.failed
}

func (c *credentials) HasCredentials(context.Context) (bool, error) { return len(c.kept) > 0, c.failed }

func (c *credentials) Key(_ context.Context, name string) ([]byte, error) {
	return append(make([]byte, 32), name...), c.failed
}

func TestAuthenticator(t *testing.T) {
	ctx := t.Context()
	store := &credentials{kept: map[string]lrs.Credential{}}
	a, err := lrs.NewAuthenticator(ctx, store, store)
	if err != nil {
		t.Fatal(err)
	}
	credential := lrs.Credential{Key: "pix", Source: "Pix", Scopes: lrs.ScopeStatementsWrite, Authority: lrs.RawJSON(anAgent)}
	if err := a.Register(ctx, credential, "secret"); err != nil {
		t.Fatal(err)
	}
	t.Run("a key and its secret are a principal", func(t *testing.T) {
		p, err := a.Authenticate(ctx, "pix", "secret")
		if err != nil || p.Name != "pix" || p.Source != "Pix" || p.Scopes != lrs.ScopeStatementsWrite || string(p.Authority.JSON) != anAgent {
			t.Errorf("%+v %v", p, err)
		}
	})
	t.Run("the secret is not kept", func(t *testing.T) {
		kept := store.kept["pix"].SecretMAC
		if len(kept) != 32 || bytes.Contains(kept, []byte("secret")) {
			t.Errorf("kept %q", kept)
		}
	})
	t.Run("everything else is nobody, and the answer does not tell what is wrong", func(t *testing.T) {
		store.kept["blank"] = lrs.Credential{Key: "blank", Authority: lrs.RawJSON(anAgent)} // has no secret
		answers := map[string]bool{}
		for _, pair := range [][2]string{{"pix", "Secret"}, {"pix", ""}, {"Pix", "secret"}, {"", ""}, {"", "secret"}, {"blank", ""}, {"secret", "pix"}} {
			_, err := a.Authenticate(ctx, pair[0], pair[1])
			if lrs.KindOf(err) != lrs.KindUnauthenticated {
				t.Errorf("%q: %v", pair, err)
			} else {
				answers[err.Error()] = true
			}
		}
		if len(answers) != 1 {
			t.Errorf("answers differ: %v", answers)
		}
	})
	t.Run("a new secret replaces the former", func(t *testing.T) {
		if err := a.Register(ctx, credential, "other"); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Authenticate(ctx, "pix", "secret"); lrs.KindOf(err) != lrs.KindUnauthenticated {
			t.Errorf("the former: %v", err)
		}
		if _, err := a.Authenticate(ctx, "pix", "other"); err != nil {
			t.Errorf("the new: %v", err)
		}
	})
	t.Run("a credential without key, secret or authority is refused", func(t *testing.T) {
		for name, c := range map[string]lrs.Credential{"key": {Authority: lrs.RawJSON(anAgent)}, "authority": {Key: "x"}, "sound authority": {Key: "x", Authority: lrs.RawJSON(`{"name":"x"}`)}} {
			if err := a.Register(ctx, c, "secret"); lrs.KindOf(err) != lrs.KindInvalid {
				t.Errorf("without %s: %v", name, err)
			}
		}
		if err := a.Register(ctx, lrs.Credential{Key: "x", Authority: lrs.RawJSON(anAgent)}, ""); lrs.KindOf(err) != lrs.KindInvalid {
			t.Errorf("without secret: %v", err)
		}
		if _, kept := store.kept["x"]; kept {
			t.Error("it was kept")
		}
	})
	t.Run("a failing store is an internal error, not a refusal", func(t *testing.T) {
		failing := &credentials{failed: errors.New("disk")}
		if _, err := lrs.NewAuthenticator(ctx, failing, failing); !errors.Is(err, failing.failed) {
			t.Errorf("%v", err)
		}
		failed := &credentials{kept: map[string]lrs.Credential{}}
		b, err := lrs.NewAuthenticator(ctx, failed, failed)
		if err != nil {
			t.Fatal(err)
		}
		failed.failed = errors.New("disk")
		if _, err := b.Authenticate(ctx, "pix", "secret"); !errors.Is(err, failed.failed) || lrs.KindOf(err) != 0 {
			t.Errorf("%v", err)
		}
	})
}

func TestNewSecret(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		secret, err := lrs.NewSecret()
		if err != nil || len(secret) != 32 || seen[secret] {
			t.Fatalf("%q %v", secret, err)
		}
		seen[secret] = true
	}
}
