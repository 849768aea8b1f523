package lrs

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
)

// ownMatches drops entries that match the terms only through a statement of another source, which
// one of the principal's refers to: that they match would tell what the other statement says.
func (s *Service) ownMatches(ctx context.Context, p Principal, terms []Term, entries []Entry) ([]Entry, error) {
	if len(terms) == 0 {
		return entries, nil
	}
	own := make([]Entry, 0, len(entries))
	for _, e := range entries {
		matches, err := s.matchesAsOwn(ctx, p, terms, e)
		if err != nil {
			return nil, err
		}
		if matches {
			own = append(own, e)
		}
	}
	return own, nil
}

// matchesAsOwn follows an entry's references as far as they lead to statements of the same source.
func (s *Service) matchesAsOwn(ctx context.Context, p Principal, terms []Term, e Entry) (bool, error) {
	missing := slices.Clone(terms)
	for range MaxInheritance + 1 {
		statement, err := DecodeStored(e.Bytes)
		if err != nil {
			return false, err
		}
		has := s.terms.terms(statement, e.Source)
		missing = slices.DeleteFunc(missing, func(t Term) bool { return slices.Contains(has, t) })
		target := TargetOf(statement)
		if len(missing) == 0 || target == uuid.Nil {
			break
		}
		e, err = s.store.StatementByID(ctx, target)
		switch {
		case errors.Is(err, ErrNotFound), err == nil && e.Source != p.Source:
			return false, nil
		case err != nil:
			return false, err
		}
	}
	return len(missing) == 0, nil
}
