// Package mongotest gives tests a MongoDB: the real one that ACQUIS_TEST_MONGODB names, otherwise
// deploy/ferretdb, started once per test process.
//
// It never skips: a test that needs a MongoDB and gets none fails.
package mongotest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

const (
	// realVariable holds the URI of a MongoDB to run the tests on.
	realVariable = "ACQUIS_TEST_MONGODB"
	// postgresqlVariable holds the URL of a PostgreSQL database for FerretDB to keep the documents in.
	postgresqlVariable = "ACQUIS_TEST_POSTGRESQL"
)

// dropTimeout bounds the removal of a test's database.
const dropTimeout = 30 * time.Second

// Real tells whether the tests run on a real MongoDB, which has what FerretDB lacks: transactions,
// partial indexes and the rest of the list in deploy/ferretdb/README.md.
func Real() bool { return os.Getenv(realVariable) != "" }

// URI returns the URI of the server that all tests of the process share. It names no database: those
// that write take one from Database.
func URI(tb testing.TB) string {
	tb.Helper()
	if uri := os.Getenv(realVariable); uri != "" {
		return uri
	}
	ferret, err := started()
	if err != nil {
		tb.Fatalf("no MongoDB to test on: %v (or set %s to the URI of one)", err, realVariable)
	}
	return ferret.uri
}

// Database returns a URI that names a fresh database, which is dropped when the test ends.
func Database(tb testing.TB) string {
	tb.Helper()
	server := URI(tb)
	name := "acquis_test_" + strings.ToLower(rand.Text()[:16])
	uri, err := withDatabase(server, name)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := drop(server, name); err != nil {
			tb.Errorf("dropping the database %s: %v", name, err)
		}
	})
	return uri
}

// withDatabase puts a database's name into a URI, in place of the one there. Credentials are then still
// looked up where the server's URI said. package url is no help: it refuses a list of hosts.
// See https://www.mongodb.com/docs/manual/reference/connection-string/.
func withDatabase(server, name string) (string, error) {
	scheme, rest, ok := strings.Cut(server, "://")
	if !ok || !strings.HasPrefix(scheme, "mongodb") {
		return "", fmt.Errorf("%s is no URI: it must start with mongodb:// or mongodb+srv://", realVariable)
	}
	rest, query, _ := strings.Cut(rest, "?")
	hosts, database, _ := strings.Cut(rest, "/")
	if strings.Contains(hosts, "@") && !strings.Contains(strings.ToLower(query), "authsource=") {
		if database == "" {
			database = "admin"
		}
		query = strings.TrimPrefix(query+"&authSource="+database, "&")
	}
	if query != "" {
		query = "?" + query
	}
	return scheme + "://" + hosts + "/" + name + query, nil
}

func drop(server, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(server))
	if err != nil {
		return err
	}
	return errors.Join(client.Database(name).Drop(ctx), client.Disconnect(ctx))
}

// ferret is a running deploy/ferretdb. It ends when its standard input does, that is with the process,
// however that ends: the field keeps the other end open until then.
type ferret struct {
	uri   string
	input *os.File
}

// started starts deploy/ferretdb at the first call and returns the same server ever after.
var started = sync.OnceValues(start)

func start() (*ferret, error) {
	directory, err := ferretDirectory()
	if err != nil {
		return nil, err
	}
	// go run keeps the program in the build cache, so that only the first process links it.
	arguments := []string{"run", "-C", directory, "."}
	if database := os.Getenv(postgresqlVariable); database != "" {
		arguments = append(arguments, "--postgresql", database)
	}
	command := exec.Command("go", arguments...)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	command.Stderr = os.Stderr
	input, keep, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer input.Close()
	command.Stdin = input
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, keep.Close())
	}
	if err := command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", command, err), keep.Close())
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s ended before it was ready: what it says stands above", command), keep.Close(), command.Wait())
	}
	return &ferret{uri: strings.TrimSpace(line), input: keep}, nil
}

// ferretDirectory finds deploy/ferretdb from any folder of the module.
func ferretDirectory() (string, error) {
	from, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for directory := from; ; directory = filepath.Dir(directory) {
		candidate := filepath.Join(directory, "deploy", "ferretdb")
		if _, err := os.Stat(filepath.Join(candidate, "go.mod")); err == nil {
			return candidate, nil
		}
		if directory == filepath.Dir(directory) {
			return "", fmt.Errorf("no deploy/ferretdb in %s nor above: run the tests inside the repository", from)
		}
	}
}
