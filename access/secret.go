package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"sync"
)

// digest is a keyed digest of a secret. Secrets are random and long, so a fast digest keeps them safe.
type digest [sha256.Size]byte

// macs makes digests under the store's key. It is safe for concurrent use.
type macs struct{ pool sync.Pool }

// maker holds what making one digest needs, so that nothing is allocated.
type maker struct {
	hash hash.Hash
	text []byte
	sum  []byte
}

func newMACs(key []byte) *macs {
	return &macs{sync.Pool{New: func() any { return &maker{hash: hmac.New(sha256.New, key)} }}}
}

func (m *macs) sum(secret string, into *digest) {
	k := m.pool.Get().(*maker)
	defer m.pool.Put(k)
	k.hash.Reset()
	k.text = append(k.text[:0], secret...)
	k.hash.Write(k.text)
	k.sum = k.hash.Sum(k.sum[:0])
	copy(into[:], k.sum)
	clear(k.text)
}

func (m *macs) of(secret string) []byte {
	var d digest
	m.sum(secret, &d)
	return d[:]
}

// newSecret makes a random secret of 256 bits.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}
