package openclassrooms_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/connectors/connectortest/fakeserver"
	"acquis/connectors/connectortest/openclassroomsfake"
	"acquis/connectors/openclassrooms"
)

// bench is a connection, and what its last pull gave.
type bench struct {
	t         *testing.T
	world     *openclassroomsfake.World
	faults    *fakeserver.Faults
	connector connectors.Connector
	client    *connectors.Client
	files     []connectors.File

	seats   []connectors.SeatSeen
	people  []connectors.IdentitySeen
	rows    map[string]connectors.ProgressSeen
	offers  []connectors.ItemSeen
	ends    []connectors.SetEnd
	fields  map[string]connectors.Field
	skipped map[string]int
}

func newBench(t *testing.T, options openclassroomsfake.Options, settings string) *bench {
	t.Helper()
	b := &bench{t: t, faults: &fakeserver.Faults{}}
	options.Now = func() time.Time { return suiteNow }
	b.world = openclassroomsfake.New(options)
	server, err := fakeserver.Start(b.faults.Around(b.world.Handler()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	all := map[string]any{"organisation": "campus", "auth": map[string]any{"clientId": "hub-campus"}}
	if settings != "" {
		if err := json.Unmarshal([]byte(settings), &all); err != nil {
			t.Fatal(err)
		}
	}
	all["baseUrl"] = server.URL
	given, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	if b.connector, err = openclassrooms.Provider(func() time.Time { return suiteNow }).Open(given); err != nil {
		t.Fatal(err)
	}
	egress := connectors.NewEgress(connectors.EgressOptions{Private: []string{"127.0.0.1"}, Rate: -1, MinWait: time.Millisecond, MaxWait: 10 * time.Millisecond, BreakAt: 1000})
	b.client = egress.Client(b.connector.Hosts(), nil)
	return b
}

func (b *bench) request(full bool) connectors.Request {
	return connectors.Request{
		Client: b.client, Full: full, Files: b.files,
		Secrets: connectors.Vault{Lookup: func(string) (string, bool) { return "secret", true }},
	}
}

func (b *bench) file(name, content string) {
	b.files = append(b.files, connectors.File{Name: name, Size: int64(len(content)), Open: func() (io.ReadSeekCloser, error) {
		return closing{bytes.NewReader([]byte(content))}, nil
	}})
}

type closing struct{ io.ReadSeeker }

func (closing) Close() error { return nil }

func (b *bench) pull(full bool) error {
	b.t.Helper()
	b.seats, b.people, b.offers, b.ends = nil, nil, nil, nil
	b.rows, b.fields, b.skipped = map[string]connectors.ProgressSeen{}, map[string]connectors.Field{}, map[string]int{}
	_, err := b.connector.Pull(b.t.Context(), b.request(full), func(p connectors.Page) error {
		for _, f := range p.Fields {
			b.fields[f.Item+" "+f.Name] = f
		}
		for _, s := range p.Skipped {
			b.skipped[s.Reason] += s.Items
		}
		for _, o := range p.Observations {
			switch o := o.(type) {
			case connectors.SeatSeen:
				b.seats = append(b.seats, o)
			case connectors.IdentitySeen:
				b.people = append(b.people, o)
			case connectors.ProgressSeen:
				b.rows[o.ID] = o
			case connectors.ItemSeen:
				b.offers = append(b.offers, o)
			case connectors.SetEnd:
				b.ends = append(b.ends, o)
			}
		}
		return connectors.MissingFields(p.Fields)
	})
	return err
}

func (b *bench) mustPull(full bool) {
	b.t.Helper()
	if err := b.pull(full); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) wantFault(err error, class connectors.Class, says string) {
	b.t.Helper()
	fault, is := errors.AsType[*connectors.Fault](err)
	if !is || fault.Class != class || !strings.Contains(fault.Sentence+" "+fault.Detail, says) {
		b.t.Errorf("%v, want a fault of %s with %q", err, class, says)
	}
}

func (b *bench) names(row string) string {
	var names []string
	for _, m := range b.rows[row].Milestones {
		names = append(names, m.Name)
	}
	return strings.Join(names, ", ")
}

func TestPull(t *testing.T) {
	t.Run("brings members, activity and catalogue, and ends their sets", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{Members: 45}, "")
		b.mustPull(true)
		if len(b.seats) != 51 || len(b.people) != 49 || len(b.offers) != 6 || len(b.rows) < 45 {
			t.Errorf("%d seats, %d people, %d offers, %d rows", len(b.seats), len(b.people), len(b.offers), len(b.rows))
		}
		want := []connectors.SetEnd{{Of: connectors.Items}, {Of: connectors.Seats, Set: "campus"}, {Of: connectors.Rows, Set: "courses"}, {Of: connectors.Rows, Set: "paths"}}
		if !slices.Equal(b.ends, want) {
			t.Errorf("%v", b.ends)
		}
	})
	t.Run("rows end in a full pull only", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{}, "")
		b.mustPull(false)
		if slices.ContainsFunc(b.ends, func(e connectors.SetEnd) bool { return e.Of == connectors.Rows }) {
			t.Errorf("%v", b.ends)
		}
	})
	t.Run("progress is read as number, text and fraction, by the scale that is set", func(t *testing.T) {
		var all []string
		for settings, options := range map[string]openclassroomsfake.Options{
			"":                     {},
			`{"language": "fr"}`:   {TextProgress: true},
			`{"progressScale": 1}`: {FractionalProgress: true},
		} {
			b := newBench(t, options, settings)
			b.mustPull(true)
			var told []string
			for id := range b.rows {
				told = append(told, id+": "+b.names(id))
			}
			slices.Sort(told)
			all = append(all, strings.Join(told, "\n"))
		}
		if all[0] != all[1] || all[1] != all[2] || !strings.Contains(all[0], "progress 100") {
			t.Errorf("%s\n\n%s\n\n%s", all[0], all[1], all[2])
		}
	})
	t.Run("progress beyond its scale is cut, and said", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{}, "")
		for n := range 12 {
			for c := range 6 {
				b.world.SetProgress(n, c, 180)
			}
		}
		b.mustPull(true)
		if b.skipped["progress beyond its scale, taken for the nearest"] == 0 || slices.ContainsFunc(slices.Collect(keys(b.rows)), func(id string) bool { return strings.Contains(b.names(id), "progress 180") }) {
			t.Errorf("%v", b.skipped)
		}
	})
	t.Run("what left the live statuses is no offer any more", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{}, "")
		b.world.Close(2)
		b.mustPull(false)
		for _, o := range b.offers {
			if o.Live != (o.ID != fmt.Sprint(openclassroomsfake.CourseID(2))) || o.Announced == 0 || o.URL == "" {
				t.Errorf("%+v", o)
			}
		}
	})
	t.Run("states and roles that the settings do not know keep the seat, for a person to look at", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{}, `{"members": {"states": {"active": "active"}, "roles": {"learner": "learner"}}}`)
		b.faults.Add(fakeserver.Fault{Path: "/members", Status: 200, Body: `[{"id": 7100011, "email": "a@b.example", "firstName": "", "lastName": "", "teams": [], "role": "coach", "status": "paused", "invitedAt": null, "joinedAt": null, "lastActivityAt": null}]`})
		b.mustPull(true)
		if len(b.seats) != 1 || b.seats[0].State != connectors.SeatActive || b.skipped["member in a state that the settings do not know"] != 1 || b.skipped["member with a role that the settings do not know"] != 1 {
			t.Errorf("%+v, %v", b.seats, b.skipped)
		}
	})
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range m {
			if !yield(key) {
				return
			}
		}
	}
}

