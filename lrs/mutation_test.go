package lrs_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// tree is a JSON value that can be changed in ways that no decoded value can: names may stand twice,
// numbers and strings stay as they are written.
type tree struct {
	kind    jsontext.Kind
	literal string   // of a scalar
	names   []string // of an object's members
	items   []*tree  // an object's values or an array's elements
}

func parseTree(tb testing.TB, text string) *tree {
	tb.Helper()
	decoder := jsontext.NewDecoder(strings.NewReader(text))
	var read func() *tree
	read = func() *tree {
		node := &tree{kind: decoder.PeekKind()}
		if node.kind != '{' && node.kind != '[' {
			value, err := decoder.ReadValue()
			if err != nil {
				tb.Fatalf("%v in %s", err, text)
			}
			node.literal = string(value)
			return node
		}
		_, _ = decoder.ReadToken()
		for k := decoder.PeekKind(); k != '}' && k != ']'; k = decoder.PeekKind() {
			if node.kind == '{' {
				name, err := decoder.ReadToken()
				if err != nil {
					tb.Fatalf("%v in %s", err, text)
				}
				node.names = append(node.names, name.String())
			}
			node.items = append(node.items, read())
		}
		_, _ = decoder.ReadToken()
		return node
	}
	return read()
}

func (n *tree) append(b []byte) []byte {
	switch n.kind {
	case '{':
		b = append(b, '{')
		for i, item := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b, _ = jsontext.AppendQuote(b, n.names[i])
			b = item.append(append(b, ':'))
		}
		return append(b, '}')
	case '[':
		b = append(b, '[')
		for i, item := range n.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.append(b)
		}
		return append(b, ']')
	default:
		return append(b, n.literal...)
	}
}

func (n *tree) String() string { return string(n.append(nil)) }

func (n *tree) clone() *tree {
	c := *n
	c.names = slices.Clone(n.names)
	c.items = nil
	for _, item := range n.items {
		c.items = append(c.items, item.clone())
	}
	return &c
}

// place is a value within a tree: the index-th item of parent, where the pointer leads to.
type place struct {
	parent  *tree
	index   int
	pointer string
}

func (p place) value() *tree { return p.parent.items[p.index] }

func (p place) name() string {
	if p.parent.kind == '{' {
		return p.parent.names[p.index]
	}
	return ""
}

// above is the pointer of the object or array that holds the place.
func (p place) above() string { return p.pointer[:strings.LastIndexByte(p.pointer, '/')] }

// places lists every place of the tree but the root.
func (n *tree) places() []place {
	var all []place
	var walk func(n *tree, pointer string)
	walk = func(n *tree, pointer string) {
		for i, item := range n.items {
			token := strconv.Itoa(i)
			if n.kind == '{' {
				token = n.names[i]
			}
			below := string(jsontext.Pointer(pointer).AppendToken(token))
			all = append(all, place{n, i, below})
			walk(item, below)
		}
	}
	walk(n, "")
	return all
}

// chooser picks a number below n: a seeded generator, or rapid, which can shrink.
type chooser interface{ IntN(n int) int }

func pick[T any](c chooser, from []T) T { return from[c.IntN(len(from))] }

