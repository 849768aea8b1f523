package attendance

import (
	"net/mail"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"acquis/connectors"
	"acquis/hub/sheet"
)

// people who have no staff number are named in this space.
var peopleSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("urn:acquis:attendance:people"))

var staffForm = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._/-]{0,63}$`)

// Columns that say who a line is about.
const (
	columnStaff  = "matricule"
	columnMail   = "mail"
	columnFamily = "nom"
	columnGiven  = "prénom"
)

var personColumns = []sheet.Column{
	{Name: columnStaff, Also: []string{"numéro d'agent", "staff number"}},
	{Name: columnMail, Also: []string{"e-mail", "email", "courriel", "adresse électronique", "mél"}},
	{Name: columnFamily, Also: []string{"nom de famille", "family name", "last name"}},
	{Name: columnGiven, Also: []string{"prenom", "given name", "first name"}},
}

// person returns the account of whom a line is about, and the keys by which the sheet names them. A name alone names
// nobody.
func (s *settings) person(row sheet.Row, faults *sheet.Faults) (seen connectors.IdentitySeen, ok bool) {
	staff, address := row.Get(columnStaff), strings.ToLower(row.Get(columnMail))
	seen.Name = strings.TrimSpace(row.Get(columnGiven) + " " + row.Get(columnFamily))
	before := len(*faults)
	if staff != "" && !staffForm.MatchString(staff) {
		faults.Add(row.Line, columnStaff, "staff-number", "this is no staff number")
	}
	if address != "" && !isMail(address) {
		faults.Add(row.Line, columnMail, "mail", "this is no mail address")
	}
	if staff == "" && address == "" {
		faults.Add(row.Line, columnStaff, "person", "give a staff number or a mail address: people are never found by their names")
	}
	if len(*faults) > before {
		return seen, false
	}
	if staff != "" {
		seen.Account = connectors.Account{HomePage: s.StaffNumbers, Name: staff}
		seen.Related = append(seen.Related, connectors.Key{Kind: connectors.KeyMatricule, HomePage: s.StaffNumbers, Value: staff})
	} else {
		seen.Account = s.unnumbered("participant", address)
	}
	if address != "" {
		seen.Related = append(seen.Related, connectors.Key{Kind: connectors.KeyMbox, Value: address})
	}
	return seen, true
}

// unnumbered is the account of somebody without a staff number: the statement holds no address.
func (s *settings) unnumbered(as, text string) connectors.Account {
	folded := strings.Join(strings.Fields(strings.ToLower(text)), " ")
	return connectors.Account{HomePage: s.StaffNumbers, Name: as + "-" + uuid.NewSHA1(peopleSpace, []byte(folded)).String()}
}

func isMail(address string) bool {
	parsed, err := mail.ParseAddress(address)
	return err == nil && parsed.Address == address && parsed.Name == ""
}

// registration ties everything that a person does in a session together.
func registration(of string, who connectors.Account) uuid.UUID {
	return uuid.NewSHA1(peopleSpace, []byte("registration\n"+of+"\n"+who.HomePage+"\n"+who.Name))
}
