package lrs

import (
	"crypto/sha256"
	"hash/maphash"
	"sync/atomic"
)

// TermCache remembers the terms of values that come again and again: most statements name the same
// source, authority, verbs and activities, and the digest of each costs more than looking it up. It
// holds a bounded number of values and forgets one for another that falls on the same slot. Any number
// of goroutines may use it; a nil TermCache remembers nothing.
type TermCache struct {
	seed  maphash.Seed
	slots [cachedTerms]atomic.Pointer[cachedTerm]
}

// cachedTerms bounds what is remembered; with the longest values it takes 6 MB.
const cachedTerms = 1 << 14

// cachedValue is the length of the longest value that is remembered.
const cachedValue = 256

type cachedTerm struct {
	value string
	term  Term
}

// NewTermCache returns an empty cache.
func NewTermCache() *TermCache { return &TermCache{seed: maphash.MakeSeed()} }

// term is the only place where terms are made.
func (k *TermCache) term(kind TermKind, parts ...string) Term {
	var buffer [cachedValue]byte
	value := append(buffer[:0], byte(kind))
	for i, p := range parts {
		if i > 0 {
			value = append(value, 0)
		}
		value = append(value, p...)
	}
	if k == nil || len(value) > cachedValue {
		return digestTerm(value)
	}
	slot := &k.slots[maphash.Bytes(k.seed, value)%cachedTerms]
	if known := slot.Load(); known != nil && known.value == string(value) {
		return known.term
	}
	t := digestTerm(value)
	slot.Store(&cachedTerm{string(value), t})
	return t
}

// digestTerm makes the term of a value that its kind begins.
func digestTerm(value []byte) Term {
	sum := sha256.Sum256(value)
	t := Term{value[0]}
	copy(t[1:], sum[:])
	return t
}

func (k *TermCache) ifi(kind TermKind, ifi IFI) Term {
	return k.term(kind, ifi.Kind.digit(), ifi.canonicalValue(), ifi.HomePage)
}

func (k *TermCache) authority(a *Actor) Term {
	if a.Group && len(a.Members) == 2 {
		first, second := a.Members[0].IFI, a.Members[1].IFI
		if compareIFI(first, second) > 0 {
			first, second = second, first
		}
		return k.term(TermAuthority, first.canonicalValue(), first.HomePage, second.canonicalValue(), second.HomePage)
	}
	return k.term(TermAuthority, a.IFI.Kind.digit(), a.IFI.canonicalValue(), a.IFI.HomePage)
}

func (k IFIKind) digit() string { return string('0' + rune(k)) }
