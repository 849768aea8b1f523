package storagetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"acquis/lrs"
)

// fields is a JSON object in the making.
type fields = map[string]any

// post is a statement on its way to a store. A Draft belongs to one call, so a post makes a new
// one for each.
type post struct {
	raw      []byte
	id       lrs.ID
	assigned lrs.Assignment
	contents []string // of the attachments whose bytes come along
}

// GoString shows the statement when a property fails.
func (p post) GoString() string {
	return fmt.Sprintf("%s from %s, version %s: %s", p.id, p.assigned.Source, p.assigned.Version, p.raw)
}

func (p post) draft(t rapid.TB) *lrs.Draft {
	t.Helper()
	s, err := lrs.DecodeStatement(bytes.Clone(p.raw), p.assigned.Version, lrs.Limits{})
	if err != nil {
		t.Fatalf("the suite made a bad statement: %v\n%s", err, p.raw)
	}
	return lrs.Accept(s, p.assigned)
}

func drafts(t rapid.TB, posts []post) []*lrs.Draft {
	t.Helper()
	list := make([]*lrs.Draft, len(posts))
	for i, p := range posts {
		list[i] = p.draft(t)
	}
	return list
}

// change sets something in a statement.
type change func(statement fields)

// put is the change of one property.
func put(name string, value any) change {
	return func(statement fields) { statement[name] = value }
}

func by(actor fields) change { return put("actor", actor) }

func did(verb string) change { return put("verb", fields{"id": verb}) }

func about(activity string) change {
	return put("object", fields{"id": activity})
}

// defining gives the object, an activity, a definition.
func defining(activity string, definition fields) change {
	return put("object", fields{"id": activity, "definition": definition})
}

func refersTo(id lrs.ID) change {
	return put("object", fields{"objectType": "StatementRef", "id": id.String()})
}

func voids(id lrs.ID) change {
	return func(statement fields) {
		did(lrs.VerbVoided)(statement)
		refersTo(id)(statement)
	}
}

func registeredAs(id lrs.ID) change {
	return put("context", fields{"registration": id.String()})
}

func identified(id lrs.ID) change { return put("id", id.String()) }

// newPost makes a statement with a random id; changes come on top of a plain one.
func newPost(changes ...change) post {
	statement := fields{"actor": agents[0], "verb": fields{"id": verbs[0]}, "object": fields{"id": activities[0]}}
	id := uuid.New()
	identified(id)(statement)
	for _, c := range changes {
		c(statement)
	}
	return accepted(statement, 0)
}

// accepted makes a post of a finished statement that comes from one of the sources.
func accepted(statement fields, source int) post {
	raw, err := json.Marshal(statement)
	if err != nil {
		panic(err) // fields hold nothing that JSON can't
	}
	p := post{raw: raw, assigned: lrs.Assignment{
		Version: lrs.V103, Source: sources[source], Authority: authorities[source], Define: true,
	}}
	p.id = uuid.MustParse(statement["id"].(string))
	return p
}

// from returns the post as another source would send it.
func (p post) from(source int) post {
	p.assigned.Source, p.assigned.Authority = sources[source], authorities[source]
	return p
}

// with returns a post of a statement that says something else under the same id.
func (p post) with(changes ...change) post {
	var statement fields
	if err := json.Unmarshal(p.raw, &statement); err != nil {
		panic(err) // it was marshalled here
	}
	for _, c := range changes {
		c(statement)
	}
	changed, err := json.Marshal(statement)
	if err != nil {
		panic(err)
	}
	p.raw = changed
	return p
}

// respelled returns a post of an equal statement that is written otherwise.
func (p post) respelled() post {
	var b bytes.Buffer
	if err := json.Indent(&b, p.raw, " ", "\t"); err != nil {
		panic(err) // it was marshalled here
	}
	p.raw = b.Bytes()
	return p
}

