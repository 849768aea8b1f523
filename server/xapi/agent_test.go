package xapi_test

import (
	"fmt"
	"testing"
)

// said is a statement with this actor, object and more properties.
func said(actor, object, more string) string {
	return fmt.Sprintf(`{"actor":%s,"verb":{"id":"http://adlnet.gov/expapi/verbs/experienced"},"object":%s%s}`, actor, object, more)
}

const lesson = `{"id":"https://courses.example/lesson"}`

func (s *resources) store(t *testing.T, key, statement string) {
	t.Helper()
	s.send(t, "POST", "/statements", statement, "Content-Type: application/json", "Key: "+key).want(t, 200, "")
}

func TestPerson(t *testing.T) {
	s := startResources(t)
	ask := func(t *testing.T, agent string, header ...string) answer {
		t.Helper()
		return s.send(t, "GET", "/agents"+query("agent", agent), "", header...)
	}
	for name, test := range map[string]struct{ agent, want string }{
		"XAPI-00247, XAPI-00239, XAPI-00244: an agent that nobody spoke of is what was asked": {`{"name":"Ada","mbox":"mailto:ada@a.fr"}`, `{"objectType":"Person","name":["Ada"],"mbox":["mailto:ada@a.fr"]}`},
		"XAPI-00240: a digest is listed":            {`{"mbox_sha1sum":"ebd31e95054c018b10727ccffd2ef2ec3a016ee9"}`, `{"objectType":"Person","mbox_sha1sum":["ebd31e95054c018b10727ccffd2ef2ec3a016ee9"]}`},
		"XAPI-00241: an OpenID is listed, as it is": {`{"openid":"https://ada.example/?a=1&b=2"}`, `{"objectType":"Person","openid":["https://ada.example/?a=1&b=2"]}`},
		"XAPI-00242: an account is listed whole":    {`{"account":{"homePage":"https://a.fr","name":"ada"}}`, `{"objectType":"Person","account":[{"homePage":"https://a.fr","name":"ada"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(t, test.agent)
			if got.status != 200 || got.body != test.want || got.header.Get("ETag") != etagOf(got.body) || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %s %v\nwant %s", got.status, got.body, got.header, test.want)
			}
			s.send(t, "HEAD", "/agents"+query("agent", test.agent), "").want(t, 200, "")
			ask(t, test.agent, "If-None-Match: "+etagOf(got.body)).want(t, 304, "")
		})
	}

	const grace = `"account":{"homePage":"https://agents.example","name":"grace"}`
	s.store(t, "mine", said(`{"name":"Grace",`+grace+`}`, lesson, ""))
	s.store(t, "mine", said(`{"objectType":"Group","member":[{"name":"G. Hopper",`+grace+`},{"name":"Not she","mbox":"mailto:x@y.fr"}]}`, lesson, ""))
	s.store(t, "neighbour", said(`{"mbox":"mailto:x@y.fr"}`, lesson, `,"context":{"instructor":{"name":"Amazing Grace",`+grace+`}}`))
	s.store(t, "neighbour", said(`{"name":"Grace",`+grace+`}`, lesson, ""))
	for key, names := range map[string]string{
		"all":       `["Grace","Amazing Grace","G. Hopper"]`,
		"reader":    `["Grace","Amazing Grace","G. Hopper"]`,
		"mine":      `["G. Hopper","Grace"]`,
		"neighbour": `["Grace","Amazing Grace"]`,
	} {
		t.Run("XAPI-00238, XAPI-00248: names come from statements, the latest first, to "+key+" from those it may read", func(t *testing.T) {
			ask(t, `{`+grace+`}`, "Key: "+key).want(t, 200, `"name":`+names+`,`)
		})
	}
	t.Run("an authority is known by its name too", func(t *testing.T) {
		ask(t, `{"account":{"homePage":"urn:acquis:account","name":"mine"}}`).want(t, 200, `"name":["mine"]`)
	})
	for name, test := range map[string]struct {
		path   string
		key    string
		status int
		says   string
	}{
		"XAPI-00243: no agent is a 400":                      {"/agents", "all", 400, "the parameter agent is missing"},
		"XAPI-00249: an agent without identifier is a 400":   {"/agents" + query("agent", `{"objectType":"Agent","name":"x"}`), "all", 400, "needs exactly one of mbox"},
		"a Group is a 400":                                   {"/agents" + query("agent", `{"objectType":"Group",`+grace+`}`), "all", 400, "not of a Group"},
		"another parameter is a 400":                         {"/agents" + query("agent", `{`+grace+`}`, "foo", "1"), "all", 400, "“foo” is not known here"},
		"a credential for documents alone may not: it's 403": {"/agents" + query("agent", `{`+grace+`}`), "state", 403, "statements/read"},
	} {
		t.Run(name, func(t *testing.T) {
			s.send(t, "GET", test.path, "", "Key: "+test.key).want(t, test.status, test.says)
		})
	}
}
