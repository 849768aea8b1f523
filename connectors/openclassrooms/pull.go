package openclassrooms

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
)

// watermark is the latest time in the data. Members and their activity are read whole each time: the provider
// promises no way to ask for changes.
type watermark struct {
	Latest time.Time `json:"latest"`
}

// pull is one Pull under way.
type pull struct {
	*session
	full  bool
	files map[string][]item // of ports whose driver is csv; a port without a file is left alone
	yield func(connectors.Page) error

	latest   time.Time
	items    int
	expected int
}

// Pull implements connectors.Connector.
func (c *connector) Pull(ctx context.Context, r connectors.Request, yield func(connectors.Page) error) (jsontext.Value, error) {
	var before watermark
	if len(r.Watermark) > 0 {
		if err := json.Unmarshal(r.Watermark, &before); err != nil {
			return nil, connectors.Faultf(connectors.NeedsPerson, "What was noted of the last run of this connection cannot be read. Nothing was changed; show the detail to an engineer.", "the watermark is of another form: %v", err)
		}
	}
	files, err := c.tables(r.Files)
	if err != nil {
		return nil, err
	}
	p := &pull{session: c.session(r), full: r.Full, files: files, yield: yield, latest: before.Latest}
	for _, port := range []func(context.Context) error{p.catalogue, p.membersAndActivity} {
		if err := port(ctx); err != nil {
			return nil, faultOf(err)
		}
	}
	return json.Marshal(watermark{p.latest.UTC()})
}

// batch gathers what is yielded at once.
type batch struct {
	connectors.Page
	pull *pull
}

// atOnce is how many items make a page.
const atOnce = 200

func (p *pull) batch() *batch { return &batch{pull: p} }

func (b *batch) skip(reason string, person bool) {
	b.Skipped = append(b.Skipped, connectors.Skip{Reason: reason, Items: 1, Person: person})
}

// add adds the observations of one item, and yields when there are many.
func (b *batch) add(observations ...connectors.Observation) error {
	b.Items++
	b.Observations = append(b.Observations, observations...)
	if b.Items < atOnce {
		return nil
	}
	return b.flush()
}

// flush yields what is gathered.
func (b *batch) flush() error {
	p := b.pull
	p.items += b.Items
	b.Expected = max(p.expected, p.items)
	page := b.Page
	b.Page = connectors.Page{}
	return p.yield(page)
}

func (p *pull) sawAt(times ...time.Time) {
	for _, at := range times {
		if at.After(p.latest) {
			p.latest = at
		}
	}
}

// catalogue reads what is on offer. Its set ends each time, for it is read whole.
func (p *pull) catalogue(ctx context.Context) error {
	port := &p.settings.Catalogue.port
	reader, out := newReader("offer", "catalogue", port), p.batch()
	seen := map[string]bool{}
	read, err := p.each(ctx, "catalogue", port, "", func(i item) error {
		offer, ok, err := p.settings.offer(reader.read(i), out.skip)
		if err != nil || reader.lacks() != nil {
			return firstOf(reader.lacks(), p.nonsense(port, err))
		}
		if seen[offer.ID] {
			out.skip(skipTwice, false)
			ok = false
		}
		if !ok {
			return out.add()
		}
		seen[offer.ID] = true
		return out.add(offer)
	})
	if err != nil || !read {
		return err
	}
	out.Fields = reader.report()
	if len(seen) > 0 { // an empty catalogue says nothing, least of all that all offers ended
		out.Observations = append(out.Observations, connectors.SetEnd{Of: connectors.Items})
	}
	return out.flush()
}

