package hubapi

import (
	"context"
	_ "embed"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"acquis/docstore"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/completion"
	"acquis/hub/list"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/problem"
)

// CatalogueDocument is the part of the OpenAPI document about the catalogue, activities, programmes, targets and figures.
//
//go:embed catalogue.json
var CatalogueDocument []byte

// Catalogue answers for the catalogue and for what activities mean.
type Catalogue struct {
	who       server.Authenticator
	catalogue *catalogue.Catalogue
	store     docstore.Store // of the activities that were seen
	problems  *problem.Writer
}

// NewCatalogue returns the surface over a catalogue. store has the activities that were seen.
func NewCatalogue(who server.Authenticator, c *catalogue.Catalogue, store docstore.Store, problems *problem.Writer) *Catalogue {
	return &Catalogue{who, c, store, problems}
}

// Mount adds the resources.
func (s *Catalogue) Mount(r *gin.RouterGroup) {
	server.MountRoutes(r, s.who, s.problems, server.Routes{
		"GET /catalogue/items":                 s.listItems,
		"GET /catalogue/items/:item":           s.getItem,
		"PUT /catalogue/items/:item":           s.putItem,
		"GET /catalogue/items/:item/history":   s.itemHistory,
		"GET /catalogue/terms":                 s.getTerms,
		"PUT /catalogue/expertises/:expertise": s.putExpertise,
		"PUT /catalogue/providers/:provider":   s.putProvider,
		"POST /catalogue/import":               s.importFile,
		"POST /catalogue/import-starter":       s.importStarter,
		"GET /mappings":                        s.listMappings,
		"POST /mappings":                       s.putMapping,
		"GET /mappings/:mapping":               s.getMapping,
		"DELETE /mappings/:mapping":            s.removeMapping,
		"GET /mappings/:mapping/history":       s.mappingHistory,
		"GET /activities":                      s.listActivities,
		"POST /activities/map":                 s.mapActivity,
	})
}

// actor is who acts on the hub.
func actor(c *server.Call) hub.Caller {
	return hub.Caller{Principal: c.Caller.Principal, Address: c.Caller.Address}
}

// maxThing bounds the body that says what one thing is.
const maxThing = 1 << 20

// item is an item as it goes over the wire.
type item struct {
	catalogue.Item
	Revision string `json:"revision,omitempty"`
}

// listItems answers GET /api/catalogue/items.
func (s *Catalogue) listItems(c *server.Call) error {
	limit, after, err := c.List("kind", "status", "modality", "expertise", "provider", "language", "text", "part", "format")
	if err != nil {
		return err
	}
	f := catalogue.Filter{
		Kind: catalogue.Kind(c.Query("kind")), Status: catalogue.Status(c.Query("status")), Modality: catalogue.Modality(c.Query("modality")),
		Expertise: c.Query("expertise"), Provider: c.Query("provider"), Language: c.Query("language"), Text: c.Query("text"),
		Part: hub.ItemID(c.Query("part")), After: hub.ItemID(after), Limit: limit,
	}
	profile, err := wantsCSV(c)
	if err != nil {
		return err
	}
	if profile != "" {
		f.Limit = catalogue.MaxImport // more than there can be
		items, _, err := s.catalogue.List(c.Ctx(), actor(c), f)
		if err != nil {
			return err
		}
		return answerCSV(c, profile, "catalogue", itemColumns, items)
	}
	items, more, err := s.catalogue.List(c.Ctx(), actor(c), f)
	if err != nil {
		return err
	}
	next := ""
	if more {
		next = string(items[len(items)-1].ID)
	}
	return c.Answer(http.StatusOK, "", server.PageOf(items, next, func(i catalogue.Item) item { return item{Item: i} }))
}

var itemColumns = []list.Column[catalogue.Item]{
	{Name: "id", Of: func(i *catalogue.Item) string { return string(i.ID) }},
	{Name: "kind", Of: func(i *catalogue.Item) string { return string(i.Kind) }},
	{Name: "title_fr", Of: func(i *catalogue.Item) string { return i.Title["fr"] }},
	{Name: "title_en", Of: func(i *catalogue.Item) string { return i.Title["en"] }},
	{Name: "expertise", Of: func(i *catalogue.Item) string { return i.Expertise }},
	{Name: "provider", Of: func(i *catalogue.Item) string { return i.Provider }},
	{Name: "languages", Of: func(i *catalogue.Item) string { return strings.Join(i.Languages, " ") }},
	{Name: "minutes", Of: func(i *catalogue.Item) string { return strconv.Itoa(i.Minutes) }},
	{Name: "modality", Of: func(i *catalogue.Item) string { return string(i.Modality) }},
	{Name: "status", Of: func(i *catalogue.Item) string { return string(i.Status) }},
	{Name: "rule", Of: func(i *catalogue.Item) string {
		if len(i.Versions) == 0 {
			return ""
		}
		return i.Versions[len(i.Versions)-1].Rule.String()
	}},
	{Name: "from", Of: func(i *catalogue.Item) string {
		if len(i.Versions) == 0 {
			return ""
		}
		return i.Versions[len(i.Versions)-1].InForce.From.String()
	}},
}

