package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/directory"
	"acquis/hub/list"
	"acquis/hub/sheet"
	"acquis/lrs"
)

const organisationsFile = `id;name;kind;siret;parent;headcount;headcount_day
marees;Ministère des Marées;ministry;;;1200;2026-01-01
phares;Direction des phares;directorate;732 829 320 00074;marees;;
brume;Service de la brume;service;;phares;40;2026-01-01
forets;Ministère des Forêts;ministry;;;;
`

const peopleFile = `matricule;ministry;nom;prénom;email;organisation;populations
M1;marees;Abricourt;Aldine;aldine@marees.example;brume;agent|director
M2;marees;Bellefontine;Basile;basile@marees.example;brume;agent
M3;marees;Brindazur;Céleste;celeste@marees.example;phares;agent
M4;forets;Calvadon;Dorian;dorian@forets.example;forets;agent
`

func (h *house) importPeople(tb testing.TB, file string, more ...func(*directory.PeopleImport)) (directory.Report, error) {
	tb.Helper()
	in := directory.PeopleImport{File: []byte(file)}
	for _, m := range more {
		m(&in)
	}
	return h.directory.ImportPeople(tb.Context(), operator, in)
}

func (h *house) importOrganisations(tb testing.TB, file string) (directory.Report, error) {
	tb.Helper()
	return h.directory.ImportOrganisations(tb.Context(), operator, directory.OrganisationsImport{File: []byte(file)})
}

func counts(r directory.Report) [4]int { return [4]int{r.Created, r.Updated, r.Unchanged, r.Ended} }

func dry(in *directory.PeopleImport)  { in.DryRun = true }
func skip(in *directory.PeopleImport) { in.Skip = true }

// revisions are those of everything that the directory keeps of people and organisations.
func (h *house) revisions(tb testing.TB) map[string]lrs.Instant {
	tb.Helper()
	all := map[string]lrs.Instant{}
	for row, err := range directory.People.Rows(tb.Context(), h.store, docstore.Scan{}) {
		must(tb, err)
		all[row.ID] = row.Revision
	}
	for row, err := range directory.Organisations.Rows(tb.Context(), h.store, docstore.Scan{}) {
		must(tb, err)
		all[row.ID] = row.Revision
	}
	return all
}

func (h *house) named(tb testing.TB, f directory.PeopleFilter) (names []string) {
	tb.Helper()
	page, err := h.directory.People(tb.Context(), operator, f, list.Query{Limit: 100})
	must(tb, err)
	for _, r := range page.Items {
		names = append(names, r.Value.FamilyName)
	}
	return names
}

func (h *house) withMail(tb testing.TB, mail string) directory.Person {
	tb.Helper()
	page, err := h.directory.People(tb.Context(), operator, directory.PeopleFilter{Key: mbox(mail)}, list.Query{Limit: 2})
	must(tb, err)
	if len(page.Items) != 1 {
		tb.Fatalf("%d people have %s", len(page.Items), mail)
	}
	return page.Items[0].Value
}

func TestImport(t *testing.T) {
	backends(t, func(t *testing.T, h *house) {
		r, err := h.importOrganisations(t, organisationsFile)
		if err != nil || counts(r) != [4]int{4, 0, 0, 0} || r.Separator != ";" || r.Encoding != sheet.UTF8 {
			t.Fatalf("%+v, %v", r, err)
		}
		t.Run("a dry run changes nothing and tells what it would do", func(t *testing.T) {
			r, err := h.importPeople(t, peopleFile, dry)
			if err != nil || counts(r) != [4]int{4, 0, 0, 0} || len(r.Steps) != 4 || r.Steps[1].Line != 3 || len(h.named(t, directory.PeopleFilter{})) != 0 {
				t.Fatalf("%+v, %v", r, err)
			}
		})
		waits := mbox("aldine@marees.example")
		h.see(t, directory.Sighting{Key: waits})
		t.Run("an import makes people, and links what waits for them", func(t *testing.T) {
			r, err := h.importPeople(t, peopleFile)
			if err != nil || counts(r) != [4]int{4, 0, 0, 0} {
				t.Fatalf("%+v, %v", r, err)
			}
			p := h.withMail(t, "aldine@marees.example")
			wantLink(t, h.kept(t, waits), p.ID, directory.ByMail, directory.High)
			if org, _ := p.OrganisationOn(day("2020-01-01")); org != "brume" || !p.In("director", day("2026-09-01")) {
				t.Errorf("%+v", p)
			}
		})
		t.Run("the same files again change nothing, the next day neither", func(t *testing.T) {
			before := h.revisions(t)
			h.pass(1)
			r, err := h.importOrganisations(t, organisationsFile)
			if err != nil || counts(r) != [4]int{0, 0, 4, 0} {
				t.Errorf("%+v, %v", r, err)
			}
			if r, err = h.importPeople(t, peopleFile); err != nil || counts(r) != [4]int{0, 0, 4, 0} {
				t.Errorf("%+v, %v", r, err)
			}
			if diff := cmp.Diff(before, h.revisions(t)); diff != "" {
				t.Errorf("something was written:\n%s", diff)
			}
		})
		t.Run("a change of ministry ends the time in the former one and keeps it", func(t *testing.T) {
			r, err := h.importPeople(t, "matricule;ministry;mail;organisation;organisation_from\nM2;marees;basile@forets.example;forets;2026-09-15\n")
			if err != nil || counts(r) != [4]int{0, 1, 0, 0} || !slices.Equal(r.Steps[0].Members, []string{"addresses", "affiliations"}) {
				t.Fatalf("%+v, %v", r, err)
			}
			p := h.withMail(t, "basile@forets.example")
			for on, want := range map[string]hub.OrganisationID{"2026-09-14": "brume", "2026-09-15": "forets"} {
				if got, _ := p.OrganisationOn(day(on)); got != want {
					t.Errorf("on %s it is %s", on, got)
				}
			}
			if p.ID != h.withMail(t, "basile@marees.example").ID || p.FamilyName != "Bellefontine" {
				t.Errorf("%+v", p)
			}
		})
		h.faults(t)
		h.leavers(t)
	})
}

