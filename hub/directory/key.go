package directory

import (
	"crypto/hmac"
	"crypto/sha1" // xAPI's mbox_sha1sum is SHA-1 by definition
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"acquis/hub"
	"acquis/lrs"
)

// KeyKind says what a key is.
type KeyKind string

// The kinds of keys.
const (
	Mbox        KeyKind = "mbox"         // Value is the mail address, without mailto:
	MboxSHA1Sum KeyKind = "mbox_sha1sum" // Value is the hexadecimal digest
	OpenID      KeyKind = "openid"       // Value is the OpenID
	Account     KeyKind = "account"      // Value is the account's name at HomePage
	Subject     KeyKind = "idp"          // Value is the sub that the identity provider at HomePage, its issuer, gives
	Matricule   KeyKind = "matricule"    // Value is the number in the personnel files of HomePage, a ministry
)

// Key is a way to call one person: an actor's inverse functional identifier, or what an identity
// provider or a ministry calls somebody.
type Key struct {
	Kind     KeyKind `json:"kind"`
	Value    string  `json:"value"`
	HomePage string  `json:"homePage,omitempty"`
}

// KeyOf returns the key of an Agent: false for a group, and for an actor without an identifier.
// Identifiers that the specification holds equal (Data 2.3.1) have one key.
func KeyOf(actor lrs.Actor) (Key, bool) {
	if actor.Group {
		return Key{}, false
	}
	ifi := actor.IFI
	switch ifi.Kind {
	case lrs.Mbox:
		address := strings.TrimPrefix(ifi.Value, "mailto:")
		if at := strings.LastIndexByte(address, '@'); at >= 0 {
			address = address[:at] + strings.ToLower(address[at:])
		}
		return Key{Kind: Mbox, Value: address}, true
	case lrs.MboxSHA1Sum:
		return Key{Kind: MboxSHA1Sum, Value: strings.ToLower(ifi.Value)}, true
	case lrs.OpenID:
		return Key{Kind: OpenID, Value: ifi.Value}, true
	case lrs.Account:
		return Key{Kind: Account, Value: ifi.Value, HomePage: ifi.HomePage}, true
	}
	return Key{}, false
}

// IFI is the identifier by which statements name the key's holder; false when statements can't.
func (k Key) IFI() (lrs.IFI, bool) {
	switch k.Kind {
	case Mbox:
		return lrs.IFI{Kind: lrs.Mbox, Value: "mailto:" + k.Value}, true
	case MboxSHA1Sum:
		return lrs.IFI{Kind: lrs.MboxSHA1Sum, Value: k.Value}, true
	case OpenID:
		return lrs.IFI{Kind: lrs.OpenID, Value: k.Value}, true
	case Account:
		return lrs.IFI{Kind: lrs.Account, Value: k.Value, HomePage: k.HomePage}, true
	}
	return lrs.IFI{}, false
}

// compared is the key as it is compared with others: a mail address trimmed, without percent
// encoding, with its case folded and its domain in ASCII; nothing is done about dots and plus signs.
func (k Key) compared() Key {
	switch k.Kind {
	case Mbox:
		k.Value = comparedMail(k.Value)
	case MboxSHA1Sum:
		k.Value = strings.ToLower(strings.TrimSpace(k.Value))
	case Matricule:
		k.Value, k.HomePage = strings.ToUpper(strings.TrimSpace(k.Value)), strings.ToLower(strings.TrimSpace(k.HomePage))
	}
	return k
}

func comparedMail(address string) string {
	address = strings.TrimPrefix(strings.TrimSpace(address), "mailto:")
	local, domain, ok := cutLast(address, "@")
	if !ok {
		return address
	}
	if decoded, err := url.PathUnescape(local); err == nil {
		local = decoded
	}
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = ascii
	}
	return cases.Fold().String(norm.NFC.String(local)) + "@" + strings.ToLower(domain)
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// digestsOf are the mbox_sha1sums by which somebody with the address may be called: senders digest the
// mailto IRI as they have it, or in lower case.
func digestsOf(address string) []string {
	written := strings.TrimPrefix(strings.TrimSpace(address), "mailto:")
	var digests []string
	for _, spelling := range []string{written, strings.ToLower(written), comparedMail(written)} {
		sum := sha1.Sum([]byte("mailto:" + spelling))
		digest := hex.EncodeToString(sum[:])
		if len(digests) == 0 || digests[len(digests)-1] != digest {
			digests = append(digests, digest)
		}
	}
	return digests
}

var aliasEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// digest names a key without telling it: 128 bits of its HMAC-SHA-256 in 26 lower-case characters.
func (d *Directory) digest(k Key) string {
	mac := hmac.New(sha256.New, d.secret)
	for _, part := range []string{string(k.Kind), k.HomePage, k.Value} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		mac.Write(size[:])
		mac.Write([]byte(part))
	}
	return strings.ToLower(aliasEncoding.EncodeToString(mac.Sum(nil)[:16]))
}

// AliasID is the id of the alias that a key is: the same in every process over the store, and nothing
// to guess the key from.
func (d *Directory) AliasID(k Key) hub.AliasID { return hub.AliasID(d.digest(k)) }
