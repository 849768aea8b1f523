package pix_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/connectors/connectortest/pixfake"
	"acquis/connectors/pix"
)

func TestCheck(t *testing.T) {
	t.Run("tells what can be seen, and as many calls as a sweep takes", func(t *testing.T) {
		b := newBench(t, pixfake.Options{Participations: 450}, map[string]any{"organisations": map[string]string{"1001": "dinum"}})
		check, err := b.connector.Check(t.Context(), b.request(true))
		if err != nil {
			t.Fatal(err)
		}
		before := b.faults.Requests()
		b.mustPull(true)
		if took := b.faults.Requests() - before; took != check.Calls {
			t.Errorf("it says %d calls, a sweep took %d", check.Calls, took)
		}
		if says := strings.Join(check.Says, "\n"); !strings.Contains(says, "dinum") || !strings.Contains(says, "no organisation of the hub") {
			t.Error(says)
		}
	})
	t.Run("the probe counts fields", func(t *testing.T) {
		b := newBench(t, pixfake.Options{}, nil)
		probe, err := b.connector.Probe(t.Context(), b.request(true))
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]connectors.Field{}
		for _, f := range probe.Fields {
			found[f.Item+" "+f.Name] = f
		}
		if f := found["participation participantId"]; f.Found != f.Of || f.Of == 0 || found["campaign archivedAt"].Of != 8 {
			t.Errorf("%+v", probe)
		}
		if f := found["participation authenticationId"]; f.Found != 0 || f.Of == 0 {
			t.Errorf("%+v", f)
		}
	})
}

func TestSettings(t *testing.T) {
	open := func(settings string) error {
		_, err := pix.Provider(time.Now).Open(jsontext.Value(settings))
		return err
	}
	t.Run("the client_id is all that has no default", func(t *testing.T) {
		if err := open(`{"clientId":"hub"}`); err != nil {
			t.Error(err)
		}
	})
	for name, c := range map[string]struct{ settings, pointer string }{
		"no client":               {`{}`, "/clientId"},
		"a secret in the clear":   {`{"clientId":"hub","clientSecret":"hunter2"}`, "/clientSecret"},
		"an unknown member":       {`{"clientId":"hub","clientSecrets":"env:CONNECT_A"}`, "/clientSecrets"},
		"an address that is none": {`{"clientId":"hub","baseUrl":"gateway.pix.fr"}`, "/baseUrl"},
		"no kind of external id":  {`{"clientId":"hub","externalId":"email"}`, "/externalId"},
		"a nameless campaign":     {`{"clientId":"hub","campaigns":{"a/b":{"externalId":"mail"}}}`, "/campaigns/a~1b"},
		"staff numbers of nobody": {`{"clientId":"hub","externalId":"staff-number"}`, "/staffNumbers"},
		"a short overlap":         {`{"clientId":"hub","overlapHours":1}`, "/overlapHours"},
		"no time zone":            {`{"clientId":"hub","files":{"timeZone":"Paris"}}`, "/files/timeZone"},
	} {
		t.Run(name+" is refused at its place", func(t *testing.T) {
			err := open(c.settings)
			if err == nil || !strings.Contains(err.Error(), c.pointer) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v", err)
			}
		})
	}
	t.Run("every fault is told at once", func(t *testing.T) {
		err := open(`{"driver":"api","baseUrl":"x","overlapHours":0,"language":"French"}`)
		for _, pointer := range []string{"/baseUrl", "/clientId", "/overlapHours", "/language"} {
			if err == nil || !strings.Contains(err.Error(), pointer) {
				t.Errorf("%s is not in %v", pointer, err)
			}
		}
	})
	t.Run("only the servers that are named are reached", func(t *testing.T) {
		c, err := pix.Provider(time.Now).Open(jsontext.Value(`{"clientId":"hub","tokenUrl":"https://auth.pix.example/token"}`))
		if err != nil || !slices.Equal(c.Hosts(), []string{"gateway.pix.fr", "auth.pix.example"}) {
			t.Errorf("%v, %v", c, err)
		}
	})
}