// oddStrings are spellings of every format, right and wrong.
var oddStrings = map[string][]string{
	"xapi-iri": {
		"http://a.example/x", "urn:", "urn:x", "http:", "http:/a", "http://", "https://:80/", "HTTP://A.example", "ftp:///x", "//a/b", "a", "/a", "1a:b", "a+b:c",
		"http://a.example/ b", "http://a.example/%", "http://a.example/%zz", "http://a.example/%20", "http://[::1]:8/", "http://[::1%25e]/", "http://[v1.x]", "http://[]/", "http://u@h/",
		"http://a@b@c/", "http://é.example/ü", "http://a/\u200e", "http://a/\u202e", "http://a/\ue000", "http://a/?\ue000", "http://a/#\ue000", "http://a#b#c", "http://a/?x?#?", "x:?\U000F0000", "x:\ufdd0", "x:\U0001FFFE",
		"http://adlnet.gov/expapi/verbs/voided", "x:\u00a0", "x:\u0080", "http://a:b/", "http://a:/", "x:a//b", "file:///a", "x:[", "http://a|b/",
	},
	"xapi-mailto": {
		"mailto:a@b.example", "mailto:a.b@c", "mailto:.a@b", "mailto:a.@b", "mailto:a..b@c", "mailto:a@b.", "mailto:a@.b", "mailto:a@-b", "mailto:a@b-", "mailto:a@b-c", "mailto:a@b--c.d", "mailto:a@b_c", "mailto:a_b@c",
		"MAILTO:a@b", "a@b", "mailto:a", "mailto:@b", "mailto:a@", "mailto:a@b@c", "mailto:a@b?subject=x", "mailto:a@b#c", "mailto:a,b@c", "mailto:a%40b@c", "mailto:a%4@c", "mailto:é@ü.fr", "mailto:a\u00a0b@c", "mailto:a/b@c", "mailto:a@b:c",
	},
	"xapi-uuid": {
		"6690e6c9-3ef0-4ed3-8b37-7f3964730bee", "6690E6C9-3EF0-4ED3-8B37-7F3964730BEE", "00000000-0000-0000-0000-000000000000", "6690e6c93ef04ed38b377f3964730bee", "{6690e6c9-3ef0-4ed3-8b37-7f3964730bee}",
		"6690e6c9-3ef0-4ed3-8b37-7f3964730beg", "6690e6c9-3ef0-4ed3-8b37-7f3964730be", "6690e6c93-ef0-4ed3-8b37-7f3964730bee", "ffffffff-ffff-ffff-ffff-ffffffffffff", "6690e6c9-3ef0-4ed3-8b37-7f3964730bee ",
	},
	"xapi-timestamp": {
		"2026-01-31T09:30:00Z", "2026-01-31t09:30:00z", "2026-01-31T24:00:00Z", "2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2016-12-31T23:59:60Z", "2016-12-31T23:59:60+01:00", "2017-01-01T05:44:60+05:45",
		"2017-01-01T00:59:60+01", "2026-01-31T09:30:60Z", "2026-01-31T09:30:00", "2026-01-31T09:30Z", "2026-01-31T09Z", "2026-01-31", "20260131T093000Z", "20260131T0930", "20260131T093000,5+0100", "2026-01-31T09:30:00,5Z", "2026-01-31T09:30:00.Z",
		"2026-01-31T09:30:00.123456789012Z", "2026-01-31T09:30:00-00:00", "2026-01-31T09:30:00-0000", "2026-01-31T09:30:00-00", "2026-01-31T09:30:00+00:00", "2026-01-31T09:30:00+24:00", "2026-01-31T09:30:00+01:60", "2026-01-31 09:30:00Z",
		"0000-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-31T09:60:00Z", "12026-01-31T09:30:00Z", "2026-W05-6T09:30:00Z", "2026-031T09:30:00Z", "2026-0131T09:30:00Z", "20260131T09:30:00Z",
	},
	"xapi-duration": {
		"PT1H", "P", "PT", "P1Y2M3DT4H5M6.7S", "P4W", "P4W1D", "P1D4W", "P1.5D", "P1.5DT1H", "P1,5Y", "pt1h", "-P1D", "P-1D", "P1DT", "PT1H1H", "P1M1Y", "PT1S1M", "P1S", "PT1D", "P0003-06-04T12:30:05", "PT1.S", "PT.5S", "P1W", "P0.5W", "1D", "PT1H T1M", "P1YT1S",
	},
	"xapi-language-tag": {
		"en", "fr-FR", "fr_FR", "e", "en-", "-en", "en--US", "x", "x-a", "x-a-a", "en-x-a", "en-a-bb", "en-a", "en-a-bb-a-cc", "en-a-bb-A-cc", "sl-rozaj-rozaj", "sl-rozaj-1994-ROZAJ", "i-klingon", "I-KLINGON", "i-nope", "en-GB-oed",
		"zh-yue-yue-yue", "zh-a12-HK", "de-1901-1901", "de-DE-1901", "a12345678", "abcdefghi", "abcd-Latn", "en-abcd-12345", "art-lojban", "é", "en-a-bbb-x-a-ccc", "en-Latn-Latn", "zh-min-nan", "1a", "en-1-bb",
	},
	"xapi-media-type": {
		"text/plain", "text/plain; charset=utf-8", "text/plain;charset=\"a b\\\"\"", "text/plain;", "text/*", "*/*", "text", "text/", "/plain", "text/plain ; a=b", "text/plain; a=b; a=c", "text/plain; a", "text/plain; a=", "text/plain, b/c", " text/plain", "text/plain ", "text/pl ain", "a/b;c=\"", "a/b;c=\"é\"",
	},
	"xapi-sha1": {strings.Repeat("0aF", 13) + "b", strings.Repeat("a", 39), strings.Repeat("a", 41), strings.Repeat("g", 40)},
	"xapi-sha2": {strings.Repeat("a", 56), strings.Repeat("A", 64), strings.Repeat("0", 96), strings.Repeat("f", 128), strings.Repeat("a", 63), strings.Repeat("g", 64)},
	"words": {
		"", " ", "x", "Agent", "agent", "Group", "Activity", "StatementRef", "SubStatement", "contextAgent", "contextGroup", "Person", "choice", "true-false", "likert", "matching", "performance", "sequencing", "numeric", "other", "fill-in", "long-fill-in", "Choice",
		"1.0", "1.0.0", "1.0.3", "1.0.9", "1.0.", "1.0.1-rc.1", "1.0.1-rc1", "1.0-rc1", "1.1.0", "2.0", "2.0.0", "2.0.0-b", "3.0.0", "0.9.5", "true", "1", "\u0000", "é", "https://w3id.org/xapi/x",
	},
}

