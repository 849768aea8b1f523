package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/internal/faultproxy"
	"acquis/internal/mongotest"
)

var builtIndex = regexp.MustCompile(`msg="index built" collection=statements index=(\S+)`)

func TestServe_mongo(t *testing.T) {
	uri := mongotest.Database(t)
	onIt := "ACQUIS_STORE_URI=" + uri
	early := serve(t, []string{onIt, "ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame"})
	late := serve(t, []string{onIt})
	t.Run("the log says hosts and database", func(t *testing.T) {
		hosts, database := mongoPlace(uri)
		if said := early.err.String(); !strings.Contains(said, "hosts="+hosts) || !strings.Contains(said, "database="+database) {
			t.Error(said)
		}
	})
	t.Run("the plan names the indexes that are built", func(t *testing.T) {
		var built, planned []string
		for _, found := range builtIndex.FindAllStringSubmatch(early.err.String(), -1) {
			built = append(built, found[1])
		}
		for _, x := range (mongoSize{Shards: 1}).indexes() {
			if x.name != "_id_" {
				planned = append(planned, x.name)
			}
		}
		slices.Sort(built)
		slices.Sort(planned)
		if diff := cmp.Diff(planned, built); diff != "" {
			t.Errorf("-planned +built:\n%s", diff)
		}
	})
	t.Run("a credential that one process makes is soon known to another that runs", func(t *testing.T) {
		if late.key == "" {
			t.Fatalf("no credential was printed: %s", late.out.String())
		}
		for known := false; !known; time.Sleep(400 * time.Millisecond) {
			r, err := early.send(late.key, late.secret, "GET", "/xapi/statements", "", "")
			if err != nil || r.status != 200 && r.status != 401 && r.status != 429 {
				t.Fatal(r, err)
			}
			known = r.status == 200
		}
	})
	t.Run("the credential of the configuration is this process's own", func(t *testing.T) {
		early.must(t, "boss", "open-sesame", "GET", "/xapi/statements", "", 200)
		late.must(t, "boss", "open-sesame", "GET", "/xapi/statements", "", 401)
	})
	t.Run("a token that one process revokes is refused there at once, and soon by another", func(t *testing.T) {
		replayed(t, early, late)
	})
	id := uuid.NewString()
	t.Run("what one process answered another one serves at once", func(t *testing.T) {
		early.must(t, "boss", "open-sesame", "POST", "/xapi/statements", simple(id), 200)
		late.must(t, late.key, late.secret, "GET", "/xapi/statements?statementId="+id, "", 200)
	})
	t.Run("it is there after the end of both, and no second credential is made", func(t *testing.T) {
		early.stop(t)
		early.ends(t, 0)
		late.kill()
		again := serve(t, []string{onIt})
		if again.key != "" {
			t.Error("a credential was printed again")
		}
		again.must(t, late.key, late.secret, "GET", "/xapi/statements?statementId="+id, "", 200)
	})
}

