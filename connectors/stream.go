package connectors

import "net/http"

// Stream is the way out for answers that are too large to be held and for requests that carry statements: it
// reaches the hosts only, within what the installation permits, and leaves rates and repeats to its caller.
// The deadline of an answer is the request's context.
func (e *Egress) Stream(hosts []string) *http.Client {
	s := stream{&Client{egress: e, hosts: hosts}}
	return &http.Client{Transport: s, CheckRedirect: s.client.redirect}
}

type stream struct{ client *Client }

// RoundTrip implements http.RoundTripper.
func (s stream) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := s.client.permit(r.URL); err != nil {
		return nil, err
	}
	return s.client.egress.base.RoundTrip(r)
}

// UnreachableFault is the fault of a request that got no answer.
func UnreachableFault(r *http.Request, err error) error {
	return (&Client{egress: &Egress{}}).faultOf(r, err)
}