// getItem answers GET /api/catalogue/items/{item}.
func (s *Catalogue) getItem(c *server.Call) error {
	row, err := s.catalogue.Item(c.Ctx(), actor(c), hub.ItemID(c.Param("item")))
	if err != nil {
		return err
	}
	return answerItem(c, row)
}

func answerItem(c *server.Call, row docstore.Row[catalogue.Item]) error {
	return c.Answer(http.StatusOK, server.ETagOf(row.Revision), item{row.Value, server.ETagOf(row.Revision)})
}

// putItem answers PUT /api/catalogue/items/{item}: it makes the item or replaces it. With If-Match only the revision
// that was read is replaced.
func (s *Catalogue) putItem(c *server.Call) error {
	expected, err := expectedOf(c)
	if err != nil {
		return err
	}
	var body item
	if err := c.Read(maxThing, &body); err != nil {
		return err
	}
	id := hub.ItemID(c.Param("item"))
	if body.ID != "" && body.ID != id {
		return asInAddress("/id", string(id))
	}
	body.ID = id
	agreed, err := consent(c)
	if err != nil {
		return err
	}
	row, err := s.catalogue.PutItem(c.Ctx(), actor(c), body.Item, expected, agreed)
	if err != nil {
		return staleIf(expected, err)
	}
	return answerItem(c, row)
}

// asInAddress refuses a body about something else than its address.
func asInAddress(pointer, value string) error {
	return &lrs.Error{Kind: lrs.KindInvalid, Detail: "a name cannot be changed", Violations: []lrs.Violation{{
		Pointer: pointer, Rule: "fixed", Detail: "must be " + value + ", as in the address, or be left out",
	}}}
}

// expectedOf is the revision that If-Match names, nil without.
func expectedOf(c *server.Call) (*lrs.Instant, error) {
	if c.GetHeader("If-Match") == "" {
		if c.GetHeader("If-None-Match") == "*" {
			none := lrs.Instant(0)
			return &none, nil
		}
		return nil, nil
	}
	revision, err := c.IfMatch()
	return &revision, err
}

func staleIf(expected *lrs.Instant, err error) error {
	if expected != nil {
		return server.Stale(err)
	}
	return err
}

// consent reads what a change may do beyond adding.
func consent(c *server.Call) (agreed catalogue.Consent, err error) {
	if agreed.Correct, err = flag(c, "correct"); err != nil {
		return agreed, err
	}
	agreed.Move, err = flag(c, "move")
	return agreed, err
}

