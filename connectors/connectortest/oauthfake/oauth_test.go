package oauthfake_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"acquis/connectors/connectortest/oauthfake"
)

func ask(server *oauthfake.Server, kind, body, id, secret string) (int, map[string]any) {
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	if id != "" {
		r.SetBasicAuth(id, secret)
	}
	rec := httptest.NewRecorder()
	server.ServeHTTP(rec, r)
	var answer map[string]any
	if json.Unmarshal(rec.Body.Bytes(), &answer) != nil {
		return 0, nil
	}
	return rec.Code, answer
}

const form = "application/x-www-form-urlencoded"

func TestServer(t *testing.T) {
	now := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	server := oauthfake.New(oauthfake.Options{ClientID: "hub", ClientSecret: "s", Scopes: []string{"a", "b"}, Now: func() time.Time { return now }})

	t.Run("takes a client by Basic and in the body, a form and JSON", func(t *testing.T) {
		for _, c := range []struct{ kind, body, id, secret string }{
			{form, "grant_type=client_credentials&scope=a", "hub", "s"},
			{form, "grant_type=client_credentials&client_id=hub&client_secret=s", "", ""},
			{"application/json", `{"grant_type":"client_credentials","scope":"a b"}`, "hub", "s"},
		} {
			if status, answer := ask(server, c.kind, c.body, c.id, c.secret); status != 200 || answer["expires_in"] != float64(3600) {
				t.Errorf("%v: %d %v", c, status, answer)
			}
		}
	})
	t.Run("refuses in the words of RFC 6749", func(t *testing.T) {
		for want, c := range map[string]struct{ body, secret string }{
			"invalid_client":         {"grant_type=client_credentials", "wrong"},
			"unsupported_grant_type": {"grant_type=password", "s"},
			"invalid_scope":          {"grant_type=client_credentials&scope=c", "s"},
		} {
			if status, answer := ask(server, form, c.body, "hub", c.secret); status < 400 || answer["error"] != want {
				t.Errorf("%d %v, want %s", status, answer, want)
			}
		}
	})
	t.Run("admits a token until it ends or is withdrawn", func(t *testing.T) {
		_, answer := ask(server, form, "grant_type=client_credentials", "hub", "s")
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+answer["access_token"].(string))
		if !server.Admits(r) {
			t.Fatal("it is refused")
		}
		now = now.Add(time.Hour)
		if server.Admits(r) {
			t.Fatal("it is admitted after an hour")
		}
		now = now.Add(-time.Minute)
		server.Revoke()
		if server.Admits(r) {
			t.Fatal("it is admitted although it was withdrawn")
		}
	})
}
