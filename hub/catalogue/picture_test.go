package catalogue_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"acquis/hub"
	"acquis/hub/catalogue"
)

// drawMappings draws mappings none of which equals another in form, IRI and source, with one pattern
// a source at most, so that no two of them can be of equal weight.
func drawMappings(t *rapid.T) []catalogue.Mapping {
	form := rapid.SampledFrom([]catalogue.Form{catalogue.Exact, catalogue.Prefix, catalogue.Pattern})
	tail := rapid.StringMatching(`[ab]{0,4}`)
	source := rapid.SampledFrom([]string{"", "pix", "moodle"})
	var all []catalogue.Mapping
	for range rapid.IntRange(0, 12).Draw(t, "mappings") {
		m := catalogue.Mapping{Form: form.Draw(t, "form"), Source: source.Draw(t, "source")}
		m.IRI = "urn:" + tail.Draw(t, "IRI")
		if m.Form == catalogue.Pattern {
			m.IRI = rapid.SampledFrom([]string{`urn:a*`, `urn:.*b`, `urn:(a|bb)+`, `urn:[ab]{2}`}).Draw(t, "pattern")
		}
		m.ID = string(m.Form) + " " + m.IRI + " " + m.Source
		m.Item = hub.ItemID(m.ID)
		if !slices.ContainsFunc(all, func(o catalogue.Mapping) bool {
			return o.ID == m.ID || m.Form == catalogue.Pattern && o.Form == m.Form && o.Source == m.Source
		}) {
			all = append(all, m)
		}
	}
	return all
}

// weighed is Match as one would write it who has time: it looks at every mapping.
func weighed(all []catalogue.Mapping, source, iri string) (best catalogue.Mapping, ok bool) {
	weight := func(m catalogue.Mapping) (w int) {
		if m.Source != "" && m.Source != source {
			return 0
		}
		switch m.Form {
		case catalogue.Exact:
			if m.IRI == iri {
				w = 10_000
			}
		case catalogue.Prefix:
			if strings.HasPrefix(iri, m.IRI) {
				w = 100 + 10*len(m.IRI)
			}
		default:
			if found := regexp.MustCompile(m.IRI); found.FindString(iri) != "" {
				found.Longest()
				if found.FindString(iri) == iri {
					w = 10
				}
			}
		}
		if w > 0 && m.Source != "" {
			w++
		}
		return w
	}
	for _, m := range all {
		if w := weight(m); w > 0 && (!ok || w > weight(best)) {
			best, ok = m, true
		}
	}
	return best, ok
}

func TestPicture_Match(t *testing.T) {
	t.Run("it finds what looking at every mapping finds, at first and again", rapid.MakeCheck(func(t *rapid.T) {
		all := drawMappings(t)
		picture, err := catalogue.NewPicture(nil, rapid.Permutation(all).Draw(t, "order"))
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			source := rapid.SampledFrom([]string{"", "pix", "moodle", "other"}).Draw(t, "source")
			iri := "urn:" + rapid.StringMatching(`[ab]{0,6}`).Draw(t, "activity")
			want, known := weighed(all, source, iri)
			for range 2 {
				if got, ok := picture.Match(source, iri); ok != known || got.ID != want.ID {
					t.Fatalf("%s of %q is under %q (%v), want %q (%v)", iri, source, got.ID, ok, want.ID, known)
				}
			}
		}
	}))
	t.Run("a pattern matches whole IRIs only", func(t *testing.T) {
		picture, err := catalogue.NewPicture(nil, []catalogue.Mapping{{ID: "1", Form: catalogue.Pattern, IRI: `urn:a|urn:b`, Item: "x"}})
		if err != nil {
			t.Fatal(err)
		}
		for iri, want := range map[string]bool{"urn:a": true, "urn:b": true, "urn:ab": false, "xurn:a": false, "urn:a\n": false} {
			if _, ok := picture.Match("", iri); ok != want {
				t.Errorf("%q: %v", iri, ok)
			}
		}
	})
}

func TestPicture_ParcoursWith(t *testing.T) {
	all := func(ids ...hub.ItemID) []catalogue.Version {
		return []catalogue.Version{{Number: 1, Begun: true, Rule: catalogue.Rule{{All: ids}}}}
	}
	picture, err := catalogue.NewPicture([]catalogue.Item{
		{ID: "m", Kind: catalogue.Module},
		{ID: "n", Kind: catalogue.Module},
		{ID: "a-outer", Kind: catalogue.Parcours, Versions: all("z-inner", "m")},
		{ID: "z-inner", Kind: catalogue.Parcours, Versions: all("m")},
		{ID: "b-other", Kind: catalogue.Parcours, Versions: all("n")},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("inner parcours come before those that hold them", func(t *testing.T) {
		if got := picture.ParcoursWith("m"); !slices.Equal(got, []hub.ItemID{"z-inner", "a-outer"}) {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("what nothing speaks of is in none", func(t *testing.T) {
		if got := picture.ParcoursWith("a-outer"); len(got) != 0 {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("a cycle makes no picture", func(t *testing.T) {
		if _, err := catalogue.NewPicture([]catalogue.Item{{ID: "p", Kind: catalogue.Parcours, Versions: all("q")}, {ID: "q", Kind: catalogue.Parcours, Versions: all("p")}}, nil); err == nil {
			t.Fatal("it is taken")
		}
	})
}