func TestPull_mapping(t *testing.T) {
	t.Run("an indispensable field that is missing fails loudly, with the count", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{Rename: map[string]string{"activity/progress": "advancement"}}, "")
		b.wantFault(b.pull(true), connectors.NeedsPerson, "progress of course (/progress) not found in 1 of 1 items")
		if len(b.rows) > 0 {
			t.Errorf("%v", b.rows)
		}
	})
	t.Run("another mapped field that is found nowhere fails, too", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{Rename: map[string]string{"members/lastActivityAt": "lastSeen"}}, "")
		b.wantFault(b.pull(true), connectors.NeedsPerson, "lastActivityAt of member not found in 18 of 18 items")
	})
	t.Run("the mapping follows the provider, and a field can be left out", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{Rename: map[string]string{"activity/progress": "advancement", "members/lastActivityAt": "lastSeen", "members/joinedAt": ""}},
			`{"activity": {"map": {"progress": "/advancement"}}, "members": {"map": {"lastActivityAt": "/lastSeen", "joinedAt": ""}}}`)
		b.mustPull(true)
		if b.fields["course progress"].Found == 0 || b.fields["member lastActivityAt"].Found != 18 {
			t.Errorf("%v", b.fields)
		}
	})
	t.Run("the probe tells which fields were found in how many items", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{Rename: map[string]string{"members/role": "kind"}}, "")
		probe, err := b.connector.Probe(t.Context(), b.request(false))
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for _, f := range probe.Fields {
			found[f.Item+" "+f.Name] = fmt.Sprintf("%d of %d", f.Found, f.Of)
		}
		if found["member id"] != "18 of 18" || found["member role"] != "0 of 18" || found["course progress"] == "0 of 0" || found["offer title"] != "6 of 6" {
			t.Errorf("%v", found)
		}
	})
	t.Run("the check counts calls", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{Members: 45, Pending: -1}, "")
		check, err := b.connector.Check(t.Context(), b.request(false))
		if err != nil {
			t.Fatal(err)
		}
		before := b.faults.Requests()
		b.mustPull(true)
		if took := b.faults.Requests() - before; took != check.Calls {
			t.Errorf("it says %d, a pull took %d: %v", check.Calls, took, check.Says)
		}
	})
}

