package openclassrooms

import (
	"context"
	"fmt"
	"slices"

	"acquis/connectors"
)

// Check implements connectors.Connector: access, and the first part of each list.
func (c *connector) Check(ctx context.Context, r connectors.Request) (connectors.Check, error) {
	if !c.settings.asks() {
		return connectors.Check{Says: []string{"Nothing is asked of OpenClassrooms: exports are handed in."}}, nil
	}
	s, check := c.session(r), connectors.Check{}
	if c.settings.Auth.Kind == authClient {
		check.Calls++
	}
	members := 0
	for _, name := range []string{"members", "catalogue"} {
		port := c.settings.ports()[name]
		if port.Driver != driverAPI {
			continue
		}
		part, err := s.slice(ctx, port, "", cursor{})
		if err != nil {
			return check, faultOf(err)
		}
		total := part.total
		if total < 0 {
			total = len(part.items)
			check.Says = append(check.Says, fmt.Sprintf("OpenClassrooms does not say how long the list of %s is.", name))
		} else {
			check.Says = append(check.Says, fmt.Sprintf("OpenClassrooms shows %d %s.", total, map[string]string{"members": "members and invitations", "catalogue": "courses"}[name]))
		}
		check.Calls += max(1, (total+c.settings.Paging.Size-1)/c.settings.Paging.Size)
		if name == "members" {
			members = total
		}
	}
	for _, name := range []string{"activity", "paths"} {
		if c.settings.ports()[name].Driver == driverAPI {
			check.Calls += members
		}
	}
	return check, nil
}

// probed is of how many members a probe reads the activity.
const probed = 10

// Probe implements connectors.Connector: in how many of the first items each mapped field is found.
func (c *connector) Probe(ctx context.Context, r connectors.Request) (probe connectors.Probe, err error) {
	tables, err := c.tables(r.Files)
	if err != nil {
		return probe, err
	}
	s := c.session(r)
	var ids []string
	for _, name := range []string{"members", "activity", "paths", "catalogue"} {
		port := c.settings.ports()[name]
		reader := newReader(kindOf[name], name, port)
		users := []string{""}
		if name == "activity" || name == "paths" {
			users = ids
		}
		switch port.Driver {
		case driverNone:
			continue
		case driverCSV:
			for _, i := range tables[name] {
				ids = probeItem(reader, name, i, ids)
			}
		default:
			for _, user := range users {
				part, err := s.slice(ctx, port, user, cursor{})
				if refusedOne(err) && user != "" {
					continue
				}
				if err != nil {
					return probe, faultOf(err)
				}
				for _, i := range part.items {
					ids = probeItem(reader, name, i, ids)
				}
			}
		}
		probe.Says = append(probe.Says, fmt.Sprintf("Looked at %d items of %s.", reader.of, name))
		probe.Fields = append(probe.Fields, reader.report()...)
	}
	return probe, nil
}

var kindOf = map[string]string{"members": "member", "activity": "course", "paths": "path", "catalogue": "offer"}

// probeItem counts the fields of an item; of members it keeps the numbers, to read their activity.
func probeItem(reader *reader, name string, i item, ids []string) []string {
	id := reader.read(i).text("id")
	if name == "members" && len(ids) < probed && numberForm.MatchString(id) && !slices.Contains(ids, id) {
		ids = append(ids, id)
	}
	return ids
}
