package xapi

import "acquis/lrs"

// person is a Person as it is written (Communication 2.4).
type person struct {
	ObjectType  string    `json:"objectType"`
	Name        []string  `json:"name,omitempty"`
	Mbox        []string  `json:"mbox,omitempty"`
	MboxSHA1Sum []string  `json:"mbox_sha1sum,omitempty"`
	OpenID      []string  `json:"openid,omitempty"`
	Account     []account `json:"account,omitempty"`
}

type account struct {
	HomePage string `json:"homePage"`
	Name     string `json:"name"`
}

// getPerson answers with what is known of an Agent (Communication 2.4).
func (s *Surface) getPerson(c *call) error {
	if err := c.only("agent"); err != nil {
		return err
	}
	p := parameters{call: c}
	agent := p.required("agent").agent("agent")
	if err := refused(p.violations); err != nil {
		return err
	}
	known, err := s.service.Person(c.r.Context(), c.principal, *agent)
	if err != nil {
		return err
	}
	return c.writeJSON(writtenPerson(known), 0)
}

func writtenPerson(p lrs.Person) person {
	written := person{ObjectType: "Person", Name: p.Name, Mbox: p.Mbox, MboxSHA1Sum: p.MboxSHA1Sum, OpenID: p.OpenID}
	for _, a := range p.Account {
		written.Account = append(written.Account, account{HomePage: a.HomePage, Name: a.Value})
	}
	return written
}
