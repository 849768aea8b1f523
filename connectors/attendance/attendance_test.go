package attendance_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/connectors/attendance"
	"acquis/connectors/connectortest"
	"acquis/schemas"
	"acquis/storage/pebblestore"
)

const settings = `{"sessions":"https://formation.campus.example/sessions/","attestations":"https://formation.campus.example/attestations/","staffNumbers":"https://rh.campus.example/matricules"}`

type closing struct{ io.ReadSeeker }

func (closing) Close() error { return nil }

func file(name, content string) connectors.File {
	return connectors.File{Name: name, Size: int64(len(content)), Open: func() (io.ReadSeekCloser, error) {
		return closing{bytes.NewReader([]byte(content))}, nil
	}}
}

// take reads files and returns what they tell, by row.
func take(t *testing.T, files ...connectors.File) (rows map[string]connectors.ProgressSeen, people []connectors.IdentitySeen, err error) {
	t.Helper()
	c, err := attendance.Provider().Open(jsontext.Value(settings))
	if err != nil {
		t.Fatal(err)
	}
	rows = map[string]connectors.ProgressSeen{}
	_, err = c.Pull(t.Context(), connectors.Request{Files: files}, func(p connectors.Page) error {
		for _, o := range p.Observations {
			switch o := o.(type) {
			case connectors.ProgressSeen:
				rows[o.ID] = o
			case connectors.IdentitySeen:
				people = append(people, o)
			}
		}
		return nil
	})
	return rows, people, err
}

// told lists what stands of a row: the end of the object, and with attended the minutes.
func told(row connectors.ProgressSeen) string {
	var list []string
	for _, m := range row.Milestones {
		if m.Withdrawn {
			continue
		}
		words := m.Name
		if m.Name == "attended" {
			words += " " + m.Object.ID[strings.LastIndexByte(m.Object.ID, '/')+1:] + " " + m.Result.Duration.String()
		}
		list = append(list, words)
	}
	return strings.Join(list, ", ")
}

const header = "Session;Module;Date;Formateur;Lieu;Matricule;Mail;Nom;Prénom;Présence;Demi-journée\n"

