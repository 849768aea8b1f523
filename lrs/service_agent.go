package lrs

import (
	"context"
	"slices"
)

// personStatements is how many of the latest statements are searched for an agent's names.
const personStatements = 100

// Person is what is known of an agent (Communication 2.4). The store joins no identities, so there
// is one identifier: the one asked for.
type Person struct {
	Name        []string
	Mbox        []string
	MboxSHA1Sum []string
	OpenID      []string
	Account     []IFI // of kind Account
}

// Person gathers the names of an Agent: the one it was asked by, then those under which the latest
// statements know its identifier. Who may read own statements only sees the names in those.
func (s *Service) Person(ctx context.Context, p Principal, agent Actor) (Person, error) {
	if err := p.may(ScopeStatementsRead|ScopeStatementsReadMine|ScopeAllRead, "read what is known of an agent"); err != nil {
		return Person{}, err
	}
	if agent.Group {
		return Person{}, Errorf(KindInvalid, "a Person is known of an Agent, not of a Group: leave objectType out and ask with the Group's identifier")
	}
	person := personOf(agent.IFI)
	person.addName(agent.Name)
	q := StatementQuery{Terms: []Term{IFITerm(TermRelatedAgent, agent.IFI)}, Limit: personStatements, Steps: s.options.Steps}
	if p.seesOwnOnly() {
		q.Terms = append(q.Terms, SourceTerm(p.Source))
	}
	page, err := s.store.QueryStatements(ctx, q)
	if err != nil {
		return Person{}, err
	}
	for _, entry := range page.Entries {
		statement, err := DecodeStored(entry.Bytes)
		if err != nil {
			return Person{}, err
		}
		person.addNames(statement, agent.IFI)
	}
	return person, nil
}

func personOf(ifi IFI) Person {
	switch ifi.Kind {
	case Mbox:
		return Person{Mbox: []string{ifi.Value}}
	case MboxSHA1Sum:
		return Person{MboxSHA1Sum: []string{ifi.Value}}
	case OpenID:
		return Person{OpenID: []string{ifi.Value}}
	default:
		return Person{Account: []IFI{ifi}}
	}
}

func (p *Person) addName(name string) {
	if name != "" && !slices.Contains(p.Name, name) {
		p.Name = append(p.Name, name)
	}
}

// addNames adds the names that a statement's actors of this identifier have, authority and members
// of groups included.
func (p *Person) addNames(statement *Statement, ifi IFI) {
	actors := statement.places.actors
	if statement.Authority != nil {
		actors = append(slices.Clip(actors), statement.Authority)
	}
	for _, actor := range actors {
		p.addNameOf(actor, ifi)
		for i := range actor.Members {
			p.addNameOf(&actor.Members[i], ifi)
		}
	}
}

func (p *Person) addNameOf(actor *Actor, ifi IFI) {
	if (equality{}).ifi(actor.IFI, ifi) {
		p.addName(actor.Name)
	}
}

// ActivityDefinition returns the canonical definition of an activity, nil when no statement gave
// one (Communication 2.5). It belongs to no source, so whoever reads statements may have it.
func (s *Service) ActivityDefinition(ctx context.Context, p Principal, activity string) (RawJSON, error) {
	if err := p.may(ScopeStatementsRead|ScopeStatementsReadMine|ScopeAllRead, "read activities"); err != nil {
		return nil, err
	}
	return s.store.ActivityDefinition(ctx, activity)
}
