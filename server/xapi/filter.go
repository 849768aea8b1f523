package xapi

import (
	"errors"
	"slices"
	"strconv"

	"golang.org/x/text/language"

	"acquis/lrs"
)

// The parameters of GET /statements (Communication 2.1.3). single says which go with the id of one
// statement; more is this store's own.
var (
	singleParameters = []string{"statementId", "voidedStatementId", "format", "attachments"}
	filterParameters = []string{
		"agent", "verb", "activity", "registration", "related_activities", "related_agents",
		"since", "until", "limit", "format", "attachments", "ascending",
	}
	statementParameters = slices.Concat([]string{"statementId", "voidedStatementId", "more"}, filterParameters)
)

// statementQuery is what GET /statements asks for: one statement or a page.
type statementQuery struct {
	id     lrs.ID
	single bool
	voided bool
	filter lrs.StatementFilter
}

// readStatementQuery reads the parameters and refuses, all at once, what is wrong with them.
func (c *call) readStatementQuery() (statementQuery, error) {
	if err := c.only(statementParameters...); err != nil {
		return statementQuery{}, err
	}
	p := parameters{call: c}
	q := statementQuery{single: c.query.Has("statementId") || c.query.Has("voidedStatementId"), voided: c.query.Has("voidedStatementId")}
	if q.single {
		name := "statementId"
		if q.voided {
			name = "voidedStatementId"
		}
		q.id = p.id(name)
		p.alone(name, singleParameters)
		if c.query.Has("statementId") && q.voided {
			p.fault("voidedStatementId", "cannot go together with statementId: ask for one of them")
		}
	}
	if c.query.Has("more") {
		p.alone("more", nil)
		if q.filter.More = c.query.Get("more"); q.filter.More == "" {
			p.fault("more", "is empty: use the link from the answer unchanged")
		}
	}
	q.filter.Presentation = lrs.Presentation{Format: p.format(), Attachments: p.boolean("attachments"), Languages: c.languages()}
	q.filter.Agent = p.agent("agent")
	q.filter.Verb = p.iri("verb")
	q.filter.Activity = p.iri("activity")
	q.filter.Registration = p.id("registration")
	q.filter.RelatedAgents = p.boolean("related_agents")
	q.filter.RelatedActivities = p.boolean("related_activities")
	q.filter.Since = p.instant("since")
	q.filter.Until = p.instant("until")
	q.filter.Limit = p.count("limit")
	q.filter.Ascending = p.boolean("ascending")
	return q, refused(p.violations)
}

// maxLanguages bounds the wishes that count: each is compared with every language map of a page.
const maxLanguages = 20

// languages reads Accept-Language; what cannot be read counts as no wish.
func (c *call) languages() []language.Tag {
	tags, _, err := language.ParseAcceptLanguage(c.r.Header.Get("Accept-Language"))
	if err != nil {
		return nil
	}
	return tags[:min(len(tags), maxLanguages)]
}

// alone refuses parameters beside name that are not among the allowed.
func (p *parameters) alone(name string, allowed []string) {
	for other := range p.query {
		if other != name && !slices.Contains(allowed, other) {
			p.fault(other, "cannot go together with "+name)
		}
	}
}

func (p *parameters) format() lrs.Format {
	s, given := p.text("format")
	if !given {
		return lrs.FormatExact
	}
	f, known := lrs.Formats[s]
	if !known {
		p.fault("format", "must be exact, ids or canonical")
	}
	return f
}

func (p *parameters) boolean(name string) bool {
	s, given := p.text(name)
	if given && s != "true" && s != "false" {
		p.fault(name, "must be true or false")
	}
	return s == "true"
}

// count reads a number of things, how large it may be; nil when it isn't given.
func (p *parameters) count(name string) *int {
	s, given := p.text(name)
	if !given {
		return nil
	}
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // out of range, n is the most there is
		p.fault(name, "must be a whole number, 0 or more")
	}
	count := int(n)
	return &count
}