// faults is about files with something wrong.
func (h *house) faults(t *testing.T) {
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"wrong columns are named": {"matricule;ministry;nom;age\nM9;marees;X;4\n", []string{"/line/1 column"}},
		"every line at fault is listed": {
			"matricule;ministry;nom;mail;organisation;mail_from\n;;Sans clé;;;\nM5;;X;x@marees.example;;\nM6;marees;Y;no-mail;nowhere;soon\n",
			[]string{"/line/2 no-key", "/line/3/matricule pair", "/line/4/mail_from date", "/line/4/mail mail", "/line/4/organisation unknown-organisation"},
		},
		"lines of one person are": {
			"matricule;ministry;nom;mail\nM7;marees;Z;z@marees.example\nM8;marees;Z;Z@Marees.example\nM1;marees;A;\n;;A;aldine@marees.example\n",
			[]string{"/line/3 duplicate", "/line/5 duplicate"},
		},
		"a clash with the directory is": {"matricule;ministry;mail\nM1;marees;celeste@marees.example\n", []string{"/line/2 clash"}},
		"what is no account is":         {"accounts;nom\nhttps://pix.example;X\nhttps://pix.example#7|https://x.example#8;Y\n", []string{"/line/2/accounts account", "/line/2 no-key"}},
		"an id that nobody has is":      {"id;nom;mail\nabc;X;y@x.example\n", []string{"/line/2/id unknown-person"}},
	} {
		t.Run(name+", and nothing is changed", func(t *testing.T) {
			before := h.revisions(t)
			_, err := h.importPeople(t, c.file)
			if diff := cmp.Diff(c.want, violations(err)); diff != "" || lrs.KindOf(err) != lrs.KindInvalid {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if diff := cmp.Diff(before, h.revisions(t)); diff != "" {
				t.Errorf("something was written:\n%s", diff)
			}
		})
	}
	t.Run("with consent the lines without fault are taken, and the others told", func(t *testing.T) {
		r, err := h.importPeople(t, "matricule;ministry;nom;mail\nM10;marees;Good;good@marees.example\nM11;marees;Bad;bad\n", skip)
		if err != nil || counts(r) != [4]int{1, 0, 0, 0} || len(r.Faults) != 1 || r.Faults[0].Pointer != "/line/3/mail" {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("Windows-1252 is read, and said", func(t *testing.T) {
		r, err := h.importPeople(t, "matricule,ministry,nom,mail\nM12,marees,\xc9cumeval,e@marees.example\n")
		if err != nil || r.Encoding != sheet.Windows1252 || r.Separator != "," || h.withMail(t, "e@marees.example").FamilyName != "Écumeval" {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("organisations in a circle are refused by name, and what clashes is listed", func(t *testing.T) {
		_, err := h.importOrganisations(t, "id;name;kind;parent\nmarees;Ministère des Marées;ministry;brume\n")
		if lrs.KindOf(err) != lrs.KindInvalid || !strings.Contains(err.Error(), "Service de la brume") {
			t.Errorf("got %v", err)
		}
		_, err = h.importOrganisations(t, "id;name;kind;siret;parent;headcount\na;A;ministry;1;nowhere;x\nb;B;guild;;;\nb;C;ministry;;;\n")
		want := []string{"/line/2/headcount number", "/line/2/siret siret", "/line/2/parent unknown-organisation", "/line/4/name clash", "/line/4/kind clash", "/line/4 duplicate"}
		got := violations(err)
		for _, w := range want {
			if !slices.Contains(got, w) {
				t.Errorf("%q is not among %q", w, got)
			}
		}
	})
}

// leavers is about people who are absent from a file that names all of a scope.
func (h *house) leavers(t *testing.T) {
	of := func(scope hub.OrganisationID, end bool, count int) func(*directory.PeopleImport) {
		return func(in *directory.PeopleImport) { in.Scope, in.End, in.EndCount = scope, end, count }
	}
	const rest = "matricule;ministry\nM1;marees\n" // of marees, Céleste and Basile, who is to go, are left out
	celeste := h.withMail(t, "celeste@marees.example").ID
	t.Run("who is absent is told, and not ended without consent", func(t *testing.T) {
		r, err := h.importPeople(t, rest, of("marees", false, 0))
		if err != nil || r.Absent != 2 || r.Ended != 0 || h.withMail(t, "celeste@marees.example").Status != directory.Active {
			t.Errorf("%+v, %v", r, err)
		}
	})
	t.Run("when that is many it asks, and nothing is changed", func(t *testing.T) {
		before := h.revisions(t)
		_, err := h.importPeople(t, rest, of("marees", true, 0))
		if lrs.KindOf(err) != lrs.KindConflict || !strings.Contains(err.Error(), "2 of the 3 people") {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(before, h.revisions(t)); diff != "" {
			t.Errorf("something was written:\n%s", diff)
		}
	})
	t.Run("with consent to as many as there are they are ended the day before", func(t *testing.T) {
		r, err := h.importPeople(t, rest, of("marees", true, 2))
		if err != nil || counts(r) != [4]int{0, 0, 1, 2} {
			t.Fatalf("%+v, %v", r, err)
		}
		row, err := directory.People.Get(t.Context(), h.store, string(celeste), string(celeste))
		must(t, err)
		last := row.Value.Affiliations[0].To
		if row.Value.Status != directory.Left || last != day("2026-09-01") {
			t.Errorf("%+v", row.Value)
		}
		if p := h.withMail(t, "basile@marees.example"); p.Status != directory.Active || p.Affiliations[0].To != last {
			t.Errorf("who goes on elsewhere is %+v", p)
		}
	})
	t.Run("who is in a file again is back", func(t *testing.T) {
		h.pass(30)
		_, err := h.importPeople(t, "matricule;ministry;organisation\nM3;marees;phares\n")
		must(t, err)
		p := h.withMail(t, "celeste@marees.example")
		if at, in := p.OrganisationOn(day("2026-09-20")); in || p.Status != directory.Active {
			t.Errorf("it is %s, and was at %s meanwhile", p.Status, at)
		}
		if at, _ := p.OrganisationOn(day("2026-10-02")); at != "phares" {
			t.Errorf("it is at %q", at)
		}
	})
}

func TestImport_twice(t *testing.T) {
	h := newHouse(t)
	_, err := h.importOrganisations(t, organisationsFile)
	must(t, err)
	rapid.Check(t, func(r *rapid.T) {
		var file strings.Builder
		file.WriteString("matricule;ministry;nom;mail;other_mails;status;organisation;organisation_from;populations\n")
		for i := range rapid.IntRange(1, 6).Draw(r, "lines") {
			pick := func(what string, of ...string) string { return rapid.SampledFrom(of).Draw(r, what) }
			fmt.Fprintf(&file, "R%d;x;%s;%s;%s;%s;%s;%s;%s\n", rapid.IntRange(0, 5).Draw(r, "who")+10*i, pick("name", "A", "B", ""),
				pick("mail", "", fmt.Sprintf("r%d@x.example", i), fmt.Sprintf("R%d@x.example", i)), pick("other", "", fmt.Sprintf("o%d@x.example", i)), pick("status", "", "absent", "left", "active"),
				pick("place", "", "brume", "forets", "phares"), pick("from", "", "", "2026-09-20", "2026-08-01"), pick("population", "", "agent", "agent|director"))
		}
		if _, err := h.importPeople(check{t, r}, file.String()); err != nil {
			return // refused, which other tests are about
		}
		before := h.revisions(check{t, r})
		again, err := h.importPeople(check{t, r}, file.String())
		if err != nil || again.Created+again.Updated != 0 {
			r.Fatalf("the second time %+v, %v, of\n%s", again, err, file.String())
		}
		if diff := cmp.Diff(before, h.revisions(check{t, r})); diff != "" {
			r.Errorf("something was written:\n%s", diff)
		}
	})
}

func FuzzImportPeople(f *testing.F) {
	h := newHouse(f)
	_, err := h.importOrganisations(f, organisationsFile)
	must(f, err)
	f.Add([]byte(peopleFile))
	f.Add([]byte("\xef\xbb\xbfid,mail\n,\"a@b.example\nx\n"))
	f.Add([]byte("matricule\tministry\tpopulations\nM1\tx\ta|b,c\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		_, err := h.directory.ImportPeople(t.Context(), operator, directory.PeopleImport{File: file, DryRun: true})
		if err != nil && lrs.KindOf(err) == 0 {
			t.Errorf("an internal error: %v", err)
		}
	})
}