func TestSheet(t *testing.T) {
	t.Run("half-days, the session as a whole, and who they are of", func(t *testing.T) {
		rows, people, err := take(t, file("s.csv", header+
			"2026-017;Atelier SQL;02/03/2026;Dominique Merluchon;Salle 3;M1;zoe@ministere-exemple.example;Zinzolin;Zoé;Présent;Journée\n"+
			"2026-017;Atelier SQL;02/03/2026;Dominique Merluchon;Salle 3;M2;;Noisetin;Noé;présente;Matin\n"+
			"2026-017;Atelier SQL;02/03/2026;Dominique Merluchon;Salle 3;M2;;Noisetin;Noé;Absent;Après-midi\n"+
			"2026-017;Atelier SQL;02/03/2026;Dominique Merluchon;Salle 3;M3;;Luciolin;Eva;matin;\n"+
			"2026-017;Atelier SQL;02/03/2026;Dominique Merluchon;Salle 3;M4;;Luciolin;Ada;absent;\n"+
			"2026-017;Atelier SQL;02/03/2026;Dominique Merluchon;Salle 3;;ada@ministere-exemple.example;Luciolin;Ada;demi-journée;Après-midi\n"))
		if err != nil {
			t.Fatal(err)
		}
		for row, want := range map[string]string{
			"2026-017 M1": "attended 2026-03-02-afternoon 3h0m0s, attended 2026-03-02-morning 3h0m0s, completed",
			"2026-017 M2": "attended 2026-03-02-morning 3h0m0s",
			"2026-017 M3": "attended 2026-03-02-morning 3h0m0s",
			"2026-017 M4": "",
		} {
			if got := told(rows[row]); got != want || rows[row].Account.HomePage != "https://rh.campus.example/matricules" {
				t.Errorf("%s: %q, want %q", row, got, want)
			}
		}
		if len(rows) != 5 || len(people) != 5 || len(people[0].Related) != 2 {
			t.Errorf("%d rows, %+v", len(rows), people)
		}
		for _, row := range rows {
			for _, m := range row.Milestones {
				if m.Name == "attended" && m.Context.Extensions["urn:acquis:extension:half-day"].String() == `"morning"` && m.At.UTC().Format(time.RFC3339) != "2026-03-02T08:00:00Z" {
					t.Errorf("it begins %s", m.At)
				}
			}
			if strings.Contains(row.Account.Name, "@") {
				t.Errorf("an address is an account: %s", row.Account.Name)
			}
		}
	})
	t.Run("a workbook is read as well, its dates as they are kept", func(t *testing.T) {
		content, err := os.ReadFile("testdata/sheet.xlsx")
		if err != nil {
			t.Fatal(err)
		}
		rows, _, err := take(t, file("sheet.xlsx", string(content)))
		if err != nil || told(rows["2026-017 M004711"]) != "attended 2026-03-02-afternoon 3h0m0s, attended 2026-03-02-morning 3h0m0s, completed" || told(rows["2026-017 M004712"]) != "" {
			t.Errorf("%v, %v", rows, err)
		}
	})
	t.Run("a session over two days is completed by who was there on both", func(t *testing.T) {
		line := "S1;M;%d;T;;%p;;N;V;%x;\n"
		day := func(d, p, x string) string { return strings.NewReplacer("%d", d, "%p", p, "%x", x).Replace(line) }
		rows, _, err := take(t, file("s.csv", header+day("02/03/2026", "M1", "x")+day("2026-03-03", "M1", "x")+day("02/03/2026", "M2", "x")))
		if err != nil || !strings.HasSuffix(told(rows["s1 M1"]), "completed") || strings.HasSuffix(told(rows["s1 M2"]), "completed") {
			t.Errorf("%v, %v", rows, err)
		}
	})
	t.Run("every fault is told with its line, without what stands in the cell", func(t *testing.T) {
		rows, _, err := take(t, file("s.csv", header+
			"S1;M;02/03/2026;T;;;;Zinzolin;Zoé;Présent;\n"+
			"S1;M;hier;T;;M1;;N;V;Présent;\n"+
			"S1;;02/03/2026;T;;M1;zoe@;N;V;Présent;\n"+
			"S1;M;02/03/2026;T;;M1;;N;V;peut-être;\n"+
			"S1;M;02/03/2026;T;;M1;;N;V;demi-journée;\n"+
			"S1;M;02/03/2026;T;;M2;;N;V;présent;matin\n"+
			"S1;M;02/03/2026;T;;M2;;N;V;absent;matin\n"))
		if err == nil || len(rows) > 0 {
			t.Fatalf("%v", rows)
		}
		for _, part := range []string{"/line/2/matricule", "/line/3/date", "/line/4/module", "/line/4/mail", "/line/5/présence", "/line/6/présence", "/line/8/présence"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s is not in %v", part, err)
			}
		}
		if strings.Contains(err.Error(), "Zinzolin") || connectors.FaultOf(err).Class != connectors.NeedsPerson {
			t.Errorf("%v", err)
		}
	})
}

const attestations = "Organisme;Intitulé;Date;Référence;Matricule;Mail;Statut\n"

