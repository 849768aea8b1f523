package xapi

import (
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"acquis/lrs"
)

// parameters reads the parameters of a call one by one and gathers what is wrong with them, for
// refused to answer all at once.
type parameters struct {
	*call
	violations []lrs.Violation
}

func (p *parameters) fault(name, detail string) {
	p.violations = append(p.violations, parameterFault(name, detail))
}

// required notes each of the parameters that is not given.
func (p *parameters) required(names ...string) *parameters {
	for _, name := range names {
		if !p.query.Has(name) {
			p.fault(name, "is missing")
		}
	}
	return p
}

func (p *parameters) text(name string) (s string, given bool) {
	return p.query.Get(name), p.query.Has(name)
}

// id reads a UUID, uuid.Nil when it isn't given.
func (p *parameters) id(name string) lrs.ID {
	s, given := p.text(name)
	if !given {
		return uuid.Nil
	}
	id, err := lrs.ParseUUID(s)
	if err != nil {
		p.fault(name, err.Error())
	}
	return id
}

// iri reads an IRI, "" when it isn't given.
func (p *parameters) iri(name string) string {
	s, given := p.text(name)
	if !given {
		return ""
	}
	if err := lrs.CheckIRI(s); err != nil {
		p.fault(name, err.Error())
	}
	return s
}

// agent reads an Agent or identified Group in JSON, nil when it isn't given.
func (p *parameters) agent(name string) *lrs.Actor {
	s, given := p.text(name)
	if !given {
		return nil
	}
	actor, err := lrs.DecodeAgent([]byte(s))
	var refusal *lrs.Error
	switch {
	case err == nil:
		return actor
	case errors.As(err, &refusal) && len(refusal.Violations) > 0:
		for _, v := range refusal.Violations {
			p.fault(name, strings.TrimSuffix("is no Agent or identified Group: "+v.Pointer+" "+v.Detail, " "))
		}
	default:
		p.fault(name, err.Error())
	}
	return nil
}

// instant reads a timestamp, rounded down to the microsecond; 0 when it isn't given.
func (p *parameters) instant(name string) lrs.Instant {
	s, given := p.text(name)
	if !given {
		return 0
	}
	t, err := lrs.ParseTimestamp(s, lrs.V103)
	if err != nil {
		p.fault(name, err.Error())
		return 0
	}
	return max(lrs.InstantOf(t), lrs.InstantOf(time.UnixMicro(1)))
}

// splitETags takes a list of entity tags apart, without quotes and weakness marks.
func splitETags(list string) []string {
	var tags []string
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag != "" {
			tags = append(tags, strings.Trim(tag, `"`))
		}
	}
	return tags
}
