package access

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"acquis/lrs"
)

// Bounds of what is administered, generous for people, narrow for programs gone wild.
const (
	maxText = 200
	maxList = 1000
	maxName = 64
	maxBody = 1 << 20 // of a schema
)

var (
	kebab         = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	schemaVersion = regexp.MustCompile(`^[0-9a-z]+([.-][0-9a-z]+)*$`)
	// No colon, which ends the user name of Basic, and nothing that needs quoting anywhere.
	credentialKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~@+-]*$`)
)

// faults gathers violations.
type faults struct{ found []lrs.Violation }

func (f *faults) add(pointer, rule, detail string, values ...any) {
	f.found = append(f.found, lrs.Violation{Pointer: pointer, Rule: rule, Detail: fmt.Sprintf(detail, values...)})
}

func (f *faults) err(what string) error {
	if len(f.found) == 0 {
		return nil
	}
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: what + " is not valid", Violations: f.found}
}

func (f *faults) name(pointer, name string) {
	if len(name) > maxName || !kebab.MatchString(name) {
		f.add(pointer, "name", "must be a name in kebab-case of %d characters at most: lower-case letters, digits and single hyphens, a letter first, such as pix-pro", maxName)
	}
}

// text is for people, on one line.
func (f *faults) text(pointer, text string) {
	switch {
	case utf8.RuneCountInString(text) > maxText:
		f.add(pointer, "length", "must be %d characters long at most", maxText)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		f.add(pointer, "text", "must be text on one line")
	}
}

func (f *faults) list(pointer string, length int) bool {
	if length > maxList {
		f.add(pointer, "length", "must hold %d elements at most", maxList)
	}
	return length <= maxList
}

func (s Source) faults(known func(schema string) bool) error {
	var f faults
	f.name("/name", s.Name)
	f.text("/title", s.Title)
	f.text("/contact", s.Contact)
	if s.Retention != "" {
		f.name("/retention", s.Retention)
	}
	s.authorityFaults(&f)
	s.versionFaults(&f)
	f.iris("/verbs", s.Verbs)
	f.iris("/activityPrefixes", s.ActivityPrefixes)
	if f.list("/actorForms", len(s.ActorForms)) {
		for i, form := range s.ActorForms {
			if !slices.Contains(actorForms, form) {
				f.add(fmt.Sprintf("/actorForms/%d", i), "actor-form", "must be one of %s", strings.Join(actorForms, ", "))
			}
		}
	}
	s.schemaFaults(&f, known)
	for _, limit := range []struct {
		pointer string
		value   float64
	}{{"/dailyQuota", float64(s.DailyQuota)}, {"/rate", s.Rate}, {"/burst", float64(s.Burst)}} {
		if limit.value < 0 || limit.value > 1e12 {
			f.add(limit.pointer, "range", "must not be negative or beyond 10^12; 0 stands for the installation's limit")
		}
	}
	return f.err("the source")
}

func (s Source) authorityFaults(f *faults) {
	if len(s.Authority) == 0 {
		return
	}
	_, err := lrs.NewAuthority(s.Authority)
	var e *lrs.Error
	switch {
	case err == nil:
	case errors.As(err, &e) && len(e.Violations) > 0:
		for _, v := range e.Violations {
			v.Pointer = "/authority" + v.Pointer
			f.found = append(f.found, v)
		}
	default:
		f.add("/authority", "authority", "%v", err)
	}
}

func (s Source) versionFaults(f *faults) {
	spoken := []lrs.Version{lrs.V103, lrs.V200}
	for i, v := range s.Versions {
		if !slices.Contains(spoken, v) {
			f.add(fmt.Sprintf("/versions/%d", i), "version", "must be %s", joined(spoken))
		}
	}
	if len(s.Versions) > 0 {
		spoken = s.Versions
	}
	if s.DefaultVersion != "" && !slices.Contains(spoken, s.DefaultVersion) {
		f.add("/defaultVersion", "version", "must be %s, or be left out", joined(spoken))
	}
}

// iris checks a list of IRIs. A prefix of IRIs is one itself: it has a scheme at least.
func (f *faults) iris(pointer string, iris []string) {
	if !f.list(pointer, len(iris)) {
		return
	}
	for i, iri := range iris {
		if err := lrs.CheckIRI(iri); err != nil {
			f.add(fmt.Sprintf("%s/%d", pointer, i), "iri", "must be an IRI: this one %v", err)
		}
	}
}

func (s Source) schemaFaults(f *faults, known func(string) bool) {
	if !f.list("/schemas", len(s.Schemas)) {
		return
	}
	for i, use := range s.Schemas {
		at := fmt.Sprintf("/schemas/%d", i)
		if id := use.Name + "@" + use.Version; !known(id) {
			f.add(at, "schema", "the schema %.100q is not known: register it first", id)
		}
		if use.Mode != Report && use.Mode != Enforce {
			f.add(at+"/mode", "mode", "must be %s or %s", Report, Enforce)
		}
		if slices.ContainsFunc(s.Schemas[:i], func(u SchemaUse) bool { return u.Name == use.Name && u.Version == use.Version }) {
			f.add(at, "schema", "is named twice")
		}
	}
}

func (s Source) authority() []byte {
	if len(s.Authority) > 0 {
		return s.Authority
	}
	name := s.Title
	if name == "" {
		name = s.Name
	}
	return namedAuthority("urn:acquis:source", s.Name, name)
}

// scopes are a credential's as its source allows them: whether activities may be defined is the
// source's affair.
func (s Source) scopes(granted lrs.Scope) lrs.Scope {
	if s.Define && granted&lrs.ScopeStatementsWrite != 0 {
		return granted | lrs.ScopeDefine
	}
	return granted
}

func (c Credential) faults(sources map[string]Source) error {
	var f faults
	if len(c.Key) > maxName || !credentialKey.MatchString(c.Key) {
		f.add("/key", "key", "must have %d characters at most: letters, digits and . _ ~ @ + -, a letter or digit first", maxName)
	}
	f.text("/note", c.Note)
	switch c.Kind {
	case OfSource:
		if _, known := sources[c.Source]; !known {
			f.add("/source", "source", "there is no source %.100q: make it first", c.Source)
		}
		if c.Account != "" || c.Roles != 0 || len(c.Subtrees) > 0 {
			f.add("/kind", "kind", "a source's credential has no account, roles or subtrees: those are a service account's")
		}
		if c.Scopes == 0 {
			f.add("/scopes", "scopes", "must name a scope at least, such as statements/write")
		}
	case OfAccount:
		f.name("/account", c.Account)
		if c.Source != "" || c.External {
			f.add("/kind", "kind", "a service account's credential has no source and is not external")
		}
		if c.Roles == 0 && c.Scopes == 0 {
			f.add("/roles", "roles", "must name a role or a scope at least")
		}
	default:
		f.add("/kind", "kind", "must be %s or %s", OfSource, OfAccount)
	}
	if f.list("/subtrees", len(c.Subtrees)) {
		for i, id := range c.Subtrees {
			f.text(fmt.Sprintf("/subtrees/%d", i), id)
			if id == "" {
				f.add(fmt.Sprintf("/subtrees/%d", i), "subtree", "must be the id of an organisation")
			}
		}
	}
	return f.err("the credential")
}

func (s Schema) faults() error {
	var f faults
	f.name("/name", s.Name)
	if len(s.Version) > maxName || !schemaVersion.MatchString(s.Version) {
		f.add("/version", "version", "must be lower-case letters and digits, in parts by dots or hyphens, such as 2 or 2026-09")
	}
	if len(s.Body) > maxBody {
		f.add("/schema", "length", "must be %d bytes long at most", maxBody)
	}
	return f.err("the schema")
}
