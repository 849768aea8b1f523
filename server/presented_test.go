package server_test

import (
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/access"
	"acquis/lrs"
	"acquis/server"
)

func TestPresented(t *testing.T) {
	for name, c := range map[string]struct {
		header  string
		want    access.Presented
		refused bool
	}{
		"a Basic credential":            {"Basic a2V5OnNlY3JldA==", access.Presented{Key: "key", Secret: "secret"}, false},
		"a secret may hold a colon":     {"basic a2V5OnNlOmNyZXQ=", access.Presented{Key: "key", Secret: "se:cret"}, false},
		"a token":                       {"Bearer abc", access.Presented{Bearer: "abc"}, false},
		"the scheme is in any case":     {"bearer  abc", access.Presented{Bearer: "abc"}, false},
		"nothing is refused":            {"", access.Presented{}, true},
		"an empty token is refused":     {"Bearer ", access.Presented{}, true},
		"another scheme is refused":     {"Digest a2V5OnNlY3JldA==", access.Presented{}, true},
		"what is no base64 is refused":  {"Basic ?", access.Presented{}, true},
		"what has no colon is refused":  {"Basic a2V5", access.Presented{}, true},
		"a scheme by itself is refused": {"Basic", access.Presented{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			r = r.WithContext(server.WithClient(r.Context(), server.Client{Address: netip.MustParseAddr("192.0.2.1")}, nil))
			if c.header != "" {
				r.Header.Set("Authorization", c.header)
			}
			got, err := server.Presented(r)
			if (lrs.KindOf(err) == lrs.KindUnauthenticated) != c.refused || (err != nil) != c.refused {
				t.Fatalf("got the error %v", err)
			}
			c.want.Address = "192.0.2.1"
			if diff := cmp.Diff(c.want, got); !c.refused && diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
