package directory

import (
	"context"
	"errors"
	"maps"
	"slices"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// ruleOrder is the order in which rules are tried.
var ruleOrder = []Rule{ByAccount, BySubject, ByMail, ByAltMail, ByDigest, ByRelated}

var confidenceOf = map[Rule]Confidence{
	ByAccount: Certain, BySubject: Certain, ByMail: High, ByAltMail: High, ByDigest: Medium, ByRelated: Medium,
}

// trial is a key that a person's file may hold, and the rule by which it would link.
type trial struct {
	rule Rule
	key  Key // as it is compared
}

// trials are the ways in which a key can lead to a person.
func trials(k Key) []trial {
	c := k.compared()
	switch k.Kind {
	case Mbox:
		return []trial{{ByMail, c}}
	case MboxSHA1Sum:
		return []trial{{ByDigest, c}}
	case Subject:
		return []trial{{BySubject, c}}
	case Account:
		// A provider that lets people in by an identity provider names them by its issuer and sub.
		return []trial{{ByAccount, c}, {BySubject, Key{Kind: Subject, Value: k.Value, HomePage: k.HomePage}}}
	default:
		return []trial{{ByAccount, c}}
	}
}

// foundBy returns the digests by which aliases find a person.
func (d *Directory) foundBy(p *Person) []string {
	found := map[string]bool{}
	for _, k := range p.Keys {
		found[d.digest(k.compared())] = true
	}
	for _, a := range p.Addresses {
		found[d.digest(Key{Kind: Mbox, Value: a.Mail}.compared())] = true
		for _, sum := range digestsOf(a.Mail) {
			found[d.digest(Key{Kind: MboxSHA1Sum, Value: sum})] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// matches returns the digests by which an alias finds people.
func (d *Directory) matches(a *Alias) []string {
	all := map[string]bool{}
	for _, k := range append([]Key{a.Key}, a.Related...) {
		for _, t := range trials(k) {
			all[d.digest(t.key)] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// verdict is what the rules find.
type verdict struct {
	rule    Rule
	persons []hub.PersonID        // whom the first rule that finds somebody finds, sorted
	all     map[hub.PersonID]bool // whom any rule finds
	// files are, of each of persons, the one whose file holds the key: somebody merged into them, perhaps.
	files map[hub.PersonID]hub.PersonID
}

// finding is a person that a key led to: the one whose file holds it, and who that is now.
type finding struct {
	rule     Rule
	file, is hub.PersonID
}

// judge asks the rules whose an alias is, by what the directory knows now.
func (d *Directory) judge(ctx context.Context, a *Alias) (verdict, error) {
	v := verdict{all: map[hub.PersonID]bool{}, files: map[hub.PersonID]hub.PersonID{}}
	seen := hub.Span{From: d.options.Calendar.Day(a.FirstSeen.Time()), To: d.options.Calendar.Day(a.LastSeen.Time())}
	own, err := d.findings(ctx, a, trials(a.Key), seen)
	if err != nil {
		return v, err
	}
	var through []trial
	for _, k := range a.Related {
		through = append(through, trials(k)...)
	}
	related, err := d.findings(ctx, a, through, seen)
	if err != nil {
		return v, err
	}
	neighbours, err := d.neighbours(ctx, a)
	if err != nil {
		return v, err
	}
	for i := range related { // keys of one holder that are two people's are for somebody to look at
		related[i].rule = ByRelated
	}
	all := slices.Concat(own, related, neighbours)
	for _, rule := range ruleOrder {
		v.take(rule, all)
	}
	return v, nil
}

// take notes whom a rule found; the first that found somebody decides.
func (v *verdict) take(rule Rule, findings []finding) {
	files := map[hub.PersonID]hub.PersonID{}
	for _, f := range findings {
		if f.rule != rule {
			continue
		}
		if v.all[f.is] = true; files[f.is] == "" || f.file == f.is {
			files[f.is] = f.file
		}
	}
	if v.rule == "" && len(files) > 0 {
		v.rule, v.files, v.persons = rule, files, slices.Sorted(maps.Keys(files))
	}
}

// findings are the people that trials lead to, save those that somebody refused.
func (d *Directory) findings(ctx context.Context, a *Alias, through []trial, seen hub.Span) (found []finding, err error) {
	for _, t := range through {
		digest := d.digest(t.key)
		for row, err := range People.Rows(ctx, d.store, exactly("found", digest)) {
			if err != nil {
				return nil, err
			}
			rule, holds := row.Value.holds(t, seen)
			if !holds || slices.Contains(a.Refused, row.Value.ID) {
				continue
			}
			is, err := d.survivor(ctx, &row.Value)
			if err != nil {
				return nil, err
			}
			if !slices.Contains(a.Refused, is) {
				found = append(found, finding{rule, row.Value.ID, is})
			}
		}
	}
	return found, nil
}

// exactly scans the entries of one key.
func exactly(index, key string) docstore.Scan {
	return docstore.Scan{Index: index, From: key, Until: key + "\x01"}
}

// holds reports whether the person's file holds a key during the days seen, and which rule says so.
func (p *Person) holds(t trial, seen hub.Span) (Rule, bool) {
	if t.rule == ByAccount || t.rule == BySubject {
		return t.rule, slices.ContainsFunc(p.Keys, func(k Key) bool { return k.compared() == t.key })
	}
	rule := Rule("")
	for _, a := range p.Addresses {
		same := comparedMail(a.Mail) == t.key.Value
		if t.rule == ByDigest {
			same = slices.Contains(digestsOf(a.Mail), t.key.Value)
		}
		if !same || !a.Overlaps(seen) {
			continue
		}
		switch {
		case t.rule == ByDigest:
			return ByDigest, true
		case a.Use != Alternative:
			return ByMail, true
		default:
			rule = ByAltMail
		}
	}
	return rule, rule != ""
}

// neighbours are the people of linked aliases that a provider says are of the same holder, directly:
// one that names this one's key, or one whose key this one names.
func (d *Directory) neighbours(ctx context.Context, a *Alias) (found []finding, err error) {
	for _, digest := range d.matches(a) {
		for row, err := range Aliases.Rows(ctx, d.store, exactly("match", digest)) {
			if err != nil {
				return nil, err
			}
			other := &row.Value
			if other.ID == a.ID || other.State != Linked || other.Rule == ByRelated || !a.related(other) && !other.related(a) {
				continue
			}
			if !slices.Contains(a.Refused, other.Person) {
				found = append(found, finding{ByRelated, other.Person, other.Person})
			}
		}
	}
	return found, nil
}

// related reports whether a provider names the key of the other alias beside that of this one.
func (a *Alias) related(other *Alias) bool {
	key := other.Key.compared()
	return slices.ContainsFunc(a.Related, func(k Key) bool { return k.compared() == key })
}

// longestChain bounds how many merges are followed. No more are made.
const longestChain = 100

// survivor is who a person is, after all merges.
func (d *Directory) survivor(ctx context.Context, p *Person) (hub.PersonID, error) {
	id, into := p.ID, p.MergedInto
	for range longestChain {
		if into == "" {
			return id, nil
		}
		next, err := d.person(ctx, into)
		if err != nil {
			return "", err
		}
		id, into = next.Value.ID, next.Value.MergedInto
	}
	return "", errors.New("directory: the merges of a person do not end")
}

// person reads a person. KindNotFound when there is none.
func (d *Directory) person(ctx context.Context, id hub.PersonID) (docstore.Row[Person], error) {
	if id == "" {
		return docstore.Row[Person]{}, noPerson(id)
	}
	row, err := People.Get(ctx, d.store, string(id), string(id))
	if errors.Is(err, lrs.ErrNotFound) {
		return row, noPerson(id)
	}
	return row, err
}

func noPerson(id hub.PersonID) error {
	return lrs.Errorf(lrs.KindNotFound, "there is no person %.64q", id)
}

// byRules is the standing that follows from what the rules find. Decisions of people stay as they are.
func (d *Directory) byRules(s Standing, v verdict) Standing {
	switch {
	case s.State == Ignored || s.State == Linked && s.Rule == ByHand:
		return s
	case s.State == Linked && v.all[s.Person]: // whom a rule once found stays, and others who claim it are shown
		s.Candidates = slices.DeleteFunc(slices.Clone(v.persons), func(p hub.PersonID) bool { return p == s.Person })
		if len(s.Candidates) == 0 {
			s.Candidates = nil
		}
		return s
	}
	next := Standing{State: Waiting, Refused: s.Refused}
	switch len(v.persons) {
	case 0:
	case 1:
		next.State, next.Person, next.Rule = Linked, v.persons[0], v.rule
		next.Confidence, next.LinkedAt = confidenceOf[v.rule], d.options.Now().UTC()
	default:
		next.State, next.Candidates = Ambiguous, v.persons
	}
	return next
}

// same reports whether two standings say the same.
func (s Standing) same(o Standing) bool {
	return s.State == o.State && s.Person == o.Person && s.Rule == o.Rule && s.Confidence == o.Confidence && s.LinkedAt.Equal(o.LinkedAt) &&
		slices.Equal(s.Candidates, o.Candidates) && slices.Equal(s.Refused, o.Refused) && slices.Equal(s.Moves, o.Moves)
}
