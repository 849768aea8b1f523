package directory

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"acquis/hub"
	"acquis/lrs"
)

// At most so many of each may stand in a person's file.
const (
	maxAddresses    = 15
	maxKeys         = 20
	maxTags         = 20
	maxAffiliations = 60
	maxWord         = 60 // bytes of a population, a tag
	maxKeyText      = 500
)

// checker gathers what is wrong.
type checker struct {
	found []lrs.Violation
}

func (k *checker) add(pointer, rule, format string, args ...any) {
	k.found = append(k.found, lrs.Violation{Pointer: pointer, Rule: rule, Detail: fmt.Sprintf(format, args...)})
}

func (k *checker) span(pointer string, s hub.Span) {
	if err := s.Judge(); err != nil {
		k.add(pointer+"/to", "span", "%s", err.Error())
	}
}

func (k *checker) err(kind lrs.Kind, detail string) error {
	if len(k.found) == 0 {
		return nil
	}
	return &lrs.Error{Kind: kind, Detail: detail, Violations: k.found}
}

func at(pointer string, i int) string { return pointer + "/" + strconv.Itoa(i) }

// check lists everything that is wrong with a person's file by itself; tree says which organisations
// there are.
func (p *Person) check(tree *Tree) (k checker) {
	p.checkNames(&k)
	p.checkAddresses(&k)
	p.checkKeys(&k)
	if !slices.Contains([]Status{Active, Absent, Left}, p.Status) {
		k.add("/status", "status", "must be active, absent or left")
	}
	checkTags(&k, "/populations", p.Populations)
	checkTags(&k, "/tags", p.Tags)
	p.checkAffiliations(&k, tree)
	return k
}

func (p *Person) checkNames(k *checker) {
	for pointer, name := range map[string]string{"/givenName": p.GivenName, "/familyName": p.FamilyName} {
		if len(name) > maxName || name != cutText(name, maxName) {
			k.add(pointer, "text", "must be text of at most %d bytes without space around it", maxName)
		}
	}
	if p.FamilyName == "" && len(p.Addresses)+len(p.Keys) == 0 {
		k.add("/familyName", "required", "must be there, or an address or key by which the person is known")
	}
}

func (p *Person) checkAddresses(k *checker) {
	if len(p.Addresses) > maxAddresses {
		k.add("/addresses", "count", "there may be at most %d", maxAddresses)
	}
	for i, a := range p.Addresses {
		pointer := at("/addresses", i)
		if err := lrs.CheckMailto("mailto:" + a.Mail); err != nil {
			k.add(pointer+"/mail", "mail", "is no mail address: write it as ann@example.org")
		}
		if !slices.Contains([]AddressUse{"", Professional, Invited, Alternative}, a.Use) {
			k.add(pointer+"/use", "use", "must be professional, invited or alias")
		}
		k.span(pointer, a.Span)
		for j, b := range p.Addresses[:i] {
			if comparedMail(a.Mail) == comparedMail(b.Mail) && a.Overlaps(b.Span) {
				k.add(pointer, "duplicate", "is the same address as %s, at the same time", at("/addresses", j))
			}
		}
	}
}

func (p *Person) checkKeys(k *checker) {
	if len(p.Keys) > maxKeys {
		k.add("/keys", "count", "there may be at most %d", maxKeys)
	}
	for i, key := range p.Keys {
		pointer := at("/keys", i)
		switch key.Kind {
		case Account, Subject, Matricule:
			if key.HomePage == "" || len(key.HomePage) > maxKeyText {
				k.add(pointer+"/homePage", "required", "must say where the %s is known: the home page of the account, the issuer of the sub, the ministry of the number", key.Kind)
			}
		case OpenID:
		case Mbox, MboxSHA1Sum:
			k.add(pointer+"/kind", "kind", "is a mail address: put it into addresses, its digest is known from there")
		default:
			k.add(pointer+"/kind", "kind", "must be account, openid, idp or matricule")
		}
		if key.Value == "" || len(key.Value) > maxKeyText || key.Value != cutText(key.Value, maxKeyText) {
			k.add(pointer+"/value", "text", "must be text of 1 to %d bytes without space around it", maxKeyText)
		}
		if j := slices.IndexFunc(p.Keys[:i], func(o Key) bool { return o.compared() == key.compared() }); j >= 0 {
			k.add(pointer, "duplicate", "is the same key as %s", at("/keys", j))
		}
	}
}