func TestPull_paging(t *testing.T) {
	body := func(from, to int) string {
		var list []string
		for n := from; n < to; n++ {
			list = append(list, fmt.Sprintf(`{"id":%d,"status":"active"}`, openclassroomsfake.MemberID(n)))
		}
		return "[" + strings.Join(list, ",") + "]"
	}
	few := `"members": {"map": {"email":"","givenName":"","familyName":"","teams":"","role":"","invitedAt":"","joinedAt":"","lastActivityAt":""}},
		"activity": {"driver":"none"}, "paths": {"driver":"none"}, "catalogue": {"driver":"none"}`
	for name, c := range map[string]struct {
		paging string
		serve  http.HandlerFunc
	}{
		"pages by number": {`{"kind":"page","size":3,"first":0}`, func(w http.ResponseWriter, r *http.Request) {
			var page int
			_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
			_, _ = io.WriteString(w, body(page*3, min(page*3+3, 8)))
		}},
		"offsets": {`{"kind":"offset","size":3,"number":"offset"}`, func(w http.ResponseWriter, r *http.Request) {
			var offset int
			_, _ = fmt.Sscan(r.URL.Query().Get("offset"), &offset)
			_, _ = io.WriteString(w, body(offset, min(offset+3, 8)))
		}},
		"no pages at all": {`{"kind":"none"}`, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body(0, 8)) }},
	} {
		t.Run(name+" are read to the end", func(t *testing.T) {
			server, err := fakeserver.Start(c.serve)
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			connector, err := openclassrooms.Provider(time.Now).Open(jsontext.Value(`{"baseUrl":"` + server.URL + `","organisation":"campus","auth":{"kind":"api-key"},"paging":` + c.paging + `,` + few + `}`))
			if err != nil {
				t.Fatal(err)
			}
			b := &bench{t: t, connector: connector}
			b.client = connectors.NewEgress(connectors.EgressOptions{Private: []string{"127.0.0.1"}, Rate: -1}).Client(connector.Hosts(), nil)
			b.mustPull(true)
			if len(b.seats) != 8 {
				t.Errorf("%d seats", len(b.seats))
			}
		})
	}
	t.Run("links are followed, but to no other server", func(t *testing.T) {
		next := "/members?page=2"
		server, err := fakeserver.Start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery == "" {
				fmt.Fprintf(w, `{"items":%s,"next":%q}`, body(0, 3), next)
				return
			}
			fmt.Fprintf(w, `{"items":%s,"next":null}`, body(3, 5))
		}))
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		connector, err := openclassrooms.Provider(time.Now).Open(jsontext.Value(`{"baseUrl":"` + server.URL + `","organisation":"campus","auth":{"kind":"bearer"},"paging":{"kind":"next-link"},` + strings.Replace(few, `"members": {`, `"members": {"items":"/items",`, 1) + `}`))
		if err != nil {
			t.Fatal(err)
		}
		b := &bench{t: t, connector: connector}
		b.client = connectors.NewEgress(connectors.EgressOptions{Private: []string{"127.0.0.1"}, Rate: -1}).Client(connector.Hosts(), nil)
		b.mustPull(true)
		if len(b.seats) != 5 {
			t.Errorf("%d seats", len(b.seats))
		}
		next = "https://elsewhere.example/members"
		b.wantFault(b.pull(true), connectors.GiveUp, "another server")
	})
	t.Run("members who leave while the list is read pull nobody over", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{Members: 45}, "")
		b.faults.Add(fakeserver.Fault{Path: "/members", From: 2, Before: func() { b.world.Remove(3) }})
		b.mustPull(true)
		if len(b.seats) != 50 {
			t.Errorf("%d seats", len(b.seats))
		}
	})
	t.Run("a list that never stands still is given up, and no seat is touched", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{Members: 45}, "")
		n := 0
		b.faults.Add(fakeserver.Fault{Path: "/members", From: 2, Times: -1, Before: func() { b.world.Remove(n); n++ }})
		b.wantFault(b.pull(true), connectors.RetryLater, "changed while it was read")
		if len(b.seats) > 0 {
			t.Errorf("%d seats", len(b.seats))
		}
	})
}

