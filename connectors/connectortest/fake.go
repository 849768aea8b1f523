package connectortest

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
)

// Fake is a provider. The suite serves it, and puts its faults before it. Its methods can be called from any
// goroutine, also while it answers.
type Fake interface {
	http.Handler

	// Settings are those of a connection to the fake at an address such as http://127.0.0.1:12345.
	Settings(address string) jsontext.Value
	// Variables hold the secrets that the settings refer to, as env:CONNECT_….
	Variables() map[string]string
	// Data reports whether a request asks for what is learned or for seats, rather than for a token.
	Data(r *http.Request) bool

	// Learn lets something happen that the next pull finds: at least one milestone that was not there.
	Learn()
	// Shift puts something before what is being paged through, so that what follows moves to later
	// pages. The next pull may bring it.
	Shift()
	// Revoke makes the fake refuse every token that it has handed out.
	Revoke()
}

// Subject is a connector to be tested.
type Subject struct {
	Provider connectors.Provider
	// Fake makes a fresh fake, with the same content each time, that needs several requests to be read:
	// at least three for data.
	Fake func(clock func() time.Time) Fake
	// Store opens an empty store that is closed with the test.
	Store func(t testing.TB) Store
}
