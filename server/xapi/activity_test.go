package xapi_test

import "testing"

func TestActivity(t *testing.T) {
	s := startResources(t)
	const course = "https://courses.example/été"
	ask := func(t *testing.T, iri string, header ...string) answer {
		t.Helper()
		return s.send(t, "GET", "/activities"+query("activityId", iri), "", header...)
	}
	t.Run("an activity that nobody defined is its id", func(t *testing.T) {
		got := ask(t, course)
		if got.status != 200 || got.body != `{"objectType":"Activity","id":"`+course+`"}` || got.header.Get("ETag") != etagOf(got.body) {
			t.Errorf("%d %s %v", got.status, got.body, got.header)
		}
	})
	defined := func(definition string) string {
		return said(`{"mbox":"mailto:a@b.fr"}`, `{"id":"`+course+`","definition":`+definition+`}`, "")
	}
	s.store(t, "mine", defined(`{"name":{"en":"Summer & <more>"},"extensions":{"https://x.example/n":1.00}}`))
	s.store(t, "mine", defined(`{"name":{"fr":"Été"}}`))
	s.store(t, "neighbour", defined(`{"name":{"fr":"Hiver"}}`)) // which may not define
	t.Run("XAPI-00251, XAPI-00254: the definitions of all statements come as one, as they were written", func(t *testing.T) {
		for _, key := range []string{"all", "reader", "mine", "neighbour"} {
			ask(t, course, "Key: "+key).want(t, 200, `"definition":{"name":{"en":"Summer & <more>","fr":"Été"},"extensions":{"https://x.example/n":1.00}}}`)
		}
	})
	t.Run("HEAD and If-None-Match work", func(t *testing.T) {
		tag := ask(t, course).header.Get("ETag")
		ask(t, course, "If-None-Match: "+tag).want(t, 304, "")
		if head := s.send(t, "HEAD", "/activities"+query("activityId", course), ""); head.status != 200 || head.header.Get("ETag") != tag || head.body != "" {
			t.Errorf("HEAD %d %q %v", head.status, head.body, head.header)
		}
	})
	for name, test := range map[string]struct {
		path   string
		status int
		says   string
	}{
		"XAPI-00250: no activityId is a 400":  {"/activities", 400, "the parameter activityId is missing"},
		"an activityId that is no IRI is 400": {"/activities" + query("activityId", "true"), 400, "is not an absolute IRI"},
		"another parameter is a 400":          {"/activities" + query("activityId", course, "since", "1"), 400, "“since” is not known here"},
	} {
		t.Run(name, func(t *testing.T) { s.send(t, "GET", test.path, "").want(t, test.status, test.says) })
	}
	t.Run("a credential for documents alone gets a 403", func(t *testing.T) {
		ask(t, course, "Key: profile").want(t, 403, "statements/read")
	})
}

func TestAbout(t *testing.T) {
	s := startResources(t)
	t.Run("XAPI-00315 to XAPI-00319: the versions are told", func(t *testing.T) {
		s.send(t, "GET", "/about", "").want(t, 200, `"version":["1.0.3","2.0.0"]`).want(t, 200, `"urn:acquis:about:limits":{"body":`)
	})
	t.Run("XAPI-00321: anybody may ask, in any version or none", func(t *testing.T) {
		for _, version := range []string{"", "0.9", "2.0.0"} {
			s.send(t, "GET", "/about", "", "Authorization: ", "X-Experience-API-Version: "+version).want(t, 200, `"version"`)
		}
	})
	t.Run("HEAD works and a parameter is a 400", func(t *testing.T) {
		s.send(t, "HEAD", "/about", "").want(t, 200, "")
		s.send(t, "GET", "/about?foo=1", "").want(t, 400, "“foo” is not known here")
	})
}
