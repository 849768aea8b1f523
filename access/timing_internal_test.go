package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"testing"
	"time"

	"acquis/lrs"
)

// counted counts the digests that are made of it.
type counted struct {
	hash.Hash
	digests *int
}

func (c counted) Sum(b []byte) []byte {
	*c.digests++
	return c.Hash.Sum(b)
}

// TestRefusalCostsTheSame holds that a key that is not known takes the way of a wrong secret: as many
// digests, and the comparison with as many secrets, whatever there are. What both cost is told by
// BenchmarkRefusal.
func TestRefusalCostsTheSame(t *testing.T) {
	digests := 0
	m := &macs{}
	m.pool.New = func() any {
		return &maker{hash: counted{hmac.New(sha256.New, []byte("key")), &digests}}
	}
	d := &Directory{options: DirectoryOptions{Now: time.Now}, macs: m, nobody: &holder{}, journal: newJournal(nil, time.Now)}
	one, two := &holder{have: 1}, &holder{have: 2}
	copy(one.secrets[0][:], m.of("right"))
	copy(two.secrets[0][:], m.of("right"))
	copy(two.secrets[1][:], m.of("former"))
	d.picture.Store(&picture{credentials: map[string]*holder{"one": one, "two": two}})
	for name, given := range map[string]Presented{
		"an unknown key": {Key: "none", Secret: "wrong"}, "a wrong secret": {Key: "one", Secret: "wrong"},
		"a wrong secret for a key that has two": {Key: "two", Secret: "wrong"}, "no secret": {Key: "none"},
	} {
		t.Run(name, func(t *testing.T) {
			digests = 0
			_, err := d.Authenticate(t.Context(), given)
			if digests != 1 {
				t.Errorf("%d digests", digests)
			}
			if lrs.KindOf(err) != lrs.KindUnauthenticated || err.Error() != errUnknown.Error() {
				t.Errorf("it answers %v, which tells one from the other", err)
			}
		})
	}
	t.Run("nobody has no secret, not even the digest that stands in its place", func(t *testing.T) {
		if d.nobody.holds(&digest{}, time.Now()) || one.holds(&digest{}, time.Now()) {
			t.Error("a secret that is not there was held to be right")
		}
	})
}
