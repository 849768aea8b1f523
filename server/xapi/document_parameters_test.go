package xapi_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestDocumentParameters(t *testing.T) {
	s := startResources(t)
	activity, agent := "https://courses.example/1", fmt.Sprintf(learner, "ada")
	for _, test := range []struct{ name, path, says string }{
		{"XAPI-00207 to XAPI-00210: state without an activityId", "/activities/state" + query("agent", agent, "stateId", "1"), "the parameter activityId is missing"},
		{"XAPI-00212 to XAPI-00215: state without an agent", "/activities/state" + query("activityId", activity, "stateId", "1"), "the parameter agent is missing"},
		{"XAPI-00196 to XAPI-00199: state of an agent that is not JSON", "/activities/state" + query("activityId", activity, "stateId", "1", "agent", "not JSON"), "the parameter agent"},
		{"state of an agent with two identifiers", "/activities/state" + query("activityId", activity, "stateId", "1", "agent", `{"mbox":"mailto:a@b.fr","openid":"https://a.fr"}`), "must have exactly one of mbox"},
		{"state of an agent whose mail address is none names the place in it", "/activities/state" + query("activityId", activity, "stateId", "1", "agent", `{"mbox":"a@b.fr"}`), "/mbox"},
		{"state of an activity whose id is no IRI", "/activities/state" + query("activityId", "course 1", "agent", agent, "stateId", "1"), "the parameter activityId is not an absolute IRI"},
		{"XAPI-00200 to XAPI-00203: state of a registration that is no UUID", "/activities/state" + query("activityId", activity, "agent", agent, "stateId", "1", "registration", "true"), "the parameter registration is not a UUID"},
		{"state with an empty id", "/activities/state" + query("activityId", activity, "agent", agent, "stateId", ""), "the parameter stateId is empty"},
		{"state with an id that is not UTF-8", "/activities/state" + query("activityId", activity, "agent", agent, "stateId", "\xff"), "the parameter stateId is not UTF-8"},
		{"state with a parameter of another resource", "/activities/state" + query("activityId", activity, "agent", agent, "profileId", "1", "stateId", "1"), "“profileId” is not known here"},
		{"state with a parameter in the wrong case", "/activities/state" + query("activityid", activity, "agent", agent, "stateId", "1"), "“activityid” is not known here"},
		{"state with two ids", "/activities/state" + query("activityId", activity, "agent", agent, "stateId", "1", "stateId", "2"), "stateId is given more than once"},
		{"XAPI-00261 to XAPI-00264: an agent profile without an agent", "/agents/profile" + query("profileId", "1"), "the parameter agent is missing"},
		{"XAPI-00255 to XAPI-00258: an agent profile of no agent", "/agents/profile" + query("profileId", "1", "agent", `{"objectType":"Agent"}`), "the parameter agent"},
		{"an agent profile of a registration", "/agents/profile" + query("profileId", "1", "agent", agent, "registration", "6690e6c9-3ef0-4ed3-8b37-7f3964730bee"), "“registration” is not known here"},
		{"XAPI-00296 to XAPI-00299: an activity profile without an activityId", "/activities/profile" + query("profileId", "1"), "the parameter activityId is missing"},
		{"an activity profile of an agent", "/activities/profile" + query("profileId", "1", "activityId", activity, "agent", agent), "“agent” is not known here"},
	} {
		t.Run(test.name+" is a 400", func(t *testing.T) {
			for _, method := range []string{"GET", "PUT", "POST", "DELETE"} {
				s.send(t, method, test.path, "{}", "If-None-Match: *", "Content-Type: application/json").want(t, 400, test.says)
			}
		})
	}
	for _, d := range []documentTest{{s, statePlace("p"), "1.0.3"}, {s, agentPlace("p"), "1.0.3"}, {s, activityPlace("p"), "1.0.3"}} {
		t.Run("XAPI-00206, XAPI-00211, XAPI-00265 to XAPI-00267, XAPI-00300 to XAPI-00302: a write without the id is a 400 in "+d.kind(), func(t *testing.T) {
			for _, method := range []string{"PUT", "POST", "DELETE"} {
				if method == "DELETE" && d.kind() == "state" {
					continue // which deletes them all
				}
				d.send(t, method, d.all(), "{}", "If-None-Match: *").want(t, 400, "the parameter "+d.id+" is missing")
			}
		})
		t.Run("XAPI-00204, XAPI-00260, XAPI-00295: a since that is no timestamp is a 400 in "+d.kind(), func(t *testing.T) {
			d.send(t, "GET", d.all("since", "yesterday"), "").want(t, 400, "the parameter since is not a timestamp")
			d.send(t, "GET", d.all("since", "2020-01-01T00:00:00Z", d.id, "1"), "").want(t, 400, "“since” is not known here")
			d.send(t, "DELETE", d.all("since", "2020-01-01T00:00:00Z"), "").want(t, 400, "“since” is not known here")
		})
	}
	t.Run("a Group owns documents in 2.0, those of an Agent with its identifier, and not in 1.0.3", func(t *testing.T) {
		group := `{"objectType":"Group","mbox":"mailto:class@school.example"}`
		one := "/agents/profile" + query("profileId", "1", "agent", group)
		s.send(t, "POST", one, "{}").want(t, 400, "is a Group")
		s.send(t, "POST", one, "{}", "X-Experience-API-Version: 2.0.0").want(t, 204, "")
		s.send(t, "GET", "/agents/profile"+query("profileId", "1", "agent", `{"mbox":"mailto:class@SCHOOL.example"}`), "").want(t, 200, "{}")
	})
}

func TestStateRegistration(t *testing.T) {
	s := startResources(t)
	d := documentTest{s, statePlace("registered"), "1.0.3"}
	const first, second = "6690e6c9-3ef0-4ed3-8b37-7f3964730bee", "7d9d3a8a-16a6-4ea0-a8a3-18e75a5a0c19"
	in := func(registration string) documentTest {
		e := d
		e.owner = append(append([]string{}, d.owner...), "registration", registration)
		return e
	}
	d.put(t, "same", "text/plain", "none")
	in(first).put(t, "same", "text/plain", "first")
	in(second).put(t, "same", "text/plain", "second")
	in(second).put(t, "more", "text/plain", "second")

	t.Run("XAPI-00218: a registration has documents of its own", func(t *testing.T) {
		d.holds(t, "same", "none")
		in(first).holds(t, "same", "first")
		in(strings.ToUpper(second)).holds(t, "same", "second")
	})
	t.Run("a list without a registration is about all, each id once", func(t *testing.T) {
		d.send(t, "GET", d.all(), "").want(t, 200, `["more","same"]`)
		in(first).send(t, "GET", in(first).all(), "").want(t, 200, `["same"]`)
	})
	t.Run("deleting all under a precondition is a 400", func(t *testing.T) {
		d.send(t, "DELETE", d.all(), "", `If-Match: "x"`).want(t, 400, "about one document")
		d.holds(t, "same", "none")
	})
	t.Run("deleting all of a registration leaves the others alone", func(t *testing.T) {
		d.send(t, "DELETE", in(second).all(), "").want(t, 204, "")
		d.send(t, "GET", in(second).all(), "").want(t, 200, `[]`)
		in(first).holds(t, "same", "first")
	})
	t.Run("XAPI-00194: deleting all without a registration deletes all", func(t *testing.T) {
		d.send(t, "DELETE", d.all(), "").want(t, 204, "")
		d.send(t, "GET", d.all(), "").want(t, 200, `[]`)
		d.send(t, "GET", in(first).one("same"), "").want(t, 404, "")
	})
}
