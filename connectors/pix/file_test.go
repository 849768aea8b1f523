package pix_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/connectors/connectortest"
	"acquis/connectors/pix"
)

type closing struct{ io.ReadSeeker }

func (closing) Close() error { return nil }

func file(name, content string) connectors.File {
	return connectors.File{Name: name, Size: int64(len(content)), Open: func() (io.ReadSeekCloser, error) {
		return closing{bytes.NewReader([]byte(content))}, nil
	}}
}

const fileSettings = `{"driver":"files","clientId":"hub","externalId":"mail","files":{"externalIdColumn":"Mail professionnel","badges":{"Socle":"7"}}}`

// take reads files and returns what they tell.
func take(t *testing.T, settings string, files ...connectors.File) (rows []connectors.ProgressSeen, people map[string]connectors.IdentitySeen, skipped map[string]int, err error) {
	t.Helper()
	c, err := pix.Provider(time.Now).Open(jsontext.Value(settings))
	if err != nil {
		t.Fatal(err)
	}
	people, skipped = map[string]connectors.IdentitySeen{}, map[string]int{}
	_, err = c.Pull(t.Context(), connectors.Request{Files: files}, func(p connectors.Page) error {
		for _, o := range p.Observations {
			switch o := o.(type) {
			case connectors.ProgressSeen:
				rows = append(rows, o)
			case connectors.IdentitySeen:
				people[o.Account.Name] = o
			case connectors.SeatSeen, connectors.SetEnd:
				t.Errorf("an import tells of %T", o)
			}
		}
		for _, s := range p.Skipped {
			skipped[s.Reason] += s.Items
		}
		return nil
	})
	return rows, people, skipped, err
}

func names(row connectors.ProgressSeen) string {
	var list []string
	for _, m := range row.Milestones {
		if !m.Withdrawn {
			list = append(list, m.Name+" "+m.Verb.ID[strings.LastIndexByte(m.Verb.ID, '/')+1:])
		}
	}
	return strings.Join(list, ", ")
}

const assessment = "\xef\xbb\xbf\"Nom de l'organisation\";\"ID Campagne\";\"Code\";\"Nom de la campagne\";\"Parcours\";\"Nom du Participant\";\"Prénom du Participant\";\"Mail professionnel\";\"% de progression\";\"Date et heure de début (Europe/Paris)\";\"Partage (O/N)\";\"Date et heure du partage (Europe/Paris)\";\"Socle obtenu (O/N)\";\"Autre obtenu (O/N)\";\"% maitrise de l'ensemble des acquis du profil\";\"% de maitrise des acquis de la compétence X\"\n"