func TestPull_faults(t *testing.T) {
	for name, c := range map[string]struct {
		fault fakeserver.Fault
		class connectors.Class
		says  string
	}{
		"an empty list of members":      {fakeserver.Fault{Path: "/members", Times: -1, Status: 200, Body: `[]`}, connectors.NeedsPerson, "no member at all"},
		"a path that is wrong":          {fakeserver.Fault{Path: "/members", Times: -1, Status: 404, Body: `{"errors":[{"message":"no route"}]}`}, connectors.NeedsPerson, "no route"},
		"activity that nobody may see":  {fakeserver.Fault{Path: "/followed-courses", Times: -1, Status: 403, Body: `{}`}, connectors.NeedsPerson, "activity of no member"},
		"truncated JSON":                {fakeserver.Fault{Path: "/members", Times: -1, Truncate: true}, connectors.RetryLater, "the JSON breaks"},
		"an answer that is a text":      {fakeserver.Fault{Path: "/members", Times: -1, Status: 200, Body: `"soon"`}, connectors.RetryLater, "neither a list nor an object"},
		"a date that is none":           {fakeserver.Fault{Path: "/followed-courses", Times: -1, Status: 200, Body: `[{"id":1,"title":"","progress":1,"startedAt":"yesterday","completedAt":null,"certificate":null,"timeSpent":1}]`}, connectors.NeedsPerson, "startedAt"},
		"a client that is not known":    {fakeserver.Fault{Path: "/oauth2/token", Times: -1, Status: 401, Body: `{"error":"invalid_client"}`}, connectors.NeedsPerson, "invalid_client"},
		"a part that was not asked for": {fakeserver.Fault{Path: "/members", From: 1, Times: -1, Status: 206, Header: map[string]string{"Content-Range": "items 20-20/40"}, Body: `[{"id":1}]`}, connectors.RetryLater, "the part from 0 was asked for"},
	} {
		t.Run(name+" ends the pull", func(t *testing.T) {
			b := newBench(t, openclassroomsfake.Options{Members: 30}, "")
			b.faults.Add(c.fault)
			b.wantFault(b.pull(true), c.class, c.says)
			if slices.ContainsFunc(b.ends, func(e connectors.SetEnd) bool { return e.Of == connectors.Rows && e.Set == "courses" }) {
				t.Errorf("%v", b.ends)
			}
		})
	}
	t.Run("one member whose activity is not shown is told, and ends no rows", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{}, "")
		b.faults.Add(fakeserver.Fault{Path: "/followed-courses", Status: 404, Body: `{}`})
		b.mustPull(true)
		if b.skipped["member whose activity is not shown"] != 1 || slices.Contains(b.ends, connectors.SetEnd{Of: connectors.Rows, Set: "courses"}) {
			t.Errorf("%v, %v", b.skipped, b.ends)
		}
	})
}

