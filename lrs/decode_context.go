package lrs

import (
	"slices"
	"strconv"
	"strings"
)

// result reads a Result (Data 2.4.5).
func (d *decoder) result() *Result {
	res := &Result{}
	_, ok := d.object("a Result", "Data 2.4.5", func(name []byte) {
		switch string(name) {
		case "score":
			res.Score = d.score()
		case "success":
			res.Success = d.boolean("Data 2.4.5")
		case "completion":
			res.Completion = d.boolean("Data 2.4.5")
		case "response":
			if s, good := d.str("Data 2.4.5"); good {
				res.Response = &s
			}
		case "duration":
			res.Duration, _ = d.checked("duration", "Data 4.6", func(s string) error {
				_, err := ParseDuration(s)
				return err
			})
		case "extensions":
			res.Extensions = d.extensions()
		default:
			d.unknown(name, "a Result", "Data 2.4.5")
		}
	})
	if !ok {
		return nil
	}
	return res
}

// score reads a Score: scaled from -1 to 1, raw from min to max, min below max (Data 2.4.5.1).
func (d *decoder) score() *Score {
	s := &Score{}
	_, ok := d.object("a Score", "Data 2.4.5.1", func(name []byte) {
		switch string(name) {
		case "scaled":
			s.Scaled, _ = d.number("Data 2.4.5.1")
		case "raw":
			s.Raw, _ = d.number("Data 2.4.5.1")
		case "min":
			s.Min, _ = d.number("Data 2.4.5.1")
		case "max":
			s.Max, _ = d.number("Data 2.4.5.1")
		default:
			d.unknown(name, "a Score", "Data 2.4.5.1")
		}
	})
	if !ok {
		return nil
	}
	d.judgeScore(s)
	return s
}

func (d *decoder) judgeScore(s *Score) {
	if s.Scaled != "" && (lessNumber(s.Scaled, "-1") || lessNumber("1", s.Scaled)) {
		d.failMember("scaled", "score-range", "Data 2.4.5.1", "must be from -1 to 1")
	}
	if s.Raw != "" && s.Min != "" && lessNumber(s.Raw, s.Min) {
		d.failMember("raw", "score-range", "Data 2.4.5.1", "must not be below min")
	}
	if s.Raw != "" && s.Max != "" && lessNumber(s.Max, s.Raw) {
		d.failMember("raw", "score-range", "Data 2.4.5.1", "must not be above max")
	}
	if s.Min != "" && s.Max != "" && !lessNumber(s.Min, s.Max) {
		d.failMember("max", "score-range", "Data 2.4.5.1", "must be above min")
	}
}

// context reads a Context (Data 2.4.6; 2.0: 4.2.2.5).
func (d *decoder) context() *Context {
	c := &Context{}
	_, ok := d.object("a Context", "Data 2.4.6", func(name []byte) { d.contextProperty(c, name) })
	if !ok {
		return nil
	}
	return c
}

func (d *decoder) contextProperty(c *Context, name []byte) {
	switch string(name) {
	case "registration":
		c.Registration, _ = d.uuidAt("Data 2.4.6")
	case "instructor":
		c.Instructor = &Actor{}
		d.actor(c.Instructor, anyActor, "Data 2.4.6")
		d.noteActor(c.Instructor)
	case "team":
		c.Team = &Actor{}
		d.actor(c.Team, onlyGroup, "Data 2.4.6")
		d.noteActor(c.Team)
	case "contextActivities":
		d.contextActivities(&c.Activities)
	case "contextAgents":
		if d.since2(name, "a Context", "Data 2.4.6") {
			c.Agents = d.contextActors("contextAgent", "agent", onlyAgent)
		}
	case "contextGroups":
		if d.since2(name, "a Context", "Data 2.4.6") {
			c.Groups = d.contextActors("contextGroup", "group", onlyGroup)
		}
	case "revision":
		if s, ok := d.str("Data 2.4.6"); ok {
			c.Revision = &s
		}
	case "platform":
		if s, ok := d.str("Data 2.4.6"); ok {
			c.Platform = &s
		}
	case "language":
		c.Language, _ = d.checked("language-tag", "Data 2.4.6", CheckLanguageTag)
	case "statement":
		c.Statement = d.statementRef()
	case "extensions":
		c.Extensions = d.extensions()
	default:
		d.unknown(name, "a Context", "Data 2.4.6")
	}
}

