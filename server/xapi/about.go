package xapi

import "acquis/lrs"

// limitsExtension is the IRI under which about tells the limits that a client may want to know.
const limitsExtension = "urn:acquis:about:limits"

// about is what GET /about answers (Communication 2.8).
type about struct {
	Version    []lrs.Version     `json:"version"`
	Extensions map[string]limits `json:"extensions"`
}

// limits are the most bytes that requests may have.
type limits struct {
	Body       int64 `json:"body"`
	Request    int64 `json:"request"`
	Attachment int64 `json:"attachment"`
	Document   int64 `json:"document"`
}

// about tells which versions are spoken here. It is open to everybody.
func (s *Surface) about(c *call) error {
	if err := c.only(); err != nil {
		return err
	}
	o := s.options
	return c.writeJSON(about{o.Versions, map[string]limits{
		limitsExtension: {Body: o.BodyBytes, Request: o.RequestBytes, Attachment: o.AttachmentBytes, Document: o.DocumentBytes},
	}}, 0)
}
