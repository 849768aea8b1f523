package fakeserver_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"acquis/connectors/connectortest/fakeserver"
)

// start serves a fake that answers with the query it got, under the faults.
func start(t *testing.T, faults *fakeserver.Faults) string {
	t.Helper()
	server, err := fakeserver.Start(faults.Around(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "answer to "+r.URL.RawQuery)
	})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

func get(ctx context.Context, t *testing.T, address string) (*http.Response, string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

func TestFaults(t *testing.T) {
	t.Run("happen to the requests that they are planned for, and to no others", func(t *testing.T) {
		faults := &fakeserver.Faults{}
		at := start(t, faults)
		faults.Add(fakeserver.Fault{Path: "/list", From: 2, Times: 2, Status: 500})
		var statuses []int
		for _, path := range []string{"/list", "/other", "/list", "/list", "/list"} {
			response, _, err := get(t.Context(), t, at+path)
			if err != nil {
				t.Fatal(err)
			}
			statuses = append(statuses, response.StatusCode)
		}
		if want := []int{200, 200, 500, 500, 200}; !slices.Equal(statuses, want) || faults.Requests() != 5 {
			t.Fatalf("%v after %d requests, want %v", statuses, faults.Requests(), want)
		}
	})
	t.Run("slow a client down by 429 and Retry-After", func(t *testing.T) {
		faults := &fakeserver.Faults{}
		at := start(t, faults)
		faults.Add(fakeserver.TooMany(7 * time.Second))
		response, _, err := get(t.Context(), t, at)
		if err != nil || response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") != "7" {
			t.Fatalf("%v, %v", response, err)
		}
	})
	t.Run("truncate a body without a sign, or cut the connection in it", func(t *testing.T) {
		faults := &fakeserver.Faults{}
		at := start(t, faults)
		faults.Add(fakeserver.Fault{Truncate: true})
		if _, body, err := get(t.Context(), t, at+"?abcdef"); err != nil || body != "answer t" {
			t.Fatalf("%q, %v", body, err)
		}
		faults.Add(fakeserver.Fault{Cut: true})
		if _, _, err := get(t.Context(), t, at+"?abcdef"); err == nil {
			t.Fatal("the cut answer is read as a whole one")
		}
	})
	t.Run("repeat the answer before", func(t *testing.T) {
		faults := &fakeserver.Faults{}
		at := start(t, faults)
		faults.Add(fakeserver.Fault{From: 2, Repeat: true})
		for _, q := range []string{"?page=1", "?page=2"} {
			if _, body, err := get(t.Context(), t, at+q); err != nil || !strings.HasSuffix(body, "page=1") {
				t.Fatalf("%s answers %q, %v", q, body, err)
			}
		}
	})
	t.Run("hang until the client gives up", func(t *testing.T) {
		faults := &fakeserver.Faults{}
		at := start(t, faults)
		ctx, cancel := context.WithCancel(t.Context())
		faults.Add(fakeserver.Fault{Hang: true, Before: cancel})
		if _, _, err := get(ctx, t, at); !errors.Is(err, context.Canceled) {
			t.Fatalf("it answers: %v", err)
		}
	})
}
