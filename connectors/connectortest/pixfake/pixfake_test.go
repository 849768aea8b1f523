package pixfake_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"acquis/connectors/connectortest/pixfake"
)

var september = time.Date(2026, time.September, 1, 8, 0, 0, 0, time.UTC)

func fixed() time.Time { return september }

type client struct {
	t     *testing.T
	world *pixfake.World
	token string
}

// login returns a client with a token.
func login(t *testing.T, options pixfake.Options) *client {
	t.Helper()
	if options.Now == nil {
		options.Now = fixed
	}
	c := &client{t: t, world: pixfake.New(options)}
	status, answer := c.post("application/x-www-form-urlencoded", "grant_type=client_credentials&client_id=hub-campus&client_secret=secret&scope=meta+campaigns")
	if status != http.StatusOK {
		t.Fatalf("no token: %d %v", status, answer)
	}
	c.token = answer["access_token"].(string)
	return c
}

func (c *client) post(kind, body string) (int, map[string]any) {
	r := httptest.NewRequest(http.MethodPost, "/token", strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	return c.do(r)
}

func (c *client) get(path string, query ...string) (int, map[string]any) {
	q := url.Values{}
	for i := 0; i < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	r := httptest.NewRequest(http.MethodGet, path+"?"+q.Encode(), nil)
	r.Header.Set("Authorization", "Bearer "+c.token)
	return c.do(r)
}

func (c *client) do(r *http.Request) (int, map[string]any) {
	rec := httptest.NewRecorder()
	c.world.Handler().ServeHTTP(rec, r)
	body := rec.Body.Bytes()
	if body[0] == '[' {
		body = fmt.Appendf(nil, `{"list":%s}`, body)
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		c.t.Fatalf("no JSON: %v", err)
	}
	return rec.Code, answer
}

// rows reads the participations of campaign n, page by page.
func (c *client) rows(n int, query ...string) (rows []map[string]any) {
	for page := 1; ; page++ {
		status, answer := c.get(fmt.Sprintf("/campaigns/%d/participations", pixfake.CampaignID(n)), append([]string{"page[number]", fmt.Sprint(page), "page[size]", "7"}, query...)...)
		if status != http.StatusOK {
			c.t.Fatalf("%d %v", status, answer)
		}
		for _, row := range answer["campaignParticipations"].([]any) {
			rows = append(rows, row.(map[string]any))
		}
		if float64(page) >= answer["page"].(map[string]any)["count"].(float64) {
			return rows
		}
	}
}

var byStart = []string{"sort[0][value]", "createdAt", "sort[0][type]", "asc"}

func TestToken(t *testing.T) {
	c := login(t, pixfake.Options{})
	form := "application/x-www-form-urlencoded"
	for name, want := range map[string]struct {
		kind, body string
		status     int
	}{
		"a body that is no form":    {"application/json", `{}`, 415},
		"a field that is missing":   {form, "grant_type=client_credentials&client_id=hub-campus&client_secret=secret", 400},
		"a wrong secret":            {form, "grant_type=client_credentials&client_id=hub-campus&client_secret=no&scope=meta", 401},
		"a scope that is not given": {form, "grant_type=client_credentials&client_id=hub-campus&client_secret=secret&scope=meta+statistics", 403},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if status, answer := c.post(want.kind, want.body); status != want.status {
				t.Errorf("%d %v, want %d", status, answer, want.status)
			}
		})
	}
	t.Run("the answer tells no lifetime, and the token is refused when it ended", func(t *testing.T) {
		now := september
		c := login(t, pixfake.Options{Now: func() time.Time { return now }})
		if status, _ := c.get("/Organizations/"); status != 200 {
			t.Fatalf("%d", status)
		}
		now = now.Add(20 * time.Minute)
		if status, answer := c.get("/organizations"); status != 401 || answer["statusCode"] != float64(401) {
			t.Fatalf("%d %v", status, answer)
		}
	})
}

