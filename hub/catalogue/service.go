package catalogue

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// Who may do what. The catalogue tells nothing about people.
const (
	readers  = lrs.RoleAdministrator | lrs.RoleOperator | lrs.RoleLicenceManager | lrs.RoleBIReader | lrs.RoleAuditor
	managers = lrs.RoleAdministrator | lrs.RoleOperator
)

// Filter says which items are wanted; "" stands for any.
type Filter struct {
	Kind      Kind
	Status    Status
	Modality  Modality
	Expertise string
	Provider  string
	Language  string
	Text      string     // in the title in some language, or the id, whatever its case
	Part      hub.ItemID // what the items, parcours, ask for
	After     hub.ItemID
	Limit     int // at least 1
}

func (f Filter) wants(i Item) bool {
	return i.ID > f.After && (f.Kind == "" || i.Kind == f.Kind) && (f.Status == "" || i.Status == f.Status) &&
		(f.Modality == "" || i.Modality == f.Modality) && (f.Expertise == "" || i.Expertise == f.Expertise) &&
		(f.Provider == "" || i.Provider == f.Provider) && (f.Language == "" || slices.Contains(i.Languages, f.Language)) &&
		(f.Text == "" || i.speaksOf(f.Text)) && (f.Part == "" || slices.Contains(i.Items(), f.Part))
}

func (i Item) speaksOf(text string) bool {
	text = strings.ToLower(text)
	if strings.Contains(string(i.ID), text) {
		return true
	}
	for _, title := range i.Title {
		if strings.Contains(strings.ToLower(title), text) {
			return true
		}
	}
	return false
}

