package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLoad(t *testing.T) {
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(" s3cret \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		file    string
		environ []string
		change  func(*Config)
	}{
		{"an empty file and environment give the defaults", "", nil, func(*Config) {}},
		{"a file of comments gives the defaults", "# nothing\n", nil, func(*Config) {}},
		{"a null document gives the defaults", "---\n", nil, func(*Config) {}},
		{"a section without keys is nothing", "limits:\nlog: {}\n", nil, func(*Config) {}},
		{"the file overrides defaults", "limits:\n  body: 2MiB\n  batch: 7\nhttp: {drain: 90s}\n", nil, func(c *Config) {
			c.Limits.Body, c.Limits.Batch, c.HTTP.Drain = 2*MiB, 7, 90*time.Second
		}},
		{"a variable overrides the file", "listen: 127.0.0.1:1\ndata: here\n", []string{"ACQUIS_LISTEN=127.0.0.1:2"}, func(c *Config) {
			c.Listen, c.Data = "127.0.0.1:2", "here"
		}},
		{"a variable overrides a faulty value of the file", "limits: {batch: many}\n", []string{"ACQUIS_LIMITS_BATCH=2"}, func(c *Config) {
			c.Limits.Batch = 2
		}},
		{"the parts of a section may come from the file and from variables", "root: {key: me}\n", []string{"ACQUIS_ROOT_SECRET=x"}, func(c *Config) {
			c.Root = Root{Key: "me", Secret: "x"}
		}},
		{"a dotted key is the key of the section", "limits.body: 2MiB\n", nil, func(c *Config) { c.Limits.Body = 2 * MiB }},
		{"a list may be a sequence", "xapi:\n  versions:\n    - 2.0.0\n    - 1.0.3\n", nil, func(c *Config) {
			c.XAPI.Versions = []string{"2.0.0", "1.0.3"}
		}},
		{"a list may be a text with commas", "xapi: {versions: '2.0.0, 1.0.3'}\n", nil, func(c *Config) {
			c.XAPI.Versions = []string{"2.0.0", "1.0.3"}
		}},
		{"a list in a variable is split at commas", "", []string{"ACQUIS_XAPI_VERSIONS=2.0.0, 1.0.3"}, func(c *Config) {
			c.XAPI.Versions = []string{"2.0.0", "1.0.3"}
		}},
		{"an empty list is a list", "cors: {origins: []}\n", nil, func(c *Config) { c.CORS.Origins = []string{} }},
		{"an empty variable empties a list", "", []string{"ACQUIS_CORS_ORIGINS="}, func(c *Config) { c.CORS.Origins = []string{} }},
		{"a secret keeps its leading zero", "root: {key: 007, secret: 0123}\n", nil, func(c *Config) {
			c.Root = Root{Key: "007", Secret: "0123"}
		}},
		{"a secret may hold what other variables treat specially", "", []string{"ACQUIS_ROOT_KEY=me", "ACQUIS_ROOT_SECRET=a,b=c: #"}, func(c *Config) {
			c.Root = Root{Key: "me", Secret: "a,b=c: #"}
		}},
		{"a secret file gives all but its line end", "", []string{"ACQUIS_ROOT_KEY=me", "ACQUIS_ROOT_SECRET_FILE=" + secretFile}, func(c *Config) {
			c.Root = Root{Key: "me", Secret: " s3cret "}
		}},
		{"the file may say in which file a secret is", "root: {key: me, secret_file: " + secretFile + "}\n", nil, func(c *Config) {
			c.Root = Root{Key: "me", Secret: " s3cret "}
		}},
		{"a variable overrides a secret's file that is not there", "root: {key: me, secret_file: /nowhere/secret}\n", []string{"ACQUIS_ROOT_SECRET=x"}, func(c *Config) {
			c.Root = Root{Key: "me", Secret: "x"}
		}},
		{"the embedded store takes what MongoDB does not", "limits: {document: 20MiB}\n", nil, func(c *Config) { c.Limits.Document = 20 * MiB }},
		{"true is true", "listen_insecure: true\n", nil, func(c *Config) { c.ListenInsecure = true }},
		{"an anchor may be referenced", "http: {read_idle_timeout: &t 9s, write_idle_timeout: *t}\n", nil, func(c *Config) {
			c.HTTP.ReadIdleTimeout, c.HTTP.WriteIdleTimeout = 9*time.Second, 9*time.Second
		}},
		{"other variables are none of ours", "", []string{"PATH=/bin", "ACQUISITION=1", "acquis_listen=x", "=C:=C:"}, func(*Config) {}},
		{"the variables of a Kubernetes Service are none of ours", "", []string{
			"ACQUIS_SERVICE_HOST=10.0.0.1", "ACQUIS_SERVICE_PORT=80", "ACQUIS_SERVICE_PORT_HTTP=80",
			"ACQUIS_PORT=tcp://10.0.0.1:80", "ACQUIS_PORT_80_TCP=tcp://10.0.0.1:80", "ACQUIS_PORT_80_TCP_PROTO=tcp",
			"ACQUIS_PORT_80_TCP_PORT=80", "ACQUIS_PORT_80_TCP_ADDR=10.0.0.1", "ACQUIS_OPS_SERVICE_HOST=10.0.0.2",
		}, func(*Config) {}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := Default()
			test.change(&want)
			got, err := Load(writeFile(t, test.file), test.environ)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestEveryDocumentedVariableIsRead(t *testing.T) {
	want := examples(t)
	var environ []string
	for _, k := range keys(&Config{}) {
		value := k.Variable() + "=" + k.Example
		if k.FileVariable() != "" {
			value = k.FileVariable() + "=" + writeFile(t, k.Example+"\n")
		}
		environ = append(environ, value)
	}
	got, err := Load("", environ)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	t.Run("a secret's own variable too", func(t *testing.T) {
		got, err := Load("", []string{"ACQUIS_ROOT_KEY=root", "ACQUIS_ROOT_SECRET=pass"})
		if err != nil || got.Root.Secret.Reveal() != "pass" {
			t.Errorf("got %q, %v", got.Root.Secret.Reveal(), err)
		}
	})
}

func TestParseNetwork(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.0/24": "192.0.2.0/24", "192.0.2.7": "192.0.2.7/32", "2001:db8::1": "2001:db8::1/128", "2001:db8::/32": "2001:db8::/32",
	} {
		if got, err := ParseNetwork(text); err != nil || got.String() != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte("limits:\n  body: 2MiB\nxapi: {versions: [2.0.0]}\n"), "ACQUIS_LISTEN=:1")
	f.Add([]byte("a: &a [*a]\n---\n"), "ACQUIS_ROOT_SECRET_FILE=")
	f.Add([]byte("? {limits: }\n: !!binary x"), "ACQUIS_")
	f.Fuzz(func(t *testing.T, content []byte, variable string) {
		path := filepath.Join(t.TempDir(), "acquis.yaml")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path, []string{variable})
		var faults Faults
		switch {
		case err == nil:
			if err := c.Validate(); err != nil {
				t.Errorf("an accepted configuration is not valid: %v", err)
			}
		case !errors.As(err, &faults) || len(faults) == 0:
			t.Errorf("%T is not a list of faults: %v", err, err)
		}
	})
}
