package xapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"acquis/access"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
	"acquis/server/xapi"
	"acquis/storage/accessstore"
	"acquis/storage/pebblestore"
)

// startLenient starts a server whose sources "webhook", in 2.0.0 by default, and "strict", without a
// default, have a lenient door; each has a credential of its name.
func startLenient(t *testing.T) *resources {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir(), CacheBytes: 1 << 20, MemtableSize: 1 << 20, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	kept, err := accessstore.New(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	directory, err := access.NewDirectory(t.Context(), kept, access.DirectoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	admin := access.NewAdmin(kept, directory)
	caller := access.Caller{Principal: lrs.Principal{Name: "test", Roles: lrs.RoleAdministrator}}
	for name, version := range map[string]lrs.Version{"webhook": lrs.V200, "strict": ""} {
		if _, err := admin.PutSource(t.Context(), caller, access.Source{Name: name, DefaultVersion: version}); err != nil {
			t.Fatal(err)
		}
		if err := directory.Pin(access.Credential{Key: name, Kind: access.OfSource, Source: name, Scopes: lrs.ScopeAll}, "secret"); err != nil {
			t.Fatal(err)
		}
	}
	service, err := lrs.NewService(t.Context(), store, lrs.ServiceOptions{PageDefault: 10, PageMax: 100, Steps: 10000})
	if err != nil {
		t.Fatal(err)
	}
	door := xapi.New(service, directory, problem.New(logger), xapi.Options{
		Versions: []lrs.Version{lrs.V103, lrs.V200}, Path: "/lrs/partners/:source/xapi", BodyBytes: 1 << 20,
		DefaultVersion: func(name string) lrs.Version {
			s, _ := directory.Source(name)
			return s.DefaultVersion
		},
	})
	srv, err := server.New(server.Options{BasePath: "/lrs"}, server.Mount{Path: "/partners/:source/xapi", Surface: door})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(srv)
	t.Cleanup(listening.Close)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(client.CloseIdleConnections)
	return &resources{listening.URL, client}
}

func TestLenientDoor(t *testing.T) {
	s := startLenient(t)
	const webhook, without = "/lrs/partners/webhook/xapi", "X-Experience-API-Version: "
	t.Run("a request without a version has the source's", func(t *testing.T) {
		a := s.send(t, "POST", webhook+"/statements", statement(uuid.New()), "Key: webhook", without, "Content-Type: application/json").want(t, 200, "")
		if got := a.header.Get("X-Experience-API-Version"); got != "2.0.0" {
			t.Errorf("version %q", got)
		}
	})
	t.Run("a version that is named counts", func(t *testing.T) {
		a := s.send(t, "GET", webhook+"/statements", "", "Key: webhook").want(t, 200, "")
		if got := a.header.Get("X-Experience-API-Version"); got != "1.0.3" {
			t.Errorf("version %q", got)
		}
	})
	t.Run("more links lead back to the door", func(t *testing.T) {
		for range 3 {
			s.send(t, "POST", webhook+"/statements", statement(uuid.New()), "Key: webhook", without, "Content-Type: application/json").want(t, 200, "")
		}
		first := readResult(t, s.send(t, "GET", webhook+"/statements?limit=1", "", "Key: webhook", without).want(t, 200, "").body)
		if !strings.HasPrefix(*first.More, webhook+"/statements?more=") {
			t.Fatal(*first.More)
		}
		s.send(t, "GET", *first.More, "", "Key: webhook", without).want(t, 200, `"statements":[{`)
	})
	t.Run("a version that is not spoken is refused", func(t *testing.T) {
		s.send(t, "GET", webhook+"/statements", "", "Key: webhook", "X-Experience-API-Version: 0.9").want(t, 400, "not spoken")
	})
	t.Run("a source without a default must name its version", func(t *testing.T) {
		s.send(t, "GET", "/lrs/partners/strict/xapi/statements", "", "Key: strict", without).want(t, 400, "no default version")
	})
	t.Run("another source is not let through, whether there is such a door or not", func(t *testing.T) {
		s.send(t, "GET", webhook+"/statements", "", "Key: strict", without).want(t, 403, "another source")
		s.send(t, "GET", "/lrs/partners/nobody/xapi/statements", "", "Key: strict", without).want(t, 403, "another source")
	})
	t.Run("nobody is let through without a credential", func(t *testing.T) {
		s.send(t, "GET", webhook+"/statements", "", "Key: nobody", without).want(t, 401, "")
	})
	t.Run("about is open", func(t *testing.T) {
		s.send(t, "GET", webhook+"/about", "", "Key: nobody", without).want(t, 200, "2.0.0")
	})
}
