package lrs

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
)

// Examination is what would come of a request to store statements.
type Examination struct {
	Statements int         // how many could be read
	Kind       Kind        // of the refusal, 0 when the statements would be stored
	Detail     string      // of the refusal
	Violations []Violation // all that would refuse it
	Noted      []Violation // what would be stored and counted
	Repeats    []ID        // statements that are stored already: storing them again would change nothing
}

// ExamineStatements tells what StoreStatements would do, and changes nothing. It needs no scope, and
// says when one lacks. Attachments and signatures are not looked at: they come along with the statements.
func (s *Service) ExamineStatements(ctx context.Context, p Principal, r StoreRequest) (Examination, error) {
	var x Examination
	if err := p.may(ScopeStatementsWrite, "store statements"); err != nil {
		x.refuse(err)
	}
	statements, batch, err := s.decode(r)
	if err != nil {
		if KindOf(err) == 0 {
			return x, err
		}
		x.refuse(err)
		statements, batch = s.readable(r)
	}
	objections, err := s.objections(ctx, p, r.Version, present(statements))
	if err != nil {
		return x, err
	}
	x.object(objections, positions(statements), batch)
	for i, statement := range statements {
		if statement == nil {
			continue
		}
		x.Statements++
		if err := s.examineID(ctx, &x, statement, i, r.Version, batch); err != nil {
			return x, err
		}
	}
	return x, nil
}

// readable decodes the statements of a refused request that are valid by themselves; others are nil.
func (s *Service) readable(r StoreRequest) (statements []*Statement, batch bool) {
	elements, batch := splitStatements(r.Body)
	if s.options.Limits.Batch > 0 {
		elements = elements[:min(len(elements), s.options.Limits.Batch)]
	}
	statements = make([]*Statement, len(elements))
	for i, element := range elements {
		if statement, err := DecodeStatement(element, r.Version, s.options.Limits); err == nil {
			statements[i] = statement
		}
	}
	return statements, batch
}

func present(statements []*Statement) []*Statement {
	return slices.DeleteFunc(slices.Clone(statements), func(s *Statement) bool { return s == nil })
}

// positions are the indexes of the statements that are present.
func positions(statements []*Statement) (at []int) {
	for i, s := range statements {
		if s != nil {
			at = append(at, i)
		}
	}
	return at
}

// refuse adds a refusal. The first one gives its kind, but for a lack of permission, which counts only
// when nothing else is wrong.
func (x *Examination) refuse(err error) {
	var e *Error
	if !errors.As(err, &e) {
		return
	}
	if x.Kind == 0 || x.Kind == KindForbidden && e.Kind != KindForbidden {
		x.Kind, x.Detail = e.Kind, e.Detail
	}
	x.Violations = append(x.Violations, e.Violations...)
}

func (x *Examination) object(objections []Objection, at []int, batch bool) {
	for i, o := range objections {
		if o.Statement >= 0 {
			objections[i].Statement = at[o.Statement]
		}
		if o.Weight == Noted {
			x.Noted = append(x.Noted, objections[i].placed(batch))
		}
	}
	x.refuse(refusal(objections, batch))
}

// examineID compares a statement with the stored one of its id.
func (s *Service) examineID(ctx context.Context, x *Examination, statement *Statement, index int, version Version, batch bool) error {
	if statement.ID == uuid.Nil {
		return nil
	}
	entry, err := s.store.StatementByID(ctx, statement.ID)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	stored, err := DecodeStored(entry.Bytes)
	if err != nil {
		return err
	}
	if Equal(stored, statement, version) {
		x.Repeats = append(x.Repeats, statement.ID)
		return nil
	}
	x.refuse(&Error{Kind: KindConflict, Detail: "another statement is stored under this id", Violations: []Violation{Objection{
		Statement: index, Violation: Violation{Pointer: "/id", Rule: "conflict", Section: "Communication 2.1.2", Detail: "another statement is stored under this id: give this one an id of its own"},
	}.placed(batch)}})
	return nil
}
