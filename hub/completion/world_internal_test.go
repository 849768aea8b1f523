package completion

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/directory"
	"acquis/internal/mongotest"
	"acquis/lrs"
	"acquis/storage"
	"acquis/storage/mongostore"
	"acquis/storage/pebblestore"
)

// world is a store with people, a catalogue and a consolidator, at a clock of its own.
type world struct {
	rapid.TB
	ctx       context.Context
	store     storage.Store
	directory *directory.Directory
	calendar  hub.Calendar
	now       time.Time
	ids       int

	consolidator *Consolidator
	frail        *frail
	processes    int
	sole         bool

	statements []lrs.ID
	people     []hub.PersonID
}

var operator = hub.Caller{Principal: lrs.Principal{Name: "operator", Roles: lrs.RoleAdministrator}, Reason: "a test"}

// Record implements hub.Audit.
func (w *world) Record(context.Context, hub.Caller, hub.Act) error { return nil }

func embedded(tb testing.TB) storage.Store {
	tb.Helper()
	s, err := pebblestore.Open(pebblestore.Options{Dir: tb.TempDir(), CacheBytes: 1 << 20, MemtableSize: 1 << 20})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func onMongo(tb testing.TB) storage.Store {
	tb.Helper()
	s, err := mongostore.Open(tb.Context(), mongostore.Options{URI: mongotest.Database(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// newWorld furnishes an empty store. Modules are called by the IRIs that mapped maps them to.
func newWorld(tb testing.TB, t rapid.TB, store storage.Store) *world {
	w := &world{TB: t, ctx: tb.Context(), store: store, now: time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)}
	var err error
	w.calendar, err = hub.NewCalendar("Europe/Paris")
	w.must(err)
	w.directory, err = directory.New(w.ctx, store, directory.Options{Audit: w, Calendar: w.calendar, Now: w.clock, NewID: w.newID, Unmatched: 90 * 24 * time.Hour})
	w.must(err)
	w.must(store.DeclareCollections(w.ctx, catalogue.Collections()...))
	return w
}

func (w *world) clock() time.Time { return w.now }

func (w *world) newID() string {
	w.ids++
	return fmt.Sprintf("%032x", w.ids)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// may is must for what can be refused.
func (w *world) may(err error) {
	w.Helper()
	if lrs.KindOf(err) == 0 {
		w.must(err)
	}
}

// frail is a store whose process dies: after some writes nothing works any more. The last write may have
// happened.
type frail struct {
	storage.Store
	left  int // writes until death, -1 for never
	after bool
	dead  bool
}

var errDead = errors.New("the process was killed")

// ApplyDocs implements docstore.Store.
func (f *frail) ApplyDocs(ctx context.Context, g docstore.Group) ([]lrs.Instant, error) {
	if f.dead {
		return nil, errDead
	}
	if f.left == 0 {
		f.dead = true
		if f.after {
			_, _ = f.Store.ApplyDocs(ctx, g)
		}
		return nil, errDead
	}
	if f.left > 0 {
		f.left--
	}
	return f.Store.ApplyDocs(ctx, g)
}

// start starts another process; the one before is dead, or asleep.
func (w *world) start() {
	w.processes++
	w.frail = &frail{Store: w.store, left: -1}
	writersAtOnce := &serial{frail: w.frail}
	var err error
	w.consolidator, err = New(w.ctx, writersAtOnce, w.directory, Options{Name: fmt.Sprint("process ", w.processes), Sole: w.sole, Lease: time.Minute, Calendar: w.calendar, Now: w.clock})
	w.must(err)
}

// run works until nothing is left to do.
func (w *world) run() {
	w.Helper()
	if w.consolidator == nil || w.frail.dead {
		w.start()
	}
	for idle := 0; idle < 2; {
		busy, err := w.consolidator.Step(w.ctx)
		if errors.Is(err, errDead) {
			w.start()
			idle = 0
			continue
		}
		w.must(err)
		if busy {
			idle = 0
			continue
		}
		idle++
		w.now = w.now.Add(2 * time.Minute) // a lease of the dead runs out
	}
}

// step is one step, which may kill the process.
func (w *world) step() {
	if w.consolidator == nil || w.frail.dead {
		w.start()
	}
	if _, err := w.consolidator.Step(w.ctx); err != nil && !errors.Is(err, errDead) && !errors.Is(err, errLost) {
		w.Fatal(err)
	}
}

// send stores a statement, written as JSON, of a source.
func (w *world) send(source, statement string) lrs.ID {
	w.Helper()
	s, err := lrs.DecodeStatement([]byte(statement), lrs.V103, lrs.Limits{})
	if err != nil {
		w.Fatalf("%v\n%s", err, statement)
	}
	authority, err := lrs.NewAuthority([]byte(`{"objectType":"Agent","account":{"homePage":"https://acquis.example","name":"` + source + `"}}`))
	w.must(err)
	d := lrs.Accept(s, lrs.Assignment{ID: uuid.New(), Version: lrs.V103, Source: source, Authority: authority})
	w.may(w.store.AppendStatements(w.ctx, []*lrs.Draft{d}))
	w.statements = append(w.statements, d.ID)
	return d.ID
}

func (w *world) item(item catalogue.Item) {
	w.Helper()
	row, err := catalogue.Items.Find(w.ctx, w.store, catalogue.House, string(item.ID))
	w.must(err)
	row.Value = item
	_, err = catalogue.Items.Save(w.ctx, w.store, row)
	w.must(err)
}

func (w *world) mapping(m catalogue.Mapping) {
	w.Helper()
	m.ID = digestOf(string(m.Form), m.IRI, m.Source)
	row, err := catalogue.Mappings.Find(w.ctx, w.store, catalogue.House, m.ID)
	w.must(err)
	row.Value = m
	_, err = catalogue.Mappings.Save(w.ctx, w.store, row)
	w.must(err)
}

func (w *world) unmap(m catalogue.Mapping) {
	row, err := catalogue.Mappings.Find(w.ctx, w.store, catalogue.House, digestOf(string(m.Form), m.IRI, m.Source))
	w.must(err)
	if row.Revision != 0 {
		_, err = w.store.ApplyDocs(w.ctx, docstore.Group{Partition: catalogue.House, Writes: []docstore.Write{catalogue.Mappings.Drop(row)}})
		w.must(err)
	}
}

// person makes a person with keys, in an organisation.
func (w *world) person(organisation hub.OrganisationID, keys ...directory.Key) hub.PersonID {
	w.Helper()
	row, err := w.directory.PutPerson(w.ctx, operator, "", directory.Profile{
		FamilyName: "Durand", Keys: keys, Affiliations: []directory.Affiliation{{Organisation: organisation}},
	}, 0)
	w.must(err)
	w.people = append(w.people, row.Value.ID)
	return row.Value.ID
}

// organisation puts an organisation below another.
func (w *world) organisation(id, parent hub.OrganisationID) {
	w.Helper()
	row, err := w.directory.Organisation(w.ctx, operator, id)
	if err != nil && lrs.KindOf(err) != lrs.KindNotFound {
		w.Fatal(err)
	}
	o := directory.Organisation{ID: id, Name: string(id), Kind: directory.Service}
	if parent != "" {
		o.Parents = []directory.Edge{{Parent: parent}}
	}
	_, err = w.directory.PutOrganisation(w.ctx, operator, o, row.Revision)
	w.may(err)
}

// completions are the records that are kept.
func (w *world) completions() map[string]Completion {
	w.Helper()
	all := map[string]Completion{}
	for row, err := range Completions.Rows(w.ctx, w.store, docstore.Scan{}) {
		w.must(err)
		if row.Value.vacant() {
			continue
		}
		row.Value.Kept = false
		all[row.Partition+" "+row.ID] = row.Value
	}
	return all
}

// folded folds the whole log as it is now, without anything that is kept: what the records must equal.
func (w *world) folded() map[string]Completion {
	w.Helper()
	pictures := newPictures(w.store)
	_, err := pictures.refresh(w.ctx)
	w.must(err)
	facts := map[place][]Fact{}
	for after := lrs.Instant(0); ; {
		entries, err := w.store.ReadLog(w.ctx, after, 1000)
		w.must(err)
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			if after = e.Position; e.Kind != lrs.LogStored || e.Entry.Bytes == nil {
				continue
			}
			s, err := lrs.DecodeStored(e.Entry.Bytes)
			w.must(err)
			r := Interpret(Heard{Statement: s, ID: e.Entry.ID, Stored: e.Entry.Stored, Source: e.Entry.Source, Voided: e.Entry.Voided}, pictures.now)
			for _, told := range r.Told {
				at := place{w.directory.AliasID(r.Key), told.Item}
				facts[at] = append(facts[at], told.Fact)
			}
		}
	}
	tree, err := w.directory.Tree(w.ctx)
	w.must(err)
	all := map[string]Completion{}
	for row, err := range directory.People.Rows(w.ctx, w.store, docstore.Scan{}) {
		w.must(err)
		aliases, err := w.directory.AliasesOf(w.ctx, row.Value.ID)
		w.must(err)
		own := map[hub.ItemID][]Fact{}
		for _, a := range aliases {
			for at, f := range facts {
				if at.alias == a.ID && linkedTo(a) == row.Value.ID {
					own[at.item] = append(own[at.item], f...)
				}
			}
		}
		for item, c := range Sum(Given{Person: row.Value, Items: pictures.now, Tree: tree, Calendar: w.calendar}, own) {
			all[string(row.Value.ID)+" "+string(item)] = c
		}
	}
	return all
}

// wantFolded fails the test unless the records are what a fold of everything gives.
func (w *world) wantFolded() {
	w.Helper()
	want, got := w.folded(), w.completions()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		w.Fatalf("the records are not those of a fold of everything (-fold +records):\n%s", diff)
	}
}

// rebuild folds everything again.
func (w *world) rebuild(replace bool) Rebuild {
	w.Helper()
	_, err := AskRebuild(w.ctx, w.store, "operator", replace, w.now)
	w.must(err)
	w.run()
	r, err := ReadRebuild(w.ctx, w.store)
	w.must(err)
	if r.State != RebuildDone {
		w.Fatalf("it stopped: %+v", r)
	}
	return r
}