func TestAttestations(t *testing.T) {
	t.Run("of outside providers are completions", func(t *testing.T) {
		rows, _, err := take(t, file("a.csv", attestations+
			"Cybermalveillance;SensCyber;02/03/2026;A-1;M1;;\n"+
			"SIG;Communication en langage clair;03/03/2026;;;zoe@ministere-exemple.example;délivrée\n"+
			"Institut Montaigne;Objectif IA;04/03/2026;;M1;;Annulée\n"))
		if err != nil || len(rows) != 3 {
			t.Fatalf("%v, %v", rows, err)
		}
		completed := 0
		for _, row := range rows {
			if told(row) == "completed" && strings.HasPrefix(row.Milestones[0].Object.ID, "https://formation.campus.example/attestations/") {
				completed++
			}
		}
		if completed != 2 {
			t.Errorf("%v", rows)
		}
	})
	t.Run("with faults are refused whole", func(t *testing.T) {
		_, _, err := take(t, file("a.csv", attestations+";X;02/03/2026;;M1;;\nSIG;X;never;;M1;;\nSIG;X;02/03/2026;;;;\nSIG;X;02/03/2026;;M1;;peut-être\n"))
		for _, part := range []string{"/line/2/organisme", "/line/3/date", "/line/4/matricule", "/line/5/statut"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s is not in %v", part, err)
			}
		}
	})
}

// nobody is a provider that is never asked.
type nobody struct{ http.Handler }

func (nobody) Settings(string) jsontext.Value { return jsontext.Value(settings) }
func (nobody) Variables() map[string]string   { return nil }
func (nobody) Data(*http.Request) bool        { return true }
func (nobody) Learn()                         {}
func (nobody) Shift()                         {}
func (nobody) Revoke()                        {}

func world(t *testing.T) *connectortest.World {
	return connectortest.Open(t, connectortest.Subject{
		Provider: attendance.Provider(),
		Fake:     func(func() time.Time) connectortest.Fake { return nobody{http.NotFoundHandler()} },
		Store: func(t testing.TB) connectortest.Store {
			t.Helper()
			store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := store.Close(); err != nil {
					t.Error(err)
				}
			})
			return store
		},
	})
}

func TestStatements(t *testing.T) {
	w := world(t)
	sheet := header +
		"S1;M;02/03/2026;Dominique Merluchon;Salle 3;M1;;N;V;Présent;\n" +
		"S1;M;02/03/2026;Dominique Merluchon;Salle 3;;zoe@ministere-exemple.example;N;V;Présent;Matin\n"
	more := attestations + "SIG;X;02/03/2026;;M1;;\n"
	first := w.Clean(connectors.Order{Files: []connectors.File{file("s.csv", sheet), file("a.csv", more)}})
	t.Run("keep the contract of attendance", func(t *testing.T) {
		if first.Statements != 5 {
			t.Errorf("%+v", first.Counts)
		}
		keepContract(t, w.State().Statements)
	})
	t.Run("are the same when the files are handed in again", func(t *testing.T) {
		if run := w.Clean(connectors.Order{Files: []connectors.File{file("s.csv", sheet), file("a.csv", more)}}); run.Statements != 0 {
			t.Errorf("%+v", run.Counts)
		}
	})
	t.Run("are voided and replaced when a sheet is corrected", func(t *testing.T) {
		corrected := strings.Replace(strings.Replace(sheet, "N;V;Présent;\n", "N;V;Matin;\n", 1), "Salle 3;;zoe", "Salle 4;;zoe", 1)
		run := w.Clean(connectors.Order{Files: []connectors.File{file("s.csv", corrected)}})
		// M1: the afternoon and the completion go; the other's morning is told anew, of another place.
		if run.Voided != 3 || run.Statements != 4 {
			t.Errorf("%+v", run.Counts)
		}
		keepContract(t, w.State().Statements)
		if back := w.Clean(connectors.Order{Files: []connectors.File{file("s.csv", sheet)}}); back.Voided != 1 || back.Statements != 4 {
			t.Errorf("%+v", back.Counts)
		}
	})
	t.Run("hold no name and no address", func(t *testing.T) {
		for _, s := range w.State().Statements {
			if strings.Contains(s, "Merluchon") || strings.Contains(s, "@") {
				t.Error(s)
			}
		}
	})
	t.Run("of a withdrawn attestation are voided", func(t *testing.T) {
		run := w.Clean(connectors.Order{Files: []connectors.File{file("a.csv", strings.Replace(more, "M1;;\n", "M1;;annulée\n", 1))}})
		if run.Voided != 1 || run.Statements != 1 {
			t.Errorf("%+v", run.Counts)
		}
	})
	t.Run("are none of a file with faults", func(t *testing.T) {
		before := w.Log()
		run := w.Pull(connectors.Order{Files: []connectors.File{file("a.csv", more), file("s.csv", header+"S1;M;hier;T;;M9;;N;V;x;\n")}})
		if run.Outcome != connectors.Stopped || w.Log() != before {
			t.Errorf("%+v", run)
		}
	})
}

