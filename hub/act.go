package hub

import (
	"context"
	"errors"

	"acquis/lrs"
)

// Caller is who acts on the hub: with which roles, from where and why.
type Caller struct {
	lrs.Principal
	Address string // of the network, for the record
	Reason  string // what for, in the caller's own words; "" when none was given
}

// Outcome says how an act ended, in the words of the audit log.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	Denied  Outcome = "denied"  // not permitted
	Invalid Outcome = "invalid" // permitted, and refused for what it said
)

// Act is what somebody did, or tried to do, or read: what the audit log keeps. It names people by
// their ids only.
type Act struct {
	Action  string // noun and verb, such as person.merge
	Target  string // noun and id, such as person/4f…
	Detail  string // what there is to say of it, without names or addresses
	Count   int    // how many it was about, 0 for one
	Outcome Outcome
}

// Audit keeps what was done. Documents of the hub and the audit log lie in different partitions, so an
// act is recorded after it happened; the document's own history has it already.
type Audit interface {
	// Record appends to the audit log, durably.
	Record(ctx context.Context, caller Caller, act Act) error
}

// Record puts an act on record that ended with err, as done, denied or invalid, and returns err.
// Internal faults are no act and leave no record.
func Record(ctx context.Context, audit Audit, caller Caller, act Act, err error) error {
	var refusal *lrs.Error
	switch {
	case err == nil:
		act.Outcome = Done
	case !errors.As(err, &refusal):
		return err
	case refusal.Kind == lrs.KindForbidden:
		act.Outcome, act.Detail = Denied, refusal.Detail
	default:
		act.Outcome, act.Detail = Invalid, "refused"
	}
	if recorded := audit.Record(ctx, caller, act); recorded != nil {
		return errors.Join(err, recorded)
	}
	return err
}