func TestPull_files(t *testing.T) {
	settings := `{"members": {"driver":"csv","map":{"id":"/Numéro","email":"/E-mail","givenName":"/Prénom","familyName":"/Nom","teams":"/Équipes","role":"","state":"/Statut","invitedAt":"","joinedAt":"","lastActivityAt":"/Dernière activité"}, "states":{"actif":"active","invité":"invited"}},
		"activity": {"driver":"csv","map":{"member":"/E-mail","courseId":"/Cours","title":"/Titre","progress":"/Progression","startedAt":"","completedAt":"","certificateAt":"","duration":""}},
		"paths": {"driver":"none"}, "catalogue": {"driver":"none"}}`
	members := "\xef\xbb\xbfNuméro;E-mail;Prénom;Nom;Équipes;Statut;Dernière activité\n7100011;zoé@ministere-exemple.example;Zoé;Zinzolin;DSI, RH;Actif;2026-03-01\n7100022;noé@ministere-exemple.example;Noé;Noisetin;;Invité;\n"
	t.Run("exports stand for the interface", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{}, settings)
		b.file("members-2026-03.csv", members)
		b.file("activity.csv", "E-mail;Cours;Titre;Progression\nZOÉ@ministere-exemple.example;4525281;Rapport;62,5 %\nnobody@ministere-exemple.example;4525281;Rapport;10\n")
		b.mustPull(true)
		if len(b.seats) != 2 || len(b.seats[0].Teams) != 2 || b.seats[1].State != connectors.SeatInvited || b.seats[0].LastActive.IsZero() {
			t.Errorf("%+v", b.seats)
		}
		if got := b.names("7100011/courses/4525281"); got != "initialized, progress 62" || len(b.rows) != 1 || len(b.skipped) != 1 {
			t.Errorf("%q, %v, %v", got, b.rows, b.skipped)
		}
		if b.faults.Requests() != 0 {
			t.Error("something was asked of the server")
		}
	})
	t.Run("without a file nothing changes", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{}, settings)
		b.mustPull(true)
		if len(b.seats)+len(b.ends)+len(b.rows) > 0 {
			t.Errorf("%v, %v", b.seats, b.ends)
		}
	})
	t.Run("a file with faults is refused whole, and each is told", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{}, settings)
		b.file("members.csv", members+"1;2;3;4;5;6;7;8\n1;2;3;4;5;6;7;9\n")
		err := b.pull(true)
		b.wantFault(err, connectors.NeedsPerson, "/line/4")
		b.wantFault(err, connectors.NeedsPerson, "/line/5")
	})
	t.Run("a column that is not there fails as a field does", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{}, settings)
		b.file("members.csv", strings.Replace(members, "Statut", "Etat", 1))
		b.wantFault(b.pull(true), connectors.NeedsPerson, "state of member (/Statut) not found in 1 of 1 items")
	})
	t.Run("a file that nothing is set for is refused", func(t *testing.T) {
		b := newBench(t, openclassroomsfake.Options{}, "")
		b.file("members.csv", members)
		b.wantFault(b.pull(true), connectors.NeedsPerson, "no use for")
	})
}

func TestSettings(t *testing.T) {
	for name, c := range map[string]struct{ settings, pointer string }{
		"no client id":              {`{"organisation":"x"}`, "/auth/clientId"},
		"no organisation":           {`{"auth":{"clientId":"x"}}`, "/organisation"},
		"a secret in the clear":     {`{"auth":{"secret":"hunter2"}}`, "/auth/secret"},
		"a scale of ten":            {`{"progressScale":10}`, "/progressScale"},
		"an unknown field":          {`{"members":{"map":{"mail":"/email"}}}`, "/members/map/mail"},
		"a pointer that is none":    {`{"members":{"map":{"email":"email"}}}`, "/members/map/email"},
		"no place for the state":    {`{"members":{"map":{"state":""}}}`, "/members/map/state"},
		"a state of nobody":         {`{"members":{"states":{"x":"asleep"}}}`, "/members/states/x"},
		"a role of nobody":          {`{"members":{"roles":{"x":"boss"}}}`, "/members/roles/x"},
		"a path without the member": {`{"activity":{"path":"/courses"}}`, "/activity/path"},
		"activity of no members":    {`{"members":{"driver":"none"}}`, "/members/driver"},
		"a header of our own":       {`{"headers":{"authorization":"Bearer x"}}`, "/headers/authorization"},
		"an unknown member":         {`{"pages":{}}`, "/pages"},
	} {
		t.Run(name+" is refused at its place", func(t *testing.T) {
			_, err := openclassrooms.Provider(time.Now).Open(jsontext.Value(c.settings))
			if err == nil || !strings.Contains(err.Error(), c.pointer) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("the defaults are such that three things are to be said", func(t *testing.T) {
		c, err := openclassrooms.Provider(time.Now).Open(jsontext.Value(`{"organisation":"campus","auth":{"clientId":"x"}}`))
		if err != nil || !slices.Equal(c.Hosts(), []string{"api.openclassrooms.com"}) {
			t.Errorf("%v", err)
		}
	})
}
