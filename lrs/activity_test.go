package lrs_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"acquis/lrs"
)

func TestActivities(t *testing.T) {
	s := decoded(t, fullStatements("1.0.3")[1], lrs.V103)
	want := []string{"http://example.com/course", "http://example.com/school", "http://example.com/voyage", "urn:o"}
	if diff := cmp.Diff(want, lrs.Activities(s)); diff != "" {
		t.Errorf("activities of a SubStatement and its context (-want +got):\n%s", diff)
	}
	if got := lrs.Activities(decoded(t, fullStatements("1.0.3")[2], lrs.V103)); len(got) != 0 {
		t.Errorf("a StatementRef mentions %v", got)
	}
}

func TestAttachmentDigests(t *testing.T) {
	s := decoded(t, fullStatements("1.0.3")[1], lrs.V103)
	if diff := cmp.Diff([]string{"495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a"}, lrs.AttachmentDigests(s)); diff != "" {
		t.Errorf("digests of a SubStatement (-want +got):\n%s", diff)
	}
	upper := changed(t, fullStatements("1.0.3")[0], "/attachments/0/sha2", `"495395E777CD98DA653DF9615D09C0FD6BB2F8D4788394CD53C56A3BFDCD848A"`)
	twice := changed(t, upper, "/attachments/1", fullAttachments[1:len(fullAttachments)-1])
	if diff := cmp.Diff([]string{"495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a"}, lrs.AttachmentDigests(decoded(t, twice, lrs.V103))); diff != "" {
		t.Errorf("digests in both cases (-want +got):\n%s", diff)
	}
}

func TestMergeDefinition(t *testing.T) {
	for _, c := range []struct{ name, current, update, want string }{
		{"the first definition is kept compact", ``, "{ \"type\" : \"urn:t\",\n\"extensions\":{\"urn:x\":1.50}}", `{"type":"urn:t","extensions":{"urn:x":1.50}}`},
		{"a language is replaced on its own", `{"name":{"en":"A","fr":"B"}}`, `{"name":{"fr":"C","de":"D"}}`, `{"name":{"en":"A","fr":"C","de":"D"}}`},
		{"a description likewise", `{"description":{"en":"A"}}`, `{"description":{"fr":"C"}}`, `{"description":{"en":"A","fr":"C"}}`},
		{"an extension is replaced as a whole", `{"extensions":{"urn:x":{"a":1},"urn:y":1}}`, `{"extensions":{"urn:x":{"b":2}}}`, `{"extensions":{"urn:x":{"b":2},"urn:y":1}}`},
		{"another property is replaced as a whole", `{"type":"urn:a","choices":[{"id":"a"}]}`, `{"choices":[{"id":"b"}],"moreInfo":"urn:m"}`, `{"type":"urn:a","choices":[{"id":"b"}],"moreInfo":"urn:m"}`},
		{"what changes nothing leaves every byte", `{ "type":"urn:a", "extensions":{"urn:x":1.0}}`, `{"extensions":{"urn:x":1},"type":"urn:\u0061"}`, `{ "type":"urn:a", "extensions":{"urn:x":1.0}}`},
		{"an empty definition changes nothing", `{"type":"urn:a"}`, `{}`, `{"type":"urn:a"}`},
		{"a name with escapes is the same name", `{"name":{"en":"A"}}`, `{"n\u0061me":{"\u0065n":"B"}}`, `{"name":{"en":"B"}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var current lrs.RawJSON
			if c.current != "" {
				current = lrs.RawJSON(c.current)
			}
			got, err := lrs.MergeDefinition(current, lrs.RawJSON(c.update))
			if err != nil || string(got) != c.want {
				t.Errorf("merged to %s %v, want %s", got, err, c.want)
			}
			if string(current) != c.current {
				t.Errorf("the former definition changed to %s", current)
			}
		})
	}
	t.Run("what is no definition is an error", func(t *testing.T) {
		for _, c := range [][2]string{{`{}`, `[]`}, {`[]`, `{}`}, {`{`, `{}`}, {`{}`, `{"a":1}x`}, {``, `{`}} {
			if got, err := lrs.MergeDefinition(lrs.RawJSON(c[0]), lrs.RawJSON(c[1])); err == nil {
				t.Errorf("%v merged to %s", c, got)
			}
		}
	})
	t.Run("merging again changes nothing", func(t *testing.T) {
		definition := rapid.Custom(func(r *rapid.T) lrs.RawJSON {
			text := rapid.SampledFrom([]string{
				`{"name":{"en":"A","fr":"B"},"type":"urn:a"}`, `{"extensions":{"urn:x":1,"urn:y":[null]}}`,
				`{"name":{"de":"C"},"extensions":{"urn:x":{"a":2}}}`, `{}`, `{"type":"urn:b","name":{"en":"D"}}`,
			}).Draw(r, "definition")
			return lrs.RawJSON(text)
		})
		rapid.Check(t, func(r *rapid.T) {
			var merged lrs.RawJSON
			updates := rapid.SliceOfN(definition, 1, 5).Draw(r, "updates")
			for _, update := range updates {
				var err error
				if merged, err = lrs.MergeDefinition(merged, update); err != nil {
					r.Fatal(err)
				}
			}
			again, err := lrs.MergeDefinition(merged, updates[len(updates)-1])
			if err != nil || string(again) != string(merged) {
				r.Fatalf("%v: %s, then %s", err, merged, again)
			}
		})
	})
}

func TestMergeJSON(t *testing.T) {
	for _, c := range []struct{ name, current, update, want string }{
		{"properties are replaced as wholes", `{"a":{"x":1},"b":2}`, `{"a":{"y":1},"c":[null]}`, `{"a":{"y":1},"b":2,"c":[null]}`},
		{"null is a value", `{"a":1}`, `{"a":null}`, `{"a":null}`},
		{"numbers stay as they are written", `{"a":1.50,"b":1e400}`, `{"c":0.10}`, `{"a":1.50,"b":1e400,"c":0.10}`},
		{"names keep their meaning", `{"\"":1,"é":2}`, `{"\u00e9":3}`, `{"\"":1,"é":3}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := lrs.MergeJSON([]byte(c.current), []byte(c.update))
			if err != nil || string(got) != c.want {
				t.Errorf("merged to %s %v, want %s", got, err, c.want)
			}
		})
	}
	for _, c := range [][2]string{{`{}`, `[]`}, {`1`, `{}`}, {`{}`, ``}, {`{}`, `{"a":1,"a":1}`}, {`{}`, `{} {}`}} {
		if got, err := lrs.MergeJSON([]byte(c[0]), []byte(c[1])); lrs.KindOf(err) != lrs.KindInvalid {
			t.Errorf("%v merged to %s %v", c, got, err)
		}
	}
}
