package access

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/lrs"
)

// Who may administer what.
const (
	readers  = lrs.RoleAdministrator | lrs.RoleOperator | lrs.RoleAuditor // of sources, credentials, schemas
	managers = lrs.RoleAdministrator | lrs.RoleOperator                   // of sources, their credentials, schemas
	grantors = lrs.RoleAdministrator                                      // of service accounts
	auditors = lrs.RoleAdministrator | lrs.RoleAuditor                    // read the audit log
)

// Admin changes who may do what. Every method decides by the caller's roles, and every attempt to
// change something is in the audit log, refused ones too. What it changes counts in this process at
// once, and in others within a second or so.
type Admin struct {
	store     Store
	directory *Directory
	now       func() time.Time
}

// NewAdmin returns the administration of what the directory knows.
func NewAdmin(store Store, d *Directory) *Admin {
	return &Admin{store: store, directory: d, now: d.options.Now}
}

// act carries out what an attempt prepares, if the caller has one of the roles, and puts it on record.
func (a *Admin) act(ctx context.Context, c Caller, action, target string, roles lrs.Role, prepare func(*picture) (Change, error)) (Change, error) {
	entry := Entry{Time: a.now().UTC(), Actor: c.Name, Action: action, Target: target, Address: c.Address, Outcome: Done}
	err := c.Has(roles, actionWords(action))
	var change Change
	if err == nil {
		change, err = prepare(a.directory.picture.Load())
	}
	if err != nil {
		return Change{}, a.refused(ctx, entry, err)
	}
	entry.Before, entry.After, entry.Detail = change.Entry.Before, change.Entry.After, change.Entry.Detail
	change.Entry = entry
	revision, err := a.store.Apply(ctx, change)
	if err != nil {
		return Change{}, a.refused(ctx, entry, changedMeanwhile(err))
	}
	a.directory.note(change.at(revision))
	return change, nil
}

// refused puts a refusal on record and returns it. Internal faults are none.
func (a *Admin) refused(ctx context.Context, entry Entry, err error) error {
	var refusal *lrs.Error
	if !errors.As(err, &refusal) {
		return err
	}
	entry.Outcome, entry.Detail, entry.Before, entry.After = Invalid, refusal.Detail, nil, nil
	if refusal.Kind == lrs.KindForbidden {
		entry.Outcome = Denied
	}
	entry.Target = shortenedTo(entry.Target, maxText)
	if recorded := a.store.AppendAudit(ctx, entry); recorded != nil {
		return errors.Join(err, recorded)
	}
	return err
}

func changedMeanwhile(err error) error {
	if lrs.KindOf(err) == lrs.KindConflict {
		return lrs.Errorf(lrs.KindConflict, "this was changed by somebody else meanwhile, or is there already: read it again and decide anew")
	}
	return err
}

func actionWords(action string) string {
	noun, verb, _ := strings.Cut(action, ".")
	return verb + " a " + noun
}

// at is what a change did, at its revision.
func (c Change) at(revision lrs.Instant) (done Changes) {
	if c.Source != nil {
		c.Source.Revision = revision
		done.Sources = []Source{*c.Source}
	}
	if c.Credential != nil {
		c.Credential.Revision = revision
		done.Credentials = []Credential{*c.Credential}
	}
	if c.Schema != nil {
		c.Schema.Revision = revision
		done.Schemas = []Schema{*c.Schema}
	}
	return done
}

// Sources lists the sources by name.
func (a *Admin) Sources(_ context.Context, c Caller, q List) (Listed[Source], error) {
	if err := c.Has(readers, "read sources"); err != nil {
		return Listed[Source]{}, err
	}
	return listed(a.directory.picture.Load().sources, q, all), nil
}

// Source returns a source. KindNotFound when there is none.
func (a *Admin) Source(_ context.Context, c Caller, name string) (Source, error) {
	if err := c.Has(readers, "read sources"); err != nil {
		return Source{}, err
	}
	s, known := a.directory.picture.Load().sources[name]
	if !known {
		return Source{}, notFound("source", name)
	}
	return s, nil
}

func notFound(what, name string) error {
	return lrs.Errorf(lrs.KindNotFound, "there is no %s %.100q", what, name)
}

// PutSource makes a source, or when s.Revision is not 0 replaces the one that has that revision, and
// returns it with its new revision. Disabling one stops its credentials everywhere within seconds.
func (a *Admin) PutSource(ctx context.Context, c Caller, s Source) (Source, error) {
	action := "source.update"
	if s.Revision == 0 {
		action = "source.create"
	}
	change, err := a.act(ctx, c, action, "source/"+s.Name, managers, func(p *picture) (Change, error) {
		if err := s.faults(func(id string) bool { return p.schemas[id] != nil && p.schemas[id].judge != nil }); err != nil {
			return Change{}, err
		}
		before, known := p.sources[s.Name]
		if !known && s.Revision != 0 {
			return Change{}, notFound("source", s.Name)
		}
		return Change{Source: &s, Entry: Entry{Before: image(before, known), After: image(s, true)}}, nil
	})
	if err != nil {
		return Source{}, err
	}
	return *change.Source, nil
}

// image is how the audit log shows something.
func image(v any, there bool) jsontext.Value {
	if !there {
		return nil
	}
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil
	}
	return b
}

// Schemas lists the schemas, by name and version, without their text.
func (a *Admin) Schemas(_ context.Context, c Caller, q List) (Listed[Schema], error) {
	if err := c.Has(readers, "read schemas"); err != nil {
		return Listed[Schema]{}, err
	}
	headers := func(s *compiledSchema) Schema {
		return Schema{Name: s.Name, Version: s.Version, Shipped: s.Shipped, Revision: s.Revision}
	}
	return shown(listed(a.directory.picture.Load().schemas, q, all), headers), nil
}

// Schema returns a version of a schema. KindNotFound when there is none.
func (a *Admin) Schema(_ context.Context, c Caller, name, version string) (Schema, error) {
	if err := c.Has(readers, "read schemas"); err != nil {
		return Schema{}, err
	}
	id := Schema{Name: name, Version: version}.ID()
	s := a.directory.picture.Load().schemas[id]
	if s == nil {
		return Schema{}, notFound("schema", id)
	}
	return s.Schema, nil
}

// RegisterSchema adds a version of a schema. A version never changes: KindConflict when it is there.
func (a *Admin) RegisterSchema(ctx context.Context, c Caller, s Schema) (Schema, error) {
	s.Shipped, s.Revision = false, 0
	change, err := a.act(ctx, c, "schema.register", "schema/"+s.ID(), managers, func(p *picture) (Change, error) {
		if err := s.faults(); err != nil {
			return Change{}, err
		}
		if p.schemas[s.ID()] != nil {
			return Change{}, lrs.Errorf(lrs.KindConflict, "the schema %s is there already, and a version never changes: register the next version", s.ID())
		}
		if _, err := a.directory.options.Compile(s.Body); err != nil {
			return Change{}, err
		}
		return Change{Schema: &s, Entry: Entry{After: image(Schema{Name: s.Name, Version: s.Version, Body: s.Body}, len(s.Body) <= maxImage)}}, nil
	})
	if err != nil {
		return Schema{}, err
	}
	return *change.Schema, nil
}

// maxImage bounds a schema's text in the audit log; the schema itself never changes.
const maxImage = 64 << 10

// Audit reads the audit log.
func (a *Admin) Audit(ctx context.Context, c Caller, q AuditQuery) (AuditPage, error) {
	if err := c.Has(auditors, "read the audit log"); err != nil {
		return AuditPage{}, err
	}
	return a.store.Audit(ctx, q)
}
