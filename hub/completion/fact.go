package completion

import (
	"math/bits"
	"slices"
	"strings"

	"acquis/hub"
	"acquis/lrs"
)

// Milestones is a set of what can be reached in an item. None follows from another.
type Milestones uint8

// The milestones, as statements tell them.
const (
	Started    Milestones = 1 << iota // initialized, attempted, attended
	Progressed                        // progressed, or a progress was told
	Completed                         // completed
	Passed                            // passed, or completed with the score that the mapping asks for
	Failed                            // failed
	Certified                         // earned: a badge, a certificate, a diploma
	Validated                         // the provider says that a whole path is done
)

var milestoneNames = [...]string{"started", "progressed", "completed", "passed", "failed", "certified", "validated"}

// String names the milestones, separated by spaces.
func (m Milestones) String() string {
	names := make([]string, 0, bits.OnesCount8(uint8(m)))
	for i, name := range milestoneNames {
		if m&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// ParseMilestones reads the names of milestones, separated by spaces.
func ParseMilestones(names string) (m Milestones, err error) {
	for name := range strings.FieldsSeq(names) {
		i := slices.Index(milestoneNames[:], name)
		if i < 0 {
			return 0, lrs.Errorf(lrs.KindInvalid, "%.60q is no state: use %s", name, strings.Join(milestoneNames[:], ", "))
		}
		m |= 1 << i
	}
	return m, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Milestones) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMilestones(string(text))
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (m Milestones) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// Notes is a set of remarks about how a fact was read.
type Notes uint8

// The notes.
const (
	OfPart      Notes = 1 << iota // a part of the item was spoken of: it shows activity and time, never an outcome
	Closing                       // its duration is that of the attempt so far
	Clamped                       // a progress beyond its scale was taken for the end of the scale
	Unreadable                    // a progress is no number, and was left out
	ByThreshold                   // passed by the score that the mapping asks for
)

var noteNames = [...]string{"of-part", "closing", "clamped", "unreadable", "by-threshold"}

// String names the notes, separated by spaces.
func (n Notes) String() string {
	var names []string
	for i, name := range noteNames {
		if n&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// MarshalText implements encoding.TextMarshaler.
func (n Notes) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// Fact is what one statement says about one item. Stored names it among the facts of an alias and item.
type Fact struct {
	Stored    lrs.Instant
	Statement lrs.ID
	At        lrs.Instant // when it happened; never after Stored
	Source    string
	Does      Milestones
	Notes     Notes
	Content   lrs.ContentKey // equal for statements that tell the same; zero when nothing tells a repeat
	Attempt   uint64         // equal for statements of one registration and session; 0 for none
	Progress  *float64       // 0 to 100
	Score     *Score
	Measured  int64  // ms, 0 for none
	Announced int64  // ms, 0 for none
	Stage     Stage  // of Pix
	Earned    string // the activity that was earned
}

// Score is a score as it was told.
type Score struct {
	Scaled *float64 `json:"scaled,omitempty"` // -1 to 1; of raw, min and max where those alone are told
	Raw    *float64 `json:"raw,omitempty"`
	Min    *float64 `json:"min,omitempty"`
	Max    *float64 `json:"max,omitempty"`
}

// above reports whether a score is better than another: by the scaled score, which a score without one
// yields to, else by the raw one.
func (s *Score) above(other *Score) bool {
	if other == nil {
		return true
	}
	if (s.Scaled != nil) != (other.Scaled != nil) {
		return s.Scaled != nil
	}
	if s.Scaled != nil {
		return *s.Scaled > *other.Scaled
	}
	if (s.Raw != nil) != (other.Raw != nil) {
		return s.Raw != nil
	}
	return s.Raw != nil && *s.Raw > *other.Raw
}

// Stage is how far somebody came in a campaign that has stages.
type Stage struct {
	Reached int `json:"reached"`
	Of      int `json:"of"`
}

// before orders facts by when they happened, then by when they were stored: no two are alike.
func (f *Fact) before(other *Fact) bool {
	if f.At != other.At {
		return f.At < other.At
	}
	return f.Stored < other.Stored
}

// place is where facts lie together.
type place struct {
	alias hub.AliasID
	item  hub.ItemID
}
