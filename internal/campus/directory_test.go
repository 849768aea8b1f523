package campus_test

import (
	"context"
	"testing"
	"time"
	_ "time/tzdata"

	"acquis/hub"
	"acquis/hub/directory"
	"acquis/internal/campus"
	"acquis/lrs"
	"acquis/storage/pebblestore"
)

// TestDirectory imports the made-up people and shows who the actors of the demo are.
func TestDirectory(t *testing.T) {
	store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir(), CacheBytes: 1 << 20, MemtableSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	calendar, err := hub.NewCalendar("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(t.Context(), store, directory.Options{Audit: silence{}, Calendar: calendar})
	if err != nil {
		t.Fatal(err)
	}
	c := campus.New(1)
	root := hub.Caller{Principal: lrs.Principal{Roles: lrs.RoleAdministrator}}
	if _, err := d.ImportOrganisations(t.Context(), root, directory.OrganisationsImport{File: c.OrganisationsCSV()}); err != nil {
		t.Fatal(err)
	}
	report, err := d.ImportPeople(t.Context(), root, directory.PeopleImport{File: c.PeopleCSV()})
	if err != nil || report.Created != 138 {
		t.Fatalf("%d people are made, %v", report.Created, err)
	}
	var seen []directory.Sighting
	for i, s := range c.Demo() {
		decoded, err := lrs.DecodeStatement(s.JSON, lrs.Version(s.Version), lrs.Limits{Batch: 1, Statement: 1 << 20, Depth: 100})
		if err != nil {
			t.Fatal(err)
		}
		if key, is := directory.KeyOf(decoded.Actor); is {
			seen = append(seen, directory.Sighting{Key: key, At: lrs.InstantOf(time.Date(2026, 9, 1, 0, 0, i, 0, time.UTC))})
		}
	}
	aliases, err := d.Observe(t.Context(), seen)
	if err != nil {
		t.Fatal(err)
	}
	people, waiting := map[hub.PersonID]bool{}, 0
	for _, a := range aliases {
		switch a.State {
		case directory.Linked:
			people[a.Person] = true
		case directory.Waiting:
			waiting++
		default:
			t.Errorf("%+v is %s", a.Key, a.State)
		}
	}
	if len(people) < 38 || waiting == 0 || waiting > 8 {
		t.Errorf("%d identities are those of %d people, %d wait", len(aliases), len(people), waiting)
	}
}

type silence struct{}

func (silence) Record(context.Context, hub.Caller, hub.Act) error { return nil }
