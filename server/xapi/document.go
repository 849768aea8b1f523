package xapi

import (
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"acquis/lrs"
	"acquis/server"
)

// documentResource is one of the three document resources (Communication 2.3, 2.6, 2.7). They
// differ in what a document belongs to and in what its id is called.
type documentResource struct {
	kind  lrs.DocumentKind
	id    string   // the parameter that names one document
	owner []string // the parameters that say what documents belong to; all required
	// registration says that documents may belong to a registration too, and that all of a scope may
	// be deleted at once: both are the State resource's alone.
	registration bool
}

var (
	stateResource           = documentResource{lrs.StateDocument, "stateId", []string{"activityId", "agent"}, true}
	agentProfileResource    = documentResource{lrs.AgentProfileDocument, "profileId", []string{"agent"}, false}
	activityProfileResource = documentResource{lrs.ActivityProfileDocument, "profileId", []string{"activityId"}, false}
)

func (s *Surface) getState(c *call) error    { return s.getDocument(c, stateResource) }
func (s *Surface) putState(c *call) error    { return s.putDocument(c, stateResource) }
func (s *Surface) postState(c *call) error   { return s.postDocument(c, stateResource) }
func (s *Surface) deleteState(c *call) error { return s.deleteDocument(c, stateResource) }

func (s *Surface) getAgentProfile(c *call) error { return s.getDocument(c, agentProfileResource) }

func (s *Surface) putAgentProfile(c *call) error { return s.putDocument(c, agentProfileResource) }

func (s *Surface) postAgentProfile(c *call) error { return s.postDocument(c, agentProfileResource) }

func (s *Surface) deleteAgentProfile(c *call) error { return s.deleteDocument(c, agentProfileResource) }

func (s *Surface) getActivityProfile(c *call) error { return s.getDocument(c, activityProfileResource) }

func (s *Surface) putActivityProfile(c *call) error { return s.putDocument(c, activityProfileResource) }

func (s *Surface) postActivityProfile(c *call) error {
	return s.postDocument(c, activityProfileResource)
}

func (s *Surface) deleteActivityProfile(c *call) error {
	return s.deleteDocument(c, activityProfileResource)
}

// getDocument answers with one document, or without its id with the ids of all.
func (s *Surface) getDocument(c *call, r documentResource) error {
	if !c.query.Has(r.id) {
		return s.listDocuments(c, r)
	}
	key, err := r.key(c)
	if err != nil {
		return err
	}
	d, err := s.service.Document(c.r.Context(), c.principal, key)
	if err != nil {
		return err
	}
	if c.validators(d.ETag(), d.LastModified()) {
		return nil
	}
	inert(c.w.Header())
	return c.writeContent(d.ContentType, d.Content)
}

// inert keeps browsers from running what a client stored: a document shares its origin with
// whatever else this server shows.
func inert(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
}

func (s *Surface) listDocuments(c *call, r documentResource) error {
	scope, since, err := r.list(c)
	if err != nil {
		return err
	}
	list, err := s.service.DocumentIDs(c.r.Context(), c.principal, scope, since)
	if err != nil {
		return err
	}
	if list.IDs == nil {
		list.IDs = []string{}
	}
	return c.writeJSON(list.IDs, list.Updated)
}

// writeJSON answers with v, the digest of its JSON as ETag, and when it was last changed, if known.
func (c *call) writeJSON(v any, changed lrs.Instant) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	if c.validators(lrs.ContentETag(body), changed.Time()) {
		return nil
	}
	return c.writeContent("application/json", body)
}

func (s *Surface) putDocument(c *call, r documentResource) error {
	w, err := s.readWrite(c, r)
	if err != nil {
		return err
	}
	return c.done(s.service.PutDocument(c.r.Context(), c.principal, w))
}

func (s *Surface) postDocument(c *call, r documentResource) error {
	w, err := s.readWrite(c, r)
	if err != nil {
		return err
	}
	return c.done(s.service.MergeDocument(c.r.Context(), c.principal, w))
}

// done answers 204 unless there was an error.
func (c *call) done(err error) error {
	if err == nil {
		c.w.WriteHeader(http.StatusNoContent)
	}
	return err
}

// readWrite reads the document that a PUT or POST carries.
func (s *Surface) readWrite(c *call, r documentResource) (lrs.DocumentWrite, error) {
	key, err := r.key(c)
	if err != nil {
		return lrs.DocumentWrite{}, err
	}
	condition, err := c.precondition()
	if err != nil {
		return lrs.DocumentWrite{}, err
	}
	content, err := c.readBody(s.options.DocumentBytes)
	return lrs.DocumentWrite{
		Key: key, Version: c.version, ContentType: c.r.Header.Get("Content-Type"), Content: content,
		Precondition: condition, MaxBytes: s.options.DocumentBytes,
	}, err
}

