package pebblestore

import (
	"encoding/binary"
	"strings"

	"github.com/google/uuid"

	"acquis/lrs"
)

// The key spaces. Integers are big-endian, so that byte order is number order.
const (
	spaceActivity  = 'a' // hash of IRI                     -> digest of the last definition, canonical definition
	spaceDocument  = 'd' // kind, scope hashes, id          -> document
	spaceErased    = 'e' // keyed digest of an erased id    -> nothing
	spaceHubDoc    = 'h' // docs.go has its parts           -> documents of the hub
	spaceID        = 'i' // statement id                    -> idRecord
	spaceJob       = 'j' // position                        -> id whose referrers are to be linked again
	spaceMeta      = 'm' // name                            -> value
	spaceInherited = 'n' // stored                          -> inherited terms
	spaceLate      = 'l' // term, stored                    -> nothing
	spaceLog       = 's' // stored                          -> record
	spacePosting   = 't' // term, first stored of a chunk   -> distances of the others
	spaceVoided    = 'v' // stored of a voided statement    -> nothing
	spaceVoiding   = 'w' // id of a target, stored of a voiding statement -> nothing
	spaceAttached  = 'x' // SHA-2, stored                   -> nothing
)

const instantSize = 8

func appendInstant(b []byte, t lrs.Instant) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(t))
}

// instantAt reads the instant that ends a key.
func instantAt(key []byte) lrs.Instant {
	return lrs.Instant(binary.BigEndian.Uint64(key[len(key)-instantSize:]))
}

func instantKey(space byte, t lrs.Instant) []byte {
	return appendInstant([]byte{space}, t)
}

func termPrefix(space byte, t lrs.Term) []byte {
	return append(append(make([]byte, 0, 1+len(t)+instantSize), space), t[:]...)
}

func termKey(space byte, t lrs.Term, stored lrs.Instant) []byte {
	return appendInstant(termPrefix(space, t), stored)
}

func idKey(space byte, id lrs.ID) []byte { return append([]byte{space}, id[:]...) }

func voidingKey(target lrs.ID, stored lrs.Instant) []byte {
	return appendInstant(idKey(spaceVoiding, target), stored)
}

func attachedPrefix(sha2 string) []byte { return append([]byte{spaceAttached}, sha2...) }

func attachedKey(sha2 string, stored lrs.Instant) []byte {
	return appendInstant(attachedPrefix(sha2), stored)
}

func metaKey(name string) []byte { return append([]byte{spaceMeta}, name...) }

// prefixEnd returns the first key after all keys that start with prefix.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// idRecord is what is known about a statement id, whether its statement is here or not.
type idRecord struct {
	stored     lrs.Instant // 0 while the statement is not here
	referenced bool        // some statement's object refers to it
	voided     bool        // some statement voids it, or would if it were not voiding itself
}

func (r idRecord) encode() []byte {
	var flags byte
	if r.referenced {
		flags |= 1
	}
	if r.voided {
		flags |= 2
	}
	return append(appendInstant(nil, r.stored), flags)
}

func decodeIDRecord(b []byte) (idRecord, error) {
	if len(b) != instantSize+1 {
		return idRecord{}, errDamaged
	}
	flags := b[instantSize]
	return idRecord{stored: instantAt(b[:instantSize]), referenced: flags&1 != 0, voided: flags&2 != 0}, nil
}

// record is what stands at a position of the log.
type record struct {
	kind     lrs.LogKind
	gone     bool        // LogStored: the statement was erased since
	target   lrs.Instant // LogErased, LogRedacted
	revision uint32
	id       lrs.ID
	source   string
	attached []string // SHA-2 of the attachments that came along
	bytes    []byte
}

func (r record) encode(b []byte) []byte {
	b = append(b, byte(r.kind))
	if r.kind != lrs.LogStored {
		return appendInstant(b, r.target)
	}
	if r.gone {
		return b
	}
	b = append(b, r.id[:]...)
	b = binary.AppendUvarint(b, uint64(r.revision))
	b = appendText(b, r.source)
	b = appendText(b, strings.Join(r.attached, " "))
	return append(b, r.bytes...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// cutText takes a text that appendText wrote off the front of b.
func cutText(b []byte) (text string, rest []byte, err error) {
	length, n := binary.Uvarint(b)
	if n <= 0 || uint64(len(b)-n) < length {
		return "", nil, errDamaged
	}
	end := n + int(length)
	return string(b[n:end]), b[end:], nil
}

// decodeRecord reads a record; its bytes alias b.
func decodeRecord(b []byte) (record, error) {
	if len(b) == 0 {
		return record{}, errDamaged
	}
	r := record{kind: lrs.LogKind(b[0])}
	b = b[1:]
	if r.kind != lrs.LogStored {
		if len(b) != instantSize {
			return record{}, errDamaged
		}
		r.target = instantAt(b)
		return r, nil
	}
	if len(b) == 0 {
		r.gone = true
		return r, nil
	}
	if len(b) < len(r.id) {
		return record{}, errDamaged
	}
	r.id, b = uuid.UUID(b[:len(r.id)]), b[len(r.id):]
	revision, n := binary.Uvarint(b)
	if n <= 0 {
		return record{}, errDamaged
	}
	r.revision = uint32(revision)
	var attached string
	var err error
	if r.source, b, err = cutText(b[n:]); err != nil {
		return record{}, err
	}
	if attached, r.bytes, err = cutText(b); err != nil {
		return record{}, err
	}
	if attached != "" {
		r.attached = strings.Split(attached, " ")
	}
	return r, nil
}

func (r record) entry(stored lrs.Instant, voided bool) lrs.Entry {
	return lrs.Entry{ID: r.id, Stored: stored, Revision: r.revision, Source: r.source, Voided: voided, Attachments: r.attached, Bytes: r.bytes}
}
