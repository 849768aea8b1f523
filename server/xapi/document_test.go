package xapi_test

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"acquis/lrs"
)

// place is a document resource with something that documents belong to.
type place struct {
	path, id string
	owner    []string // parameters as query takes them
}

// one is the address of one document, all the one of the list of ids.
func (p place) one(id string) string { return p.path + query(append(p.owner, p.id, id)...) }

func (p place) all(more ...string) string { return p.path + query(append(p.owner, more...)...) }

const learner = `{"account":{"homePage":"https://agents.example","name":"%s"}}`

func statePlace(name string) place {
	return place{"/activities/state", "stateId", []string{"activityId", "https://courses.example/" + name, "agent", fmt.Sprintf(learner, name)}}
}

func agentPlace(name string) place {
	return place{"/agents/profile", "profileId", []string{"agent", fmt.Sprintf(learner, name)}}
}

func activityPlace(name string) place {
	return place{"/activities/profile", "profileId", []string{"activityId", "https://courses.example/" + name}}
}

// documentTest drives one document resource in one version; its place is of its own.
type documentTest struct {
	*resources
	place
	version string
}

func (d documentTest) send(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	return d.resources.send(t, method, path, body, append([]string{"X-Experience-API-Version: " + d.version}, header...)...)
}

// put stores a new document.
func (d documentTest) put(t testing.TB, id, contentType, body string) {
	t.Helper()
	d.send(t, "PUT", d.one(id), body, "If-None-Match: *", "Content-Type: "+contentType).want(t, 204, "")
}

// holds checks that a document is stored with this content.
func (d documentTest) holds(t testing.TB, id, body string) {
	t.Helper()
	if got := d.send(t, "GET", d.one(id), ""); got.status != 200 || got.body != body {
		t.Errorf("the document is %d %q, want %q", got.status, got.body, body)
	}
}

// eachResource runs the test on every document resource in both versions.
func eachResource(t *testing.T, test func(t *testing.T, d documentTest)) {
	s := startResources(t)
	for resource, at := range map[string]func(string) place{
		"state": statePlace, "agent profile": agentPlace, "activity profile": activityPlace,
	} {
		for _, version := range []string{"1.0.3", "2.0.0"} {
			name := resource + " in " + version
			t.Run(name, func(t *testing.T) {
				test(t, documentTest{s, at(strings.ReplaceAll(name, " ", "-")), version})
			})
		}
	}
}

