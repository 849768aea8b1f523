package mongostore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// TestStartError has what a test server cannot show: FerretDB has no users with too few rights.
func TestStartError(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"a refused password", mongo.CommandError{Code: 18, Message: "Authentication failed."}, "refuses the user name or password of the connection string: check both, and authSource"},
		{"a refused command", mongo.CommandError{Code: 13, Message: "not authorized on acquis to execute command"}, "does not let this user read and write the database: grant it the role readWrite"},
		{"a refused write", mongo.WriteException{WriteErrors: mongo.WriteErrors{{Code: 13, Message: "not authorized"}}}, "grant it the role readWrite"},
		{"a refusal with the operation around it", fmt.Errorf("make the index t_1: %w", mongo.CommandError{Code: 13}), "grant it the role readWrite"},
		{"no answer in time", context.DeadlineExceeded, "no primary of MongoDB answers: check that the hosts"},
		{"a broken connection", mongo.CommandError{Message: "EOF", Labels: []string{"NetworkError"}}, "no primary of MongoDB answers: check that the hosts"},
		{"clocks too far apart", &clockError{ahead: -7 * time.Second, bound: 5 * time.Second}, "this machine's clock is 7s behind that of another acquis on the same database, and 5s is the most allowed: synchronise both"},
		{"anything else", errors.New("what is this"), "MongoDB: what is this"},
	} {
		t.Run(c.name+" is told in one line with what to do", func(t *testing.T) {
			if got := startError(c.err).Error(); !strings.Contains(got, c.want) || strings.Contains(got, "\n") {
				t.Errorf("%q lacks %q", got, c.want)
			}
		})
	}
}
