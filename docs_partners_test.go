package acquis_test

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPartnersPages holds that the French page for partners says what the English one says: the same
// examples, which are run from the English one, and chapter for chapter and row for row the same shape.
func TestPartnersPages(t *testing.T) {
	english, french := readPage(t, "docs/partners.md"), readPage(t, "docs/partners.fr.md")
	code := regexp.MustCompile("(?ms)^(?:<!-- [^>]* -->\n)?```.*?^```$")
	t.Run("the examples are the same, word for word", func(t *testing.T) {
		if diff := cmp.Diff(code.FindAllString(english, -1), code.FindAllString(french, -1)); diff != "" {
			t.Errorf("(-English +French)\n%s", diff)
		}
	})
	t.Run("chapters, rows, points and examples follow each other alike", func(t *testing.T) {
		if diff := cmp.Diff(shape(code, english), shape(code, french)); diff != "" {
			t.Errorf("(-English +French)\n%s", diff)
		}
	})
}

// shape lists what a page is made of, without its words.
func shape(code *regexp.Regexp, page string) []string {
	return regexp.MustCompile(`(?m)^(#+|\||- |[0-9]\.|§)`).FindAllString(code.ReplaceAllString(page, "§"), -1)
}