// List returns items by id, and whether there are more.
func (c *Catalogue) List(ctx context.Context, caller hub.Caller, f Filter) (items []Item, more bool, err error) {
	if err := caller.Has(readers, "read the catalogue"); err != nil {
		return nil, false, err
	}
	picture, err := c.Refresh(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, item := range picture.Items() {
		if f.wants(item) {
			items = append(items, item)
		}
	}
	if len(items) > f.Limit {
		return items[:f.Limit], true, nil
	}
	return items, false, nil
}

// Item returns an item with its revision. KindNotFound when there is none.
func (c *Catalogue) Item(ctx context.Context, caller hub.Caller, id hub.ItemID) (docstore.Row[Item], error) {
	return get(ctx, c, caller, Items, "item", string(id))
}

// Mapping returns a mapping with its revision. KindNotFound when there is none.
func (c *Catalogue) Mapping(ctx context.Context, caller hub.Caller, id string) (docstore.Row[Mapping], error) {
	return get(ctx, c, caller, Mappings, "mapping", id)
}

func get[T any](ctx context.Context, c *Catalogue, caller hub.Caller, table docstore.Table[T], what, id string) (docstore.Row[T], error) {
	if err := caller.Has(readers, "read the catalogue"); err != nil {
		return docstore.Row[T]{}, err
	}
	if !isName(id) {
		return docstore.Row[T]{}, notFound(what, id)
	}
	row, err := table.Get(ctx, c.store, House, id)
	if lrs.KindOf(err) == lrs.KindNotFound {
		err = notFound(what, id)
	}
	return row, err
}

// isName tells whether something can have the name, so that what strangers ask for is never a fault of ours.
func isName(id string) bool {
	return id != "" && len(id) <= maxIRI && utf8.ValidString(id) && !strings.ContainsFunc(id, unicode.IsControl)
}

func notFound(what, id string) error {
	return lrs.Errorf(lrs.KindNotFound, "there is no %s %.100q in the catalogue", what, id)
}

// Terms lists the expertises in their order and the providers by id.
func (c *Catalogue) Terms(ctx context.Context, caller hub.Caller) (expertises []Expertise, providers []Provider, err error) {
	if err := caller.Has(readers, "read the catalogue"); err != nil {
		return nil, nil, err
	}
	kept, err := all[string](ctx, c.store, Expertises)
	if err != nil {
		return nil, nil, err
	}
	for _, id := range sortedKeys(kept) {
		expertises = append(expertises, kept[id].Value)
	}
	slices.SortStableFunc(expertises, func(a, b Expertise) int { return cmp.Compare(a.Order, b.Order) })
	offering, err := all[string](ctx, c.store, Providers)
	for _, id := range sortedKeys(offering) {
		providers = append(providers, offering[id].Value)
	}
	return expertises, providers, err
}

// MappingFilter says which mappings are wanted; "" stands for any.
type MappingFilter struct {
	Item   hub.ItemID
	Source string
	Form   Form
	Text   string // in the IRI
	After  string // id
	Limit  int
}

// Mappings returns mappings by id, and whether there are more.
func (c *Catalogue) Mappings(ctx context.Context, caller hub.Caller, f MappingFilter) (found []Mapping, more bool, err error) {
	if err := caller.Has(readers, "read the catalogue"); err != nil {
		return nil, false, err
	}
	if _, err := c.Refresh(ctx); err != nil {
		return nil, false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, m := range c.mappings {
		if id > f.After && (f.Item == "" || m.Item == f.Item) && (f.Source == "" || m.Source == f.Source) &&
			(f.Form == "" || m.Form == f.Form) && strings.Contains(m.IRI, f.Text) {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(a, b Mapping) int { return cmp.Compare(a.ID, b.ID) })
	if len(found) > f.Limit {
		return found[:f.Limit], true, nil
	}
	return found, false, nil
}

// Consent says what a change may do beyond adding.
type Consent struct {
	Correct bool // change rules that were in force: completions by them are judged anew
	Move    bool // take mappings from one item to another
}

// PutItem makes an item or replaces it, and returns it as it is then. Unless expected is nil, the item
// must have that revision, 0 when there must be none: KindConflict otherwise.
func (c *Catalogue) PutItem(ctx context.Context, caller hub.Caller, item Item, expected *lrs.Instant, consent Consent) (docstore.Row[Item], error) {
	err := c.act(ctx, caller, "item.put", "item/"+string(item.ID), func(w *work) {
		w.correct, w.move = consent.Correct, consent.Move
		w.expect(w.items[item.ID].Revision, expected)
		w.plainly().item(item)
	})
	if err != nil {
		return docstore.Row[Item]{}, err
	}
	return Items.Get(ctx, c.store, House, string(item.ID))
}

// PutMapping makes a mapping or replaces the one of the same form, IRI and source. Statements that came before
// are folded again by it.
func (c *Catalogue) PutMapping(ctx context.Context, caller hub.Caller, m Mapping, consent Consent) (docstore.Row[Mapping], error) {
	id := mappingID(m)
	err := c.act(ctx, caller, "mapping.put", "mapping/"+id, func(w *work) {
		w.move = consent.Move
		w.plainly().mapping(m)
	})
	if err != nil {
		return docstore.Row[Mapping]{}, err
	}
	return Mappings.Get(ctx, c.store, House, id)
}

// MapTo says that an activity, of a source or "" for everybody's, means an item.
func (c *Catalogue) MapTo(ctx context.Context, caller hub.Caller, source, activityIRI string, item hub.ItemID) (docstore.Row[Mapping], error) {
	return c.PutMapping(ctx, caller, Mapping{Form: Exact, IRI: activityIRI, Source: source, Item: item}, Consent{})
}

// RemoveMapping takes a mapping away. What statements said by it no longer counts.
func (c *Catalogue) RemoveMapping(ctx context.Context, caller hub.Caller, id string, expected *lrs.Instant) error {
	return c.act(ctx, caller, "mapping.remove", "mapping/"+id, func(w *work) {
		row, known := w.mappings[id]
		w.expect(row.Revision, expected)
		if !known {
			w.err = notFound("mapping", id)
			return
		}
		w.plainly().removeMapping(id)
	})
}

// PutExpertise makes an expertise or replaces it.
func (c *Catalogue) PutExpertise(ctx context.Context, caller hub.Caller, e Expertise) error {
	return c.act(ctx, caller, "expertise.put", "expertise/"+e.ID, func(w *work) { w.plainly().expertise(e) })
}

// PutProvider makes a provider or replaces it.
func (c *Catalogue) PutProvider(ctx context.Context, caller hub.Caller, v Provider) error {
	return c.act(ctx, caller, "provider.put", "provider/"+v.ID, func(w *work) { w.plainly().provider(v) })
}

// expect refuses when somebody wants to replace another revision than there is.
func (w *work) expect(found lrs.Instant, expected *lrs.Instant) {
	if expected != nil && *expected != found {
		w.err = lrs.Errorf(lrs.KindConflict, "this was changed by somebody else meanwhile, or is there already: read it again and decide anew")
	}
}

// act carries out a change if the caller may, and puts it on record.
func (c *Catalogue) act(ctx context.Context, caller hub.Caller, action, target string, prepare func(*work)) error {
	noun, verb, _ := strings.Cut(action, ".")
	err := caller.Has(managers, verb+" a "+noun)
	if err == nil {
		_, err = c.change(ctx, caller, false, prepare)
	}
	return hub.Record(ctx, c.options.Audit, caller, hub.Act{Action: "catalogue." + action, Target: shortened(target)}, err)
}

// shortened keeps what strangers wrote from filling the audit log.
func shortened(target string) string {
	const most = 120
	if len(target) > most {
		return strings.ToValidUTF8(target[:most], "") + "…"
	}
	return target
}

// History lists the edits of something, such as item/ia-generative, the newest first.
func (c *Catalogue) History(ctx context.Context, caller hub.Caller, target string, limit int, after string) (edits []Edit, next string, err error) {
	if err := caller.Has(readers, "read the catalogue"); err != nil {
		return nil, "", err
	}
	if !isName(target) || !utf8.ValidString(after) || strings.ContainsRune(after, 0) {
		return nil, "", nil
	}
	found, next, err := Edits.Scan(ctx, c.store, docstore.Scan{Index: "target", Prefix: docstore.Tuple(target), Descending: true, Limit: limit, After: after})
	for _, f := range found {
		edits = append(edits, f.Row.Value)
	}
	return edits, next, err
}
