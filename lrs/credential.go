package lrs

import "context"

// Credential is what a platform identifies itself with: a Basic key and a secret, of which only a
// keyed digest is kept.
type Credential struct {
	Key       string
	SecretMAC []byte // HMAC-SHA256 of the secret under the store's credential key
	Source    string
	Scopes    Scope
	Authority RawJSON
}

// CredentialStore keeps credentials.
type CredentialStore interface {
	// Credential returns the credential of the key. ErrNotFound when there is none.
	Credential(ctx context.Context, key string) (Credential, error)

	// PutCredential keeps a credential durably, replacing the one of the same key.
	PutCredential(ctx context.Context, c Credential) error

	// HasCredentials reports whether any credential is kept.
	HasCredentials(ctx context.Context) (bool, error)
}