// oddLiterals are values that are not strings, and strings that JSON can write in another way.
var oddLiterals = []string{
	"null", "true", "false", "0", "-0", "1", "-1", "1.0", "1.5", "-1.0000000000000000000001", "1e0", "10e-1", "1e400", "-1e400", "1e-400", "5.0", "27e1", "9223372036854775807", "9223372036854775808", "1e19", "99999999999999999999",
	"[]", "{}", "[[]]", "[null]", `[""]`, `["https://a.example/x"]`, `{"en":"x"}`, `{"a b":"x"}`, `{"en":null}`, `{"https://a.example/x":null}`, `{"x":1}`, `"\u0041gent"`, `"Group"`, `{"id":"https://a.example/x"}`,
	`{"mbox":"mailto:a@b.example"}`, `{"objectType":"Group","member":[]}`, `{"objectType":"Group","member":[{"mbox":"mailto:a@b.example"}]}`, `{"objectType":"Group","member":[{"mbox":"mailto:a@b.example"},{"account":{"homePage":"https://h.example","name":""}}]}`,
	`{"objectType":"Group","member":[{"mbox":"mailto:a@b.example"},{"mbox":"mailto:b@b.example"}]}`, `{"objectType":"StatementRef","id":"6690e6c9-3ef0-4ed3-8b37-7f3964730bee"}`,
	`[{"id":"https://a.example/x"},{"id":"https://a.example/y"}]`, `[{"id":"a"},{"id":"a"}]`, `[{"objectType":"contextAgent","agent":{"mbox":"mailto:a@b.example"}}]`, `{"id":"http://adlnet.gov/expapi/verbs/voided"}`,
	`{"objectType":"SubStatement","actor":{"mbox":"mailto:a@b.example"},"verb":{"id":"http://adlnet.gov/expapi/verbs/voided"},"object":{"id":"https://a.example/x"}}`,
}

// oddNames are properties of every object of a statement, and others.
var oddNames = []string{
	"id", "actor", "verb", "object", "result", "context", "timestamp", "stored", "authority", "version", "attachments", "objectType", "name", "mbox", "mbox_sha1sum", "openid", "account", "member", "homePage", "display",
	"definition", "description", "type", "moreInfo", "extensions", "interactionType", "correctResponsesPattern", "choices", "scale", "source", "target", "steps", "score", "success", "completion", "response", "duration",
	"scaled", "raw", "min", "max", "registration", "instructor", "team", "contextActivities", "contextAgents", "contextGroups", "revision", "platform", "language", "statement", "parent", "grouping", "category", "other",
	"agent", "group", "relevantTypes", "usageType", "contentType", "length", "sha2", "fileUrl", "", "x", "a/b~c", "en", "fr_FR", "https://a.example/x", "Id", "MBOX", "objecttype",
}

