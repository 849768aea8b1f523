package lrs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// MoveRequest holds statements that another store took before, or that a file holds: they come with
// ids, and with the stored time and authority that they had there.
type MoveRequest struct {
	Version    Version  // by which statements that name none are judged; the others by their own
	Statements [][]byte // one JSON value each, which must not change any more
	Parts      Parts    // attachments; nil without any
	// Kept are the SHA-2, in lower case, of attachments that the caller has put into the store for these
	// statements, their digests verified.
	Kept []string
}

// Moved is what became of one statement of a MoveRequest.
type Moved struct {
	ID ID // uuid.Nil when it could not be read
	// Stored is when it was stored here; 0 when it was here already, was erased here, or is refused.
	Stored  Instant
	Refusal *Error // nil when the statement is here now
	Origin  Origin
}

// Origin is what the store that a statement comes from had assigned to it, as it was written there.
type Origin struct {
	Stored    string  // "" when the statement came without
	Authority RawJSON // nil likewise
}

// MoveStatements stores statements one by one as far as they are valid, in their order, and tells what
// became of each. It differs from StoreStatements in that a statement that is refused, with every
// violation, does not keep the others out. A statement without an id gets one that follows from its
// bytes and the source, so that moving it again changes nothing. Repeats change nothing.
func (s *Service) MoveStatements(ctx context.Context, p Principal, r MoveRequest) ([]Moved, error) {
	if err := p.may(ScopeStatementsWrite, "store statements"); err != nil {
		return nil, err
	}
	if most := s.options.Limits.Batch; most > 0 && len(r.Statements) > most {
		return nil, Errorf(KindTooLarge, "a request may hold %d statements at most: send them in smaller batches", most)
	}
	m := &move{service: s, principal: p, moved: make([]Moved, len(r.Statements))}
	m.decode(r)
	if err := m.obey(ctx); err != nil {
		return nil, err
	}
	if err := m.receive(ctx, r.Parts, r.Kept); err != nil {
		return nil, err
	}
	if err := m.verify(ctx); err != nil {
		return nil, err
	}
	return m.moved, m.append(ctx)
}

// move is a MoveStatements under way.
type move struct {
	service    *Service
	principal  Principal
	moved      []Moved
	statements []*Statement // nil for those that are refused
	versions   []Version
	received   map[string]bool  // attachments that came whole
	spoilt     map[string]error // attachments that came and were not what they said
}

// refuse gives a statement up. An error that is not meant for people is returned.
func (m *move) refuse(i int, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	m.moved[i].Refusal, m.statements[i] = e, nil
	return nil
}

func (m *move) decode(r MoveRequest) {
	m.statements, m.versions = make([]*Statement, len(r.Statements)), make([]Version, len(r.Statements))
	explained := maxExplained
	for i, raw := range r.Statements {
		statement, version, err := m.decodeOne(raw, r.Version)
		if statement != nil {
			m.moved[i].ID = statement.ID
			m.moved[i].Origin = originOf(statement)
		}
		if err == nil && m.service.options.JudgeAll {
			err = m.service.judgeAll([]*Statement{statement}, version, false)
		}
		if err != nil {
			if explained -= len(raw); explained >= 0 {
				err = m.service.explain(err, StoreRequest{Version: version, Body: raw})
			}
			_ = m.refuse(i, err) // decoding has no internal errors
			continue
		}
		if statement.ID == uuid.Nil {
			statement.ID = uuid.NewSHA1(movedSpace, append([]byte(m.principal.Source+"\n"), bytes.TrimSpace(raw)...))
		}
		m.moved[i].ID, m.statements[i], m.versions[i] = statement.ID, statement, version
	}
}

// movedSpace is the name space of ids that are made of statements without.
var movedSpace = uuid.MustParse("5f0e2b1c-6f63-5c3a-9d0e-0f6a3a1b7c55")

// decodeOne decodes a statement by the version that it names, the given one when it names none.
func (m *move) decodeOne(raw []byte, version Version) (*Statement, Version, error) {
	statement, err := DecodeStatement(raw, version, m.service.options.Limits)
	other := V200
	if version == V200 {
		other = V103
	}
	named := err == nil && statement.Version != ""
	if named {
		if own, known := statementVersion(statement.Version); !known || own == version {
			return statement, version, nil
		}
	} else if err == nil || !bytes.Contains(raw, []byte(`"`+string(other)[:2])) {
		return statement, version, err
	}
	again, failure := DecodeStatement(raw, other, m.service.options.Limits)
	if again != nil {
		if own, known := statementVersion(again.Version); known && own == other {
			return again, other, failure
		}
	}
	return statement, version, err
}

func originOf(s *Statement) Origin {
	o := Origin{Stored: s.Stored}
	if at := authoritySpan(s); at.end > 0 && at.end <= len(s.raw) {
		o.Authority = RawJSON(s.raw[at.start:at.end])
	}
	return o
}

