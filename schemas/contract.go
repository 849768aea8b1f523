package schemas

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	maxJudged = 64 << 10 // bytes of a statement that a contract looks at
	maxTold   = 100      // violations that a contract tells of one statement
	maxListed = 200      // verbs, and activity prefixes, that a header may list
	maxName   = 64
	verbVoid  = "http://adlnet.gov/expapi/verbs/voided"
)

// Contract is what a partner and the store have agreed on about statements: a JSON Schema of draft-07, which may
// have a header, x-contract, that names it and says what it is about. It only adds to the specification, which
// other judges hold. It never changes, so goroutines may share it.
//
//	"x-contract": {"name": "pix", "version": "1.0", "about": {"verbs": [...], "activities": ["https://pix.fr/"]}}
type Contract struct {
	Name    string // kebab-case; "" without a header, like Version
	Version string // such as "1.0" or "2026-09"
	Title   string // the schema's title, for people

	verbs      map[string]struct{}
	activities []string
	schema     *Schema
	document   []byte
}

// Refusal says why a document is no contract. The pointers of its violations lead into the document.
type Refusal struct{ Violations []Violation }

// Error lists every fault.
func (r *Refusal) Error() string {
	told := make([]string, len(r.Violations))
	for i, v := range r.Violations {
		told[i] = strings.TrimSpace(v.Pointer + " " + v.Detail)
	}
	return "schemas: this is not a contract: " + strings.Join(told, "; ")
}

func refusal(rule, format string, args ...any) *Refusal {
	return &Refusal{[]Violation{{Rule: rule, Detail: fmt.Sprintf(format, args...)}}}
}

// NewContract makes a contract of a document that anybody may have written. It fetches nothing, and refuses,
// with a *Refusal, whatever could make judging costly or silently without effect: see guard.go.
func NewContract(document []byte) (*Contract, error) {
	if len(document) > maxDocument {
		return nil, refusal("too-large", "The schema has %d bytes; at most %d are taken.", len(document), maxDocument)
	}
	root, err := readSchema(document)
	if err != nil {
		return nil, refusedBy(err)
	}
	g := guard{root: root, programs: map[string]int{}}
	g.check()
	contract := &Contract{document: slices.Clone(document)}
	contract.readHeader(&g)
	if len(g.faults) > 0 {
		return nil, &Refusal{inDocumentOrder(document, g.faults)}
	}
	if contract.schema, err = Compile(document); err != nil {
		return nil, refusedBy(err)
	}
	contract.Title, _ = root["title"].(string)
	return contract, nil
}

func refusedBy(err error) *Refusal {
	return refusal("schema", "%s.", strings.TrimPrefix(err.Error(), "schemas: "))
}

// Document returns the bytes of the schema, as a new slice.
func (c *Contract) Document() []byte { return slices.Clone(c.document) }

// About reports whether the contract has a say about a statement with this verb and this activity as its object
// ("" for another object). It costs some nanoseconds, so that only statements which a contract is about pay for
// it. A list that the header leaves out admits all. No contract is about voiding.
func (c *Contract) About(verb, activity string) bool {
	if verb == verbVoid {
		return false
	}
	if _, listed := c.verbs[verb]; c.verbs != nil && !listed {
		return false
	}
	return c.activities == nil || slices.ContainsFunc(c.activities, func(prefix string) bool { return strings.HasPrefix(activity, prefix) })
}

// Judge returns the faults of a statement that is valid by the specification, as it was received, in the order of
// the document; none when it keeps the contract. Violations without a section of their own get the contract's
// name and version. At most the first hundred faults are told, and a statement that the contract is about may
// have 64 KiB: so its cost is bounded, whatever was registered and whatever is sent.
func (c *Contract) Judge(statement []byte) []Violation {
	section := strings.TrimSpace(c.Name + " " + c.Version)
	if len(statement) > maxJudged {
		return []Violation{{Rule: "too-large", Detail: fmt.Sprintf("The statement has %d bytes; under this contract it may have %d: send large content as an attachment.", len(statement), maxJudged), Section: section}}
	}
	violations, err := c.schema.check(statement, maxTold)
	if err != nil {
		return []Violation{{Rule: "json", Detail: "This is not a JSON document; send one.", Section: section}}
	}
	for i := range violations {
		if violations[i].Section == "" {
			violations[i].Section = section
		}
	}
	return violations
}

var (
	contractName    = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	contractVersion = regexp.MustCompile(`^[0-9a-z]+([.-][0-9a-z]+)*$`)
)

func (c *Contract) readHeader(g *guard) {
	value, given := g.root["x-contract"]
	if !given {
		return
	}
	at := []string{"x-contract"}
	header, isObject := value.(object)
	if !isObject {
		g.fault(at, "header", `The header is not an object: write {"name": "my-platform", "version": "1.0"}.`)
		return
	}
	g.members(header, at, "name", "version", "about")
	c.Name, _ = header["name"].(string)
	if len(c.Name) > maxName || !contractName.MatchString(c.Name) {
		g.fault([]string{"x-contract", "name"}, "header", "The name is missing or not in kebab-case: write one such as my-platform, of at most %d letters.", maxName)
	}
	c.Version, _ = header["version"].(string)
	if len(c.Version) > maxName || !contractVersion.MatchString(c.Version) {
		g.fault([]string{"x-contract", "version"}, "header", `The version is missing or not made of lower-case letters and digits: write one such as "1.0" or "2026-09".`)
	}
	if about, given := header["about"]; given {
		c.readAbout(g, about)
	}
}

func (c *Contract) readAbout(g *guard, about any) {
	at := []string{"x-contract", "about"}
	lists, isObject := about.(object)
	if !isObject {
		g.fault(at, "header", `"about" is not an object: write {"verbs": [...], "activities": [...]}.`)
		return
	}
	g.members(lists, at, "verbs", "activities")
	for _, verb := range g.iris(lists, at, "verbs") {
		if c.verbs == nil {
			c.verbs = map[string]struct{}{}
		}
		c.verbs[verb] = struct{}{}
	}
	c.activities = g.iris(lists, at, "activities")
}

// iris reads a list of the header; nil when it is left out.
func (g *guard) iris(lists object, at []string, name string) []string {
	value, given := lists[name]
	if !given {
		return nil
	}
	at = append(slices.Clone(at), name)
	list, isList := value.([]any)
	if !isList || len(list) == 0 || len(list) > maxListed {
		g.fault(at, "header", "This is not a list of 1 to %d IRIs; leave it out to mean all.", maxListed)
		return nil
	}
	iris := make([]string, len(list))
	for i, item := range list {
		iris[i], _ = item.(string)
		if !isIRI(iris[i]) {
			g.fault(append(slices.Clone(at), strconv.Itoa(i)), "header", "This is not an absolute IRI, or the beginning of one up to a /.")
		}
	}
	return iris
}