// contextActivities reads the four lists; a lone activity is taken as a list of one and noted, so
// that it is stored as an array (Data 2.4.6.2).
func (d *decoder) contextActivities(c *ContextActivities) {
	d.object("a contextActivities object", "Data 2.4.6.2", func(name []byte) {
		list := c.list(name)
		if list == nil {
			d.unknown(name, "contextActivities", "Data 2.4.6.2")
			return
		}
		if d.peek() == '{' {
			*list = make([]Activity, 1)
			d.activity(&(*list)[0], "Data 2.4.6.2")
			if at := (*list)[0].span; at.end > 0 {
				d.current.places.loneActivities = append(d.current.places.loneActivities, at)
			}
		} else {
			d.array("an Activity or an array of Activities", "Data 2.4.6.2", func() {
				*list = append(*list, Activity{})
				d.activity(&(*list)[len(*list)-1], "Data 2.4.6.2")
			})
		}
		for i := range *list {
			d.noteActivity(&(*list)[i])
		}
	})
}

// list is the list of the name, nil when there is none.
func (c *ContextActivities) list(name []byte) *[]Activity {
	switch string(name) {
	case "parent":
		return &c.Parent
	case "grouping":
		return &c.Grouping
	case "category":
		return &c.Category
	case "other":
		return &c.Other
	default:
		return nil
	}
}

// contextActors reads contextAgents or contextGroups (2.0: 4.2.2.5).
func (d *decoder) contextActors(objectType, property string, rule actorRule) []ContextActor {
	const section = "2.0: 4.2.2.5"
	var actors []ContextActor
	d.array("an array of "+objectType+" objects", section, func() {
		var c ContextActor
		var got string
		var hasActor bool
		_, ok := d.object("a "+objectType, section, func(name []byte) {
			switch {
			case string(name) == "objectType":
				got = d.objectType(section)
			case string(name) == property:
				hasActor = true
				d.actor(&c.Actor, rule, section)
			case string(name) == "relevantTypes":
				c.RelevantTypes = d.relevantTypes(section)
			default:
				d.unknown(name, "a "+objectType, section)
			}
		})
		if !ok {
			return
		}
		if got != objectType {
			d.failMember("objectType", "object-type", section, "must be %q", objectType)
		}
		if !hasActor {
			d.fail("required", section, "a %s needs the property %q", objectType, property)
		}
		actors = append(actors, c)
	})
	for i := range actors {
		d.noteActor(&actors[i].Actor)
	}
	return actors
}

func (d *decoder) relevantTypes(section string) []string {
	var types []string
	empty := true
	ok := d.array("an array of IRIs", section, func() {
		empty = false
		if s, good := d.checked("iri", section, CheckIRI); good {
			types = append(types, s)
		}
	})
	if ok && empty {
		d.fail("relevant-types", section, "must not be empty: leave it out, or name the activity types")
	}
	return types
}

// attachmentNeeds are the properties that every Attachment has.
var attachmentNeeds = [...]string{"usageType", "display", "contentType", "length", "sha2"}

// attachments reads the array of Attachment objects (Data 2.4.11).
func (d *decoder) attachments() []Attachment {
	var list []Attachment
	d.array("an array of Attachments", "Data 2.4.11", func() {
		var a Attachment
		var given [len(attachmentNeeds)]bool
		_, ok := d.object("an Attachment", "Data 2.4.11", func(name []byte) {
			if i := slices.Index(attachmentNeeds[:], string(name)); i >= 0 {
				given[i] = true
			}
			d.attachmentProperty(&a, name)
		})
		if !ok {
			return
		}
		for i, name := range attachmentNeeds {
			if !given[i] {
				d.fail("required", "Data 2.4.11", "an Attachment needs the property %q", name)
			}
		}
		list = append(list, a)
	})
	return list
}

func (d *decoder) attachmentProperty(a *Attachment, name []byte) {
	const section = "Data 2.4.11"
	switch string(name) {
	case "usageType":
		a.UsageType, _ = d.checked("iri", section, CheckIRI)
	case "display":
		a.Display = d.languageMap(section)
	case "description":
		a.Description = d.languageMap(section)
	case "contentType":
		a.ContentType, _ = d.checked("media-type", section, CheckMediaType)
	case "length":
		a.Length = d.length(section)
	case "sha2":
		a.SHA2, _ = d.checked("sha2", section, CheckSHA2)
	case "fileUrl":
		a.FileURL, _ = d.checked("irl", section, CheckIRL)
	default:
		d.unknown(name, "an Attachment", section)
	}
}

// length reads a count of bytes: an integer, not negative. 1e3 and 5.0 are integers too, as JSON
// Schema has it.
func (d *decoder) length(section string) int64 {
	literal, ok := d.number(section)
	if !ok {
		return 0
	}
	digits, exponent, negative := normalForm(literal)
	switch {
	case digits == "":
		return 0
	case negative || exponent < 0:
		d.fail("length", section, "must be a whole number of bytes, 0 or more")
		return 0
	case exponent > 18:
		d.fail("length", section, "is more bytes than any file has")
		return 0
	}
	n, err := strconv.ParseInt(digits+strings.Repeat("0", exponent), 10, 64)
	if err != nil {
		d.fail("length", section, "is more bytes than any file has")
	}
	return n
}
