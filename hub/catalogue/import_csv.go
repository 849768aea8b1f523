package catalogue

import (
	"bytes"
	"strconv"
	"strings"

	"acquis/hub"
	"acquis/hub/sheet"
	"acquis/lrs"
)

// The columns of a CSV of items, and of one of mappings. Which of them it is, the column iri tells.
var (
	itemColumns = []sheet.Column{
		{Name: "id", Required: true},
		{Name: "kind", Also: []string{"type"}},
		{Name: "title_", Family: true},
		{Name: "description_", Family: true},
		{Name: "expertise"},
		{Name: "provider"},
		{Name: "languages", Also: []string{"langues"}},
		{Name: "minutes"},
		{Name: "modality", Also: []string{"modalité"}},
		{Name: "status", Also: []string{"statut"}},
		{Name: "rule", Also: []string{"règle"}},
		{Name: "from"},
		{Name: "to"},
		{Name: "activities", Also: []string{"activités"}},
	}
	mappingColumns = []sheet.Column{
		{Name: "iri", Required: true},
		{Name: "item", Required: true},
		{Name: "form"},
		{Name: "source"},
		{Name: "scale"},
		{Name: "extensions"},
		{Name: "progress_score"},
		{Name: "passed_at"},
		{Name: "parts"},
	}
)

// readCSV reads a CSV of items or of mappings.
func readCSV(content []byte) (*file, error) {
	columns, ofMappings := itemColumns, false
	header, _, _ := bytes.Cut(content, []byte("\n"))
	for cell := range bytes.FieldsFuncSeq(header, func(r rune) bool { return r == ';' || r == ',' || r == '\t' || r == '"' || r == '\r' }) {
		if bytes.EqualFold(bytes.TrimSpace(cell), []byte("iri")) {
			columns, ofMappings = mappingColumns, true
		}
	}
	table, err := sheet.Read(content, columns)
	if err != nil {
		return nil, err
	}
	f := &file{encoding: table.Encoding}
	var faults sheet.Faults
	for _, row := range table.Rows {
		r := cells{row, table.Header, &faults}
		if ofMappings {
			m := r.mapping()
			f.entries = append(f.entries, entry{row.Line, func(p pen) { p.mapping(m) }})
		} else {
			f.add(row.Line, r.item())
		}
	}
	return f, faults.Err()
}

// cells are a line that is being read.
type cells struct {
	sheet.Row
	header []string
	faults *sheet.Faults
}

func (r cells) has(column string) bool {
	for _, name := range r.header {
		if name == column {
			return true
		}
	}
	return false
}

func (r cells) item() itemEntry {
	e := itemEntry{id: hub.ItemID(r.Get("id"))}
	text := func(column string, set func(*Item, string)) {
		if value := r.Get(column); r.has(column) {
			e.set = append(e.set, func(i *Item) { set(i, value) })
		}
	}
	if r.Get("kind") != "" {
		text("kind", func(i *Item, v string) { i.Kind = Kind(strings.ToLower(v)) })
	}
	if r.Get("status") != "" {
		text("status", func(i *Item, v string) { i.Status = Status(strings.ToLower(v)) })
	}
	text("expertise", func(i *Item, v string) { i.Expertise = v })
	text("provider", func(i *Item, v string) { i.Provider = v })
	text("modality", func(i *Item, v string) { i.Modality = Modality(strings.ToLower(v)) })
	if r.has("languages") {
		languages := r.List("languages")
		e.set = append(e.set, func(i *Item) { i.Languages = languages })
	}
	if r.has("minutes") {
		minutes := r.number("minutes")
		e.set = append(e.set, func(i *Item) { i.Minutes = minutes })
	}
	for _, column := range r.header {
		if language, ok := strings.CutPrefix(column, "title_"); ok {
			text(column, func(i *Item, v string) { i.Title = i.Title.with(language, v) })
		}
		if language, ok := strings.CutPrefix(column, "description_"); ok {
			text(column, func(i *Item, v string) { i.Description = i.Description.with(language, v) })
		}
	}
	r.version(&e)
	for _, iri := range r.List("activities") {
		e.activities = append(e.activities, activity(iri))
	}
	return e
}

// version reads the rule of a parcours and the days on which it is in force.
func (r cells) version(e *itemEntry) {
	from, to := r.day("from"), r.day("to")
	text := r.Get("rule")
	if text == "" {
		if from != 0 || to != 0 {
			r.faults.Add(r.Line, "rule", "required", "must be given where from or to is: the days are those on which the rule is in force")
		}
		return
	}
	rule, err := ParseRule(text)
	if err != nil {
		r.faults.Add(r.Line, "rule", "rule", "%v", err)
		return
	}
	e.versions = []Version{{InForce: hub.Span{From: from, To: to}, Rule: rule}}
}

// activity is the mapping of an IRI, or with a star at its end of all that begin so.
func activity(iri string) Mapping {
	if prefix, starred := strings.CutSuffix(iri, "*"); starred {
		return Mapping{Form: Prefix, IRI: prefix}
	}
	return Mapping{Form: Exact, IRI: iri}
}

func (r cells) mapping() Mapping {
	m := Mapping{
		Form: Form(strings.ToLower(r.Get("form"))), IRI: r.Get("iri"), Source: r.Get("source"), Item: hub.ItemID(r.Get("item")),
		Progress: Progress{Scale: Scale(strings.ToLower(r.Get("scale"))), Extensions: r.List("extensions"), Score: strings.ToLower(r.Get("progress_score"))},
		Parts:    r.yes("parts"),
	}
	if m.Form == "" {
		m.Form = Exact
	}
	if text := r.Get("passed_at"); text != "" {
		value, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
		if err != nil {
			r.faults.Add(r.Line, "passed_at", "number", "%.40q is no number from 0 to 1", text)
		}
		m.PassedAt = value
	}
	return m
}

func (r cells) number(column string) int {
	text := r.Get(column)
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		r.faults.Add(r.Line, column, "number", "%.40q is no whole number", text)
	}
	return n
}

func (r cells) yes(column string) bool {
	switch strings.ToLower(r.Get(column)) {
	case "", "no", "non", "0", "false":
	case "yes", "oui", "1", "true":
		return true
	default:
		r.faults.Add(r.Line, column, "value", "must be yes or no")
	}
	return false
}

// day reads a date as 2026-09-01 or, as French spreadsheets write it, 01/09/2026.
func (r cells) day(column string) hub.Day {
	text := r.Get(column)
	if text == "" {
		return 0
	}
	if parts := strings.Split(text, "/"); len(parts) == 3 && len(parts[2]) == 4 {
		text = parts[2] + "-" + pad(parts[1]) + "-" + pad(parts[0])
	}
	day, err := hub.ParseDay(text)
	if err != nil {
		r.faults.Add(r.Line, column, "date", "%v", lrs.Errorf(lrs.KindInvalid, "%.40q is no date: write it as 2026-09-01 or 01/09/2026", r.Get(column)))
	}
	return day
}

func pad(number string) string {
	if len(number) == 1 {
		return "0" + number
	}
	return number
}