// The small world that random statements are about: small, so that they meet.
var (
	verbs = []string{
		"http://adlnet.gov/expapi/verbs/completed", "http://adlnet.gov/expapi/verbs/attempted",
		"http://adlnet.gov/expapi/verbs/passed", "https://w3id.org/xapi/dod-isd/verbs/certified",
	}
	activities = []string{
		"https://app.pix.example/campagnes/42", "https://openclassrooms.example/courses/7168871",
		"https://campus.example/modules/archivage", "https://campus.example/séances/2026-03-09",
		"tag:campus.example,2026:parcours",
	}
	agents = []fields{
		{"mbox": "mailto:ada@example.org", "name": "Ada"},
		{"mbox": "mailto:blaise@example.org"},
		{"mbox_sha1sum": "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"},
		{"mbox_sha1sum": "0b1e1f8f4d5d4d2fe3d5ffbb9d5c6d9c2d3a4b5c"},
		{"openid": "https://id.example/émilie"},
		{"openid": "https://id.example/gaspard"},
		{"account": fields{"homePage": "https://app.pix.example", "name": "70123"}},
		{"account": fields{"homePage": "https://openclassrooms.example", "name": "70123"}},
	}
	registrations = []lrs.ID{nthID("registration", 0), nthID("registration", 1), nthID("registration", 2)}
	sources       = []string{"pix", "openclassrooms", "campus"}
	authorities   = []lrs.Authority{
		mustAuthority(`{"objectType":"Agent","account":{"homePage":"https://acquis.example","name":"pix"}}`),
		mustAuthority(`{"account":{"homePage":"https://acquis.example","name":"openclassrooms"}}`),
		mustAuthority(`{"objectType":"Group","member":[{"account":{"homePage":"https://acquis.example","name":"app"}},{"mbox":"mailto:ada@example.org"}]}`),
	}
	contents = []string{"certificat", "attestation de présence", "", "relevé de notes"}
)

func mustAuthority(json string) lrs.Authority {
	a, err := lrs.NewAuthority([]byte(json))
	if err != nil {
		panic(err)
	}
	return a
}

// actorOf decodes an agent of the world.
func actorOf(agent fields) lrs.Actor {
	raw, err := json.Marshal(agent)
	if err != nil {
		panic(err) // fields hold nothing that JSON can't
	}
	a, err := lrs.DecodeAgent(raw)
	if err != nil {
		panic(err)
	}
	return *a
}

// nthID is the n-th id of a series: the same in every run, so that a failure can be repeated.
func nthID(series string, n int) lrs.ID {
	return uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "%s/%d", series, n))
}

