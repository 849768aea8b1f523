package xapi

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"acquis/lrs"
)

// The form fields of the alternate request syntax that stand for headers (Communication 1.3).
var alternateHeaders = []string{
	"Authorization", headerVersion, "Content-Type", "Content-Length", "If-Match", "If-None-Match",
}

// undoAlternateSyntax turns a POST whose parameter method names another method into the request
// that it stands for: form fields are headers, parameters, and in content the body. Form fields
// override real headers. xAPI 2.0 has no such syntax.
func (s *Surface) undoAlternateSyntax(c *call) error {
	if c.r.Method != http.MethodPost || !c.query.Has("method") {
		return nil
	}
	if len(c.query) > 1 || len(c.query["method"]) > 1 {
		return lrs.Errorf(lrs.KindInvalid, "in the alternate request syntax the URL carries the parameter method alone: send the others as form fields")
	}
	method := c.query.Get("method")
	if !slices.Contains([]string{"GET", "PUT", "POST", "DELETE"}, method) {
		return lrs.Errorf(lrs.KindInvalid, "the parameter method must be GET, PUT, POST or DELETE, not %s", quoteShort(method))
	}
	if mediaType, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || mediaType != "application/x-www-form-urlencoded" {
		return lrs.Errorf(lrs.KindInvalid, "the alternate request syntax needs the Content-Type application/x-www-form-urlencoded")
	}
	body, err := c.readBody(s.options.BodyBytes)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return lrs.Errorf(lrs.KindInvalid, "the form of the alternate request syntax cannot be read: percent-encode its values")
	}
	return c.become(method, form)
}

// become replaces the request by the one that the form stands for.
func (c *call) become(method string, form url.Values) error {
	r := c.r.Clone(c.r.Context())
	r.Method = method
	r.Header.Set("Content-Type", "application/json")
	for _, name := range slices.Concat(alternateHeaders, []string{"content"}) {
		if len(form[name]) > 1 {
			return refused([]lrs.Violation{parameterFault(name, "is given more than once")})
		}
	}
	for _, name := range alternateHeaders {
		if form.Has(name) {
			r.Header.Set(name, form.Get(name))
			form.Del(name)
		}
	}
	if v, known := lrs.ParseVersion(r.Header.Get(headerVersion)); known && v != lrs.V103 {
		return lrs.Errorf(lrs.KindInvalid, "xAPI %s has no alternate request syntax: send the %s itself", v, method)
	}
	content := form.Get("content")
	if needsContent := method == http.MethodPut || method == http.MethodPost; needsContent != form.Has("content") {
		return lrs.Errorf(lrs.KindInvalid, "the form field content must hold the body of a PUT or POST, and of nothing else")
	}
	form.Del("content")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(content)), int64(len(content))
	c.r, c.query = r, form
	return nil
}
