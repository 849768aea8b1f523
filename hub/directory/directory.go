package directory

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// Backend is what the directory needs of a store.
type Backend interface {
	docstore.Store
	lrs.KeyStore
}

// Options say how a directory works.
type Options struct {
	Audit    hub.Audit        // keeps what is done and who reads people; it must be there
	Calendar hub.Calendar     // tells on which day something happened
	Now      func() time.Time // nil for the clock
	NewID    func() string    // makes ids of people and merges, 128 random bits; nil for the usual ones
	Logger   *slog.Logger     // nil for none
	// Unmatched is how long an alias is kept that is nobody's, from when it was last seen; 0 for ever.
	Unmatched time.Duration
	// EndShare is how many percent of the people of a scope an import may end without being told how
	// many they are.
	EndShare int
}

// Directory answers for organisations, people and identities. It is safe for concurrent use, and any
// number of processes may have one over the same store.
type Directory struct {
	store   docstore.Store
	options Options
	secret  []byte
	tree    treeCache
	known   *aliasCache
}

// Collections are what the directory keeps.
func Collections() []docstore.Collection {
	return []docstore.Collection{People.Collection, Aliases.Collection, Organisations.Collection, treeGuard.Collection}
}

// secretName names the key under which aliases are digested.
const secretName = "hub-alias"

// New returns the directory that a store keeps, in which it declares its collections.
func New(ctx context.Context, store Backend, o Options) (*Directory, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = newID
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := store.DeclareCollections(ctx, Collections()...); err != nil {
		return nil, err
	}
	secret, err := store.Key(ctx, secretName)
	if err != nil {
		return nil, err
	}
	position, err := store.ChangesThrough(ctx)
	if err != nil {
		return nil, err
	}
	return &Directory{store: store, options: o, secret: secret, known: newAliasCache(position)}, nil
}

// newID returns 128 random bits in hexadecimal.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// today is the day that it is.
func (d *Directory) today() hub.Day { return d.options.Calendar.Day(d.options.Now()) }

// maxSortText bounds a text by which something is ordered, in bytes.
const maxSortText = 120

// sortText is a text as lists are ordered by it: without case and accents.
func sortText(s string) string {
	plain, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), s)
	if err != nil {
		plain = s
	}
	plain = strings.Join(strings.Fields(cases.Fold().String(strings.ToValidUTF8(plain, ""))), " ")
	for len(plain) > maxSortText {
		_, size := utf8.DecodeLastRuneInString(plain)
		plain = plain[:len(plain)-size]
	}
	return plain
}

// sortName is how the person is found in a list.
func (p *Person) sortName() string { return sortText(p.FamilyName + " " + p.GivenName) }

// cutText is a text of at most so many bytes, fit to be kept and indexed.
func cutText(s string, most int) string {
	s = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", ""))
	for len(s) > most {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