func checkTags(k *checker, pointer string, tags []Tag) {
	if len(tags) > maxTags {
		k.add(pointer, "count", "there may be at most %d", maxTags)
	}
	for i, t := range tags {
		if t.Name == "" || len(t.Name) > maxWord || t.Name != cutText(t.Name, maxWord) {
			k.add(at(pointer, i)+"/name", "text", "must be text of 1 to %d bytes without space around it", maxWord)
		}
		k.span(at(pointer, i), t.Span)
		for j, o := range tags[:i] {
			if o.Name == t.Name && o.Overlaps(t.Span) {
				k.add(at(pointer, i), "duplicate", "is the same as %s, at the same time", at(pointer, j))
			}
		}
	}
}

func (p *Person) checkAffiliations(k *checker, tree *Tree) {
	if len(p.Affiliations) > maxAffiliations {
		k.add("/affiliations", "count", "there may be at most %d", maxAffiliations)
	}
	for i, a := range p.Affiliations {
		pointer := at("/affiliations", i)
		if _, known := tree.Organisation(a.Organisation); !known {
			k.add(pointer+"/organisation", "unknown-organisation", "there is no organisation %.64q: import it first", a.Organisation)
		}
		k.span(pointer, a.Span)
		for j, o := range p.Affiliations[:i] {
			if o.Overlaps(a.Span) {
				k.add(pointer, "overlap", "lies at the same time as %s: a person is in one organisation at a time, end one before the other begins", at("/affiliations", j))
			}
		}
	}
}

// claim is a key that stands in the files of two people at the same time.
type claim struct {
	pointer string
	other   hub.PersonID
}

// claims are the keys of a person that somebody else's file holds too, at the same time. With one, it
// could not be told whose an identity is.
func (d *Directory) claims(ctx context.Context, p *Person) (found []claim, err error) {
	for i, a := range p.Addresses {
		t := trial{ByMail, Key{Kind: Mbox, Value: a.Mail}.compared()}
		if found, err = d.claimed(ctx, p, found, at("/addresses", i), t, a.Span); err != nil {
			return nil, err
		}
	}
	for i, key := range p.Keys {
		t := trial{ByAccount, key.compared()}
		if found, err = d.claimed(ctx, p, found, at("/keys", i), t, hub.Span{}); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (d *Directory) claimed(ctx context.Context, p *Person, found []claim, pointer string, t trial, during hub.Span) ([]claim, error) {
	for row, err := range People.Rows(ctx, d.store, exactly("found", d.digest(t.key))) {
		if err != nil {
			return nil, err
		}
		other := &row.Value
		if _, holds := other.holds(t, during); !holds || other.ID == p.ID {
			continue
		}
		is, err := d.survivor(ctx, other)
		if err != nil {
			return nil, err
		}
		if is != p.ID && is != p.MergedInto {
			found = append(found, claim{pointer, is})
		}
	}
	return found, nil
}

// checkClaims refuses a person with a key that somebody else has.
func (d *Directory) checkClaims(ctx context.Context, p *Person) error {
	claims, err := d.claims(ctx, p)
	if err != nil {
		return err
	}
	var k checker
	for _, c := range claims {
		k.add(c.pointer, "clash", "is that of the person %s too: end it there before it begins here, or merge the two", c.other)
	}
	return k.err(lrs.KindConflict, "somebody else has the same address or key")
}