func etagOf(content string) string {
	sum := sha1.Sum([]byte(content))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func TestDocument(t *testing.T) {
	eachResource(t, func(t *testing.T, d documentTest) {
		t.Run("XAPI-00192, XAPI-00259, XAPI-00288, XAPI-00322: what was put comes back byte for byte, with its type and validators", func(t *testing.T) {
			content := "{ \"n\": 1.00,\r\n\"n\":2 } \x00\xff"
			d.put(t, "exact", "text/html; charset=utf-8", content)
			got := d.send(t, "GET", d.one("exact"), "").want(t, 200, "")
			if got.body != content {
				t.Errorf("content %q, want %q", got.body, content)
			}
			for name, want := range map[string]string{
				"Content-Type": "text/html; charset=utf-8", "ETag": etagOf(content),
				"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff",
			} {
				if value := got.header.Get(name); value != want {
					t.Errorf("%s: %q, want %q", name, value, want)
				}
			}
			if _, err := http.ParseTime(got.header.Get("Last-Modified")); err != nil {
				t.Errorf("Last-Modified: %v", err)
			}
		})
		t.Run("a document without a type is application/octet-stream", func(t *testing.T) {
			d.send(t, "PUT", d.one("untyped"), "abc", "If-None-Match: *").want(t, 204, "")
			if got := d.send(t, "GET", d.one("untyped"), "").header.Get("Content-Type"); got != "application/octet-stream" {
				t.Errorf("Content-Type %q", got)
			}
		})
		t.Run("an empty document is a document", func(t *testing.T) {
			d.put(t, "empty", "text/plain", "")
			d.holds(t, "empty", "")
		})
		t.Run("HEAD answers as GET does, without the content", func(t *testing.T) {
			d.put(t, "head", "text/plain", "abc")
			get, head := d.send(t, "GET", d.one("head"), ""), d.send(t, "HEAD", d.one("head"), "")
			if head.status != 200 || head.body != "" || head.header.Get("ETag") != get.header.Get("ETag") || head.header.Get("Last-Modified") != get.header.Get("Last-Modified") {
				t.Errorf("HEAD %d %q %v, GET %v", head.status, head.body, head.header, get.header)
			}
			d.send(t, "HEAD", d.one("nothing"), "").want(t, 404, "")
		})
		t.Run("GET with the ETag in If-None-Match is a 304 without content", func(t *testing.T) {
			d.put(t, "known", "text/plain", "abc")
			for _, tags := range []string{etagOf("abc"), "W/" + etagOf("abc"), `"other", ` + etagOf("abc"), "*"} {
				if got := d.send(t, "GET", d.one("known"), "", "If-None-Match: "+tags).want(t, 304, ""); got.body != "" || got.header.Get("ETag") != etagOf("abc") {
					t.Errorf("%s: body %q, ETag %s", tags, got.body, got.header.Get("ETag"))
				}
			}
			d.send(t, "GET", d.one("known"), "", `If-None-Match: "other"`).want(t, 200, "abc")
		})
		t.Run("XAPI-00187, XAPI-00191, XAPI-00271, XAPI-00285: a deleted document is gone, and deleting nothing is fine", func(t *testing.T) {
			d.put(t, "doomed", "text/plain", "abc")
			d.send(t, "DELETE", d.one("doomed"), "").want(t, 204, "")
			d.send(t, "GET", d.one("doomed"), "").want(t, 404, "no "+d.kind()+" document")
			d.send(t, "DELETE", d.one("doomed"), "").want(t, 204, "")
		})
	})
}

func TestDocumentBounds(t *testing.T) {
	eachResource(t, func(t *testing.T, d documentTest) {
		t.Run("odd ids name documents of their own and are listed as they are", func(t *testing.T) {
			for i, id := range []string{"a/b", "a%2Fb", "../a", "été 🎓", " ", "a+b", "a b", "a&b=c", "\"<\\", "a\x00b", strings.Repeat("x", 2000)} {
				d.put(t, id, "text/plain", strconv.Itoa(i))
				d.holds(t, id, strconv.Itoa(i))
			}
			d.send(t, "GET", d.all(), "").want(t, 200, `"été 🎓"`).want(t, 200, `"a/b"`).want(t, 200, `"a%2Fb"`)
		})
		t.Run("a document of the permitted size is stored, one byte more is a 413 and changes nothing", func(t *testing.T) {
			full := strings.Repeat("x", documentLimit)
			d.put(t, "full", "text/plain", full)
			d.send(t, "PUT", d.one("full"), full+"y", "If-Match: "+etagOf(full)).want(t, 413, "too-large")
			d.holds(t, "full", full)
		})
		t.Run("a type that is none is a 400", func(t *testing.T) {
			d.send(t, "PUT", d.one("badtype"), "abc", "If-None-Match: *", "Content-Type: json").want(t, 400, "Content-Type is not a media type")
			d.send(t, "GET", d.one("badtype"), "").want(t, 404, "")
		})
	})
}

// kind names the resource as messages do.
func (p place) kind() string {
	switch p.path {
	case "/activities/state":
		return "state"
	case "/agents/profile":
		return "agent profile"
	default:
		return "activity profile"
	}
}

func TestDocumentMerge(t *testing.T) {
	eachResource(t, func(t *testing.T, d documentTest) {
		post := func(t *testing.T, id, contentType, body string) answer {
			return d.send(t, "POST", d.one(id), body, "Content-Type: "+contentType)
		}
		t.Run("XAPI-00233, XAPI-00280, XAPI-00310: a POST where nothing is stores what comes", func(t *testing.T) {
			post(t, "new", "not/json", "abc").want(t, 204, "")
			d.holds(t, "new", "abc")
		})
		t.Run("XAPI-00183, XAPI-00184, XAPI-00234, XAPI-00279, XAPI-00308: only the top level is merged, values stay as written", func(t *testing.T) {
			post(t, "merged", "application/json", `{"a":1.00,"b":{"x":1,"y":2},"c":[1]}`).want(t, 204, "")
			post(t, "merged", "application/json; charset=utf-8", `{"b":{"z":3},"d":null}`).want(t, 204, "")
			d.holds(t, "merged", `{"a":1.00,"b":{"z":3},"c":[1],"d":null}`)
		})
		t.Run("XAPI-00229, XAPI-00281, XAPI-00314: a new document that is said to be JSON must be", func(t *testing.T) {
			post(t, "broken", "application/json", `{"b":2}[`).want(t, 400, "the content is not JSON")
			post(t, "broken", "application/json", `{"b":2}`).want(t, 204, "")
		})
		const stored = `{"a":1}`
		d.put(t, "json", "application/json", stored)
		for name, test := range map[string]struct{ contentType, body, says string }{
			"XAPI-00229, XAPI-00232, XAPI-00278, XAPI-00309: another type does not merge into JSON":            {"not/json", `{"b":2}`, "only application/json can be merged"},
			"XAPI-00229, XAPI-00281, XAPI-00313, XAPI-00314: what follows after the object makes it no object": {"application/json", `{"b":2}{`, "not one JSON object"},
			"an array does not merge":                            {"application/json", `[1]`, "not one JSON object"},
			"a string does not merge":                            {"application/json", `"abc"`, "not one JSON object"},
			"null does not merge":                                {"application/json", `null`, "not one JSON object"},
			"nothing does not merge":                             {"application/json", ``, "not one JSON object"},
			"a repeated key does not merge":                      {"application/json", `{"b":1,"b":2}`, "stands twice"},
			"JSON that nests without end is refused cleanly":     {"application/json", `{"b":` + strings.Repeat("[", 30000), "the JSON cannot be read"},
			"JSON that nests too deep is refused though it ends": {"application/json", `{"b":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "the JSON cannot be read"},
		} {
			t.Run(name, func(t *testing.T) {
				post(t, "json", test.contentType, test.body).want(t, 400, test.says)
				d.holds(t, "json", stored)
			})
		}
		for name, test := range map[string]struct{ contentType, body, says string }{
			"XAPI-00229, XAPI-00278: JSON does not merge into another type":      {"application/octet-stream", `{"a":1}`, "the stored document is not application/json"},
			"XAPI-00281, XAPI-00313: JSON does not merge into what is no object": {"application/json", `[{"a":1}]`, "the stored document is not one JSON object"},
		} {
			t.Run(name, func(t *testing.T) {
				d.put(t, name, test.contentType, test.body)
				post(t, name, "application/json", `{"b":2}`).want(t, 400, test.says)
				d.holds(t, name, test.body)
			})
		}
		t.Run("merges do not grow a document beyond its limit", func(t *testing.T) {
			half := func(key string) string { return `{"` + key + `":"` + strings.Repeat("x", documentLimit/2) + `"}` }
			post(t, "growing", "application/json", half("a")).want(t, 204, "")
			post(t, "growing", "application/json", half("b")).want(t, 413, "a document may have "+strconv.Itoa(documentLimit))
			d.holds(t, "growing", half("a"))
		})
	})
}

func TestDocumentPrecondition(t *testing.T) {
	eachResource(t, func(t *testing.T, d documentTest) {
		const stored = `{"a":1}`
		right, wrong := etagOf(stored), `"1111111111111111111111111111111111111111"`
		for name, test := range map[string]struct {
			header string
			exists bool
			status int // of PUT and POST
			delete int
		}{
			"XAPI-00322: the right ETag in If-Match lets a write pass":    {"If-Match: " + right, true, 204, 204},
			"the right ETag among others lets a write pass":               {"If-Match: " + wrong + ", " + right, true, 204, 204},
			"the right ETag, weakened by a proxy, lets a write pass":      {"If-Match: W/" + right, true, 204, 204},
			"the right ETag without quotes lets a write pass":             {"If-Match: " + strings.Trim(right, `"`), true, 204, 204},
			"the right ETag of a compressed answer lets a write pass":     {"If-Match: " + strings.TrimSuffix(right, `"`) + `-gzip"`, true, 204, 204},
			"XAPI-00322: a wrong ETag in If-Match is a 412":               {"If-Match: " + wrong, true, 412, 412},
			"an ETag in If-Match of nothing is a 412":                     {"If-Match: " + right, false, 412, 412},
			"If-Match: * of something passes":                             {"If-Match: *", true, 204, 204},
			"If-Match: * of nothing is a 412":                             {"If-Match: *", false, 412, 412},
			"XAPI-00322: If-None-Match: * of nothing passes":              {"If-None-Match: *", false, 204, 204},
			"XAPI-00322: If-None-Match: * of something is a 412":          {"If-None-Match: *", true, 412, 412},
			"another ETag in If-None-Match passes":                        {"If-None-Match: " + wrong, true, 204, 204},
			"the ETag of what is there in If-None-Match is a 412":         {"If-None-Match: " + right, true, 412, 412},
			"an If-Match that names nothing is a 400, not a free passage": {"If-Match: ,", true, 400, 400},
		} {
			t.Run(name, func(t *testing.T) {
				for method, status := range map[string]int{"PUT": test.status, "POST": test.status, "DELETE": test.delete} {
					id := method + name
					if test.exists {
						d.put(t, id, "application/json", stored)
					}
					d.send(t, method, d.one(id), `{"b":2}`, test.header, "Content-Type: application/json").want(t, status, "")
					if status != 204 && test.exists {
						d.holds(t, id, stored)
					}
					if status != 204 && !test.exists {
						d.send(t, "GET", d.one(id), "").want(t, 404, "")
					}
				}
			})
		}
		t.Run("both stars at once are a 400", func(t *testing.T) {
			d.send(t, "PUT", d.one("stars"), "", "If-Match: *", "If-None-Match: *").want(t, 400, "cannot both hold")
		})
		t.Run("a 412 says what to do", func(t *testing.T) {
			d.put(t, "explained", "text/plain", "abc")
			d.send(t, "PUT", d.one("explained"), "x", "If-None-Match: *").want(t, 412, "send its current ETag in If-Match")
			d.send(t, "DELETE", d.one("explained"), "", "If-Match: "+wrong).want(t, 412, "get the document again")
		})
	})
}

func TestDocumentCompressed(t *testing.T) {
	eachResource(t, func(t *testing.T, d documentTest) {
		t.Run("the ETag of a compressed answer, as a client gets it, is accepted", func(t *testing.T) {
			content := strings.Repeat("the same again, ", 200)
			d.put(t, "gzip", "text/plain", content)
			tag := d.send(t, "GET", d.one("gzip"), "", "Accept-Encoding: gzip").want(t, 200, "").header.Get("ETag")
			if tag == etagOf(content) {
				t.Fatal("the compressed answer has the ETag of the plain one")
			}
			d.send(t, "GET", d.one("gzip"), "", "If-None-Match: "+tag, "Accept-Encoding: gzip").want(t, 304, "")
			d.send(t, "PUT", d.one("gzip"), "x", "If-Match: "+tag).want(t, 204, "")
			d.send(t, "PUT", d.one("gzip"), "y", "If-Match: "+tag).want(t, 412, "")
			d.holds(t, "gzip", "x")
		})
	})
}

func TestDocumentPutUnguarded(t *testing.T) {
	eachResource(t, func(t *testing.T, d documentTest) {
		fresh, existing := 204, 409
		switch {
		case d.version == "1.0.3" && d.kind() == "state":
			existing = 204
		case d.version == "1.0.3":
			fresh = 400
		}
		t.Run(fmt.Sprintf("XAPI-00273, XAPI-00287: a new document without If-Match and If-None-Match is a %d", fresh), func(t *testing.T) {
			d.send(t, "PUT", d.one("new"), "abc").want(t, fresh, "")
		})
		t.Run(fmt.Sprintf("XAPI-00322: replacing without If-Match and If-None-Match is a %d", existing), func(t *testing.T) {
			d.put(t, "there", "text/plain", "abc")
			got := d.send(t, "PUT", d.one("there"), "xyz").want(t, existing, "")
			if existing == 204 {
				d.holds(t, "there", "xyz")
				return
			}
			got.want(t, 409, "check the current state of the resource, and send its ETag in the header If-Match")
			d.holds(t, "there", "abc")
		})
		t.Run("a POST merges without asking", func(t *testing.T) {
			d.put(t, "merged", "application/json", `{"a":1}`)
			d.send(t, "POST", d.one("merged"), `{"b":2}`, "Content-Type: application/json").want(t, 204, "")
		})
	})
}

func TestDocumentContention(t *testing.T) {
	s := startResources(t)
	d := documentTest{s, activityPlace("contended"), "2.0.0"}
	d.put(t, "counter", "text/plain", "0")
	const writers, rounds = 8, 10
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for done := 0; done < rounds; {
				seen := d.send(t, "GET", d.one("counter"), "")
				n, err := strconv.Atoi(seen.body)
				if err != nil {
					t.Error(err)
					return
				}
				switch put := d.send(t, "PUT", d.one("counter"), strconv.Itoa(n+1), "If-Match: "+seen.header.Get("ETag")); put.status {
				case 204:
					done++
				case 412:
				default:
					t.Errorf("%d %s", put.status, put.body)
					return
				}
			}
		})
	}
	all.Wait()
	d.holds(t, "counter", strconv.Itoa(writers*rounds))
}

