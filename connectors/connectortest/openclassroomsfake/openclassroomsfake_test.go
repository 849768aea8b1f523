package openclassroomsfake_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"acquis/connectors/connectortest/openclassroomsfake"
)

var september = time.Date(2026, time.September, 1, 8, 0, 0, 0, time.UTC)

type client struct {
	t     *testing.T
	world *openclassroomsfake.World
	token string
}

func login(t *testing.T, options openclassroomsfake.Options) *client {
	t.Helper()
	options.Now = func() time.Time { return september }
	c := &client{t: t, world: openclassroomsfake.New(options)}
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader("grant_type=client_credentials"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("hub-campus", "secret")
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if _, body := c.do(r); json.Unmarshal(body, &token) != nil || token.AccessToken == "" {
		t.Fatalf("no token: %s", body)
	}
	c.token = token.AccessToken
	return c
}

func (c *client) do(r *http.Request) (*http.Response, []byte) {
	rec := httptest.NewRecorder()
	c.world.Handler().ServeHTTP(rec, r)
	return rec.Result(), rec.Body.Bytes()
}

func (c *client) get(path, slice string) (*http.Response, []map[string]any) {
	c.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+c.token)
	if slice != "" {
		r.Header.Set("Range", slice)
	}
	response, body := c.do(r)
	var items []map[string]any
	if response.StatusCode < 300 {
		if err := json.Unmarshal(body, &items); err != nil {
			c.t.Fatalf("%v: %s", err, body)
		}
	}
	return response, items
}

func TestRange(t *testing.T) {
	c := login(t, openclassroomsfake.Options{Members: 40, Pending: 3})
	for slice, want := range map[string]struct {
		status, items int
		said          string
	}{
		"":              {206, 20, "items 0-19/47"},
		"items=0-19":    {206, 20, "items 0-19/47"},
		"items=20-99":   {206, 20, "items 20-39/47"},
		"items=40-59":   {206, 7, "items 40-46/47"},
		"items=60-79":   {416, 0, "items */47"},
		"bytes=0-19":    {400, 0, ""},
		"items=from-to": {400, 0, ""},
	} {
		t.Run(fmt.Sprintf("%q answers %d", slice, want.status), func(t *testing.T) {
			response, items := c.get("/organizations/campus/members", slice)
			if response.StatusCode != want.status || len(items) != want.items || response.Header.Get("Content-Range") != want.said {
				t.Fatalf("%d with %d items, %s", response.StatusCode, len(items), response.Header.Get("Content-Range"))
			}
		})
	}
	t.Run("a list that fits is answered by 200", func(t *testing.T) {
		if response, items := c.get("/courses", "items=0-19"); response.StatusCode != 200 || len(items) != 6 {
			t.Fatalf("%d with %d", response.StatusCode, len(items))
		}
	})
}

func TestWorld(t *testing.T) {
	t.Run("roles and states stand beside each other", func(t *testing.T) {
		c := login(t, openclassroomsfake.Options{})
		_, items := c.get("/organizations/campus/members", "")
		seen := map[string]int{}
		for _, m := range items {
			seen[m["role"].(string)+" "+m["status"].(string)]++
		}
		if seen["learner active"] != 12 || seen["learner pending"] != 2 || seen["administrator active"] != 2 || seen["supervisor active"] != 2 {
			t.Fatalf("%v", seen)
		}
	})
	t.Run("members follow courses and paths, and some get certificates", func(t *testing.T) {
		c := login(t, openclassroomsfake.Options{Members: 40})
		courses, done, certified := 0, 0, 0
		for n := range 40 {
			_, items := c.get(fmt.Sprintf("/users/%d/followed-courses", openclassroomsfake.MemberID(n)), "")
			for _, item := range items {
				courses++
				if item["completedAt"] != nil {
					done++
				}
				if item["certificate"] != nil {
					certified++
				}
			}
		}
		if courses <= done || done <= certified || certified == 0 {
			t.Fatalf("%d courses, %d completed, %d certified", courses, done, certified)
		}
	})
	t.Run("who leaves is listed no more", func(t *testing.T) {
		c := login(t, openclassroomsfake.Options{})
		c.world.Remove(0, 1)
		if _, items := c.get("/organizations/campus/members", ""); len(items) != 16 {
			t.Fatalf("%d", len(items))
		}
	})
	t.Run("a field can bear another name, or be left out", func(t *testing.T) {
		c := login(t, openclassroomsfake.Options{Rename: map[string]string{"members/status": "state", "members/email": ""}})
		_, items := c.get("/organizations/campus/members", "")
		if items[0]["state"] != "active" || items[0]["status"] != nil || items[0]["email"] != nil {
			t.Fatalf("%v", items[0])
		}
	})
	t.Run("who has no token is refused", func(t *testing.T) {
		c := login(t, openclassroomsfake.Options{})
		c.token = "other"
		if response, _ := c.get("/courses", ""); response.StatusCode != http.StatusUnauthorized {
			t.Fatalf("%d", response.StatusCode)
		}
	})
}
