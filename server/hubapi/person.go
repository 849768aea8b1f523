package hubapi

import (
	"net/http"
	"strconv"
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/directory"
	"acquis/hub/list"
	"acquis/lrs"
	"acquis/server"
)

func (s *Directory) people() server.Routes {
	return server.Routes{
		"GET /people":                    s.listPeople,
		"POST /people":                   s.upsertPerson,
		"POST /people/import":            s.importPeople,
		"GET /people/:person":            s.getPerson,
		"PUT /people/:person":            s.putPerson,
		"GET /people/:person/history":    s.getPersonHistory,
		"GET /people/:person/identities": s.listPersonIdentities,
		"POST /people/:person/merge":     s.mergePeople,
		"POST /people/:person/unmerge":   s.separatePeople,
	}
}

// person is a person as it goes over the wire.
type person struct {
	ID hub.PersonID `json:"id"`
	directory.Profile
	MergedInto hub.PersonID   `json:"mergedInto,omitempty"`
	Absorbed   []hub.PersonID `json:"absorbed,omitempty"`
	Created    time.Time      `json:"created"`
	Updated    time.Time      `json:"updated"`
	Revision   string         `json:"revision"`
}

func shownPerson(r docstore.Row[directory.Person]) person {
	p := person{
		ID: r.Value.ID, Profile: r.Value.Profile(), MergedInto: r.Value.MergedInto,
		Created: r.Value.Created, Updated: r.Value.Updated, Revision: server.ETagOf(r.Revision),
	}
	for _, a := range r.Value.Absorbed {
		p.Absorbed = append(p.Absorbed, a.Person)
	}
	return p
}

// listPeople answers GET /api/people.
func (s *Directory) listPeople(c *server.Call) error {
	limit, after, err := c.List(listParameters("name", "organisation", "population", "tag", "status", "mail", "on")...)
	if err != nil {
		return err
	}
	on, err := day(c, "on")
	if err != nil {
		return err
	}
	f := directory.PeopleFilter{
		Name: c.Query("name"), Organisation: hub.OrganisationID(c.Query("organisation")), Population: c.Query("population"),
		Tag: c.Query("tag"), Status: directory.Status(c.Query("status")), On: on,
	}
	if mail := c.Query("mail"); mail != "" {
		f.Key = directory.Key{Kind: directory.Mbox, Value: mail}
	}
	who, asCSV, err := exported(c)
	if err != nil {
		return err
	}
	read := s.directory.People
	if asCSV {
		read = s.directory.ExportPeople
	}
	return listed[docstore.Row[directory.Person]]{
		Name: "people", Columns: s.directory.PersonColumns(on),
		Read: func(q list.Query) (list.Page[docstore.Row[directory.Person]], error) {
			return read(c.Ctx(), who, f, q)
		},
		Show: func(r docstore.Row[directory.Person]) any { return shownPerson(r) },
	}.answer(c, limit, after)
}

// getPerson answers GET /api/people/{person}.
func (s *Directory) getPerson(c *server.Call) error {
	row, err := s.directory.Person(c.Ctx(), caller(c), hub.PersonID(c.Param("person")))
	if err != nil {
		return err
	}
	return ok(c, server.ETagOf(row.Revision), shownPerson(row))
}

// getPersonHistory answers GET /api/people/{person}/history.
func (s *Directory) getPersonHistory(c *server.Call) error {
	row, err := s.directory.Person(c.Ctx(), caller(c), hub.PersonID(c.Param("person")))
	if err != nil {
		return err
	}
	return ok(c, "", server.PageOf(row.Value.History, "", func(h directory.PersonChange) directory.PersonChange { return h }))
}

// upsertPerson answers POST /api/people: it says something of whoever has one of the keys or addresses,
// or makes that person.
func (s *Directory) upsertPerson(c *server.Call) error {
	var body directory.Profile
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	row, created, err := s.directory.UpsertPerson(c.Ctx(), caller(c), body)
	switch {
	case err != nil:
		return err
	case created:
		return c.Created([]string{row.ID}, server.ETagOf(row.Revision), shownPerson(row))
	default:
		return ok(c, server.ETagOf(row.Revision), shownPerson(row))
	}
}

// putPerson answers PUT /api/people/{person}. What GET answered may be sent back with changes.
func (s *Directory) putPerson(c *server.Call) error {
	revision, err := c.IfMatch()
	if err != nil {
		return err
	}
	var body person
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	row, err := s.directory.PutPerson(c.Ctx(), caller(c), hub.PersonID(c.Param("person")), body.Profile, revision)
	if err != nil {
		return staleUnlessClash(err)
	}
	return ok(c, server.ETagOf(row.Revision), shownPerson(row))
}

// staleUnlessClash tells a client of a former revision so; what clashes with others stays a conflict.
func staleUnlessClash(err error) error {
	if stale, is := server.Stale(err).(*lrs.Error); is && len(stale.Violations) == 0 {
		return stale
	}
	return err
}

// decision is what somebody says who decides about people and identities.
type decision struct {
	Into   hub.PersonID `json:"into,omitempty"`
	Person hub.PersonID `json:"person,omitempty"`
	Reason string       `json:"reason,omitempty"`
}

// mergePeople answers POST /api/people/{person}/merge: the person is the other one from now on.
func (s *Directory) mergePeople(c *server.Call) error {
	var body decision
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	if body.Into == "" {
		return missing("/into", "must be the id of the person that this one is")
	}
	p, err := s.directory.MergePeople(c.Ctx(), because(c, body.Reason), hub.PersonID(c.Param("person")), body.Into)
	return s.decided(c, p, err)
}

// separatePeople answers POST /api/people/{person}/unmerge.
func (s *Directory) separatePeople(c *server.Call) error {
	var body decision
	if err := c.Read(maxSettings, &body); err != nil {
		return err
	}
	p, err := s.directory.SeparatePeople(c.Ctx(), because(c, body.Reason), hub.PersonID(c.Param("person")))
	return s.decided(c, p, err)
}

// decided answers with a person about whom something was decided.
func (s *Directory) decided(c *server.Call, p directory.Person, err error) error {
	if err != nil {
		return err
	}
	row, err := s.directory.Person(c.Ctx(), caller(c), p.ID)
	if err != nil {
		return err
	}
	return ok(c, server.ETagOf(row.Revision), shownPerson(row))
}

func missing(pointer, detail string) error {
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: "something is missing", Violations: []lrs.Violation{{Pointer: pointer, Rule: "required", Detail: detail}}}
}

// importPeople answers POST /api/people/import.
func (s *Directory) importPeople(c *server.Call) error {
	in := directory.PeopleImport{Scope: hub.OrganisationID(c.Query("scope"))}
	if _, _, err := c.List("dry_run", "skip_faulty", "day", "scope", "end_absent", "end_count", "reason"); err != nil {
		return err
	}
	var err error
	if in.DryRun, err = yes(c, "dry_run"); err != nil {
		return err
	}
	if in.Skip, err = yes(c, "skip_faulty"); err != nil {
		return err
	}
	if in.End, err = yes(c, "end_absent"); err != nil {
		return err
	}
	if in.Day, err = day(c, "day"); err != nil {
		return err
	}
	if text := c.Query("end_count"); text != "" {
		if in.EndCount, err = strconv.Atoi(text); err != nil {
			return lrs.Errorf(lrs.KindInvalid, "the parameter end_count must be a number")
		}
	}
	if in.File, err = file(c, directory.MaxImport); err != nil {
		return err
	}
	report, err := s.directory.ImportPeople(c.Ctx(), caller(c), in)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", report)
}
