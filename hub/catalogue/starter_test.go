package catalogue_test

import (
	"testing"

	"acquis/hub/catalogue"
	"acquis/internal/campus"
)

func TestStarter(t *testing.T) {
	s := embedded(t)
	report, err := s.ImportStarter(t.Context(), operator)
	must(t, err)
	picture := s.Picture()
	t.Run("it has the shape of the Campus", func(t *testing.T) {
		kinds := map[catalogue.Kind]int{}
		for _, item := range picture.Items() {
			kinds[item.Kind]++
			if item.Title["fr"] == "" || item.Title["en"] == "" || item.Expertise == "" {
				t.Errorf("%s has no title in two languages, or no expertise", item.ID)
			}
		}
		expertises, _, err := s.Terms(t.Context(), reader)
		must(t, err)
		if kinds[catalogue.Module] != 100 || kinds[catalogue.Parcours] != 50 || len(expertises) != 10 {
			t.Errorf("it has %v and %d expertises", kinds, len(expertises))
		}
	})
	t.Run("taking it in again changes nothing", func(t *testing.T) {
		again, err := s.ImportStarter(t.Context(), operator)
		must(t, err)
		if again.Counts[catalogue.Unchanged] != len(report.Steps) {
			t.Errorf("%v", again.Counts)
		}
	})
	t.Run("it knows the activities of the demo, save some workshops to be mapped by hand", func(t *testing.T) {
		world, unknown, known := campus.New(1), 0, map[catalogue.Kind]int{}
		for n := range campus.Activities {
			m, ok := picture.Match("", world.ActivityID(n))
			if !ok {
				unknown++
				continue
			}
			item, _ := picture.Item(m.Item)
			known[item.Kind]++
		}
		if unknown != 20 || known[catalogue.Module] != 100 || known[catalogue.Parcours] != 30 {
			t.Errorf("%d are unknown, %v known", unknown, known)
		}
	})
	t.Run("a course is the same in another language and under another slug, its chapters are not it", func(t *testing.T) {
		for iri, want := range map[string]bool{
			"https://openclassrooms.example.com/en/courses/4200-accessibility": true, "https://openclassrooms.example.com/fr/courses/4200": true,
			"https://openclassrooms.example.com/fr/courses/4200-accessibilite/chapters/1": false, "https://openclassrooms.example.com/fr/courses/42000-x": false,
		} {
			if m, ok := picture.Match("", iri); ok != want || ok && m.Item != "cours-accessibilite" {
				t.Errorf("%s is under %q", iri, m.Item)
			}
		}
	})
}
