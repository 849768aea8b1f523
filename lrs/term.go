package lrs

import (
	"bytes"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Term is what the index knows a statement by: a kind in its first byte, then 15 bytes of the
// SHA-256 of the value. Two values of a kind share a term with negligible probability.
type Term [16]byte

// TermKind is the first byte of a Term. The kinds stand in the order in which they narrow a query
// down, the most selective first; a store that scans one term and filters the rest scans the first.
type TermKind byte

// Filter terms answer the query parameters of Communication 2.1.3 and are inherited through
// StatementRefs. Scope terms (Source, Authority) tell whose statement it is and never are. Target
// is the statement that the object refers to.
const (
	TermTarget TermKind = iota + 1
	TermRegistration
	TermAgent
	TermRelatedAgent
	TermActivity
	TermRelatedActivity
	TermVerb
	TermAuthority
	TermSource
)

// MaxInheritance is how many targets along a chain of StatementRefs a statement inherits from.
const MaxInheritance = 100

// Kind returns the term's kind.
func (t Term) Kind() TermKind { return TermKind(t[0]) }

// Inheritable reports whether a statement that refers to another takes over this term.
func (t Term) Inheritable() bool { return t.Kind() >= TermRegistration && t.Kind() <= TermVerb }

func newTerm(kind TermKind, parts ...string) Term { return (*TermCache)(nil).term(kind, parts...) }

// IFITerm is the Agent or RelatedAgent term of an identifier. Values that the specification holds
// equal share a term: the domain of a mail address counts without case.
func IFITerm(kind TermKind, ifi IFI) Term { return (*TermCache)(nil).ifi(kind, ifi) }

// canonicalValue folds the case of what is case-insensitive (Data 2.3.1): the domain of a mail
// address and hexadecimal digits.
func (i IFI) canonicalValue() string {
	switch i.Kind {
	case Mbox:
		if at := strings.LastIndexByte(i.Value, '@'); at >= 0 {
			return i.Value[:at] + strings.ToLower(i.Value[at:])
		}
	case MboxSHA1Sum:
		return strings.ToLower(i.Value)
	}
	return i.Value
}

// IRITerm is the term of a verb, an activity or a related activity.
func IRITerm(kind TermKind, iri string) Term { return newTerm(kind, iri) }

// IDTerm is the term of a registration or a target.
func IDTerm(kind TermKind, id ID) Term { return newTerm(kind, string(id[:])) }

// SourceTerm is the scope term of a source, by its name.
func SourceTerm(source string) Term { return newTerm(TermSource, source) }

// AuthorityTerm is the scope term of an authority, whatever the order of its two Agents.
func AuthorityTerm(authority Actor) Term { return (*TermCache)(nil).authority(&authority) }

// Terms derives the index terms of an accepted statement, sorted and without repetition.
// It is a pure function of the statement, its authority included, and the name of its source.
func Terms(s *Statement, source string) []Term { return (*TermCache)(nil).terms(s, source) }

func (k *TermCache) terms(s *Statement, source string) []Term {
	c := termCollector{cache: k, terms: make([]Term, 0, 16)}
	c.actor(&s.Actor, true)
	c.add(k.term(TermVerb, s.Verb.ID))
	c.object(&s.Object, true)
	if s.Object.Kind == ObjectStatementRef {
		c.add(IDTerm(TermTarget, s.Object.StatementRef))
	}
	if s.Context != nil {
		if s.Context.Registration != uuid.Nil {
			c.add(IDTerm(TermRegistration, s.Context.Registration))
		}
		c.context(s.Context)
	}
	if s.Authority != nil {
		c.actor(s.Authority, false)
		c.add(k.authority(s.Authority))
	}
	c.add(k.term(TermSource, source))
	slices.SortFunc(c.terms, func(a, b Term) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(c.terms)
}

// TargetOf returns the id of the statement that the object refers to, uuid.Nil when it refers to none.
func TargetOf(s *Statement) ID {
	if s.Object.Kind == ObjectStatementRef {
		return s.Object.StatementRef
	}
	return uuid.Nil
}

type termCollector struct {
	cache *TermCache
	terms []Term
}

func (c *termCollector) add(t Term) { c.terms = append(c.terms, t) }

// actor adds the related-agent terms of an actor and of a group's members; direct says that the
// plain agent filter sees it too.
func (c *termCollector) actor(a *Actor, direct bool) {
	if a.IFI.Kind != NoIFI {
		c.add(c.cache.ifi(TermRelatedAgent, a.IFI))
		if direct {
			c.add(c.cache.ifi(TermAgent, a.IFI))
		}
	}
	for i := range a.Members {
		c.actor(&a.Members[i], direct)
	}
}

func (c *termCollector) activity(a *Activity, direct bool) {
	c.add(c.cache.term(TermRelatedActivity, a.ID))
	if direct {
		c.add(c.cache.term(TermActivity, a.ID))
	}
}

func (c *termCollector) object(o *Object, direct bool) {
	switch o.Kind {
	case ObjectActivity:
		c.activity(o.Activity, direct)
	case ObjectActor:
		c.actor(o.Actor, direct)
	case ObjectSubStatement:
		sub := o.SubStatement
		c.actor(&sub.Actor, false)
		c.object(&sub.Object, false)
		if sub.Context != nil {
			c.context(sub.Context)
		}
	}
}

func (c *termCollector) context(x *Context) {
	for _, a := range []*Actor{x.Instructor, x.Team} {
		if a != nil {
			c.actor(a, false)
		}
	}
	for _, list := range [][]ContextActor{x.Agents, x.Groups} {
		for i := range list {
			c.actor(&list[i].Actor, false)
		}
	}
	for _, list := range [][]Activity{x.Activities.Parent, x.Activities.Grouping, x.Activities.Category, x.Activities.Other} {
		for i := range list {
			c.activity(&list[i], false)
		}
	}
}