// flag reads a parameter that is true or false, false without one.
func flag(c *server.Call, name string) (bool, error) {
	switch c.DefaultQuery(name, "false") {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, lrs.Errorf(lrs.KindInvalid, "the parameter %s must be true or false", name)
}

// itemHistory answers GET /api/catalogue/items/{item}/history.
func (s *Catalogue) itemHistory(c *server.Call) error { return s.history(c, "item/"+c.Param("item")) }

func (s *Catalogue) history(c *server.Call, target string) error {
	limit, after, err := c.List()
	if err != nil {
		return err
	}
	edits, next, err := s.catalogue.History(c.Ctx(), actor(c), target, limit, after)
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", server.PageOf(edits, next, func(e catalogue.Edit) catalogue.Edit { return e }))
}

// terms are what items refer to.
type terms struct {
	Expertises []catalogue.Expertise `json:"expertises"`
	Providers  []catalogue.Provider  `json:"providers"`
}

// getTerms answers GET /api/catalogue/terms.
func (s *Catalogue) getTerms(c *server.Call) error {
	expertises, providers, err := s.catalogue.Terms(c.Ctx(), actor(c))
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", terms{expertises, providers})
}

// putExpertise answers PUT /api/catalogue/expertises/{expertise}.
func (s *Catalogue) putExpertise(c *server.Call) error {
	var body catalogue.Expertise
	if err := c.Read(maxThing, &body); err != nil {
		return err
	}
	if id := c.Param("expertise"); body.ID != "" && body.ID != id {
		return asInAddress("/id", id)
	}
	body.ID = c.Param("expertise")
	if err := s.catalogue.PutExpertise(c.Ctx(), actor(c), body); err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", body)
}

// putProvider answers PUT /api/catalogue/providers/{provider}.
func (s *Catalogue) putProvider(c *server.Call) error {
	var body catalogue.Provider
	if err := c.Read(maxThing, &body); err != nil {
		return err
	}
	if id := c.Param("provider"); body.ID != "" && body.ID != id {
		return asInAddress("/id", id)
	}
	body.ID = c.Param("provider")
	if err := s.catalogue.PutProvider(c.Ctx(), actor(c), body); err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", body)
}

// fileFormats are the media types of imports.
var fileFormats = map[string]catalogue.Format{
	"text/csv": catalogue.CSV, "application/yaml": catalogue.YAML, "application/x-yaml": catalogue.YAML, "text/yaml": catalogue.YAML,
}

// importFile answers POST /api/catalogue/import.
func (s *Catalogue) importFile(c *server.Call) error {
	mediaType, _, err := mime.ParseMediaType(c.GetHeader("Content-Type"))
	format, known := fileFormats[mediaType]
	if err != nil || !known {
		return lrs.Errorf(lrs.KindUnsupportedMediaType, "a catalogue is taken as text/csv or application/yaml: send it with that Content-Type")
	}
	return s.take(c, func(in catalogue.Import) (catalogue.Report, error) {
		if in.File, err = c.Body(catalogue.MaxImport); err != nil {
			return catalogue.Report{}, err
		}
		in.Format = format
		return s.catalogue.Import(c.Ctx(), actor(c), in)
	})
}

// importStarter answers POST /api/catalogue/import-starter.
func (s *Catalogue) importStarter(c *server.Call) error {
	return s.take(c, func(in catalogue.Import) (catalogue.Report, error) {
		in.Format, in.File = catalogue.YAML, catalogue.Starter()
		return s.catalogue.Import(c.Ctx(), actor(c), in)
	})
}

func (s *Catalogue) take(c *server.Call, take func(catalogue.Import) (catalogue.Report, error)) error {
	dry, err := flag(c, "dryRun")
	if err != nil {
		return err
	}
	agreed, err := consent(c)
	if err != nil {
		return err
	}
	report, err := take(catalogue.Import{DryRun: dry, Consent: agreed})
	if err != nil {
		return err
	}
	return c.Answer(http.StatusOK, "", report)
}

// seen is an activity as it goes over the wire.
type seen struct {
	IRI    string `json:"iri"`
	Source string `json:"source,omitempty"`
	Count  int64  `json:"count"`
	First  string `json:"first"`
	Last   string `json:"last"`
}

// listActivities answers GET /api/activities: those that mean no item, the most frequent first.
func (s *Catalogue) listActivities(c *server.Call) error {
	limit, after, err := c.List("source", "format")
	if err != nil {
		return err
	}
	profile, err := wantsCSV(c)
	if err != nil {
		return err
	}
	shown := func(a completion.Activity) seen {
		return seen{a.IRI, a.Source, a.Count, a.First.String(), a.Last.String()}
	}
	if profile == "" {
		found, next, err := completion.UnknownActivities(c.Ctx(), s.store, actor(c), c.Query("source"), limit, after)
		if err != nil {
			return err
		}
		return c.Answer(http.StatusOK, "", server.PageOf(found, next, shown))
	}
	var all []seen
	err = s.everyActivity(c.Ctx(), actor(c), c.Query("source"), func(a completion.Activity) { all = append(all, shown(a)) })
	if err != nil {
		return err
	}
	return answerCSV(c, profile, "activities", []list.Column[seen]{
		{Name: "iri", Of: func(a *seen) string { return a.IRI }},
		{Name: "source", Of: func(a *seen) string { return a.Source }},
		{Name: "count", Of: func(a *seen) string { return strconv.FormatInt(a.Count, 10) }},
		{Name: "first", Of: func(a *seen) string { return a.First }},
		{Name: "last", Of: func(a *seen) string { return a.Last }},
	}, all)
}

// mostActivities bounds a CSV of activities.
const mostActivities = 100_000

func (s *Catalogue) everyActivity(ctx context.Context, caller hub.Caller, source string, take func(completion.Activity)) error {
	after, count := "", 0
	for {
		found, next, err := completion.UnknownActivities(ctx, s.store, caller, source, server.MaxLimit, after)
		if err != nil {
			return err
		}
		for a := range slices.Values(found) {
			take(a)
		}
		if count += len(found); next == "" || count >= mostActivities {
			return nil
		}
		after = next
	}
}

// meaning says what an activity means.
type meaning struct {
	IRI    string     `json:"iri"`
	Source string     `json:"source,omitempty"`
	Item   hub.ItemID `json:"item"`
}

// mapActivity answers POST /api/activities/map.
func (s *Catalogue) mapActivity(c *server.Call) error {
	var body meaning
	if err := c.Read(maxThing, &body); err != nil {
		return err
	}
	row, err := s.catalogue.MapTo(c.Ctx(), actor(c), body.Source, body.IRI, body.Item)
	if err != nil {
		return err
	}
	return answerMapping(c, row)
}
