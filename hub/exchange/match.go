package exchange

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"acquis/lrs"
)

// matcher is a filter made ready.
type matcher struct {
	sources, except []string
	terms           []map[lrs.Term]bool // one of each must be there
}

// newMatcher makes a judged filter ready.
func newMatcher(f Filter) (*matcher, error) {
	m := &matcher{sources: f.Sources, except: slices.Clone(f.ExceptSources)}
	agent, activity := lrs.TermAgent, lrs.TermActivity
	if f.RelatedAgents {
		agent = lrs.TermRelatedAgent
	}
	if f.RelatedActivities {
		activity = lrs.TermRelatedActivity
	}
	m.add(lrs.TermVerb, f.Verbs)
	m.add(activity, f.Activities)
	agents := map[lrs.Term]bool{}
	for _, text := range f.Agents {
		a, err := lrs.DecodeAgent(text)
		if err != nil {
			return nil, err
		}
		agents[lrs.IFITerm(agent, a.IFI)] = true
	}
	if len(agents) > 0 {
		m.terms = append(m.terms, agents)
	}
	return m, nil
}

func (m *matcher) add(kind lrs.TermKind, iris []string) {
	if len(iris) == 0 {
		return
	}
	terms := map[lrs.Term]bool{}
	for _, iri := range iris {
		terms[lrs.IRITerm(kind, iri)] = true
	}
	m.terms = append(m.terms, terms)
}

// selects reports whether a statement is to be sent.
func (m *matcher) selects(ctx context.Context, statements Statements, e lrs.Entry) (bool, error) {
	if len(m.sources) > 0 && !slices.Contains(m.sources, e.Source) || slices.Contains(m.except, e.Source) {
		return false, nil
	}
	if len(m.terms) == 0 {
		return true, nil
	}
	statement, err := lrs.DecodeStored(e.Bytes)
	if err != nil {
		return false, err
	}
	target := lrs.TargetOf(statement)
	if statement.Verb.ID != lrs.VerbVoided || target == uuid.Nil {
		return m.has(lrs.Terms(statement, e.Source)), nil
	}
	voided, err := statements.StatementByID(ctx, target)
	if errors.Is(err, lrs.ErrNotFound) { // it may come, and would be sent
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if statement, err = lrs.DecodeStored(voided.Bytes); err != nil {
		return false, err
	}
	return m.has(lrs.Terms(statement, voided.Source)), nil
}

func (m *matcher) has(terms []lrs.Term) bool {
	for _, wanted := range m.terms {
		if !slices.ContainsFunc(terms, func(t lrs.Term) bool { return wanted[t] }) {
			return false
		}
	}
	return true
}