// obey refuses what the rules of the source object to.
func (m *move) obey(ctx context.Context) error {
	for _, version := range []Version{V103, V200} {
		var some []*Statement
		var at []int
		for i, statement := range m.statements {
			if statement != nil && m.versions[i] == version {
				some, at = append(some, statement), append(at, i)
			}
		}
		if len(some) == 0 {
			continue
		}
		objections, err := m.service.objections(ctx, m.principal, version, some)
		if err != nil || len(objections) == 0 {
			return err
		}
		if m.service.options.Objected != nil {
			m.service.options.Objected(m.principal, objections)
		}
		byStatement := map[int][]Objection{}
		for _, o := range objections {
			if o.Statement < 0 { // of the whole request
				if err := refusal([]Objection{o}, false); err != nil {
					return err
				}
				continue
			}
			byStatement[at[o.Statement]] = append(byStatement[at[o.Statement]], o)
		}
		for i, own := range byStatement {
			if err := m.refuse(i, refusal(own, false)); err != nil {
				return err
			}
		}
	}
	return nil
}

// receive keeps the attachments that statements want and passes over the others.
func (m *move) receive(ctx context.Context, parts Parts, kept []string) error {
	wanted := map[string]bool{}
	for _, statement := range m.statements {
		if statement != nil {
			for _, sum := range AttachmentDigests(statement) {
				wanted[sum] = true
			}
		}
	}
	m.received, m.spoilt = map[string]bool{}, map[string]error{}
	for _, sum := range kept {
		m.received[sum] = wanted[sum]
	}
	for parts != nil {
		part, err := parts.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		sum := strings.ToLower(part.SHA2)
		if !wanted[sum] || m.received[sum] {
			continue
		}
		err = m.service.keep(ctx, sum, part.Content)
		switch KindOf(err) {
		case KindInvalid, KindTooLarge:
			m.spoilt[sum] = err
		default:
			if err != nil {
				return err
			}
			m.received[sum] = true
		}
	}
	return nil
}

// verify refuses statements whose attachments lack, or whose signature does not hold.
func (m *move) verify(ctx context.Context) error {
	for i, statement := range m.statements {
		if statement == nil || len(attachmentsOf(statement)) == 0 {
			continue
		}
		_, err := keptBy([]*Statement{statement}, m.received, false)
		if err != nil {
			err = m.sayWhy(statement, err)
		} else {
			err = m.service.verifySignatures(ctx, []*Statement{statement}, m.versions[i], false)
		}
		if err := m.refuse(i, err); err != nil {
			return err
		}
	}
	return nil
}

// sayWhy tells of attachments that came, but spoilt.
func (m *move) sayWhy(statement *Statement, missing error) error {
	for j, a := range attachmentsOf(statement) {
		if spoilt := m.spoilt[strings.ToLower(a.SHA2)]; spoilt != nil {
			return &Error{Kind: KindInvalid, Detail: "the content of an attachment cannot be kept", Violations: []Violation{{
				Pointer: attachmentPointer(statement, j), Rule: "attachment-content", Section: "Data 2.4.11", Detail: spoilt.Error(),
			}}}
		}
	}
	return missing
}

// append stores what is left. Statements whose ids are taken are refused, and the others tried again.
func (m *move) append(ctx context.Context) error {
	for {
		drafts, at, err := m.drafts()
		if err != nil || len(drafts) == 0 {
			return err
		}
		err = m.service.store.AppendStatements(ctx, drafts)
		if err == nil {
			for n, d := range drafts {
				m.moved[at[n]].Stored = d.Stored
			}
			return nil
		}
		var e *Error
		if !errors.As(err, &e) || e.Kind != KindConflict || len(e.Violations) == 0 {
			return err
		}
		for _, v := range e.Violations {
			n, err := strconv.Atoi(strings.TrimPrefix(v.Pointer, "/"))
			if err != nil || n < 0 || n >= len(at) {
				return fmt.Errorf("lrs: a conflict points to %q among %d drafts", v.Pointer, len(at))
			}
			v.Pointer = "/id"
			if err := m.refuse(at[n], &Error{Kind: KindConflict, Detail: "a different statement has this id here", Violations: []Violation{v}}); err != nil {
				return err
			}
		}
	}
}

// drafts are those of the statements that are not refused, with their indexes.
func (m *move) drafts() (drafts []*Draft, at []int, err error) {
	for i, statement := range m.statements {
		if statement == nil {
			continue
		}
		kept, err := keptBy([]*Statement{statement}, m.received, false)
		if err != nil {
			return nil, nil, err
		}
		drafts = append(drafts, Accept(statement, Assignment{
			ID: statement.ID, Version: m.versions[i], Source: m.principal.Source, Authority: m.principal.Authority,
			Define: m.principal.Scopes&(ScopeDefine|ScopeAll) != 0, Kept: kept[0], Known: m.service.terms,
		}))
		at = append(at, i)
	}
	return drafts, at, nil
}
