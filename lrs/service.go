package lrs

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/google/uuid"
)

// Store is what the service needs of a backend.
type Store interface {
	StatementStore
	ActivityStore
	AttachmentStore
	DocumentStore
	KeyStore
}

// Judge explains by JSON Schema what is wrong with a statement of the version; nil when nothing is.
type Judge func(version Version, statement []byte) []Violation

// ServiceOptions configure a Service.
type ServiceOptions struct {
	Limits      Limits
	PageDefault int // statements on a page when the request names no limit
	PageMax     int // most statements on a page
	Steps       int // index steps that one page may spend
	// Explain lists what the schema finds in a refused statement. nil: only the decoder speaks.
	Explain Judge
	// JudgeAll lets Explain judge accepted statements too.
	JudgeAll bool
	// SignatureRoots, when not nil, must vouch for the certificates of signed statements.
	SignatureRoots *x509.CertPool
	// Objected is told, for the record, what rules of a source found, noted or refused. nil: nobody is.
	Objected func(Principal, []Objection)
	// Repeated is told how many statements without ids were stored that the source had sent before
	// (ContentKey). nil: nobody is, and nothing is remembered.
	Repeated func(p Principal, statements int)

	Now   func() time.Time
	NewID func() ID
}

// Service is the record store: the rules of xAPI over a backend. Its methods decide what the
// principal may do; their errors are *Error unless something internal failed.
type Service struct {
	store     Store
	options   ServiceOptions
	cursorKey []byte
	terms     *TermCache
	repeats   *repeats // nil when nobody is told
}

// NewService returns a service over the store.
func NewService(ctx context.Context, store Store, o ServiceOptions) (*Service, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = uuid.New
	}
	key, err := store.Key(ctx, "cursor")
	if err != nil {
		return nil, err
	}
	s := &Service{store: store, options: o, cursorKey: key, terms: NewTermCache()}
	if o.Repeated != nil {
		s.repeats = newRepeats()
	}
	return s, nil
}

// ConsistentThrough is the time up to which nothing can still appear (Communication 2.1.3).
func (s *Service) ConsistentThrough(ctx context.Context) (Instant, error) {
	return s.store.ConsistentThrough(ctx)
}