func TestCampaignFile(t *testing.T) {
	t.Run("an export of an assessment is read: BOM, semicolons, decimal comma, apostrophe, Paris time", func(t *testing.T) {
		rows, people, skipped, err := take(t, fileSettings, file("Resultats-Socle-501-2026-03-01-1200.csv", assessment+
			"\"Direction\";501;\"ABCDEF123\";\"Socle\";\"Socle agents\";\"'-Durand\";\"Camille\";\"Camille.Durand@Ministere-Exemple.example\";1;\"01/02/2026 09:00\";\"Oui\";\"03/07/2026 11:12\";\"Oui\";\"Oui\";0,82;0,5\n"+
			"\"Direction\";501;\"ABCDEF123\";\"Socle\";\"Socle agents\";\"Noisetin\";\"Noé\";\"noe@ministere-exemple.example\";0,4;\"01/02/2026 09:00\";\"Non\";\"NA\";\"NA\";\"NA\";\"NA\";\"NA\"\n"+
			"\"Direction\";501;\"ABCDEF123\";\"Socle\";\"Socle agents\";\"Nom\";\"Prénom\";\"\";0,4;\"01/02/2026 09:00\";\"Non\";\"NA\";\"NA\";\"NA\";\"NA\";\"NA\"\n"))
		if err != nil || len(rows) != 2 {
			t.Fatalf("%v, %v", rows, err)
		}
		if got := names(rows[0]); got != "initialized initialized, completed completed, badge earned" {
			t.Errorf("%q", got)
		}
		if got := names(rows[1]); got != "initialized initialized" {
			t.Errorf("%q", got)
		}
		sent := rows[0].Milestones[1]
		if *sent.Result.Scaled != 0.82 || sent.At.Format(time.RFC3339) != "2026-07-03T09:12:00Z" || rows[0].Milestones[0].At.Format(time.RFC3339) != "2026-02-01T08:00:00Z" {
			t.Errorf("%+v", sent)
		}
		if rows[0].Milestones[2].Object.ID != "https://pix.fr/xapi/badges/7" || skipped["badge that the settings do not name"] != 1 || skipped["line without an external id that is a key"] != 1 {
			t.Errorf("%+v, %v", rows[0].Milestones[2], skipped)
		}
		who := people[rows[0].Account.Name]
		if who.Name != "Camille -Durand" || len(who.Related) != 1 || who.Related[0].Value != "camille.durand@ministere-exemple.example" {
			t.Errorf("%+v", who)
		}
	})
	t.Run("an export of a collection of profiles has pix, and no beginning", func(t *testing.T) {
		rows, _, _, err := take(t, fileSettings, file("x.csv", "Nom de l’organisation;ID Campagne;Code;Nom de la campagne;Nom du Participant;Prénom du Participant;Mail professionnel;Envoi (O/N);Date et heure de l’envoi (Europe/Paris);Nombre de pix total;Certifiable (O/N)\n"+
			"D;502;ABCDEF124;Profils;A;B;a@b.example;Oui;03/02/2026 11:12;312;Oui\n"))
		if err != nil || len(rows) != 1 || names(rows[0]) != "completed completed" || *rows[0].Milestones[0].Result.Raw != 312 {
			t.Fatalf("%+v, %v", rows, err)
		}
	})
	t.Run("several sendings of one person stay apart, and the same line is the same row", func(t *testing.T) {
		line := "D;501;A;S;P;N;V;a@b.example;1;%s;Oui;03/07/2026 11:12;Non;Non;0,8;\n"
		content := assessment + fmt.Sprintf(line, "01/02/2026 09:00") + fmt.Sprintf(line, "01/03/2026 09:00")
		rows, people, _, err := take(t, fileSettings, file("a.csv", content), file("b.csv", content))
		if err != nil || len(rows) != 4 || rows[0].ID == rows[1].ID || rows[0].ID != rows[2].ID || len(people) != 1 {
			t.Fatalf("%v, %v", rows, err)
		}
	})
	t.Run("the hour that comes twice is the first of the two; the one that never comes is a fault", func(t *testing.T) {
		line := "D;501;A;S;P;N;V;a@b.example;1;%s;Non;NA;Non;Non;NA;\n"
		rows, _, _, err := take(t, fileSettings, file("a.csv", assessment+fmt.Sprintf(line, "25/10/2026 02:30")))
		if err != nil || rows[0].Milestones[0].At.Format(time.RFC3339) != "2026-10-25T00:30:00Z" {
			t.Errorf("%+v, %v", rows, err)
		}
		if _, _, _, err = take(t, fileSettings, file("a.csv", assessment+fmt.Sprintf(line, "29/03/2026 02:30"))); err == nil {
			t.Error("it is taken")
		}
	})
	t.Run("every fault is told with its line, and nothing is taken", func(t *testing.T) {
		rows, _, _, err := take(t, fileSettings, file("a.csv", assessment+
			"D;501;A;S;P;N;V;a@b.example;1;yesterday;Oui;03/07/2026 11:12;Non;Non;0,8;\n"+
			"D;none;A;S;P;N;V;a@b.example;1;01/02/2026 09:00;Oui;03/07/2026 11:12;Non;Non;0,8;\n"+
			"D;501;A;S;P;N;V;a@b.example;1;01/02/2026 09:00;Peut-être;03/07/2026 11:12;Non;Non;82;\n"+
			"D;501;A;S;P;N;V;a@b.example;1;01/02/2026 09:00;Oui;NA;Non;Non;0,8;\n"))
		if len(rows) > 0 || err == nil {
			t.Fatalf("%v, %v", rows, err)
		}
		for _, part := range []string{"/line/2/", "/line/3/", "Oui nor Non", "0 to 1", "/line/5/"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s is not in %v", part, err)
			}
		}
	})
	t.Run("columns that are missing are named, and the label of the external id must be set", func(t *testing.T) {
		_, _, _, err := take(t, `{"driver":"files","clientId":"hub","externalId":"mail"}`, file("a.csv", "Nom;Prénom\nA;B\n"))
		for _, part := range []string{"ID Campagne", "Partage (O/N)", "files.externalIdColumn"} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s is not in %v", part, err)
			}
		}
	})
}

