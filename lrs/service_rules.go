package lrs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
)

// obey judges statements by the rules of whoever sends them, and refuses with every objection, noted
// ones left out. KindForbidden when permissions are all that lacks; a sender that mends or splits its
// batches does so on KindInvalid.
func (s *Service) obey(ctx context.Context, p Principal, version Version, statements []*Statement, batch bool) error {
	objections, err := s.objections(ctx, p, version, statements)
	if len(objections) == 0 || err != nil {
		return err
	}
	if s.options.Objected != nil {
		s.options.Objected(p, objections)
	}
	return refusal(objections, batch)
}

// objections are those of the principal's binding, of its rules, and of what it may not void.
func (s *Service) objections(ctx context.Context, p Principal, version Version, statements []*Statement) ([]Objection, error) {
	var found []Objection
	if p.Launch != nil {
		found = p.Launch.judge(statements)
	}
	if p.Rules != nil {
		found = append(found, p.Rules.Judge(version, statements)...)
	}
	if p.Scopes&ScopeAll != 0 {
		return found, nil
	}
	for i, statement := range statements {
		foreign, err := s.voidsForeign(ctx, p, statement)
		if err != nil {
			return nil, err
		}
		if foreign {
			found = append(found, Objection{i, Withheld, Violation{
				Pointer: "/object/id", Rule: "void-foreign", Section: "Data 2.3.2",
				Detail: "this statement was sent by another source, and voiding it needs the scope all",
			}})
		}
	}
	return found, nil
}

// voidsForeign reports whether a statement voids one that another source sent. One that is not here
// yet is nobody's.
func (s *Service) voidsForeign(ctx context.Context, p Principal, statement *Statement) (bool, error) {
	target := TargetOf(statement)
	if statement.Verb.ID != VerbVoided || target == uuid.Nil {
		return false, nil
	}
	entry, err := s.store.StatementByID(ctx, target)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && entry.Source != p.Source, err
}

// refusal is the error of objections, nil when they are noted only.
func refusal(objections []Objection, batch bool) error {
	refused := Error{Kind: KindForbidden, Detail: "this credential may not send that"}
	for _, o := range objections {
		if o.Weight == Noted {
			continue
		}
		if o.Weight == Refused {
			refused.Kind, refused.Detail = KindInvalid, "the source has agreed to send other statements than this"
		}
		if len(refused.Violations) < maxViolations {
			refused.Violations = append(refused.Violations, o.placed(batch))
		}
	}
	if len(refused.Violations) == 0 {
		return nil
	}
	return &refused
}

// placed is the violation with a pointer into the request.
func (o Objection) placed(batch bool) Violation {
	v := o.Violation
	if batch && o.Statement >= 0 {
		v.Pointer = fmt.Sprintf("/%d%s", o.Statement, v.Pointer)
	}
	return v
}

// judge withholds what is not of the learner's attempt. Each statement must be of the actor, in the
// registration, and about the activity or something within it, which names it as parent or grouping.
func (l *Launch) judge(statements []*Statement) []Objection {
	var found []Objection
	for i, s := range statements {
		object := func(pointer, detail string, values ...any) {
			found = append(found, Objection{i, Withheld, Violation{Pointer: pointer, Rule: "launch", Detail: fmt.Sprintf(detail, values...)}})
		}
		if !(equality{}).ifi(s.Actor.IFI, l.Actor.IFI) {
			object("/actor", "the launch token is another actor's: send the actor it was made for")
		}
		if s.Context == nil || s.Context.Registration != l.Registration {
			object("/context/registration", "the launch token is of the registration %s: send that", l.Registration)
		}
		if !l.isAbout(s) {
			object("/object", "the launch token is of the activity %.200q: it must be the object, or the object's parent or grouping in contextActivities", l.Activity)
		}
	}
	return found
}

func (l *Launch) isAbout(s *Statement) bool {
	if s.Object.Kind != ObjectActivity {
		return false
	}
	is := func(a Activity) bool { return a.ID == l.Activity }
	return is(*s.Object.Activity) || s.Context != nil &&
		(slices.ContainsFunc(s.Context.Activities.Parent, is) || slices.ContainsFunc(s.Context.Activities.Grouping, is))
}

// mayReach refuses documents that are not of the principal's launch: state of its actor, activity and
// registration.
func (p Principal) mayReach(scope DocumentScope) error {
	l := p.Launch
	if l == nil || scope.Kind == StateDocument && !scope.AnyRegistration && scope.Activity == l.Activity &&
		scope.Registration == l.Registration && (equality{}).ifi(scope.Agent.IFI, l.Actor.IFI) {
		return nil
	}
	return Errorf(KindForbidden, "the launch token reaches only state of the agent and activity it was made for, with registration=%s", l.Registration)
}
