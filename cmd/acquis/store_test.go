package main

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"acquis/internal/mongotest"
)

func TestMongoPlace(t *testing.T) {
	for _, c := range []struct{ uri, hosts, database string }{
		{"mongodb://localhost", "localhost", "acquis"},
		{"mongodb://u:p%40%2F@a:1,b:2/campus?replicaSet=r&authSource=admin", "a:1,b:2", "campus"},
		{"mongodb://u:p?x@a/?tls=true", "a", "acquis"},
		{"mongodb+srv://u@cluster.example.org/lrs", "cluster.example.org", "lrs"},
	} {
		t.Run("of "+c.uri+" only hosts and database are told", func(t *testing.T) {
			if hosts, database := mongoPlace(c.uri); hosts != c.hosts || database != c.database {
				t.Errorf("got %q, %q", hosts, database)
			}
		})
	}
}

func TestCheckURI(t *testing.T) {
	const secret = "s3cret"
	for _, c := range []struct{ name, uri, want string }{
		{"another scheme is refused", "postgres://u:s3cret@h/d", "not a MongoDB connection string"},
		{"a password with an @ must be encoded, or its rest would be a host", "mongodb://u:a@s3cret/x@h/d", "percent-encode"},
		{"a password with a slash must be encoded", "mongodb://u:s3cret/x@h/d", "percent-encoded"},
		{"a database name that MongoDB does not take is refused", "mongodb://u:s3cret@h/a.b", `"a.b"`},
		{"a sound one is taken", "mongodb://u:s3cret@h/d?replicaSet=r", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := checkURI(c.uri)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v, want %q without the secret", err, c.want)
			}
		})
	}
}

func TestUnusableStore(t *testing.T) {
	err := error(&unusableStore{errors.Join(errors.New("no primary"), errors.New("and no goodbye"))})
	t.Run("is one line", func(t *testing.T) {
		if got := err.Error(); got != "no primary and no goodbye" {
			t.Errorf("%q", got)
		}
	})
	t.Run("ends with exit code 2, other errors with 1", func(t *testing.T) {
		if exitCode(err) != 2 || exitCode(errors.New("x")) != 1 {
			t.Error(exitCode(err))
		}
	})
}

// refused runs a command line that must end by itself, and returns its standard error and exit code.
func refused(t *testing.T, env []string, args ...string) (said string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := command(ctx, env, args...)
	var out bytes.Buffer
	cmd.Stderr = &out
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("acquis %s: want a fault, got %v\n%s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), exit.ExitCode()
}

// TestServe_mongoRefused starts on databases that cannot be used.
func TestServe_mongoRefused(t *testing.T) {
	server := mongotest.URI(t)
	host, _ := mongoPlace(server)
	newer := mongotest.Database(t)
	mongotest.Put(t, newer, "meta", map[string]any{"_id": "layout", "version": int32(99)})
	for _, c := range []struct{ name, uri, want string }{
		{"no server", "mongodb://u:s3cret@127.0.0.1:1/acquis?serverSelectionTimeoutMS=300", "no primary of MongoDB answers: check"},
		{"a replica set that is none", "mongodb://" + host + "/acquis?replicaSet=nobody&serverSelectionTimeoutMS=300", "no primary of MongoDB answers: check"},
		{"a password that is not known", "mongodb://u:s3cret@" + host + "/acquis?serverSelectionTimeoutMS=3000", "refuses the user name or password"},
		{"another scheme", "postgres://u:s3cret@127.0.0.1/acquis", "not a MongoDB connection string (mongodb://"},
		{"a database name that cannot be", "mongodb://u:s3cret@127.0.0.1/a$b", "the database name"},
		{"an option that is none", "mongodb://u:s3cret@127.0.0.1/acquis?w=s3cret%", "not a MongoDB connection string"},
		{"a newer layout", newer, "was written by a newer acquis (layout 99"},
	} {
		t.Run(c.name+" ends the start with exit code 2 and a line that says what to do", func(t *testing.T) {
			said, code := refused(t, []string{"ACQUIS_STORE_URI=" + c.uri, "ACQUIS_LOG_LEVEL=error"}, "serve", "--listen", "127.0.0.1:0")
			if code != 2 || strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "acquis: ") || !strings.Contains(said, c.want) {
				t.Errorf("exit code %d\n%s", code, said)
			}
			if strings.Contains(said, "s3cret") {
				t.Errorf("the password is told: %s", said)
			}
		})
	}
}

func TestServe_mongoFlags(t *testing.T) {
	t.Run("--data and --store exclude each other", func(t *testing.T) {
		said := fails(t, nil, "serve", "--data", t.TempDir(), "--store", "mongodb://h")
		if !strings.Contains(said, "--data") || !strings.Contains(said, "--store") {
			t.Error(said)
		}
	})
	t.Run("--data is refused where a MongoDB is configured", func(t *testing.T) {
		said := fails(t, []string{"ACQUIS_STORE_URI=mongodb://h"}, "serve", "--data", t.TempDir())
		if !strings.Contains(said, "give one of them") {
			t.Error(said)
		}
	})
	t.Run("compact refuses a MongoDB", func(t *testing.T) {
		said := fails(t, []string{"ACQUIS_STORE_URI=mongodb://h"}, "compact")
		if !strings.Contains(said, "no data directory to compact") {
			t.Error(said)
		}
	})
	t.Run("config check judges the connection string and does not show it", func(t *testing.T) {
		said := fails(t, []string{"ACQUIS_STORE_URI=mongodb://u:s3cret@h/a b"}, "config", "check")
		if !strings.Contains(said, "store.uri") || strings.Contains(said, "s3cret") {
			t.Error(said)
		}
	})
}