func sha2(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// statements generates random statements whose ids, and the ids they refer to, are among the first
// n of the series "statement". references says how many of ten refer to another.
func statements(n, references int) *rapid.Generator[post] {
	return rapid.Custom(func(t *rapid.T) post {
		d := drawing{t, n, rapid.SampledFrom([]lrs.Version{lrs.V103, lrs.V200}).Draw(t, "version")}
		statement := d.statement(references)
		statement["id"] = nthID("statement", rapid.IntRange(0, n-1).Draw(t, "id")).String()
		kept := d.attachments(statement)
		p := accepted(statement, rapid.IntRange(0, len(sources)-1).Draw(t, "source"))
		p.assigned.Version = d.version
		p.contents = kept
		for _, content := range kept {
			p.assigned.Kept = append(p.assigned.Kept, sha2(content))
		}
		return p
	})
}

// drawing draws the parts of one statement.
type drawing struct {
	*rapid.T
	n       int // ids in use
	version lrs.Version
}

// one reports yes with the chance of one in n.
func (d drawing) one(n int, label string) bool { return rapid.IntRange(1, n).Draw(d.T, label) == n }

func pick[V any](d drawing, from []V, label string) V {
	return rapid.SampledFrom(from).Draw(d.T, label)
}

func (d drawing) statement(references int) fields {
	s := fields{"actor": d.actor(), "verb": fields{"id": pick(d, verbs, "verb"), "display": fields{"fr": "a suivi"}}}
	switch kind := rapid.IntRange(1, 10).Draw(d.T, "kind"); {
	case kind <= references:
		s["object"] = fields{"objectType": "StatementRef", "id": d.id()}
		if d.one(3, "voiding") {
			s["verb"] = fields{"id": lrs.VerbVoided}
		}
	case kind == 9:
		s["object"] = d.subStatement()
	case kind == 10:
		s["object"] = d.actor()
		s["object"].(fields)["objectType"] = d.actorType(s["object"].(fields))
	default:
		s["object"] = d.activity()
	}
	d.optional(s)
	return s
}

// optional adds what a statement may have or not.
func (d drawing) optional(s fields) {
	if d.one(2, "context") {
		s["context"] = d.context()
	}
	if d.one(2, "timestamp") {
		s["timestamp"] = "2026-03-09T14:30:00+01:00"
	}
	if d.one(3, "result") {
		s["result"] = fields{
			"score": fields{"scaled": json.Number("0.50"), "raw": json.Number("1e1")}, "success": true,
			"duration": "PT1H0M0.125S", "extensions": fields{"https://campus.example/ext/écart": nil},
		}
	}
}

func (d drawing) id() string {
	return nthID("statement", rapid.IntRange(0, d.n-1).Draw(d.T, "target")).String()
}

// agent draws an agent, its name and the case of its mail domain, which change nothing of who it is.
func (d drawing) agent() fields {
	a := maps.Clone(pick(d, agents, "agent"))
	if d.one(3, "named") {
		a["name"] = pick(d, []string{"Ada", "Blaise P.", "Émilie 🦊"}, "name")
	}
	if a["mbox"] == "mailto:ada@example.org" && d.one(2, "shouting") {
		a["mbox"] = "mailto:ada@EXAMPLE.org"
	}
	return a
}

func (d drawing) actor() fields {
	if !d.one(4, "group") {
		return d.agent()
	}
	group := d.group()
	if d.one(2, "identified") {
		maps.Copy(group, d.agent())
	}
	return group
}

func (d drawing) group() fields {
	members := []fields{}
	for range rapid.IntRange(1, 3).Draw(d.T, "members") {
		members = append(members, d.agent())
	}
	return fields{"objectType": "Group", "member": members}
}

func (d drawing) actorType(actor fields) string {
	if actor["objectType"] == "Group" {
		return "Group"
	}
	return "Agent"
}

func (d drawing) activity() fields {
	a := fields{"id": pick(d, activities, "activity")}
	if d.one(2, "definition") {
		a["definition"] = d.definition()
	}
	return a
}

func (d drawing) definition() fields {
	text := rapid.SampledFrom([]string{"Archiver", "Classer", "Trier"})
	definition := fields{"name": fields{pick(d, []string{"fr", "en", "fr-CA"}, "language"): text.Draw(d.T, "text")}}
	if d.one(2, "described") {
		definition["description"] = fields{pick(d, []string{"fr", "en"}, "language"): text.Draw(d.T, "text")}
	}
	if d.one(3, "typed") {
		definition["type"] = pick(d, []string{"http://adlnet.gov/expapi/activities/course", "http://adlnet.gov/expapi/activities/module"}, "type")
	}
	return definition
}

func (d drawing) context() fields {
	c := fields{}
	if d.one(2, "registered") {
		c["registration"] = pick(d, registrations, "registration").String()
	}
	if d.one(3, "instructed") {
		c["instructor"] = d.agent()
	}
	if d.one(3, "in a team") {
		c["team"] = d.group()
	}
	if d.one(3, "context statement") {
		c["statement"] = fields{"objectType": "StatementRef", "id": d.id()}
	}
	if d.one(2, "context activities") {
		// A lone activity is stored as an array.
		c["contextActivities"] = fields{"parent": d.activity(), "grouping": []fields{d.activity(), d.activity()}}
	}
	if d.version == lrs.V200 && d.one(2, "context actors") {
		c["contextAgents"] = []fields{{"objectType": "contextAgent", "agent": d.agent()}}
		c["contextGroups"] = []fields{{"objectType": "contextGroup", "group": d.group()}}
	}
	return c
}

func (d drawing) subStatement() fields {
	sub := fields{
		"objectType": "SubStatement", "actor": d.actor(),
		"verb": fields{"id": pick(d, verbs, "sub verb")}, "object": d.activity(),
	}
	if d.one(3, "sub reference") {
		sub["object"] = fields{"objectType": "StatementRef", "id": d.id()}
	}
	if d.one(3, "sub context") {
		sub["context"] = d.context()
	}
	return sub
}

// attachments gives the statement attachments, some by fileUrl, and returns the contents of others.
func (d drawing) attachments(statement fields) (kept []string) {
	if !d.one(3, "attached") {
		return nil
	}
	var list []fields
	for range rapid.IntRange(1, 2).Draw(d.T, "attachments") {
		content := pick(d, contents, "content")
		a := fields{
			"usageType": "https://campus.example/attestation", "display": fields{"fr": "attestation"},
			"contentType": "text/plain", "length": len(content), "sha2": sha2(content),
		}
		if d.one(2, "by URL") {
			a["fileUrl"] = "https://campus.example/fichiers/1"
		} else {
			kept = append(kept, content)
		}
		list = append(list, a)
	}
	statement["attachments"] = list
	return kept
}