func TestDocumentList(t *testing.T) {
	eachResource(t, func(t *testing.T, d documentTest) {
		t.Run("where nothing is the list is an empty array", func(t *testing.T) {
			if got := d.send(t, "GET", d.all(), ""); got.status != 200 || got.body != "[]" {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
		before := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
		d.put(t, "b", "text/plain", "1")
		d.put(t, "a", "text/plain", "2")
		t.Run("XAPI-00193, XAPI-00270, XAPI-00289: without an id the ids come, with the digest of the answer as ETag", func(t *testing.T) {
			got := d.send(t, "GET", d.all(), "")
			if got.body != `["a","b"]` || got.header.Get("ETag") != etagOf(got.body) || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %s %v", got.status, got.body, got.header)
			}
			d.send(t, "GET", d.all(), "", "If-None-Match: "+etagOf(got.body)).want(t, 304, "")
		})
		t.Run("XAPI-00195, XAPI-00275, XAPI-00294: since leaves out what was written before", func(t *testing.T) {
			d.send(t, "GET", d.all("since", before), "").want(t, 200, `["a","b"]`)
			d.send(t, "GET", d.all("since", "2999-01-01T00:00:00Z"), "").want(t, 200, `[]`)
		})
	})
}

func TestDocumentPermission(t *testing.T) {
	eachResource(t, func(t *testing.T, d documentTest) {
		d.put(t, "1", "application/json", "{}")
		for key, scopes := range credentials {
			own, resource := lrs.ScopeProfile, "profile"
			if d.kind() == "state" {
				own, resource = lrs.ScopeState, "state"
			}
			write, read := scopes&(own|lrs.ScopeAll) != 0, scopes&(own|lrs.ScopeAll|lrs.ScopeAllRead) != 0
			t.Run(fmt.Sprintf("%s may read: %t, write: %t", key, read, write), func(t *testing.T) {
				for _, request := range []struct {
					method, path string
					may          bool
					status       int
				}{
					{"GET", d.one("1"), read, 200},
					{"GET", d.all(), read, 200},
					{"PUT", d.one("put" + key), write, 204},
					{"POST", d.one("post" + key), write, 204},
					{"DELETE", d.one("put" + key), write, 204},
				} {
					want, says := request.status, ""
					if !request.may {
						want, says = 403, "it needs the scope "+resource
					}
					header := []string{"Key: " + key}
					if request.method == "PUT" {
						header = append(header, "If-None-Match: *")
					}
					d.send(t, request.method, request.path, "{}", header...).want(t, want, says)
				}
				if d.kind() == "state" && !write {
					d.send(t, "DELETE", d.all(), "", "Key: "+key).want(t, 403, "")
				}
			})
		}
		d.holds(t, "1", "{}")
	})
}
