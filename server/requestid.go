package server

import (
	"context"

	"acquis/server/problem"
)

const requestIDHeader = "X-Request-Id"

// RequestID returns the id of the request being answered, "" outside of one.
func RequestID(ctx context.Context) string { return problem.RequestID(ctx) }

// saneID accepts what trace and gateway ids look like. No "@" and no space: the id is logged, and
// must not carry a mail address or a second field into the log.
func saneID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}