// problemDocument is what the tests read of one.
type problemDocument struct {
	Type   string `json:"type"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func TestServe_mongoAway(t *testing.T) {
	database := mongotest.Database(t)
	host, name := mongoPlace(database)
	proxy := faultproxy.New(t, host)
	separator := "?"
	if strings.Contains(database, "?") {
		separator = "&"
	}
	uri := proxy.URI(database) + separator + "directConnection=true&serverSelectionTimeoutMS=500"
	p := serve(t, []string{"ACQUIS_STORE_URI=" + uri})
	id := uuid.NewString()
	p.must(t, p.key, p.secret, "POST", "/xapi/statements", simple(id), 200)
	proxy.Refuse(true)
	proxy.Cut()

	t.Run("/readyz says so, and /healthz does not", func(t *testing.T) {
		p.awaitStatus(t, "/readyz", http.StatusServiceUnavailable)
		p.must(t, "", "", "GET", "/healthz", "", 200)
	})
	lost := simple(uuid.NewString())
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/xapi/statements?statementId=" + id, ""},
		{"GET", "/xapi/statements?limit=1", ""},
		{"POST", "/xapi/statements", lost},
		{"PUT", `/xapi/activities/state?stateId=s&activityId=http%3A%2F%2Fexample.org&agent=%7B%22mbox%22%3A%22mailto%3Aa%40example.org%22%7D`, "{}"},
	} {
		t.Run(c.method+" "+c.path[:16]+" is a 503 with Retry-After that tells nothing of the inside", func(t *testing.T) {
			r := p.must(t, p.key, p.secret, c.method, c.path, c.body, http.StatusServiceUnavailable)
			var doc problemDocument
			if err := json.Unmarshal([]byte(r.body), &doc); err != nil || doc.Type != "urn:acquis:problem:unavailable" || doc.Status != r.status {
				t.Errorf("%v: %s", err, r.body)
			}
			if r.header.Get("Retry-After") == "" || r.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("header %v", r.header)
			}
			for _, inside := range []string{proxy.Addr(), name, "mongo", "topology", "dial", "connection("} {
				if strings.Contains(r.body, inside) {
					t.Errorf("%q is told: %s", inside, r.body)
				}
			}
		})
	}
	t.Run("it recovers by itself, and what is sent again is stored once", func(t *testing.T) {
		proxy.Refuse(false)
		p.awaitStatus(t, "/readyz", http.StatusOK)
		p.must(t, p.key, p.secret, "POST", "/xapi/statements", lost, 200)
		var page struct{ Statements []struct{ ID string } }
		r := p.must(t, p.key, p.secret, "GET", "/xapi/statements", "", 200)
		if err := json.Unmarshal([]byte(r.body), &page); err != nil || len(page.Statements) != 2 {
			t.Errorf("%v: %s", err, r.body)
		}
	})
}

// awaitStatus waits until a probe answers with a status.
func (p *serving) awaitStatus(t *testing.T, path string, status int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		r, err := p.send("", "", "GET", path, "", "")
		if err == nil && r.status == status {
			return
		}
		p.goOn(t, deadline)
	}
}

// replayed gets a token from a process, uses it at both, has it revoked and uses it again; then the same
// with a credential that is disabled.
func replayed(t *testing.T, other, here *serving) {
	t.Helper()
	form := "application/x-www-form-urlencoded"
	var issued struct {
		AccessToken string `json:"access_token"`
	}
	a, err := here.send(here.key, here.secret, "POST", "/oauth2/token", form, "grant_type=client_credentials")
	if err != nil || json.Unmarshal([]byte(a.body), &issued) != nil || issued.AccessToken == "" {
		t.Fatal(a, err)
	}
	bearer := func(p *serving) int {
		r, err := http.NewRequest("GET", p.url+"/xapi/statements?limit=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+issued.AccessToken)
		r.Header.Set("X-Experience-API-Version", "1.0.3")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	if got := []int{bearer(here), bearer(other)}; !slices.Equal(got, []int{200, 200}) {
		t.Fatalf("a good token: %v", got)
	}
	if a, err := here.send(here.key, here.secret, "POST", "/oauth2/revoke", form, "token="+issued.AccessToken); err != nil || a.status != 200 {
		t.Fatal(a, err)
	}
	if got := bearer(here); got != 401 {
		t.Errorf("where it was revoked: %d", got)
	}
	soon := func(what string, want int, status func() int) {
		for deadline := time.Now().Add(patience); status() != want; time.Sleep(400 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s at the other process: no %d", what, want)
			}
		}
	}
	soon("the token", 401, func() int { return bearer(other) })

	var k struct{ Key, Secret string }
	made := here.must(t, here.key, here.secret, "POST", "/api/credentials", `{"account":"watch","scopes":"statements/read"}`, 201)
	if err := json.Unmarshal([]byte(made.body), &k); err != nil {
		t.Fatal(err)
	}
	ask := func(p *serving) int {
		a, err := p.send(k.Key, k.Secret, "GET", "/xapi/statements?limit=1", "", "")
		if err != nil {
			t.Fatal(err)
		}
		return a.status
	}
	soon("a new credential", 200, func() int { return ask(other) })
	here.must(t, here.key, here.secret, "POST", "/api/credentials/"+k.Key+"/disable", "", 200)
	if got := ask(here); got != 401 {
		t.Errorf("where it was disabled: %d", got)
	}
	soon("the disabled credential", 401, func() int { return ask(other) })
}
