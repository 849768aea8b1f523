package access

import (
	"fmt"
	"slices"
	"strings"

	"acquis/lrs"
)

// rules are a source's, made ready. They implement lrs.Rules.
type rules struct {
	source  Source
	verbs   map[string]bool
	schemas []usedSchema
}

type usedSchema struct {
	SchemaUse
	judge SchemaJudge // nil when it is not known any more
}

func (p *picture) rules(s Source) lrs.Rules {
	r := &rules{source: s}
	if len(s.Verbs) > 0 {
		r.verbs = make(map[string]bool, len(s.Verbs))
		for _, verb := range s.Verbs {
			r.verbs[verb] = true
		}
	}
	for _, use := range s.Schemas {
		used := usedSchema{SchemaUse: use}
		if known := p.schemas[use.Name+"@"+use.Version]; known != nil {
			used.judge = known.judge
		}
		r.schemas = append(r.schemas, used)
	}
	return r
}

// Judge implements lrs.Rules.
func (r *rules) Judge(version lrs.Version, statements []*lrs.Statement) []lrs.Objection {
	var found []lrs.Objection
	if len(r.source.Versions) > 0 && !slices.Contains(r.source.Versions, version) {
		found = append(found, lrs.Objection{Statement: -1, Weight: lrs.Refused, Violation: lrs.Violation{
			Rule:   "source-version",
			Detail: fmt.Sprintf("%s sends xAPI %s: set the header X-Experience-API-Version to it", r.source.Name, joined(r.source.Versions)),
		}})
	}
	for i, s := range statements {
		j := judgement{rules: r, index: i}
		if s.Verb.ID == lrs.VerbVoided {
			j.voiding()
		} else {
			j.verb("/verb/id", s.Verb.ID)
		}
		j.actor("/actor", &s.Actor)
		j.object("/object", &s.Object)
		j.schemas(s)
		found = append(found, j.found...)
	}
	return found
}

// judgement is of one statement.
type judgement struct {
	*rules
	index int
	found []lrs.Objection
}

func (j *judgement) objects(weight lrs.Weight, pointer, rule, detail string, values ...any) {
	j.found = append(j.found, lrs.Objection{Statement: j.index, Weight: weight, Violation: lrs.Violation{
		Pointer: pointer, Rule: rule, Detail: fmt.Sprintf(detail, values...),
	}})
}

func (j *judgement) voiding() {
	if !j.source.MayVoid {
		j.objects(lrs.Withheld, "/verb/id", "source-void", "%s may not void statements: ask the operator for it, or leave the statement out", j.source.Name)
	}
}

func (j *judgement) verb(pointer, verb string) {
	if j.verbs != nil && !j.verbs[verb] {
		j.objects(lrs.Refused, pointer, "source-verb", "%s does not send this verb: use one of %s, or ask the operator to add it", j.source.Name, some(j.source.Verbs))
	}
}

// actor judges by which identifier an actor is known; of a group without one, its members'.
func (j *judgement) actor(pointer string, a *lrs.Actor) {
	if len(j.source.ActorForms) == 0 {
		return
	}
	if a.IFI.Kind == lrs.NoIFI {
		for i := range a.Members {
			j.actor(fmt.Sprintf("%s/member/%d", pointer, i), &a.Members[i])
		}
		return
	}
	if form := actorForms[a.IFI.Kind-lrs.Mbox]; !slices.Contains(j.source.ActorForms, form) {
		j.objects(lrs.Refused, pointer+"/"+form, "source-actor", "%s identifies people by %s, not by %s", j.source.Name, strings.Join(j.source.ActorForms, " or "), form)
	}
}

func (j *judgement) object(pointer string, o *lrs.Object) {
	switch o.Kind {
	case lrs.ObjectActivity:
		j.activity(pointer+"/id", o.Activity.ID)
	case lrs.ObjectSubStatement:
		j.verb(pointer+"/verb/id", o.SubStatement.Verb.ID)
		j.actor(pointer+"/actor", &o.SubStatement.Actor)
		j.object(pointer+"/object", &o.SubStatement.Object)
	}
}

func (j *judgement) activity(pointer, id string) {
	if len(j.source.ActivityPrefixes) > 0 && !slices.ContainsFunc(j.source.ActivityPrefixes, func(prefix string) bool { return strings.HasPrefix(id, prefix) }) {
		j.objects(lrs.Refused, pointer, "source-activity", "%s speaks of activities whose id begins with %s, not of this one", j.source.Name, some(j.source.ActivityPrefixes))
	}
}

// schemas judges by the schemas that are about the statement.
func (j *judgement) schemas(s *lrs.Statement) {
	activity := ""
	if s.Object.Kind == lrs.ObjectActivity {
		activity = s.Object.Activity.ID
	}
	for _, used := range j.rules.schemas {
		weight := lrs.Noted
		if used.Mode == Enforce {
			weight = lrs.Refused
		}
		switch {
		case used.judge == nil:
			j.objects(weight, "", "source-schema-missing", "the schema %s@%s is not to be had here: tell the operator", used.Name, used.Version)
		case used.judge.About(s.Verb.ID, activity):
			for _, v := range used.judge.Judge(s.Raw()) {
				j.found = append(j.found, lrs.Objection{Statement: j.index, Weight: weight, Violation: v})
			}
		}
	}
}

// some lists the first few values.
func some(values []string) string {
	const few = 5
	if len(values) <= few {
		return strings.Join(values, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(values[:few], ", "), len(values)-few)
}

func joined(versions []lrs.Version) string {
	texts := make([]string, len(versions))
	for i, v := range versions {
		texts[i] = string(v)
	}
	return strings.Join(texts, " or ")
}
