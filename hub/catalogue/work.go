package catalogue

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// Action says what becomes of something.
type Action string

// The actions.
const (
	Added     Action = "added"
	Changed   Action = "changed"
	Unchanged Action = "unchanged"
	Removed   Action = "removed"
)

// Step is what a change does to one thing.
type Step struct {
	Line   int      `json:"line,omitzero"` // of the file, 0 without one
	Target string   `json:"target"`        // such as item/ia-generative
	Action Action   `json:"action"`
	Fields []string `json:"fields,omitempty"` // that change
}

// work is a catalogue in which somebody changes things, before anything is written.
type work struct {
	today   hub.Day
	correct bool // rules that were in force may change
	move    bool // mappings may go from one item to another

	items      map[hub.ItemID]docstore.Row[Item]
	mappings   map[string]docstore.Row[Mapping]
	expertises map[string]docstore.Row[Expertise]
	providers  map[string]docstore.Row[Provider]

	steps    []Step
	images   map[string]images      // of targets
	removed  map[string]lrs.Instant // revisions of mappings that are taken away
	judges   []func()               // run when everything is put
	faults   []lrs.Violation
	patterns map[string]traits // of patterns that were looked at
	err      error             // a refusal that is not about one thing
}

// images are how something was and is; nil for not at all.
type images struct{ before, after any }

// pen writes down where in what somebody sent the things come from.
type pen struct {
	*work
	line int
	at   func(member string) string
}

func pointer(member string) string { return "/" + member }

// plainly is for what came by itself.
func (w *work) plainly() pen { return pen{w, 0, pointer} }

func (w *work) putItem(item Item) { w.plainly().item(item) }

func (p pen) judge(do func(*judge)) {
	p.judges = append(p.judges, func() {
		j := &judge{at: p.at}
		do(j)
		p.faults = append(p.faults, j.found...)
	})
}

// item puts an item. Versions are numbered in their order; one that has no end ends when the next begins.
func (p pen) item(item Item) {
	before, known := p.items[item.ID]
	item.Versions = numbered(item.Versions, p.today)
	p.judge(func(j *judge) {
		p.judgeItem(j, item)
		if known {
			p.judgeChange(j, before.Value, item)
		}
	})
	p.items[item.ID] = docstore.Row[Item]{Key: keyOf(Items.Name, string(item.ID)), Revision: before.Revision, Value: item}
	note(p, "item/"+string(item.ID), string(item.ID), before.Value, item, known)
}

func keyOf(collection, id string) docstore.Key {
	return docstore.Key{Collection: collection, Partition: House, ID: id}
}

func numbered(versions []Version, today hub.Day) []Version {
	versions = withBegun(versions, today)
	for i := range versions {
		versions[i].Number = i + 1
		if i > 0 && versions[i-1].InForce.To == 0 && versions[i].InForce.From != 0 {
			versions[i-1].InForce.To = versions[i].InForce.From - 1
		}
	}
	return withBegun(versions, today)
}

// judgeChange guards what was completed by the rules of a parcours: they hold for the past.
func (p pen) judgeChange(j *judge, before, after Item) {
	if before.Kind != after.Kind {
		j.add("kind", "fixed", "a %s stays one: give the other an id of its own", before.Kind)
	}
	if p.correct || before.Status == Draft {
		return
	}
	for i, was := range before.Versions {
		member := fmt.Sprintf("versions/%d", i)
		if !was.Begun {
			continue
		}
		if i >= len(after.Versions) {
			j.add(member, "fixed", "the version %d was in force, and people may have completed the parcours by it: keep it, or correct it on purpose", was.Number)
			continue
		}
		is := after.Versions[i]
		if was.InForce.From != is.InForce.From || !reflect.DeepEqual(was.Rule, is.Rule) {
			j.add(member, "fixed", "the version %d has been in force, and people may have completed the parcours by it: give another version a later first day, or correct this one on purpose", was.Number)
		}
		if was.InForce.To != is.InForce.To && is.InForce.To != 0 && is.InForce.To < p.today-1 {
			j.add(member, "fixed", "the version %d cannot have ended on %s: let it end on %s or later, or correct it on purpose", was.Number, is.InForce.To, p.today-1)
		}
	}
}

