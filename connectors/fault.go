package connectors

import (
	"errors"
	"fmt"
	"time"

	"acquis/lrs"
)

// Class says what can be done about a Fault.
type Class string

// The classes.
const (
	RetryNow    Class = "retry-now"    // it may work at once; the client has tried already
	RetryLater  Class = "retry-later"  // it may work after Fault.Delay, or at the next scheduled time
	GiveUp      Class = "give-up"      // the answer makes no sense: trying again won't help until something changes
	NeedsPerson Class = "needs-person" // somebody has to decide or to mend something: the schedule stops for it
)

// Fault is why a run did not end clean. It tells it twice.
type Fault struct {
	Class    Class
	Sentence string        // for a licence manager: what happened, and what to do
	Detail   string        // for an engineer: what was asked, what came; no secrets, no personal data
	Delay    time.Duration // for RetryLater: how long at least; 0: till the next scheduled time
	Cause    error
}

func (f *Fault) Error() string {
	if f.Detail == "" {
		return f.Sentence
	}
	return f.Sentence + " (" + f.Detail + ")"
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// Faultf makes a fault; the detail is formatted, and an error among the values becomes its cause.
func Faultf(class Class, sentence, detail string, values ...any) *Fault {
	f := &Fault{Class: class, Sentence: sentence, Detail: fmt.Sprintf(detail, values...)}
	for _, v := range values {
		if err, is := v.(error); is {
			f.Cause = err
		}
	}
	return f
}

// FaultOf returns the fault in an error. One that has none is an internal failure, to be tried again: its text
// is for the log and is not in the fault.
func FaultOf(err error) *Fault {
	if f, is := errors.AsType[*Fault](err); is {
		return f
	}
	f := &Fault{
		Class: RetryLater, Cause: err, Detail: "see the log of the server at this time",
		Sentence: "Something failed in Acquis itself. The run will be tried again; if it goes on, show this to an engineer.",
	}
	if told, is := errors.AsType[*lrs.Error](err); is {
		f.Detail = told.Detail
	}
	return f
}

// MissingFields is the fault of fields that the settings map and that were found in no item, nil when there
// are none. A field that is not found is never taken for zero or empty.
func MissingFields(fields []Field) error {
	var missing string
	for _, f := range fields {
		if f.Required && f.Of > 0 && f.Found == 0 {
			missing += fmt.Sprintf("; %s of %s not found in %d of %d items", f.Name, f.Item, f.Of-f.Found, f.Of)
		}
	}
	if missing == "" {
		return nil
	}
	return &Fault{
		Class:    NeedsPerson,
		Sentence: "The provider's answer lacks a field that Acquis was told to read. Nothing was changed: run the probe of this connection and correct the mapping of fields.",
		Detail:   missing[2:],
	}
}
