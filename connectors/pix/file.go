package pix

import (
	"crypto/sha1" // pseudonyms of Pix are SHA-1, and those made for imports look the same
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"acquis/connectors"
	"acquis/hub/sheet"
)

// The imports that a file can be for.
const (
	importCampaign      = "campaign-results"
	importCertification = "certification-results"
)

const (
	largestFile = 64 << 20
	linesAtOnce = 200
)

// table is an export of Pix Orga. Its columns are found by name, since many depend on the campaign.
type table struct {
	*sheet.Sheet
	faults sheet.Faults
	zone   *time.Location
}

// column returns the first of the names that the table has as a column, "" when it has none.
func (t *table) column(names ...string) string {
	for _, name := range names {
		if at := slices.IndexFunc(t.Header, func(given string) bool { return plainName(given) == plainName(name) }); at >= 0 {
			return t.Header[at]
		}
	}
	return ""
}

// need is column, and a fault when there is none.
func (t *table) need(names ...string) string {
	name := t.column(names...)
	if name == "" {
		t.faults.Add(1, names[0], "column", "the column is missing: hand in the file as Pix Orga exports it in French")
	}
	return name
}

// plainName makes names equal that differ in kinds of apostrophes and spaces only.
func plainName(name string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("’", "'", "\u00a0", " ", "\u202f", " ").Replace(strings.ToLower(name))), " ")
}

// readFiles reads the exports that were handed in. Faults quote no cell, for it may hold a name. One with faults is refused whole, every fault with its line.
func (c *connector) readFiles(files []connectors.File, yield func(connectors.Page) error) error {
	for _, file := range files {
		t, err := c.open(file)
		if err != nil {
			return err
		}
		kind := file.As
		if kind == "" && t.column("numéro de certification") != "" {
			kind = importCertification
		}
		read := c.campaignLines
		if kind == importCertification {
			read = c.certificationLines
		}
		pages := read(t)
		if err := t.faults.Err(); err != nil {
			return connectors.Faultf(connectors.NeedsPerson, "A file that was handed in has faults, and nothing of it was taken. The detail lists each with its line.", "%.80q: %v", file.Name, err)
		}
		for _, page := range pages {
			if err := yield(page); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *connector) open(file connectors.File) (*table, error) {
	if file.Size > largestFile {
		return nil, connectors.Faultf(connectors.NeedsPerson, "A file that was handed in is too large. Hand it in by parts.", "%.80q has %d bytes, at most %d are taken", file.Name, file.Size, largestFile)
	}
	reader, err := file.Open()
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(reader, largestFile))
	if err := errors.Join(err, reader.Close()); err != nil {
		return nil, err
	}
	read, err := sheet.Read(content, []sheet.Column{{Family: true}})
	if err != nil {
		return nil, connectors.Faultf(connectors.NeedsPerson, "A file that was handed in has faults, and nothing of it was taken. The detail lists each with its line.", "%.80q: %v", file.Name, err)
	}
	return &table{Sheet: read, zone: c.settings.Files.location}, nil
}

// when reads a date as Pix Orga writes it: day and time in Paris, or, in older files, a day of UTC.
func (t *table) when(row sheet.Row, column string) (at time.Time) {
	text := row.Get(column)
	if text == "" || strings.EqualFold(text, "NA") {
		return at
	}
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at
	}
	for _, form := range []string{"02/01/2006 15:04", "02/01/2006 15:04:05", "02/01/2006"} {
		at, err := time.ParseInLocation(form, text, t.zone)
		if err != nil {
			continue
		}
		if at.Format(form) != text {
			t.faults.Add(row.Line, column, "date", "this hour does not exist in %s: clocks were put forward over it", t.zone)
			return time.Time{}
		}
		// The hour that comes twice in October is taken for the first of the two.
		if earlier := at.Add(-time.Hour); earlier.Format(form) == text && form != "02/01/2006" {
			at = earlier
		}
		return at.UTC()
	}
	t.faults.Add(row.Line, column, "date", "this is no date: write it as 03/02/2026 11:12")
	return at
}

// figure reads a number with a decimal comma; nil for NA, - and nothing.
func (t *table) figure(row sheet.Row, column string) *float64 {
	text := strings.ReplaceAll(strings.ReplaceAll(row.Get(column), "\u00a0", ""), "\u202f", "")
	if text == "" || text == "-" || strings.EqualFold(text, "NA") {
		return nil
	}
	n, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	if err != nil || n < 0 || n > 1e6 {
		t.faults.Add(row.Line, column, "number", "this is no number: write it as 0,82")
		return nil
	}
	return &n
}

// yes reads Oui and Non.
func (t *table) yes(row sheet.Row, column string) bool {
	switch strings.ToLower(row.Get(column)) {
	case "oui":
		return true
	case "non", "na", "":
		return false
	}
	t.faults.Add(row.Line, column, "yes-no", "this is neither Oui nor Non")
	return false
}

// whose returns the account that stands for a key in imports. An export holds no participantId, so that its lines bear
// a pseudonym made of what the learner typed; the directory is told to whom both belong.
func whose(key connectors.Key) connectors.Account {
	sum := sha1.Sum([]byte("import\n" + string(key.Kind) + "\n" + key.HomePage + "\n" + key.Value))
	return connectors.Account{HomePage: HomePage, Name: hex.EncodeToString(sum[:])}
}

// gather cuts lines into pages.
type gather struct {
	pages []connectors.Page
	total int
}

func (g *gather) add(s *seen) {
	if len(g.pages) == 0 || g.pages[len(g.pages)-1].Items >= linesAtOnce {
		g.pages = append(g.pages, connectors.Page{Expected: g.total})
	}
	page := &g.pages[len(g.pages)-1]
	page.Items++
	page.Observations = append(page.Observations, s.observations...)
	page.Skipped = append(page.Skipped, s.skipped...)
}

func fullName(given, family string) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s", given, family))
}