// deleteDocument deletes one document, or where the resource has it, without an id all.
func (s *Surface) deleteDocument(c *call, r documentResource) error {
	if r.registration && !c.query.Has(r.id) {
		return s.deleteDocuments(c, r)
	}
	key, err := r.key(c)
	if err != nil {
		return err
	}
	condition, err := c.precondition()
	if err != nil {
		return err
	}
	return c.done(s.service.DeleteDocument(c.r.Context(), c.principal, key, condition))
}

func (s *Surface) deleteDocuments(c *call, r documentResource) error {
	if err := c.only(r.parameters()...); err != nil {
		return err
	}
	if c.r.Header.Get("If-Match") != "" || c.r.Header.Get("If-None-Match") != "" {
		return lrs.Errorf(lrs.KindInvalid, "If-Match and If-None-Match are about one document, and without %s this deletes all: name one, or leave the header out", r.id)
	}
	scope, err := r.scope(c)
	if err != nil {
		return err
	}
	scope.AnyRegistration = !c.query.Has("registration")
	return c.done(s.service.DeleteDocuments(c.r.Context(), c.principal, scope))
}

// parameters lists the parameters of all requests to the resource, and those given.
func (r documentResource) parameters(more ...string) []string {
	names := append([]string{}, r.owner...)
	if r.registration {
		names = append(names, "registration")
	}
	return append(names, more...)
}

// key reads the parameters of a request about one document.
func (r documentResource) key(c *call) (lrs.DocumentKey, error) {
	if err := c.only(r.parameters(r.id)...); err != nil {
		return lrs.DocumentKey{}, err
	}
	p := parameters{call: c}
	p.required(r.id)
	id, given := p.text(r.id)
	switch {
	case given && id == "":
		p.fault(r.id, "is empty")
	case !utf8.ValidString(id):
		p.fault(r.id, "is not UTF-8")
	}
	scope := r.readScope(&p)
	return lrs.DocumentKey{DocumentScope: scope, ID: id}, refused(p.violations)
}

// list reads the parameters of a request for the ids of documents.
func (r documentResource) list(c *call) (lrs.DocumentScope, lrs.Instant, error) {
	if err := c.only(r.parameters("since")...); err != nil {
		return lrs.DocumentScope{}, 0, err
	}
	p := parameters{call: c}
	scope, since := r.readScope(&p), p.instant("since")
	scope.AnyRegistration = r.registration && !c.query.Has("registration")
	return scope, since, refused(p.violations)
}

// scope reads the parameters that say what documents belong to.
func (r documentResource) scope(c *call) (lrs.DocumentScope, error) {
	p := parameters{call: c}
	scope := r.readScope(&p)
	return scope, refused(p.violations)
}

func (r documentResource) readScope(p *parameters) lrs.DocumentScope {
	p.required(r.owner...)
	scope := lrs.DocumentScope{Kind: r.kind, Activity: p.iri("activityId"), Registration: p.id("registration")}
	if agent := p.agent("agent"); agent != nil {
		scope.Agent = *agent
		if agent.Group && p.version == lrs.V103 {
			p.fault("agent", "is a Group, and in xAPI 1.0.3 documents belong to Agents: leave objectType and member out and keep the identifier")
		}
	}
	return scope
}

// precondition reads If-Match and If-None-Match (RFC 9110, 13.1). Weak tags and tags without quotes
// count too: tags name content here, proxies that compress weaken them, and clients are about that
// send them bare.
func (c *call) precondition() (lrs.Precondition, error) {
	match, err := c.entityTags("If-Match")
	if err != nil {
		return lrs.Precondition{}, err
	}
	noneMatch, err := c.entityTags("If-None-Match")
	if err != nil {
		return lrs.Precondition{}, err
	}
	p := lrs.Precondition{ETags: match.tags, NotETags: noneMatch.tags}
	switch {
	case match.any && noneMatch.any:
		return p, lrs.Errorf(lrs.KindInvalid, "If-Match: * and If-None-Match: * cannot both hold: send one of them")
	case match.any || noneMatch.any:
		p.Exists = &match.any
	}
	return p, nil
}

// entityTags is what If-Match or If-None-Match says: nothing, any, or some tags.
type entityTags struct {
	any  bool
	tags []string
}

func (c *call) entityTags(name string) (entityTags, error) {
	values := c.r.Header.Values(name)
	if len(values) == 0 {
		return entityTags{}, nil
	}
	tags := splitETags(server.PlainETags(strings.Join(values, ",")))
	switch {
	case len(tags) == 0:
		return entityTags{}, lrs.Errorf(lrs.KindInvalid, "the header %s is empty: it must be * or ETags in quotes", name)
	case len(tags) == 1 && tags[0] == "*":
		return entityTags{any: true}, nil
	}
	return entityTags{tags: tags}, nil
}
