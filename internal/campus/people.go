package campus

import (
	"crypto/sha1" // xAPI's mbox_sha1sum is SHA-1 by definition
	"encoding/hex"
	"fmt"
	"strings"
)

// People is how many agents the campus has; agent numbers beyond it start again from the first.
const People = 20_000

// Where accounts are kept.
const (
	homePix       = "https://pix.example.org"
	homeCourses   = "https://openclassrooms.example.com"
	homeMatricule = "https://rh.campus.example/matricules"
	homeCohorts   = "https://campus.example/cohortes"
)

type ministry struct {
	name, domain string
}

var ministries = []ministry{
	{"Ministère des Marées", "ministere-marees.example"},
	{"Ministère des Forêts et des Chemins", "ministere-forets.example"},
	{"Ministère de l’Horlogerie publique", "ministere-horlogerie.example"},
	{"Ministère des Bibliothèques", "ministere-bibliotheques.example"},
	{"Ministère de l’Air et des Nuages", "ministere-nuages.example"},
	{"Ministère exemple", "ministere-exemple.example"},
}

var givenNames = strings.Fields(`Aldine Basile Céleste Dorian Églantine Fulbert Gwenola Hippolyte Isaure Josselin
	Kerwan Léopoldine Mahaut Nérée Ondine Philémon Quitterie Romaric Séraphine Théodule
	Ursuline Valère Wandrille Xavière Yseult Zéphyrin Amarante Barnabé Clélia Donatien
	Emeline Florimond Ghislain Héloïse Ignace Jacinthe Lazare Mélisande Noé Orphée`)

var familyNames = strings.Fields(`Abricourt Bellefontine Brindazur Calvadon Chantepluie Claircaillou Corvemont Coudrelle
	Dormebois Écumeval Épinelune Faribole Feuillardent Fontecaille Galipette Gaufrembert Givrelac Grandpépin
	Haltelune Houblonval Inventorin Jolibruit Jonquevert Kermirage Lampadou Lentillac Loutremer Luciolin
	Malicornet Merluchon Mirabellois Moulinvent Nacrevent Nébulard Noisetin Ombrepré Orangeval Oursinel
	Papillard Pâquerin Pommelune Quenouillet Radeleau Ricochard Rondecime Rosemiel Sablonnet Sautepluie
	Songevert Tambourel Tournepage Trèflebois Unvraimont Vallombre Ventdoux Verjusac Virelangue Volubilin
	Yaourtier Zinzolin`)

// identity is one of the ways in which agents are known to a provider.
type identity int

const (
	byMbox identity = iota
	byPix
	byCourses
	byMatricule
	bySHA1
	byOpenID
)

// usualIdentity says how agent n is known where no provider imposes its own account.
func usualIdentity(n int) identity {
	return [...]identity{byMbox, byMatricule, byMbox, byPix, byMbox, byCourses, bySHA1, byMbox, byMatricule, byOpenID}[n%10]
}

// agentName returns the name of agent n. Two agents can bear the same name, as in life.
func agentName(n int) (given, family string) {
	g, f := len(givenNames), len(familyNames)
	return givenNames[n%g], familyNames[(n*7+n/g)%f]
}

func agentMinistry(n int) ministry {
	return ministries[n%len(ministries)]
}

// agentMail is different for each agent below People.
func agentMail(n int) string {
	given, family := agentName(n)
	local := mailFolder.Replace(strings.ToLower(given + "." + family))
	if namesakes := n / (len(givenNames) * len(familyNames)); namesakes > 0 {
		local = fmt.Sprintf("%s%d", local, namesakes+1)
	}
	return local + "@" + agentMinistry(n).domain
}

var mailFolder = strings.NewReplacer("é", "e", "è", "e", "ê", "e", "ë", "e", "ï", "i", "â", "a")

// agentAs returns agent n as the identity shows it.
func agentAs(n int, as identity) actor {
	n %= People
	given, family := agentName(n)
	a := actor{ObjectType: "Agent", Name: given + " " + family}
	switch as {
	case byMbox:
		a.Mbox = "mailto:" + agentMail(n)
	case bySHA1:
		sum := sha1.Sum([]byte("mailto:" + agentMail(n)))
		a.Name, a.MboxSHA1Sum = "", hex.EncodeToString(sum[:])
	case byPix:
		a.Account = &account{homePix, fmt.Sprintf("%d", 400_000+n*3)}
	case byCourses:
		a.Account = &account{homeCourses, fmt.Sprintf("%d", 7_100_000+n*11)}
	case byMatricule:
		a.Account = &account{homeMatricule, fmt.Sprintf("M%06d", n*104_729%1_000_000)} // a prime: no two alike
	case byOpenID:
		a.OpenID = fmt.Sprintf("https://id.campus.example/agents/%05d", n)
	}
	return a
}

// Person returns names and mail address of agent n, as a provider knows them.
func (c *Campus) Person(n int) (given, family, mail string) {
	n %= People
	given, family = agentName(n)
	return given, family, agentMail(n)
}

// AgentJSON returns agent n as its statements in Bench name it: what the agent parameter of a query takes.
func (c *Campus) AgentJSON(n int) []byte {
	n %= People
	return marshal(agentAs(n, usualIdentity(n)))
}

// staff returns trainer or tutor number n: the last hundred agents never learn in the demo.
func staff(n int) actor {
	return agentAs(People-1-n%100, byMbox)
}

// cohort returns the identified Group that learner n follows a session or a programme with.
func cohort(n int, subject string) actor {
	first := n - n%4
	group := actor{
		ObjectType: "Group",
		Name:       fmt.Sprintf("Cohorte %d, %s", first/4+1, subject),
		Account:    &account{homeCohorts, fmt.Sprintf("cohorte-%04d", first/4+1)},
	}
	for member := first; member < first+4; member++ {
		group.Member = append(group.Member, agentAs(member, byMbox))
	}
	return group
}
