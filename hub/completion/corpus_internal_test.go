package completion

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/directory"
	"acquis/lrs"
)

// sender is what a platform sends, in its own words, and the records that it should give.
type sender struct {
	Sender     string
	Source     string
	Mappings   []catalogue.Mapping
	Statements []json.RawMessage
	Why        []Reason // of each statement, "" for one that counts
	Want       map[hub.ItemID]expected
}

// expected is what is compared of a record.
type expected struct {
	Reached      string   `json:"reached"`
	Started      string   `json:"started"`
	Completed    string   `json:"completed"`
	Passed       string   `json:"passed"`
	First        string   `json:"first"`
	Progress     *float64 `json:"progress"`
	LastProgress *float64 `json:"lastProgress"`
	Best         *float64 `json:"best"`
	Last         *float64 `json:"last"`
	Stage        *Stage   `json:"stage"`
	Earned       []string `json:"earned"`
	Clamped      bool     `json:"clamped"`
	Statements   int      `json:"statements"`
	Repeats      int      `json:"repeats"`
	Completions  int      `json:"completions"`
	Measured     int64    `json:"measured"`
	Announced    int64    `json:"announced"`
}

// shown is a record as far as it is compared. What the corpus leaves out of dates and values is left out here too.
func shown(c Completion, want expected) expected {
	mark := func(m *Mark, wanted string) string {
		if m == nil || wanted == "" {
			return ""
		}
		return m.At.Time().Format(time.RFC3339)
	}
	e := expected{
		Reached: c.Reached().String(), Started: mark(c.Started, want.Started), Completed: mark(c.Completed, want.Completed), Passed: mark(c.Passed, want.Passed),
		Progress: c.Progress, Stage: c.Stage, Earned: c.Earned, Clamped: c.Clamped,
		Statements: c.Statements, Repeats: c.Repeats, Completions: c.Completions, Measured: c.Measured, Announced: c.Announced,
	}
	if want.First != "" {
		e.First = c.First.Time().Format(time.RFC3339)
	}
	if want.LastProgress != nil {
		e.LastProgress = c.LastProgress
	}
	if c.Best != nil {
		e.Best = c.Best.Scaled
		if want.Last != nil {
			e.Last = c.Last.Scaled
		}
	}
	return e
}

func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/*.json")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s sender
		if err := json.Unmarshal(content, &s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) { s.check(t) })
	}
}

func (s sender) check(t *testing.T) {
	w := furnished(t)
	w.item(catalogue.Item{ID: "path", Kind: catalogue.Parcours, Status: catalogue.Live})
	for _, m := range s.Mappings {
		w.mapping(m)
	}
	row, err := w.directory.PutPerson(w.ctx, operator, "", directory.Profile{
		FamilyName: "Durand", Addresses: []directory.Address{{Mail: "camille.durand@exemple.gouv.fr"}}, Affiliations: []directory.Affiliation{{Organisation: "taxes"}},
		Keys: []directory.Key{
			{Kind: directory.Account, HomePage: "https://moodle.exemple.gouv.fr", Value: "cdurand"},
			{Kind: directory.Account, HomePage: "https://pix.fr", Value: "3f0c1f0d2f1b5c0d7b8e1d2c3b4a59687a6b5c4d"},
			{Kind: directory.Account, HomePage: "https://openclassrooms.com", Value: "7100011"},
			{Kind: directory.Account, HomePage: "https://rh.exemple.gouv.fr/matricules", Value: "M004711"},
			{Kind: directory.Account, HomePage: "https://exemple.udemy.com", Value: "A123"},
		},
	}, 0)
	w.must(err)
	var ids []lrs.ID
	for _, statement := range s.Statements {
		ids = append(ids, w.send(s.Source, string(statement)))
	}
	w.run()
	w.wantFolded()
	for i, id := range ids {
		why, err := w.reading(id)
		w.must(err)
		if why.Why != s.Why[i] {
			t.Errorf("statement %d: %q, want %q", i, why.Why, s.Why[i])
		}
	}
	got, want := map[hub.ItemID]expected{}, s.Want
	for _, c := range w.completions() {
		if c.Person == row.Value.ID {
			got[c.Item] = shown(c, want[c.Item])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// reading interprets a stored statement.
func (w *world) reading(id lrs.ID) (Reading, error) {
	e, err := w.store.StatementByID(w.ctx, id)
	if err != nil {
		return Reading{}, err
	}
	pictures := newPictures(w.store)
	if _, err := pictures.refresh(w.ctx); err != nil {
		return Reading{}, err
	}
	var r read
	err = r.decode(&e, pictures.now)
	return r.reading, err
}
