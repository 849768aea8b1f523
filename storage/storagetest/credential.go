package storagetest

import (
	"testing"

	"acquis/lrs"
)

// Credentials tests lrs.CredentialStore.
func Credentials(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"an empty store has no credential", noCredential},
		{"a credential comes back as it was put, also after reopening", credentialComesBack},
		{"a credential replaces the one of the same key", credentialReplaced},
	})
}

func credential(key string) lrs.Credential {
	return lrs.Credential{
		Key: key, SecretMAC: []byte{1, 0, 255}, Source: "pix", Scopes: lrs.ScopeStatementsWrite | lrs.ScopeAll,
		Authority: authorities[0].JSON,
	}
}

func noCredential(s *subject) {
	has, err := s.Store.HasCredentials(s.ctx)
	s.must(err)
	if has {
		s.Fatalf("an empty store claims to have credentials")
	}
	_, err = s.Store.Credential(s.ctx, "pix")
	s.wantKind(err, lrs.KindNotFound)
}

func (s *subject) wantCredential(want lrs.Credential) {
	s.Helper()
	got, err := s.Store.Credential(s.ctx, want.Key)
	s.must(err)
	s.wantSame(got, want)
}

func credentialComesBack(s *subject) {
	keys := []string{"pix", "clé/é\x00", "pi", "pixie"}
	for _, key := range keys {
		s.must(s.Store.PutCredential(s.ctx, credential(key)))
	}
	for range 2 {
		for _, key := range keys {
			s.wantCredential(credential(key))
		}
		_, err := s.Store.Credential(s.ctx, "PIX")
		s.wantKind(err, lrs.KindNotFound)
		has, err := s.Store.HasCredentials(s.ctx)
		s.must(err)
		if !has {
			s.Fatalf("a store with credentials claims to have none")
		}
		s.restart()
	}
}

func credentialReplaced(s *subject) {
	s.must(s.Store.PutCredential(s.ctx, credential("pix")))
	other := lrs.Credential{Key: "pix", SecretMAC: []byte{9}, Source: "campus", Scopes: lrs.ScopeState, Authority: authorities[1].JSON}
	s.must(s.Store.PutCredential(s.ctx, other))
	s.wantCredential(other)
}