func keepContract(t *testing.T, statements []string) {
	t.Helper()
	contracts, err := schemas.Sources()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(contracts, func(c *schemas.Contract) bool { return c.Name == "attendance" })
	for _, statement := range statements {
		var whole map[string]any
		if err := json.Unmarshal([]byte(statement), &whole); err != nil {
			t.Fatal(err)
		}
		whole["id"] = "ec531277-b57b-5c15-8d91-d292c5b2b8f7" // the store's, which the suite leaves out
		judged, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range contracts[at].Judge(judged) {
			t.Errorf("%s: %s: %s\n%s", v.Pointer, v.Rule, v.Detail, statement)
		}
	}
	if len(statements) == 0 {
		t.Error("there are no statements")
	}
}

func TestSettings(t *testing.T) {
	for name, c := range map[string]struct{ settings, pointer string }{
		"no addresses":       {`{}`, "/sessions"},
		"no slash":           {`{"sessions":"https://a.example/sessions"}`, "/sessions"},
		"a staff number's":   {`{"staffNumbers":"rh"}`, "/staffNumbers"},
		"a time zone":        {`{"timeZone":"Paris"}`, "/timeZone"},
		"a half-day":         {`{"morning":{"begins":"nine"}}`, "/morning/begins"},
		"too long":           {`{"evening":{"minutes":900}}`, "/evening/minutes"},
		"a share":            {`{"completedFrom":0}`, "/completedFrom"},
		"an unknown setting": {`{"folder":"x"}`, "/folder"},
	} {
		t.Run(name+" is refused at its place", func(t *testing.T) {
			if _, err := attendance.Provider().Open(jsontext.Value(c.settings)); err == nil || !strings.Contains(err.Error(), c.pointer) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	c, err := attendance.Provider().Open(jsontext.Value(settings))
	if err != nil {
		t.Fatal(err)
	}
	r := connectors.Request{Files: []connectors.File{file("a.csv", attestations+"SIG;X;02/03/2026;;M1;;\n")}}
	probe, err := c.Probe(t.Context(), r)
	if err != nil || len(probe.Fields) != 7 || probe.Fields[0] != (connectors.Field{Item: "attestations", Name: "organisme", Found: 1, Of: 1}) {
		t.Errorf("%+v, %v", probe, err)
	}
	if check, err := c.Check(t.Context(), r); err != nil || check.Calls != 0 || len(check.Says) != 1 {
		t.Errorf("%+v, %v", check, err)
	}
}

func FuzzFile(f *testing.F) {
	for _, seed := range []string{header + "S1;M;02/03/2026;T;;M1;;N;V;Présent;\n", attestations + "SIG;X;02/03/2026;;M1;;\n", "a;b\n\"", "PK\x03\x04"} {
		f.Add([]byte(seed))
	}
	c, err := attendance.Provider().Open(jsontext.Value(settings))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		_, err := c.Pull(t.Context(), connectors.Request{Files: []connectors.File{file("x", string(content))}}, func(p connectors.Page) error {
			for _, o := range p.Observations {
				row, is := o.(connectors.ProgressSeen)
				for _, m := range row.Milestones {
					if is && (m.At.IsZero() || !strings.HasPrefix(m.Object.ID, "https://formation.campus.example/") || row.Account.Name == "") {
						t.Fatalf("%+v", row)
					}
				}
			}
			return nil
		})
		if err != nil && connectors.FaultOf(err).Class != connectors.NeedsPerson {
			t.Fatal(err)
		}
	})
}
