package storage

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"math/bits"
)

// item is a thing in a part of a store: what it is called in messages, and a digest of all of it.
type item struct {
	name string
	sum  [sha256.Size]byte
}

// newItem digests a name and fields; no two lists of fields are digested alike.
func newItem(name string, fields ...[]byte) item {
	h := sha256.New()
	var length []byte
	for _, f := range append([][]byte{[]byte(name)}, fields...) {
		length = binary.AppendUvarint(length[:0], uint64(len(f)))
		h.Write(length)
		h.Write(f)
	}
	i := item{name: name}
	h.Sum(i.sum[:0])
	return i
}

func number[N ~int | ~uint8 | ~uint32 | ~int64](n N) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n))
}

func boolean(b bool) []byte {
	if b {
		return []byte{1}
	}
	return []byte{0}
}

// buckets is how finely a digest tells where two parts differ.
const buckets = 4096

// digest sums up the items of a part in whatever order they come, since backends list them in
// different ones: it adds their SHA-256 as numbers, bucket by bucket.
type digest struct {
	count   int64
	buckets [buckets][4]uint64
}

func bucketOf(name string) int {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int(h.Sum32() % buckets)
}

func (d *digest) add(i item) {
	d.count++
	sum := &d.buckets[bucketOf(i.name)]
	var carry uint64
	for word := range sum {
		sum[word], carry = bits.Add64(sum[word], binary.LittleEndian.Uint64(i.sum[8*word:]), carry)
	}
}

// text is the digest in hexadecimal.
func (d *digest) text() string {
	h := sha256.New()
	for _, sum := range d.buckets {
		for _, word := range sum {
			h.Write(number(int64(word)))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// searched is in how many buckets differences are looked for by name.
const searched = 16

// apart tells in which buckets two digests differ, some of them when they are many.
func (d *digest) apart(other *digest) map[int]bool {
	differing := map[int]bool{}
	for b := range d.buckets {
		if d.buckets[b] != other.buckets[b] && len(differing) < searched {
			differing[b] = true
		}
	}
	return differing
}
