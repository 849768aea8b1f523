package openclassrooms

import (
	"encoding/json"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzItems lets the mapping read whatever an answer may be: it says that it cannot, or gives observations that
// name people by numbers only.
func FuzzItems(f *testing.F) {
	for _, seed := range []string{
		`[{"id":7100011,"email":"a@b.example","firstName":"A","lastName":"B","teams":[{"name":"x"}],"role":"learner","status":"active","invitedAt":"2026-01-01T08:00:00Z","joinedAt":null,"lastActivityAt":1767254400}]`,
		`[{"id":"4525281","title":"x","progress":"62,5 %","startedAt":"2026-01-01","completedAt":null,"certificate":{"issuedAt":"2026-02-01T00:00:00+01:00"},"timeSpent":3600.5}]`,
		`{"id":717,"title":"x","completion":{"actual":3,"expected":8,"status":"completed"}}`,
		`[{"id":1e300,"progress":-1,"status":null,"title":["a"],"teams":"x,y"}]`, `null`, `[null]`, `[[]]`, `{"id":{"id":1}}`,
	} {
		f.Add([]byte(seed))
	}
	s, err := readSettings(jsontext.Value(`{"organisation":"campus","auth":{"clientId":"x"}}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		value, err := decode(body)
		if err != nil {
			return
		}
		for name, port := range s.ports() {
			list, err := port.itemsOf(value)
			if err != nil {
				continue
			}
			reader := newReader(kindOf[name], name, port)
			for _, i := range list {
				readAny(t, s, name, reader.read(i))
			}
			for _, field := range reader.report() {
				if field.Found > field.Of || field.Of != len(list) {
					t.Fatalf("%+v of %d items", field, len(list))
				}
			}
		}
	})
}

func readAny(t *testing.T, s *settings, name string, f fields) {
	skip := func(string, bool) {}
	switch name {
	case "members":
		if m, ok, err := s.member(f, skip); ok && err == nil && m.hasAccount() && !numberForm.MatchString(m.seat.Account.Name) {
			t.Fatalf("%+v", m)
		}
	case "catalogue":
		if offer, ok, err := s.offer(f, skip); ok && err == nil && !numberForm.MatchString(offer.ID) {
			t.Fatalf("%+v", offer)
		}
	default:
		read := s.course
		if name == "paths" {
			read = s.path
		}
		row, ok, err := read("7100011", f, skip)
		if !ok || err != nil {
			return
		}
		for _, m := range row.Milestones {
			for extension, value := range m.Result.Extensions {
				var n int
				if extension == extensionProgress && (json.Unmarshal(value, &n) != nil || n < 1 || n > 100) {
					t.Fatalf("progress %s", value)
				}
			}
		}
	}
}
