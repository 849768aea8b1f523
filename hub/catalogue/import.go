package catalogue

import (
	"context"
	"fmt"
	"slices"

	"acquis/hub"
	"acquis/hub/sheet"
	"acquis/lrs"
)

// Format is how a file of an import is written.
type Format string

// The formats.
const (
	CSV  Format = "csv"
	YAML Format = "yaml"
)

// MaxImport is the size of the largest file that is taken, in bytes.
const MaxImport = 8 << 20

// Import asks to take a file into the catalogue.
type Import struct {
	Format Format
	File   []byte
	DryRun bool // only say what would be done
	Consent
}

// Report says what an import did, or would do.
type Report struct {
	DryRun   bool           `json:"dryRun"`
	Encoding sheet.Encoding `json:"encoding,omitempty"` // as which a CSV was read
	Counts   map[Action]int `json:"counts"`
	Steps    []Step         `json:"steps"`
}

// Import takes what a file says: it adds and changes, and takes nothing away. What a line leaves out stays
// as it is. The same file again changes nothing. When anything is wrong, all of it is said with its lines, and
// nothing is changed.
func (c *Catalogue) Import(ctx context.Context, caller hub.Caller, in Import) (Report, error) {
	report := Report{DryRun: in.DryRun, Counts: map[Action]int{}}
	err := caller.Has(managers, "import a catalogue")
	if err == nil {
		err = c.take(ctx, caller, in, &report)
	}
	if err == nil && in.DryRun {
		return report, nil
	}
	detail := fmt.Sprintf("added %d, changed %d, unchanged %d", report.Counts[Added], report.Counts[Changed], report.Counts[Unchanged])
	act := hub.Act{Action: "catalogue.import", Target: "catalogue", Detail: detail, Count: len(report.Steps)}
	return report, hub.Record(ctx, c.options.Audit, caller, act, err)
}

func (c *Catalogue) take(ctx context.Context, caller hub.Caller, in Import, report *Report) error {
	if len(in.File) > MaxImport {
		return lrs.Errorf(lrs.KindTooLarge, "the file has %d bytes, at most %d are taken: cut it in parts", len(in.File), MaxImport)
	}
	var read *file
	var err error
	switch in.Format {
	case CSV:
		read, err = readCSV(in.File)
	case YAML:
		read, err = readYAML(in.File)
	default:
		err = lrs.Errorf(lrs.KindInvalid, "a catalogue is imported from csv or yaml")
	}
	if err != nil {
		return err
	}
	report.Encoding = read.encoding
	steps, err := c.change(ctx, caller, in.DryRun, func(w *work) {
		w.correct, w.move = in.Correct, in.Move
		for _, e := range read.entries {
			e.put(pen{w, e.line, func(member string) string { return sheet.Pointer(e.line, member) }})
		}
	})
	if err != nil {
		return err
	}
	report.Steps = steps
	for _, step := range steps {
		report.Counts[step.Action]++
	}
	return nil
}

// file is what was read of a file.
type file struct {
	encoding sheet.Encoding
	entries  []entry
}

// entry is one thing that a file speaks of.
type entry struct {
	line int
	put  func(pen)
}

// itemEntry is what a file says about an item. What it does not say stays.
type itemEntry struct {
	id         hub.ItemID
	set        []func(*Item)
	versions   []Version // each replaces the one that begins on the same day
	activities []Mapping
}

// add makes entries of what a file says about an item at a line.
func (f *file) add(line int, e itemEntry) {
	f.entries = append(f.entries, entry{line, func(p pen) {
		item := Item{ID: e.id, Kind: Module, Status: Live}
		if row, known := p.items[e.id]; known {
			item = row.Value
		} else if len(e.versions) > 0 {
			item.Kind = Parcours
		}
		for _, set := range e.set {
			set(&item)
		}
		item.Versions = slices.Clone(item.Versions)
		for _, v := range e.versions {
			at := slices.IndexFunc(item.Versions, func(o Version) bool { return o.InForce.From == v.InForce.From })
			if at < 0 {
				item.Versions = append(item.Versions, v)
				continue
			}
			if v.InForce.To == 0 { // the next version may have ended it
				v.InForce.To = item.Versions[at].InForce.To
			}
			item.Versions[at] = v
		}
		slices.SortStableFunc(item.Versions, func(a, b Version) int { return int(a.InForce.From - b.InForce.From) })
		p.item(item)
	}})
	for _, m := range e.activities {
		m.Item = e.id
		f.entries = append(f.entries, entry{line, func(p pen) { p.mapping(m) }})
	}
}
