package directory

import (
	"fmt"
	"slices"
	"strconv"

	"acquis/hub"
	"acquis/hub/sheet"
	"acquis/lrs"
)

// MaxImport is the size of the largest file that an import takes, in bytes.
const MaxImport = 32 << 20

// Report says what an import did, or with DryRun would do.
type Report struct {
	DryRun    bool            `json:"dryRun"`
	Encoding  sheet.Encoding  `json:"encoding"`  // as which the file was read
	Separator string          `json:"separator"` // between cells
	Lines     int             `json:"lines"`     // that say something
	Created   int             `json:"created"`
	Updated   int             `json:"updated"`
	Unchanged int             `json:"unchanged"`
	Absent    int             `json:"absent"` // people of the scope whom the file does not name
	Ended     int             `json:"ended"`  // of those, who were ended
	Steps     []Step          `json:"steps"`  // what changes, at most maxSteps
	Faults    []lrs.Violation `json:"faults"` // lines that are left out, in a dry run whatever is wrong
}

// Step is what becomes of somebody or something by an import.
type Step struct {
	Line    int      `json:"line,omitempty"` // 0 for who is absent
	Target  string   `json:"target"`         // an id, "" for who gets one
	Action  string   `json:"action"`         // create, update, end
	Members []string `json:"members,omitempty"`
}

// maxSteps bounds the steps that a report tells; its counts tell of all.
const maxSteps = 1000

func (r *Report) step(s Step) {
	switch s.Action {
	case "create":
		r.Created++
	case "update":
		r.Updated++
	case "end":
		r.Ended++
	default:
		r.Unchanged++
		return
	}
	if len(r.Steps) < maxSteps {
		r.Steps = append(r.Steps, s)
	}
}

// read reads the file of an import.
func (r *Report) read(file []byte, columns []sheet.Column) ([]sheet.Row, error) {
	if len(file) > MaxImport {
		return nil, lrs.Errorf(lrs.KindTooLarge, "the file has %d bytes, at most %d are taken: cut it in parts", len(file), MaxImport)
	}
	table, err := sheet.Read(file, columns)
	if err != nil {
		return nil, err
	}
	r.Encoding, r.Separator, r.Lines = table.Encoding, string(table.Separator), len(table.Rows)
	r.Steps, r.Faults = []Step{}, []lrs.Violation{}
	return table.Rows, nil
}

// refuse refuses the file for its faults, unless lines at fault are to be left out or it is a dry run,
// whose report tells them.
func (r *Report) refuse(faults sheet.Faults, skip bool) error {
	slices.SortStableFunc(faults, func(a, b lrs.Violation) int { return lineOf(a.Pointer) - lineOf(b.Pointer) })
	r.Faults = append(r.Faults, faults...)
	if skip || r.DryRun {
		return nil
	}
	return faults.Err()
}

// lineOf is the line of a pointer such as /line/12/mail.
func lineOf(pointer string) (line int) {
	_, _ = fmt.Sscanf(pointer, "/line/%d", &line) // 0 when it is none
	return line
}

// dayIn reads a day of a row, 0 when there is none.
func dayIn(r sheet.Row, column string, faults *sheet.Faults) hub.Day {
	text := r.Get(column)
	if text == "" {
		return 0
	}
	d, err := hub.ParseDay(text)
	if err != nil {
		faults.Add(r.Line, column, "date", "%s", err.Error())
	}
	return d
}

// numberIn reads a number of a row, -1 when there is none.
func numberIn(r sheet.Row, column string, faults *sheet.Faults) int {
	text := r.Get(column)
	if text == "" {
		return -1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		faults.Add(r.Line, column, "number", "%.40q is no number: write digits alone", text)
	}
	return n
}

// moved is a history of places with a move to another one from a day on; 0 is the day on which it is
// noticed. Who had no place yet has always had this one, as far as is known. The place may stand in it
// already.
func moved[P any](history []P, to, from, today hub.Day, place func(hub.Span) P, here func(P) bool, span func(*P) *hub.Span) []P {
	history = slices.Clone(history)
	begin := from
	if begin == 0 && len(history) > 0 {
		begin = today
	}
	for i := range history {
		s := span(&history[i])
		if !s.Covers(max(begin, 1)) && !(from == 0 && s.Covers(today)) {
			continue
		}
		if here(history[i]) {
			if from != 0 {
				s.From = from
			}
			if to != 0 {
				s.To = to
			}
			return history
		}
		if s.From >= begin { // it would have ended before it began
			history = slices.Delete(history, i, i+1)
		} else {
			s.To = begin - 1
		}
		break
	}
	return append(history, place(hub.Span{From: begin, To: to}))
}