const certification = "\xef\xbb\xbfNuméro de certification;Prénom;Nom;Date de naissance;Lieu de naissance;Identifiant Externe;Statut;Nombre de Pix;1.1;1.2;Commentaire jury pour l’organisation;Session;Date de passage de la certification\n"

func TestCertificationFile(t *testing.T) {
	lines := "77;Zoé;Zinzolin;01/01/1990;Lyon;zoe@ministere-exemple.example;Validée;540;4;3;;12;12/05/2026\n" +
		"78;Noé;Noisetin;01/01/1990;Lyon;noe@ministere-exemple.example;Rejetée;0;0;0;;12;12/05/2026\n" +
		"79;Ada;Merluchon;01/01/1990;Lyon;ada@ministere-exemple.example;Annulée;-;-;-;;12;12/05/2026\n" +
		"80;Eva;Luciolin;01/01/1990;Lyon;eva@ministere-exemple.example;Démarrée;-;-;-;;12;12/05/2026\n"
	t.Run("passed, failed and cancelled are told apart", func(t *testing.T) {
		rows, _, skipped, err := take(t, fileSettings, file("certifications.csv", certification+lines))
		if err != nil || len(rows) != 3 || skipped["certification without a result"] != 1 {
			t.Fatalf("%v, %v, %v", rows, skipped, err)
		}
		for i, want := range []string{"certification passed", "certification failed", ""} {
			if got := names(rows[i]); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		if m := rows[0].Milestones[0]; *m.Result.Raw != 540 || m.Object.ID != "https://pix.fr/xapi/certifications/pix" || m.At.Format(time.RFC3339) != "2026-05-11T22:00:00Z" {
			t.Errorf("%+v", m)
		}
	})
	t.Run("the newest form has a kind and a result", func(t *testing.T) {
		rows, _, _, err := take(t, fileSettings, file("c.csv", "Numéro de certification;Identifiant Externe;Type de certification;Statut;Résultat;Date de passage de la certification\n77;zoe@ministere-exemple.example;Pix+ Droit;Validée;540;12/05/2026\n"))
		if err != nil || rows[0].Milestones[0].Object.ID != "https://pix.fr/xapi/certifications/pix-droit" {
			t.Fatalf("%+v, %v", rows, err)
		}
	})
	t.Run("a verdict that is corrected voids the former and replaces it", func(t *testing.T) {
		s := subject()
		s.Fake = func(func() time.Time) connectortest.Fake { return &fileOnly{} }
		w := connectortest.Open(t, s)
		w.Clean(connectors.Order{Files: []connectors.File{file("c.csv", certification+lines)}})
		run := w.Clean(connectors.Order{Files: []connectors.File{file("c.csv", certification+strings.Replace(lines, "Rejetée", "Validée", 1))}})
		if run.Voided != 1 || run.Statements != 2 {
			t.Errorf("%+v", run.Counts)
		}
		w.Clean(connectors.Order{Files: []connectors.File{file("a.csv", assessment+"D;501;A;S;P;N;V;a@b.example;1;01/02/2026 09:00;Oui;03/07/2026 11:12;Oui;Non;0,8;\n")}})
		keepContract(t, "pix", w.State().Statements)
	})
}

// fileOnly is a Pix that is never asked.
type fileOnly struct{ suitePix }

func (*fileOnly) Settings(string) jsontext.Value { return jsontext.Value(fileSettings) }

func FuzzFile(f *testing.F) {
	for _, seed := range []string{assessment + "D;501;A;S;P;N;V;a@b.example;1;01/02/2026 09:00;Oui;03/07/2026 11:12;Oui;Non;0,8;\n", certification + "77;Z;Z;;;a@b.example;Validée;540;;;;;12/05/2026\n", "a;b\n\"", "\xff\xfe"} {
		f.Add([]byte(seed))
	}
	c, err := pix.Provider(time.Now).Open(jsontext.Value(fileSettings))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		_, err := c.Pull(t.Context(), connectors.Request{Files: []connectors.File{file("x.csv", string(content))}}, func(p connectors.Page) error {
			for _, o := range p.Observations {
				row, is := o.(connectors.ProgressSeen)
				for _, m := range row.Milestones {
					if is && (m.At.IsZero() || !strings.HasPrefix(m.Object.ID, "https://pix.fr/xapi/") || len(row.Account.Name) != 40) {
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
