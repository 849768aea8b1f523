package storagetest

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// Activities tests lrs.ActivityStore.
func Activities(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"an activity without a definition has none", undefinedActivity},
		{"language maps merge per language and the last in stored order wins", mergedPerLanguage},
		{"within a batch the last definition wins too", mergedInBatch},
		{"a statement of a sender that may not define changes nothing", undefinedBySender},
		{"a refused batch and a repeat change nothing", refusedDefinition},
		{"definitions in contexts and SubStatements count", nestedDefinitions},
		{"definitions survive reopening", definitionsReopen},
	})
	property(t, f, "random definitions merge as in the model", func(rt *rapid.T, s *subject) {
		c := &chronicle{s, NewModel(), 1}
		for range rapid.IntRange(1, 4).Draw(rt, "batches") {
			c.append(rt, c.references)
			c.agreeOnDefinitions()
		}
		c.reopen()
		c.agreeOnDefinitions()
	})
}

// wantDefinition fails the test unless the activity's definition means what want says, "" for none.
func (s *subject) wantDefinition(activity, want string) {
	s.Helper()
	got, err := s.Store.ActivityDefinition(s.ctx, activity)
	s.must(err)
	if want == "" && got == nil {
		return
	}
	var gotValue, wantValue any
	if json.Unmarshal(got, &gotValue) != nil || json.Unmarshal([]byte(want), &wantValue) != nil || !reflect.DeepEqual(gotValue, wantValue) {
		s.Fatalf("the definition of %s is %s, want %s", activity, got, want)
	}
}

const activity = "https://campus.example/modules/droit"

func undefinedActivity(s *subject) {
	s.wantDefinition(activity, "")
	s.add(newPost(about(activity)))
	s.wantDefinition(activity, "")
}

func mergedPerLanguage(s *subject) {
	s.add(newPost(defining(activity, fields{"name": fields{"fr": "Droit", "en": "Law"}, "type": "https://campus.example/types/a"})))
	s.add(newPost(defining(activity, fields{"name": fields{"fr": "Le droit"}, "description": fields{"fr": "Tout"}})))
	s.wantDefinition(activity, `{"name":{"fr":"Le droit","en":"Law"},"description":{"fr":"Tout"},"type":"https://campus.example/types/a"}`)
	s.add(newPost(defining(activity, fields{"name": fields{"en": "The law"}, "type": "https://campus.example/types/b"})))
	s.wantDefinition(activity, `{"name":{"fr":"Le droit","en":"The law"},"description":{"fr":"Tout"},"type":"https://campus.example/types/b"}`)
	s.add(newPost(about(activity)))
	s.wantDefinition(activity, `{"name":{"fr":"Le droit","en":"The law"},"description":{"fr":"Tout"},"type":"https://campus.example/types/b"}`)
}

func mergedInBatch(s *subject) {
	s.add(
		newPost(defining(activity, fields{"name": fields{"fr": "un"}})),
		newPost(defining(activity, fields{"name": fields{"en": "two"}})),
		newPost(defining(activity, fields{"name": fields{"fr": "trois"}})),
	)
	s.wantDefinition(activity, `{"name":{"fr":"trois","en":"two"}}`)
}

func undefinedBySender(s *subject) {
	p := newPost(defining(activity, fields{"name": fields{"fr": "Droit"}}))
	p.assigned.Define = false
	s.add(p)
	s.wantDefinition(activity, "")
}

func refusedDefinition(s *subject) {
	first := newPost(defining(activity, fields{"name": fields{"fr": "premier"}}))
	s.add(first, newPost(defining(activity, fields{"name": fields{"fr": "second"}})))
	s.add(first)
	s.add(first.with(defining(activity, fields{"name": fields{"fr": "répété"}})))
	s.wantDefinition(activity, `{"name":{"fr":"second"}}`)
	refused := newPost(defining(activity, fields{"name": fields{"fr": "refusé"}}))
	s.wantConflict(s.Store.AppendStatements(s.ctx, drafts(s, []post{refused, first.with(did(verbs[3]))})), 1)
	s.wantDefinition(activity, `{"name":{"fr":"second"}}`)
}

func nestedDefinitions(s *subject) {
	const parent = "https://campus.example/parcours/juriste"
	s.add(newPost(
		put("object", fields{
			"objectType": "SubStatement", "actor": agents[1], "verb": fields{"id": verbs[1]},
			"object": fields{"id": activity, "definition": fields{"name": fields{"fr": "Droit"}}},
		}),
		put("context", fields{"contextActivities": fields{
			"parent": fields{"id": parent, "definition": fields{"name": fields{"fr": "Juriste"}}},
		}}),
	))
	s.wantDefinition(activity, `{"name":{"fr":"Droit"}}`)
	s.wantDefinition(parent, `{"name":{"fr":"Juriste"}}`)
}

func definitionsReopen(s *subject) {
	s.add(newPost(defining(activity, fields{"name": fields{"fr": "Droit"}})))
	s.restart()
	s.wantDefinition(activity, `{"name":{"fr":"Droit"}}`)
	s.add(newPost(defining(activity, fields{"name": fields{"en": "Law"}})))
	s.wantDefinition(activity, `{"name":{"fr":"Droit","en":"Law"}}`)
}