// each goes through the items of a port. read is false when there is nothing to go through: no driver, or no file.
func (p *pull) each(ctx context.Context, name string, port *port, user string, do func(item) error) (read bool, err error) {
	switch port.Driver {
	case driverCSV:
		list, given := p.files[name]
		for _, i := range list {
			if err := do(i); err != nil {
				return false, err
			}
		}
		return given, nil
	case driverAPI:
		return true, p.list(ctx, port, user, func(part slice) error {
			for _, i := range part.items {
				if err := do(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return false, nil
}

// nonsense is the fault of a value that cannot be read; nil without one.
func (p *pull) nonsense(port *port, err error) error {
	if err == nil {
		return nil
	}
	return connectors.Faultf(connectors.NeedsPerson,
		"OpenClassrooms sends a value that Acquis cannot read, in a field that it was told to read. Nothing was guessed: run the probe of this connection and correct the mapping of fields.",
		"%s %s: %v", port.Driver, port.Path, err)
}

func firstOf(faults ...error) error {
	for _, fault := range faults {
		if fault != nil {
			return fault
		}
	}
	return nil
}

// readings is how often the list of members is read while it moves.
const readings = 3

// membersAndActivity reads who is a member, then what they do.
func (p *pull) membersAndActivity(ctx context.Context) error {
	list, read, err := p.readMembers(ctx)
	if err != nil {
		return err
	}
	if read {
		if err := p.yieldMembers(list); err != nil {
			return err
		}
	}
	p.expected = p.items + 2*len(list.members)
	if err := p.activity(ctx, "activity", "course", setCourses, &p.settings.Activity, list, p.settings.course); err != nil {
		return err
	}
	return p.activity(ctx, "paths", "path", setPaths, &p.settings.Paths.port, list, p.settings.path)
}

// memberList is the list of members, whole.
type memberList struct {
	members []member
	out     *batch // what was passed over, and the fields
	moved   bool   // while it was read
	// byMail finds the number of a member, for exports that name people by address.
	byMail map[string]string
}

// readMembers reads the list of members. Parts are cut by counting, so that somebody who leaves meanwhile pulls the
// next one over to a part that was read already: the provider's own total tells, and then it is read again.
func (p *pull) readMembers(ctx context.Context) (list memberList, read bool, err error) {
	port := &p.settings.Members.port
	for range readings {
		list = memberList{out: p.batch(), byMail: map[string]string{}}
		var total int
		if total, read, err = p.readMembersOnce(ctx, port, &list); err != nil || !read {
			return list, read, err
		}
		if total < 0 || !list.moved && total == len(list.members)+list.unusable() {
			if len(list.members) == 0 {
				return list, read, connectors.Faultf(connectors.NeedsPerson, "OpenClassrooms shows no member at all. No seat was released: check with OpenClassrooms whether that is so.", "the list of members is empty")
			}
			return list, true, nil
		}
	}
	return list, read, connectors.Faultf(connectors.RetryLater, "OpenClassrooms' list of members changed while it was read. Nothing is lost: Acquis will read it again.", "the list of members moved in %d readings", readings)
}

// unusable is how many members were passed over for good.
func (l *memberList) unusable() (n int) {
	for _, s := range l.out.Skipped {
		if s.Reason == skipMemberID {
			n += s.Items
		}
	}
	return n
}

func (p *pull) readMembersOnce(ctx context.Context, port *port, list *memberList) (total int, read bool, err error) {
	reader, seen := newReader("member", "members", port), map[string]bool{}
	take := func(i item) error {
		m, ok, err := p.settings.member(reader.read(i), list.out.skip)
		if err != nil || reader.lacks() != nil {
			return firstOf(reader.lacks(), p.nonsense(port, err))
		}
		switch {
		case ok && seen[m.seat.ID]:
			list.out.skip(skipTwice, false)
		case ok:
			seen[m.seat.ID] = true
			list.members = append(list.members, m)
			for _, key := range m.seat.Holder {
				list.byMail[key.Value] = m.id
			}
		}
		return nil
	}
	total = -1
	if port.Driver != driverAPI {
		read, err = p.each(ctx, "members", port, "", take)
	} else {
		read, err = true, p.list(ctx, port, "", func(part slice) error {
			if total >= 0 && part.total != total { // somebody came or left meanwhile
				list.moved = true
			}
			total = part.total
			for _, i := range part.items {
				if err := take(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	list.out.Fields = reader.report()
	return total, read, err
}

func (p *pull) yieldMembers(list memberList) error {
	for _, m := range list.members {
		p.sawAt(m.seat.Invited, m.seat.Joined, m.seat.LastActive)
		if err := list.out.add(m.observe()...); err != nil {
			return err
		}
	}
	list.out.Observations = append(list.out.Observations, connectors.SetEnd{Of: connectors.Seats, Set: p.settings.set()})
	return list.out.flush()
}

type rowFunc func(user string, f fields, skip func(string, bool)) (connectors.ProgressSeen, bool, error)

// activity reads what members do, from each member's own list or from one export about all.
func (p *pull) activity(ctx context.Context, name, kind, set string, port *port, list memberList, row rowFunc) error {
	reader, out := newReader(kind, name, port), p.batch()
	take := func(user string, i item) error {
		f := reader.read(i)
		if user == "" {
			if user = f.text("member"); !numberForm.MatchString(user) {
				address, _ := mailAddress(user)
				user = list.byMail[address]
			}
		}
		seen, ok, err := row(user, f, out.skip)
		if err != nil || reader.lacks() != nil {
			return firstOf(reader.lacks(), p.nonsense(port, err))
		}
		if !ok {
			return out.add()
		}
		for _, m := range seen.Milestones {
			p.sawAt(m.At)
		}
		return out.add(seen)
	}
	complete, read, err := p.activityOf(ctx, name, port, list, out, take)
	if err != nil || !read {
		return err
	}
	out.Fields = reader.report()
	if p.full && complete {
		out.Observations = append(out.Observations, connectors.SetEnd{Of: connectors.Rows, Set: set})
	}
	return out.flush()
}

// activityOf goes through a port's items. complete is false when something was not shown.
func (p *pull) activityOf(ctx context.Context, name string, port *port, list memberList, out *batch, take func(string, item) error) (complete, read bool, err error) {
	if port.Driver != driverAPI {
		read, err = p.each(ctx, name, port, "", func(i item) error { return take("", i) })
		return false, read, err // an export may be of some weeks or teams only
	}
	asked, refused := 0, 0
	for _, m := range list.members {
		if !m.hasAccount() {
			continue
		}
		asked++
		_, err := p.each(ctx, name, port, m.id, func(i item) error { return take(m.id, i) })
		if refusedOne(err) {
			refused++
			if name != "paths" { // who follows no path has none to show
				out.skip(skipRefused, false)
			}
			continue
		}
		if err != nil {
			return false, true, err
		}
	}
	if asked > 0 && refused == asked && name != "paths" {
		return false, true, connectors.Faultf(connectors.NeedsPerson, "OpenClassrooms shows the activity of no member. Check the paths in the settings of this connection, and which access the client was given.", "GET %s is refused for all of %d members", port.Path, asked)
	}
	return refused == 0 || name == "paths", true, nil
}
