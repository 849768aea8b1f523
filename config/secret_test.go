package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const password = "s3cret-pass"

func TestSecretsAreNeverPrinted(t *testing.T) {
	c := Default()
	c.Root = Root{Key: "root", Secret: password}
	c.Store.URI = "mongodb://acquis:" + password + "@db1.example.org"
	printed := map[string]string{
		"String of the configuration": c.String(),
		"text log of it":              logged(c, func(w *bytes.Buffer) slog.Handler { return slog.NewTextHandler(w, nil) }),
		"JSON log of it":              logged(c, func(w *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(w, nil) }),
		"JSON log of the credential":  logged(c.Root, func(w *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(w, nil) }),
		"text log of the secret":      logged(c.Root.Secret, func(w *bytes.Buffer) slog.Handler { return slog.NewTextHandler(w, nil) }),
		"JSON of it":                  marshalled(t, json.Marshal, c),
		"YAML of it":                  marshalled(t, yaml.Marshal, c),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed[verb+" of it"] = fmt.Sprintf(verb, c)
		printed[verb+" of the credential"] = fmt.Sprintf(verb, c.Root)
		printed[verb+" of the secret"] = fmt.Sprintf(verb, c.Root.Secret)
		printed[verb+" of a pointer"] = fmt.Sprintf(verb, &c)
	}
	inHex := fmt.Sprintf("%x", password)
	for name, text := range printed {
		t.Run(name+" hides the secret", func(t *testing.T) {
			if strings.Contains(text, password) || strings.Contains(text, inHex) {
				t.Error(text)
			}
		})
	}
	if got := c.Root.Secret.Reveal(); got != password {
		t.Errorf("Reveal gave %q", got)
	}
}

func TestFaultsNeverQuoteASecret(t *testing.T) {
	for name, file := range map[string]string{
		"of its value":         "root: {key: me, secret: \"" + password + "\\n\"}\n",
		"of its shape":         "root: {key: me, secret: [" + password + "]}\n",
		"of its missing space": "root:\n  secret:" + password + "\n",
		"of its missing quote": "root:\n  secret: *" + password + "\n",
		"of a URI's shape":     "store: {uri: \"mongodb://u:" + password + "@h\\n\"}\n",
		"of what a URI limits": "limits: {document: 20MiB}\nstore: {uri: \"mongodb://u:" + password + "@h\"}\n",
		"of its repetition":    "root: {key: me, secret: " + password + ", secret: " + password + "}\n",
	} {
		t.Run("a fault "+name+" leaves it out", func(t *testing.T) {
			for _, line := range faultsOf(t, file) {
				if strings.Contains(line, password) {
					t.Error(line)
				}
			}
		})
	}
}

func TestStringShowsEveryKey(t *testing.T) {
	c := Default()
	c.Root = Root{Key: "root", Secret: password}
	text := c.String()
	for _, want := range []string{"listen=127.0.0.1:8080", "root.secret=(hidden)", "xapi.versions=1.0.3,2.0.0", "limits.body=16MiB", "limits.batch=5000", "http.drain=30s"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in %s", want, text)
		}
	}
}

func logged(value any, handler func(*bytes.Buffer) slog.Handler) string {
	var b bytes.Buffer
	slog.New(handler(&b)).Info("configuration", "config", value)
	return b.String()
}

func marshalled(t *testing.T, marshal func(any) ([]byte, error), value any) string {
	t.Helper()
	text, err := marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