// mapping puts a mapping, whose id follows from what it is about.
func (p pen) mapping(m Mapping) {
	m.ID = mappingID(m)
	before, known := p.mappings[m.ID]
	p.judge(func(j *judge) {
		p.judgeMapping(j, m)
		p.judgeOverlap(j, m)
		if before.Revision != 0 && before.Value.Item != m.Item && !p.move {
			j.add("item", "clash", "%s is mapped to %s already: leave it there, or say that it is to be moved to %s", m.IRI, before.Value.Item, m.Item)
		}
	})
	p.mappings[m.ID] = docstore.Row[Mapping]{Key: keyOf(Mappings.Name, m.ID), Revision: before.Revision, Value: m}
	note(p, "mapping/"+m.ID, "the "+string(m.Form)+" mapping of "+m.IRI, before.Value, m, known)
}

func mappingID(m Mapping) string {
	sum := sha256.Sum256([]byte(string(m.Form) + "\x00" + m.Source + "\x00" + m.IRI))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// judgeOverlap refuses a pattern when it and another one, neither of which goes first, take the same activity for
// different items.
func (p pen) judgeOverlap(j *judge, m Mapping) {
	if m.Form != Pattern || !p.known(m.IRI).sound {
		return
	}
	for _, id := range sortedKeys(p.mappings) {
		o := p.mappings[id].Value
		if o.Form != Pattern || o.ID == m.ID || o.Source != m.Source || o.Item == m.Item || !p.known(o.IRI).sound {
			continue
		}
		if a, b := p.known(m.IRI).begins, p.known(o.IRI).begins; !strings.HasPrefix(a, b) && !strings.HasPrefix(b, a) {
			continue // which most are, and looking closer is dear
		}
		if witness, both := overlap(m.IRI, o.IRI); both {
			j.add("iri", "overlap", "the pattern %s of %s and the pattern %s of %s both match %q, and none goes before the other: narrow one of them, or map that activity exactly and keep the patterns apart",
				m.IRI, m.Item, o.IRI, o.Item, witness)
		}
	}
}

// traits are what is to be known of a pattern before it is compared with others.
type traits struct {
	sound  bool
	begins string
}

func (w *work) known(pattern string) traits {
	t, done := w.patterns[pattern]
	if !done {
		t = traits{patternFault(pattern) == "", literalBegin(pattern)}
		w.patterns[pattern] = t
	}
	return t
}

func (p pen) removeMapping(id string) {
	before := p.mappings[id]
	delete(p.mappings, id)
	target := "mapping/" + id
	p.steps = append(p.steps, Step{Line: p.line, Target: target, Action: Removed})
	p.images[target] = images{before: before.Value}
	p.removed[id] = before.Revision
}

func (p pen) expertise(e Expertise) {
	before, known := p.expertises[e.ID]
	p.judge(func(j *judge) {
		j.id("id", e.ID)
		j.text("title", e.Title, true, maxTitle)
	})
	p.expertises[e.ID] = docstore.Row[Expertise]{Key: keyOf(Expertises.Name, e.ID), Revision: before.Revision, Value: e}
	note(p, "expertise/"+e.ID, "the expertise "+e.ID, before.Value, e, known)
}

func (p pen) provider(v Provider) {
	before, known := p.providers[v.ID]
	p.judge(func(j *judge) {
		j.id("id", v.ID)
		j.text("title", v.Title, true, maxTitle)
	})
	p.providers[v.ID] = docstore.Row[Provider]{Key: keyOf(Providers.Name, v.ID), Revision: before.Revision, Value: v}
	note(p, "provider/"+v.ID, "the provider "+v.ID, before.Value, v, known)
}

// note writes down what a put does. A second put of the same thing is a fault of what was sent.
func note[T any](p pen, target, name string, before, after T, known bool) {
	step := Step{Line: p.line, Target: target, Action: Added}
	if known {
		step.Fields = changedFields(before, after)
		step.Action = Changed
		if len(step.Fields) == 0 {
			step.Action = Unchanged
		}
	}
	if first := slices.IndexFunc(p.steps, func(s Step) bool { return s.Target == target }); first >= 0 {
		p.judge(func(j *judge) {
			j.add("", "repeated", "%s stands twice, first at line %d: keep one", name, p.steps[first].Line)
		})
		return
	}
	p.steps = append(p.steps, step)
	p.images[target] = images{after: after}
	if known {
		p.images[target] = images{before, after}
	}
}

// changedFields lists the members in which two values of a struct differ, by their names in JSON.
func changedFields(before, after any) (fields []string) {
	a, b := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range a.NumField() {
		if sameJSON(a.Field(i).Interface(), b.Field(i).Interface()) {
			continue
		}
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
		fields = append(fields, name)
	}
	return fields
}

func sameJSON(a, b any) bool {
	x, err := json.Marshal(a, json.Deterministic(true))
	if err != nil {
		return false
	}
	y, err := json.Marshal(b, json.Deterministic(true))
	return err == nil && (string(x) == string(y) || isEmptyJSON(x) && isEmptyJSON(y))
}

func isEmptyJSON(b []byte) bool {
	return slices.Contains([]string{"[]", "{}", "null", `""`}, string(b))
}

// settle judges everything that was put, and returns what is wrong with it.
func (w *work) settle() error {
	if w.err != nil {
		return w.err
	}
	for i := 0; i < len(w.judges); i++ {
		w.judges[i]()
	}
	w.judgeCycle()
	if len(w.faults) > 0 {
		return &lrs.Error{Kind: lrs.KindInvalid, Detail: "the catalogue cannot be like that, and nothing was changed", Violations: w.faults}
	}
	return nil
}

// judgeCycle refuses a cycle by the names of what is in it.
func (w *work) judgeCycle() {
	items := make(map[hub.ItemID]Item, len(w.items))
	for id, row := range w.items {
		items[id] = row.Value
	}
	_, cycle := rankAll(items)
	if len(cycle) < 3 { // none, or an item that asks for itself, which has been said
		return
	}
	names := make([]string, len(cycle))
	for i, id := range cycle {
		names[i] = fmt.Sprintf("%s (%s)", id, items[id].Title.In("en"))
	}
	at := "/versions"
	for _, step := range w.steps {
		if id, isItem := strings.CutPrefix(step.Target, "item/"); isItem && step.Line > 0 && slices.Contains(cycle, hub.ItemID(id)) {
			at = fmt.Sprintf("/line/%d/rule", step.Line)
		}
	}
	w.faults = append(w.faults, lrs.Violation{Pointer: at, Rule: "cycle", Detail: "a parcours cannot ask for itself, not through others either: " + strings.Join(names, " asks for ")})
}

// load reads the catalogue as it is.
func (c *Catalogue) load(ctx context.Context) (*work, docstore.Row[guard], error) {
	w := &work{today: c.today(), images: map[string]images{}, removed: map[string]lrs.Instant{}, patterns: map[string]traits{}}
	held, err := guards.Find(ctx, c.store, House, guardID)
	if err != nil {
		return nil, held, err
	}
	if w.items, err = all[hub.ItemID](ctx, c.store, Items); err != nil {
		return nil, held, err
	}
	if w.mappings, err = all[string](ctx, c.store, Mappings); err != nil {
		return nil, held, err
	}
	if w.expertises, err = all[string](ctx, c.store, Expertises); err != nil {
		return nil, held, err
	}
	w.providers, err = all[string](ctx, c.store, Providers)
	return w, held, err
}

func all[K ~string, T any](ctx context.Context, store docstore.Store, table docstore.Table[T]) (map[K]docstore.Row[T], error) {
	rows := map[K]docstore.Row[T]{}
	for row, err := range table.Rows(ctx, store, docstore.Scan{Limit: 1000}) {
		if err != nil {
			return nil, err
		}
		rows[K(row.ID)] = row
	}
	return rows, nil
}
