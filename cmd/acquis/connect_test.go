package main

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"acquis/connectors/connectortest/fakeserver"
	"acquis/connectors/connectortest/pixfake"
)

// TestConnect pulls from a made-up Pix by the commands that operators use.
func TestConnect(t *testing.T) {
	world := pixfake.New(pixfake.Options{
		ClientID: "hub-campus", ClientSecret: "secret-of-pix", Participations: 250, Now: func() time.Time { return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) },
	})
	fake, err := fakeserver.Start(world.Handler())
	if err != nil {
		t.Fatal(err)
	}
	closeFake := sync.OnceFunc(func() { _ = fake.Close() })
	t.Cleanup(closeFake)
	at, err := url.Parse(fake.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := serve(t, []string{
		"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame", "CONNECT_PIX=secret-of-pix",
		"ACQUIS_CONNECT_PRIVATE=" + at.Host, "ACQUIS_CONNECT_RATE=0",
	}, "--data", t.TempDir())
	env := moveEnv(p)
	settings := func(secret string) string {
		body, err := json.Marshal(map[string]any{
			"name": "pix-dinum", "kind": "pix", "title": "Pix, DINUM", "schedule": "30 3 * * *", "sweep": "0 4 * * 0",
			"settings": map[string]any{"baseUrl": fake.URL, "clientId": "hub-campus", "clientSecret": secret},
		})
		if err != nil {
			t.Fatal(err)
		}
		return written(t, "connection.json", body)
	}
	wantIn(t, runs(t, env, "connect", "list"), "There are no connections.")
	wantIn(t, runs(t, env, "connect", "kinds"), "pix", "openclassrooms")
	t.Run("a secret in the settings is refused and not quoted", func(t *testing.T) {
		out, err := command(t.Context(), env, "connect", "add", settings("secret-of-pix")).CombinedOutput()
		if err == nil || strings.Contains(string(out), "secret-of-pix") {
			t.Fatalf("%v: %s", err, out)
		}
		wantIn(t, string(out), "/settings/clientSecret")
	})
	wantIn(t, runs(t, env, "connect", "add", settings("env:CONNECT_PIX")), "The connection pix-dinum is there")
	wantIn(t, runs(t, env, "source", "show", "pix-dinum"), `"mayVoid": true`, `"pix"`, `"enforce"`)
	wantIn(t, runs(t, env, "connect", "check", "pix-dinum"), "A full pull takes")
	wantIn(t, runs(t, env, "connect", "probe", "pix-dinum"), "FOUND IN")
	wantIn(t, runs(t, env, "connect", "run", "pix-dinum", "--dry-run"), "ended clean", "would be stored", "would change: statement")
	if n := len(listing(t, p)); n != 0 {
		t.Fatalf("the dry run stored %d statements", n)
	}
	first := runs(t, env, "connect", "run", "pix-dinum")
	wantIn(t, first, "Run 2 of pix-dinum ended clean", " 0 changed, 0 as before")
	statements := listing(t, p)
	if len(statements) < 1000 {
		t.Fatalf("%d statements after:\n%s", len(statements), first)
	}
	for _, s := range statements {
		if s.Actor.IFI.HomePage != "https://pix.fr" {
			t.Fatalf("the actor is %+v", s.Actor)
		}
	}
	wantIn(t, runs(t, env, "connect", "run", "pix-dinum", "--full"), "ended clean", " 0 statements stored", " rows: 0 new, 0 changed")
	wantIn(t, runs(t, env, "connect", "history", "pix-dinum"), "person", "clean")
	if shown := runs(t, env, "connect", "history", "pix-dinum", "2"); strings.Contains(shown, "secret-of-pix") || !strings.Contains(shown, `"samples"`) {
		t.Errorf("the entry of run 2:\n%s", shown)
	}
	wantIn(t, runs(t, env, "connect", "pause", "pix-dinum"), "rests")
	wantIn(t, runs(t, env, "connect", "list"), "pix-dinum", "paused")
	wantIn(t, runs(t, env, "connect", "resume", "pix-dinum"), "goes on")
	shown := written(t, "shown.json", []byte(runs(t, env, "connect", "show", "pix-dinum")))
	wantIn(t, runs(t, env, "connect", "put", "pix-dinum", shown), "is changed")
	wantIn(t, runs(t, env, "audit", "list", "--action", "connection.run"), "connection/pix-dinum")
	t.Run("a run that fails says why, to both readers, and the command ends in error", func(t *testing.T) {
		closeFake()
		out, err := command(t.Context(), env, "connect", "run", "pix-dinum").CombinedOutput()
		if err == nil {
			t.Fatalf("%s", out)
		}
		wantIn(t, string(out), "could not be reached", "retry-later", "the run ended failed")
	})
	p.awaitMetric(t, `acquis_connection_last_success_timestamp_seconds{connection="pix-dinum"}`, func(v float64) bool { return v > 0 })
	if log := p.err.String() + p.out.String(); strings.Contains(log, "secret-of-pix") {
		t.Error("the log holds the secret")
	}
}

// TestConnect_demo lets the demo pull from its made-up providers, and start again where they listen elsewhere.
func TestConnect_demo(t *testing.T) {
	data := t.TempDir()
	for range 2 {
		p := serve(t, []string{"ACQUIS_CONNECT_RATE=0"}, "--demo", "--data", data)
		env := []string{"ACQUIS_ROOT_KEY=demo", "ACQUIS_ROOT_SECRET=demo-secret", "ACQUIS_LISTEN=" + strings.TrimPrefix(p.url, "http://")}
		wantIn(t, runs(t, env, "connect", "list"), "demo-pix", "demo-openclassrooms")
		for _, name := range []string{"demo-pix", "demo-openclassrooms"} {
			for deadline := time.Now().Add(patience); ; {
				out, err := command(t.Context(), env, "connect", "run", name).CombinedOutput()
				if err == nil {
					break
				}
				if !strings.Contains(string(out), "is being pulled") || time.Now().After(deadline) { // its schedule was faster
					t.Fatalf("%v: %s", err, out)
				}
			}
		}
		wantIn(t, runs(t, env, "connect", "history", "demo-openclassrooms"), "clean")
		p.stop(t)
		p.ends(t, 0)
	}
}
