package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// runs runs a command line that must succeed, and returns what it prints.
func runs(t testing.TB, env []string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := command(ctx, env, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("acquis %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var issuedCredential = regexp.MustCompile(`(?m)^key +(\S+)\nsecret +(\S+)$`)

// TestAdminister takes a partner in, from nothing to a statement, and out again.
func TestAdminister(t *testing.T) {
	env := []string{"ACQUIS_ROOT_KEY=boss", "ACQUIS_ROOT_SECRET=open-sesame"}
	p := serve(t, env, "--data", t.TempDir())
	env = append(env, "ACQUIS_LISTEN="+strings.TrimPrefix(p.url, "http://"))
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	says := func(said string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(said, part) {
				t.Errorf("%q is missing in:\n%s", part, said)
			}
		}
	}
	schema := `{"$schema":"http://json-schema.org/draft-07/schema#","x-contract":{"name":"cards","version":"1.0"},"type":"object","required":["result"]}`
	says(runs(t, env, "schema", "add", "cards", "1.0", file(schema)), "cards@1.0")
	says(runs(t, env, "schema", "list"), "cards", "pix")
	says(runs(t, env, "schema", "show", "cards", "1.0"), `"x-contract"`)
	says(
		runs(t, env, "source", "add", "cards", "--title", "Cards", "--verb", "https://verbs.example/read", "--actor-form", "mbox", "--schema", "cards@1.0:report"),
		"credential issue --source cards",
	)
	says(runs(t, env, "source", "list"), "cards", "active", "Cards")
	found := issuedCredential.FindStringSubmatch(runs(t, env, "credential", "issue", "--source", "cards", "--scopes", "statements/write", "--lifetime", "24h"))
	if found == nil {
		t.Fatal("no credential")
	}
	key, secret := found[1], found[2]
	p.must(t, key, secret, "POST", "/xapi/statements", simple(uuid.NewString()), 200)

	rotated := issuedCredential.FindStringSubmatch(runs(t, env, "credential", "rotate", key))
	if rotated == nil {
		t.Fatal("no new secret")
	}
	p.must(t, key, secret, "POST", "/xapi/statements", simple(uuid.NewString()), 200)
	p.must(t, key, rotated[2], "POST", "/xapi/statements", simple(uuid.NewString()), 200)
	says(runs(t, env, "credential", "list", "--source", "cards"), key, "rotating", "statements/write")

	shown := runs(t, env, "source", "show", "cards")
	says(runs(t, env, "source", "put", "cards", file(strings.Replace(shown, `"Cards"`, `"Cards Pro"`, 1))), "changed")
	says(fails(t, env, "source", "put", "cards", file(shown)), "changed by somebody else")
	says(runs(t, env, "source", "disable", "cards"), "disabled")
	p.must(t, key, rotated[2], "POST", "/xapi/statements", simple(uuid.NewString()), 401)
	says(runs(t, env, "source", "enable", "cards"), "enabled")
	p.must(t, key, rotated[2], "POST", "/xapi/statements", simple(uuid.NewString()), 200)
	says(runs(t, env, "credential", "disable", key), "disabled")
	p.must(t, key, rotated[2], "POST", "/xapi/statements", simple(uuid.NewString()), 401)
	before := runs(t, env, "credential", "list", "--source", "cards", "--json")
	says(runs(t, env, "credential", "enable", key), "enabled")
	p.must(t, key, rotated[2], "POST", "/xapi/statements", simple(uuid.NewString()), 200)
	after := runs(t, env, "credential", "list", "--source", "cards", "--json")
	changing := regexp.MustCompile(`"(disabled|revision|lastUsed)": .*`)
	if diff := cmp.Diff(changing.ReplaceAllString(before, ""), changing.ReplaceAllString(after, "")); diff != "" {
		t.Errorf("enabling a credential changed more than that:\n%s", diff)
	}

	t.Run("a refusal lists every fault in words", func(t *testing.T) {
		says(fails(t, env, "source", "add", "x", "--verb", "read", "--actor-form", "name"), "/verbs/0", "/actorForms/0")
	})
	t.Run("another credential than the root one is used when it is named", func(t *testing.T) {
		account := issuedCredential.FindStringSubmatch(runs(t, env, "credential", "issue", "--account", "watch", "--roles", "auditor", "--id", "watch"))
		if account == nil {
			t.Fatal("no credential")
		}
		as := []string{"--url", p.url, "--key", "watch", "--secret-file", file(account[2] + "\n")}
		says(runs(t, nil, append([]string{"source", "list"}, as...)...), "cards")
		says(fails(t, nil, append([]string{"source", "disable", "cards"}, as...)...), "administrator or operator")
	})
	t.Run("the answer is printed as JSON when that is wanted", func(t *testing.T) {
		says(runs(t, env, "source", "list", "--json"), `"items": [`, `"Cards Pro"`)
	})
	for rule, c := range map[string]struct {
		args []string
		want string
	}{
		"a secret does not go to another machine in the clear": {[]string{"source", "list", "--url", "http://acquis.example.org"}, "in the clear"},
		"an address that is none is told":                      {[]string{"source", "list", "--url", "acquis.example.org"}, "not an address"},
		"a key without a secret is told":                       {[]string{"source", "list", "--key", "x"}, "--secret-file"},
		"what is no acquis is told":                            {[]string{"source", "list", "--url", p.url + "/nothing"}, "No resource has this path"},
		"a server that is not there is told":                   {[]string{"source", "list", "--url", "http://127.0.0.1:1"}, "does not answer"},
		"a scope that does not exist is told before asking":    {[]string{"credential", "issue", "--source", "cards", "--scopes", "everything"}, "--scopes"},
		"a schema use that is incomplete is told":              {[]string{"source", "add", "x", "--schema", "cards"}, "NAME@VERSION:MODE"},
		"a schema that is no JSON is told":                     {[]string{"schema", "add", "x", "1", file("x")}, "no JSON"},
	} {
		t.Run(rule, func(t *testing.T) { says(fails(t, env, c.args...), c.want) })
	}
	t.Run("without a credential it says how to name one", func(t *testing.T) {
		says(fails(t, nil, "source", "list", "--url", p.url), "--key", "root.key")
	})
}

// secretFile is a file that holds a secret.
func secretFile(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