func TestCampaigns(t *testing.T) {
	c := login(t, pixfake.Options{HideArchived: true})
	path := fmt.Sprintf("/organizations/%d/campaigns", pixfake.OrganisationID(0))
	count := func(query ...string) int {
		status, answer := c.get(path, query...)
		if status != 200 || answer["page"].(map[string]any)["count"] != float64(1) {
			t.Fatalf("%d %v", status, answer)
		}
		return len(answer["campaigns"].([]any))
	}
	t.Run("archived ones are listed when asked for", func(t *testing.T) {
		c.world.Archive(0, september)
		if hidden, all := count(), count("withArchived", "true", "page[size]", "1000"); all != 4 || hidden != 3 {
			t.Fatalf("%d and %d", hidden, all)
		}
	})
	t.Run("an unknown key is refused in the shape of the domain", func(t *testing.T) {
		old := login(t, pixfake.Options{NoArchived: true})
		if status, answer := old.get(path, "withArchived", "true"); status != 400 || answer["errors"] == nil {
			t.Fatalf("%d %v", status, answer)
		}
	})
	t.Run("an unknown or withdrawn organisation is 403, never 404", func(t *testing.T) {
		c.world.Withdraw(pixfake.OrganisationID(1))
		for _, id := range []int64{pixfake.OrganisationID(1), 77} {
			if status, answer := c.get(fmt.Sprintf("/organizations/%d/campaigns", id)); status != 403 || answer["statusCode"] == nil {
				t.Errorf("%d: %d %v", id, status, answer)
			}
		}
	})
}

func TestParticipations(t *testing.T) {
	t.Run("pages hold every row once, in whichever order", func(t *testing.T) {
		c := login(t, pixfake.Options{Participations: 60})
		for _, query := range [][]string{nil, byStart} {
			rows, seen := c.rows(0, query...), map[any]bool{}
			for _, row := range rows {
				seen[row["id"]] = true
			}
			if want := c.world.CountOf(0).Rows; len(rows) != want || len(seen) != want || want < 20 {
				t.Errorf("%d rows, %d ids, want %d", len(rows), len(seen), want)
			}
		}
	})
	t.Run("since is strict, and looks at beginning and sending", func(t *testing.T) {
		c := login(t, pixfake.Options{Participations: 60})
		all := c.rows(0, byStart...)
		since := all[len(all)/2]["createdAt"].(string)
		want := 0
		for _, row := range all {
			if shared, is := row["sharedAt"].(string); row["createdAt"].(string) > since || is && shared > since {
				want++
			}
		}
		if got := len(c.rows(0, append([]string{"since", since}, byStart...)...)); got != want || want == 0 {
			t.Errorf("%d rows, want %d", got, want)
		}
	})
	t.Run("anonymised accounts share one pseudonym and keep what their organisation knows", func(t *testing.T) {
		c := login(t, pixfake.Options{})
		one, other := pixfake.ParticipationID(0, 0), pixfake.ParticipationID(0, 1)
		if c.world.Pseudonym(one) == c.world.Pseudonym(other) {
			t.Fatal("two people share a pseudonym")
		}
		c.world.AnonymiseHolder(one)
		c.world.AnonymiseHolder(other)
		if c.world.Pseudonym(one) != c.world.Pseudonym(other) {
			t.Fatal("two anonymised accounts have two pseudonyms")
		}
		if row := c.rows(0, byStart...)[0]; row["participantExternalId"] == nil || row["participantLastName"] == "" {
			t.Fatalf("%v", row)
		}
	})
	t.Run("results come a while after sending", func(t *testing.T) {
		c := login(t, pixfake.Options{Participations: 3000})
		world := c.world.CountOf(0)
		if world.Shared == 0 || world.Rows == world.Shared {
			t.Fatalf("%+v", world)
		}
		c.world.SetRate(pixfake.ParticipationID(0, 1), nil)
		c.world.Vanish(pixfake.ParticipationID(0, 2))
		if got := c.world.CountOf(0); got.Rows != world.Rows-1 {
			t.Fatalf("%+v", got)
		}
	})
	t.Run("a million rows are paged without being held", func(t *testing.T) {
		c := login(t, pixfake.Options{Participations: 1_000_000, Span: 200 * 24 * time.Hour})
		status, answer := c.get("/campaigns/501/participations", append([]string{"page[number]", "4999", "page[size]", "200"}, byStart...)...)
		if status != 200 || len(answer["campaignParticipations"].([]any)) != 200 || answer["page"].(map[string]any)["count"] != float64(5000) {
			t.Fatalf("%d %v", status, answer["page"])
		}
	})
	t.Run("what is asked wrongly is refused", func(t *testing.T) {
		c := login(t, pixfake.Options{NoSort: true})
		for _, query := range [][]string{{"page[size]", "201"}, {"since", "yesterday"}, {"limit", "3"}, byStart, {"page", "x"}} {
			if status, answer := c.get("/campaigns/501/participations", query...); status != 400 || answer["errors"] == nil {
				t.Errorf("%v: %d %v", query, status, answer)
			}
		}
		if status, _ := c.get("/campaigns/77/participations"); status != 403 {
			t.Errorf("an unknown campaign: %d", status)
		}
	})
}
