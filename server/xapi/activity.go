package xapi

import "github.com/go-json-experiment/json/jsontext"

// activity is an Activity as it is written (Communication 2.5).
type activity struct {
	ObjectType string         `json:"objectType"`
	ID         string         `json:"id"`
	Definition jsontext.Value `json:"definition,omitzero"`
}

// getActivity answers with an activity and its canonical definition; with its id alone when no
// statement defined it (Communication 2.5).
func (s *Surface) getActivity(c *call) error {
	if err := c.only("activityId"); err != nil {
		return err
	}
	p := parameters{call: c}
	iri := p.required("activityId").iri("activityId")
	if err := refused(p.violations); err != nil {
		return err
	}
	definition, err := s.service.ActivityDefinition(c.r.Context(), c.principal, iri)
	if err != nil {
		return err
	}
	return c.writeJSON(activity{ObjectType: "Activity", ID: iri, Definition: jsontext.Value(definition)}, 0)
}