func formatNames() []string {
	var names []string
	for name := range oddStrings {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func quoted(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// oddValue makes a value to put in the place of another.
func oddValue(tb testing.TB, c chooser, root *tree) *tree {
	switch c.IntN(8) {
	case 0, 1:
		return parseTree(tb, pick(c, oddLiterals))
	case 2: // transplanted from elsewhere
		return pick(c, root.places()).value().clone()
	default:
		return &tree{kind: '"', literal: quoted(pick(c, oddStrings[pick(c, formatNames())]))}
	}
}

// mutate changes one place of the tree and returns it, or the place above where something was
// removed or added.
func mutate(tb testing.TB, c chooser, root *tree) (pointer string) {
	p := pick(c, root.places())
	value := p.value()
	switch c.IntN(12) {
	case 0, 1: // remove
		p.parent.items = slices.Delete(p.parent.items, p.index, p.index+1)
		if p.parent.kind == '{' {
			p.parent.names = slices.Delete(p.parent.names, p.index, p.index+1)
		}
		return p.above()
	case 2: // repeat
		p.parent.items = append(p.parent.items, value.clone())
		if p.parent.kind == '{' {
			p.parent.names = append(p.parent.names, p.name())
			return p.pointer
		}
		return p.above()
	case 3: // rename
		if p.parent.kind != '{' {
			break
		}
		p.parent.names[p.index] = pick(c, []string{strings.ToUpper(p.name()), p.name() + "s", pick(c, oddNames), pick(c, oddStrings["xapi-language-tag"]), pick(c, oddStrings["xapi-iri"])})
		return p.above()
	case 4, 5: // add
		addTo := value
		if addTo.kind != '{' && addTo.kind != '[' {
			p.parent.items[p.index] = oddValue(tb, c, root)
			return p.pointer
		}
		addTo.items = append(addTo.items, oddValue(tb, c, root))
		if addTo.kind == '{' {
			addTo.names = append(addTo.names, pick(c, oddNames))
		}
		return p.pointer
	case 6: // wrap
		p.parent.items[p.index] = &tree{kind: '[', items: []*tree{value}}
		return p.pointer
	}
	p.parent.items[p.index] = oddValue(tb, c, root)
	return p.pointer
}

// agents and groups of every kind, an Activity with every property, and all else that a statement
// of either version can hold.
const (
	fullGroup = `{"objectType":"Group","name":"Crew","mbox":"mailto:crew@example.com","member":[{"name":"Ann","mbox_sha1sum":"ebd31e95054c018b10727ccffd2ef2ec3a016ee9"},` +
		`{"objectType":"Agent","account":{"homePage":"https://example.com","name":"ben"}},{"openid":"https://example.com/openid/cleo"}]}`
	fullActivity = `{"objectType":"Activity","id":"http://example.com/voyage","definition":{"name":{"en":"Voyage"},"description":{"zh-Hans-CN":"x"},"type":"http://example.com/types/voyage",` +
		`"moreInfo":"https://example.com/info","interactionType":"%s","correctResponsesPattern":["a[,]b"],%s"extensions":{"http://example.com/ext":null,"urn:x:y":{"deep":[1e400,null]}}}}`
	fullResult  = `{"score":{"scaled":-0.5,"raw":3,"min":0,"max":10},"success":true,"completion":false,"response":"a","duration":"P1DT2H0.5S","extensions":{"http://example.com/wind":"NW"}}`
	fullContext = `{"registration":"ec531277-b57b-4c15-8d91-d292c5b2b8f7",%s"language":"en","instructor":{"mbox":"mailto:captain@example.com"},"team":{"objectType":"Group","member":[]},` +
		`"statement":{"objectType":"StatementRef","id":"6690E6C9-3EF0-4ED3-8B37-7F3964730BEE"},"contextActivities":{"parent":{"id":"http://example.com/course"},` +
		`"grouping":[{"id":"http://example.com/school","objectType":"Activity"}],"category":[],"other":{"id":"urn:o","definition":{}}},"extensions":{"http://example.com/tide":3}%s}`
	contextAgents = `,"contextAgents":[{"objectType":"contextAgent","agent":{"mbox":"mailto:a@example.com"},"relevantTypes":["https://example.com/t"]}],` +
		`"contextGroups":[{"objectType":"contextGroup","group":{"objectType":"Group","mbox":"mailto:g@example.com"}}]`
	fullAttachments = `[{"usageType":"http://example.com/map","display":{"en":"Map"},"description":{"en":"A map"},"contentType":"text/plain; charset=utf-8","length":27,` +
		`"sha2":"495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a","fileUrl":"https://example.com/map.txt"}]`
	fullAssigned = `"id":"7ccd3322-e1a5-411a-a67d-6a735c76f119","timestamp":"2026-01-31T09:30:00.000Z","stored":"2026-01-31T09:30:01.000+01:00","version":"1.0.3",` +
		`"authority":{"objectType":"Group","member":[{"account":{"homePage":"https://example.com/token","name":"key"}},{"mbox":"mailto:dan@example.com"}]}`
	fullVerb = `{"id":"http://example.com/verbs/sailed","display":{"en-GB":"sailed","de":"segelte"}}`
	anAgent  = `{"mbox":"mailto:ann@example.com"}`
	voidVerb = `{"id":"http://adlnet.gov/expapi/verbs/voided"}`
	aRef     = `{"objectType":"StatementRef","id":"7ccd3322-e1a5-411a-a67d-6a735c76f119"}`
)

// componentLists are the interaction types with the lists that they support.
var componentLists = map[string][]string{
	"true-false": nil, "choice": {"choices"}, "fill-in": nil, "long-fill-in": nil, "matching": {"source", "target"},
	"performance": {"steps"}, "sequencing": {"choices"}, "likert": {"scale"}, "numeric": nil, "other": nil,
}

func activityOf(interactionType string) string {
	var lists strings.Builder
	for _, list := range componentLists[interactionType] {
		fmt.Fprintf(&lists, `%q:[{"id":"a","description":{"en":"A"}},{"id":"b"}],`, list)
	}
	return fmt.Sprintf(fullActivity, interactionType, lists.String())
}

// fullStatements are valid statements that together use every property of the version.
func fullStatements(version string) []string {
	more := ""
	if version == "2.0.0" {
		more = contextAgents
	}
	context := fmt.Sprintf(fullContext, "", more)
	body := func(object, context string) string {
		return `"actor":` + fullGroup + `,"verb":` + fullVerb + `,"object":` + object + `,"result":` + fullResult + `,"context":` + context + `,"attachments":` + fullAttachments
	}
	activityBody := body(activityOf("choice"), fmt.Sprintf(fullContext, `"revision":"3","platform":"boat",`, more))
	statements := []string{
		`{` + activityBody + `,` + fullAssigned + `}`,
		`{"actor":` + anAgent + `,"verb":` + fullVerb + `,"object":{"timestamp":"2030-01-31T09:30:00Z",` + activityBody + `,"objectType":"SubStatement"}}`,
		`{"actor":` + anAgent + `,"verb":` + voidVerb + `,"object":` + aRef + `}`,
		`{"actor":` + anAgent + `,"verb":` + fullVerb + `,"object":{"objectType":"SubStatement","actor":` + anAgent + `,"verb":` + voidVerb + `,"object":` + aRef + `}}`,
		`{` + body(fullGroup, context) + `,"authority":` + anAgent + `}`,
		`{` + body(`{"objectType":"Agent","mbox":"mailto:a@example.com"}`, context) + `}`,
		`{"actor":{"objectType":"Group","member":[` + anAgent + `]},"verb":` + fullVerb + `,"object":{"id":"urn:x"}}`,
	}
	var types []string
	for interactionType := range componentLists {
		types = append(types, interactionType)
	}
	slices.Sort(types)
	for _, interactionType := range types {
		statements = append(statements, `{"actor":`+anAgent+`,"verb":`+fullVerb+`,"object":`+activityOf(interactionType)+`}`)
	}
	return statements
}

// spaced writes the tree with white space around every token.
func spaced(tb testing.TB, text []byte) []byte {
	value := jsontext.Value(bytes.Clone(text))
	if err := value.Indent(); err != nil {
		tb.Fatal(err)
	}
	return append(append([]byte(" \t"), value...), '\n')
}

// changed sets, adds or, with no value, removes the place that a pointer names.
func changed(tb testing.TB, text, pointer, value string) string {
	tb.Helper()
	if pointer == "" {
		return value
	}
	root := parseTree(tb, text)
	node := root
	tokens := strings.Split(pointer[1:], "/")
	for i, token := range tokens {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		at := slices.Index(node.names, token)
		if node.kind == '[' {
			n, err := strconv.Atoi(token)
			if err != nil {
				tb.Fatal(err)
			}
			at = n
		}
		if i < len(tokens)-1 {
			node = node.items[at]
			continue
		}
		switch {
		case value == "":
			node.items = slices.Delete(node.items, at, at+1)
			if node.kind == '{' {
				node.names = slices.Delete(node.names, at, at+1)
			}
		case at < 0 || at == len(node.items):
			node.items = append(node.items, parseTree(tb, value))
			if node.kind == '{' {
				node.names = append(node.names, token)
			}
		default:
			node.items[at] = parseTree(tb, value)
		}
	}
	return root.String()
}
