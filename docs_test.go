package acquis_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var (
	fencedCode = regexp.MustCompile("(?ms)^```.*?^```")
	inlineCode = regexp.MustCompile("`[^`\n]*`")
	linkTarget = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#+ +(.+?) *$`)
)

// notOurs are folders whose pages were written by others, or by machines.
var notOurs = []string{".git", "bin", "data", "node_modules", "testdata"}

// TestDocumentationLinks holds that every link from a page to a file or heading of this repository
// leads somewhere.
func TestDocumentationLinks(t *testing.T) {
	for _, page := range pages(t) {
		text := readPage(t, page)
		for _, found := range linkTarget.FindAllStringSubmatch(withoutCode(text), -1) {
			if reason := brokenLink(t, page, found[1]); reason != "" {
				t.Errorf("%s: the link to %s %s", page, found[1], reason)
			}
		}
	}
}

// pages lists the Markdown files of the repository.
func pages(t *testing.T) (found []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(notOurs, entry.Name()):
			return filepath.SkipDir
		case !entry.IsDir() && strings.HasSuffix(path, ".md"):
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 5 {
		t.Fatalf("only %d pages were found", len(found))
	}
	return found
}

func readPage(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func withoutCode(text string) string {
	return inlineCode.ReplaceAllString(fencedCode.ReplaceAllString(text, ""), "")
}

// brokenLink says what is wrong with a link on a page, "" when it leads somewhere or out of here.
func brokenLink(t *testing.T, page, link string) string {
	t.Helper()
	target, err := url.Parse(link)
	if err != nil {
		return "is no reference: " + err.Error()
	}
	if target.Scheme != "" || target.Host != "" {
		return ""
	}
	path := page
	if target.Path != "" {
		path = filepath.Join(filepath.Dir(page), filepath.FromSlash(target.Path))
	}
	if _, err := os.Stat(path); err != nil {
		return "leads to no file"
	}
	if target.Fragment != "" && !slices.Contains(anchors(readPage(t, path)), target.Fragment) {
		return "leads to no heading of that page"
	}
	return ""
}

// anchors are the names that forges give the headings of a page.
func anchors(text string) (names []string) {
	for _, found := range heading.FindAllStringSubmatch(fencedCode.ReplaceAllString(text, ""), -1) {
		names = append(names, anchor(found[1]))
	}
	return names
}

// anchor lowers the case of letters, puts hyphens for spaces and drops punctuation.
func anchor(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, title)
}

func TestDocumentationLinks_anchors(t *testing.T) {
	for title, want := range map[string]string{
		"Error answers":                      "error-answers",
		"What is there, and what is not yet": "what-is-there-and-what-is-not-yet",
		"Ids and `stored`":                   "ids-and-stored",
		"Réponses d'erreur":                  "réponses-derreur",
	} {
		if got := anchor(title); got != want {
			t.Errorf("the anchor of %q is %q, want %q", title, got, want)
		}
	}
}
