package lrs

import (
	"context"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/language"
)

// StatementFilter is what a GET of statements asks for (Communication 2.1.3). Since and Until are
// about stored.
type StatementFilter struct {
	Agent             *Actor // an Agent or identified Group
	Verb              string
	Activity          string
	Registration      ID
	RelatedAgents     bool
	RelatedActivities bool
	Since             Instant
	Until             Instant
	Limit             *int // nil when not given; 0 asks for as many as the store allows
	Ascending         bool
	Presentation
	More string // the token of a more link; then nothing else but Languages counts
}

// Presentation is how statements are shown.
type Presentation struct {
	Format      Format
	Languages   []language.Tag // of Accept-Language, best first
	Attachments bool
}

// StatementResult is a page of statements (Communication 2.1.3, StatementResult).
type StatementResult struct {
	Statements   [][]byte
	More         string // the token that goes on, "" when nothing is left
	ETag         string // without quotes
	LastModified time.Time
	// WithAttachments says that attachments were asked for; then Attachments lists them.
	WithAttachments bool
	Attachments     []AttachmentContent
}

// AttachmentContent names an attachment whose content the store has.
type AttachmentContent struct {
	SHA2        string // as the statement writes it
	ContentType string
}

// QueryStatements returns a page of statements. The more token keeps the set that the first
// request asked for: it neither expires nor skips. Who may read statements of its own only gets those,
// and none because of what another's statement says.
func (s *Service) QueryStatements(ctx context.Context, p Principal, f StatementFilter) (StatementResult, error) {
	if err := p.may(ScopeStatementsRead|ScopeStatementsReadMine|ScopeAllRead, "read statements"); err != nil {
		return StatementResult{}, err
	}
	c, err := s.cursorOf(ctx, f)
	if err != nil {
		return StatementResult{}, err
	}
	q := StatementQuery{
		Terms: c.terms, Since: c.since, Until: c.until, Ascending: c.ascending, Limit: c.limit, Steps: s.options.Steps,
	}
	if p.seesOwnOnly() {
		q.Terms = append(q.Terms[:len(q.Terms):len(q.Terms)], SourceTerm(p.Source))
	}
	page, err := s.store.QueryStatements(ctx, q)
	if err != nil {
		return StatementResult{}, err
	}
	if p.seesOwnOnly() {
		if page.Entries, err = s.ownMatches(ctx, p, c.terms, page.Entries); err != nil {
			return StatementResult{}, err
		}
	}
	more := ""
	if page.Next != 0 {
		if c.ascending {
			c.since = page.Next
		} else {
			c.until = page.Next - 1
		}
		more = c.token(s.cursorKey)
	}
	return s.show(ctx, page.Entries, more, Presentation{Format: c.format, Languages: f.Languages, Attachments: c.attachments})
}

// cursorOf makes the cursor of a first request, or reads the one of a later.
func (s *Service) cursorOf(ctx context.Context, f StatementFilter) (cursor, error) {
	if f.More != "" {
		return parseCursor(f.More, s.cursorKey)
	}
	c := cursor{
		terms: f.terms(), since: f.Since, until: f.Until, limit: s.pageLimit(f.Limit),
		ascending: f.Ascending, format: f.Format, attachments: f.Attachments,
	}
	if c.ascending { // descending pages never reach what comes later
		through, err := s.store.ConsistentThrough(ctx)
		if err != nil {
			return cursor{}, err
		}
		if c.until == 0 || c.until > through {
			c.until = through
		}
	}
	return c, nil
}

func (s *Service) pageLimit(limit *int) int {
	switch {
	case limit == nil:
		return s.options.PageDefault
	case *limit == 0:
		return s.options.PageMax
	default:
		return min(*limit, s.options.PageMax)
	}
}

func (f StatementFilter) terms() []Term {
	var terms []Term
	if f.Registration != uuid.Nil {
		terms = append(terms, IDTerm(TermRegistration, f.Registration))
	}
	if f.Agent != nil {
		kind := TermAgent
		if f.RelatedAgents {
			kind = TermRelatedAgent
		}
		terms = append(terms, IFITerm(kind, f.Agent.IFI))
	}
	if f.Activity != "" {
		kind := TermActivity
		if f.RelatedActivities {
			kind = TermRelatedActivity
		}
		terms = append(terms, IRITerm(kind, f.Activity))
	}
	if f.Verb != "" {
		terms = append(terms, IRITerm(TermVerb, f.Verb))
	}
	return terms
}

// Statement returns one statement: the voided one of the id, or the one that is not.
// KindNotFound when there is none of that kind.
func (s *Service) Statement(ctx context.Context, p Principal, id ID, voided bool, show Presentation) (StatementResult, error) {
	if err := p.may(ScopeStatementsRead|ScopeStatementsReadMine|ScopeAllRead, "read statements"); err != nil {
		return StatementResult{}, err
	}
	entry, err := s.store.StatementByID(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return StatementResult{}, err
	}
	if err != nil || entry.Voided != voided || p.seesOwnOnly() && entry.Source != p.Source {
		kind := "statement"
		if voided {
			kind = "voided statement"
		}
		return StatementResult{}, Errorf(KindNotFound, "there is no %s with the id %s", kind, id)
	}
	return s.show(ctx, []Entry{entry}, "", show)
}

// show presents entries.
func (s *Service) show(ctx context.Context, entries []Entry, more string, how Presentation) (StatementResult, error) {
	result := StatementResult{Statements: make([][]byte, len(entries)), More: more, WithAttachments: how.Attachments}
	f := formatter{how.Format, how.Languages, func(iri string) (RawJSON, error) { return s.store.ActivityDefinition(ctx, iri) }}
	tag := sha1.New()
	var newest Instant
	for i, e := range entries {
		shown, err := f.apply(e.Bytes)
		if err != nil {
			return StatementResult{}, err
		}
		result.Statements[i] = shown
		newest = max(newest, e.Stored)
		if how.Format == FormatExact { // what is stored never changes but by redaction
			var version [12]byte
			binary.BigEndian.PutUint64(version[:], uint64(e.Stored))
			binary.BigEndian.PutUint32(version[8:], e.Revision)
			tag.Write(version[:])
		} else {
			tag.Write(shown)
		}
	}
	tag.Write([]byte(more))
	result.ETag = hex.EncodeToString(tag.Sum(nil))
	result.LastModified = newest.Time()
	if !how.Attachments {
		return result, nil
	}
	err := s.listAttachments(ctx, entries, &result)
	return result, err
}

// listAttachments lists the attachments that came with the entries, each once.
func (s *Service) listAttachments(ctx context.Context, entries []Entry, result *StatementResult) error {
	seen := map[string]bool{}
	for _, e := range entries {
		if len(e.Attachments) == 0 {
			continue
		}
		statement, err := DecodeStored(e.Bytes)
		if err != nil {
			return err
		}
		for _, a := range attachmentsOf(statement) {
			sum := strings.ToLower(a.SHA2)
			if seen[sum] || !slices.Contains(e.Attachments, sum) {
				continue
			}
			seen[sum] = true
			result.Attachments = append(result.Attachments, AttachmentContent{a.SHA2, a.ContentType})
		}
	}
	return nil
}

// OpenAttachment opens an attachment that a StatementResult listed.
func (s *Service) OpenAttachment(ctx context.Context, a AttachmentContent) (io.ReadCloser, error) {
	content, _, err := s.store.OpenAttachment(ctx, strings.ToLower(a.SHA2))
	return content, err
}
