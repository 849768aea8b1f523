package campus

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

// strangers is how many of the demo's learners no directory knows: their identities wait in the queue.
const strangers = 2

// directorates are those that each made-up ministry has.
var directorates = []string{"Direction des services", "Direction du numérique"}

// slug is how an organisation is called by its id.
func (m ministry) slug() string { return strings.TrimSuffix(m.domain, ".example") }

func directorateID(m ministry, n int) string { return fmt.Sprintf("%s-d%d", m.slug(), n+1) }

// OrganisationsCSV returns the ministries and their directorates with their headcounts, as a file for
// the import of organisations.
func (c *Campus) OrganisationsCSV() []byte {
	rows := [][]string{{"id", "name", "kind", "parent", "headcount", "headcount_day"}}
	day := c.start.AddDate(-1, 0, 0).Format("2006-01-02")
	for i, m := range ministries {
		rows = append(rows, []string{m.slug(), m.name, "ministry", "", "", ""})
		for n, name := range directorates {
			rows = append(rows, []string{directorateID(m, n), name + ", " + m.name, "directorate", m.slug(), strconv.Itoa(30 + 10*i + 5*n), day})
		}
	}
	return sheet(rows)
}

// PeopleCSV returns the demo's learners, save the last two, and the staff of sessions and programmes, as a
// file for the import of people. Each platform's account of a learner is among the accounts.
func (c *Campus) PeopleCSV() []byte {
	rows := [][]string{{"matricule", "ministry", "family_name", "given_name", "mail", "openid", "accounts", "organisation", "populations"}}
	for n := range demoLearners - strangers {
		rows = append(rows, personRow(n, "agent"))
	}
	for n := range 100 {
		rows = append(rows, personRow(People-1-n, "formateur"))
	}
	return sheet(rows)
}

func personRow(n int, population string) []string {
	given, family := agentName(n)
	home := agentMinistry(n)
	matricule := agentAs(n, byMatricule).Account
	var accounts []string
	for _, as := range []identity{byPix, byCourses, byMatricule} {
		a := agentAs(n, as).Account
		accounts = append(accounts, a.HomePage+"#"+a.Name)
	}
	populations := population
	if n%13 == 0 {
		populations += "|encadrant"
	}
	return []string{
		matricule.Name, home.slug(), family, given, agentMail(n), agentAs(n, byOpenID).OpenID, strings.Join(accounts, "|"),
		directorateID(home, n/len(ministries)%len(directorates)), populations,
	}
}

func sheet(rows [][]string) []byte {
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		panic(fmt.Sprintf("campus: a made-up table cannot be written: %v", err)) // a fault in this package
	}
	return []byte(b.String())
}
