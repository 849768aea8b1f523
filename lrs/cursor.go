package lrs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// cursor is where a query goes on: the query itself, its bounds narrowed to what is left, and how
// to show it. A `more` link carries it whole, so it never expires; it is signed, so that nobody
// but the store makes one. Whose statements the reader may see is not in it: that is decided anew.
type cursor struct {
	terms       []Term
	since       Instant
	until       Instant
	limit       int
	ascending   bool
	format      Format
	attachments bool
}

const (
	cursorVersion = 1
	cursorMAC     = 16
	cursorHead    = 3 + 8 + 8 + 4
)

// token writes the cursor for use in a URL.
func (c cursor) token(key []byte) string {
	var flags byte
	if c.ascending {
		flags |= 1
	}
	if c.attachments {
		flags |= 2
	}
	b := []byte{cursorVersion, flags, byte(c.format)}
	b = binary.BigEndian.AppendUint64(b, uint64(c.since))
	b = binary.BigEndian.AppendUint64(b, uint64(c.until))
	b = binary.BigEndian.AppendUint32(b, uint32(c.limit))
	for _, t := range c.terms {
		b = append(b, t[:]...)
	}
	return base64.RawURLEncoding.EncodeToString(append(b, sign(b, key)...))
}

func sign(b, key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(b)
	return mac.Sum(nil)[:cursorMAC]
}

// parseCursor reads a token that token wrote.
func parseCursor(token string, key []byte) (cursor, error) {
	refused := Errorf(KindInvalid, "the more parameter is not one that this store gave: use the link from the answer unchanged")
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	// The decoder overlooks line ends: a token has one spelling.
	if strings.ContainsAny(token, "\r\n") || err != nil || len(b) < cursorHead+cursorMAC {
		return cursor{}, refused
	}
	b, mac := b[:len(b)-cursorMAC], b[len(b)-cursorMAC:]
	if !hmac.Equal(mac, sign(b, key)) || b[0] != cursorVersion || (len(b)-cursorHead)%len(Term{}) != 0 {
		return cursor{}, refused
	}
	c := cursor{
		ascending: b[1]&1 != 0, attachments: b[1]&2 != 0, format: Format(b[2]),
		since: Instant(binary.BigEndian.Uint64(b[3:])), until: Instant(binary.BigEndian.Uint64(b[11:])),
		limit: int(binary.BigEndian.Uint32(b[19:])),
	}
	for b = b[cursorHead:]; len(b) > 0; b = b[len(Term{}):] {
		c.terms = append(c.terms, Term(b[:len(Term{})]))
	}
	return c, nil
}
