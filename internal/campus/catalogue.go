package campus

import (
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
)

// kind is what an activity is, and so which provider speaks about it.
type kind int

const (
	pixCampaign kind = iota
	course
	module
	session
	programme
	kinds
)

type subject struct {
	slug, fr, en string
}

var subjects = []subject{
	{"accessibilite", "Accessibilité numérique", "Digital accessibility"},
	{"cybersecurite", "Cybersécurité au quotidien", "Everyday cybersecurity"},
	{"donnees-ouvertes", "Données ouvertes", "Open data"},
	{"ia-generative", "IA générative dans l’administration", "Generative AI in public service"},
	{"ecoconception", "Écoconception des services", "Sustainable service design"},
	{"gestion-produit", "Gestion de produit numérique", "Digital product management"},
	{"tableur", "Tableur pour décider", "Spreadsheets for decisions"},
	{"messagerie", "Messagerie et collaboration", "Mail and collaboration"},
	{"sql", "Interroger une base de données", "Querying a database"},
	{"python", "Python pour débuter", "First steps in Python"},
	{"design", "Concevoir avec les usagers", "Designing with users"},
	{"rgpd", "Protéger les données personnelles", "Protecting personal data"},
	{"agilite", "Travailler en équipe agile", "Working in an agile team"},
	{"cartographie", "Cartographie et données géographiques", "Maps and geographic data"},
	{"statistiques", "Statistiques descriptives", "Descriptive statistics"},
	{"linux", "Administrer un système libre", "Running a free system"},
	{"reseaux", "Comprendre les réseaux", "Understanding networks"},
	{"achats", "Acheter un service numérique", "Buying digital services"},
	{"archivage", "Archivage électronique", "Electronic archives"},
	{"identite", "Identité numérique", "Digital identity"},
	{"visualisation", "Visualiser des données", "Data visualisation"},
	{"teletravail", "Manager à distance", "Managing at a distance"},
	{"logiciel-libre", "Logiciel libre et communs", "Free software and commons"},
	{"tests", "Tester un logiciel", "Testing software"},
	{"api", "Échanger par API", "Exchanging through APIs"},
	{"langage-clair", "Écrire en langage clair", "Writing in plain language"},
	{"crise", "Gérer une crise numérique", "Handling a digital crisis"},
	{"nuage", "Héberger dans le nuage", "Hosting in the cloud"},
	{"inclusion", "Inclusion numérique", "Digital inclusion"},
	{"strategie", "Stratégie numérique", "Digital strategy"},
}

// Activities is how many activities the catalogue has: one of each kind for each subject.
const Activities = 150

const activityTypes = "http://adlnet.gov/expapi/activities/"

// ActivityID returns the id of activity n of the catalogue; numbers beyond Activities start again.
func (c *Campus) ActivityID(n int) string {
	return activityID(kind(n%int(kinds)), n/int(kinds)%len(subjects))
}

func activityID(k kind, s int) string {
	slug := subjects[s].slug
	switch k {
	case pixCampaign:
		return homePix + "/campagnes/" + campaignCode(slug)
	case course:
		return fmt.Sprintf("%s/fr/courses/%d-%s", homeCourses, 4200+s*37, slug)
	case module:
		return "https://campus.example/modules/" + slug
	case session:
		return fmt.Sprintf("https://campus.example/sessions/%s-%02d", slug, s%9+1)
	default:
		return "https://campus.example/parcours/" + slug
	}
}

// campaignCode has the shape of the codes that Pix gives to campaigns: six letters, three digits.
func campaignCode(slug string) string {
	sum := crc32.ChecksumIEEE([]byte(slug))
	code := make([]byte, 0, 9)
	for range 6 {
		code = append(code, "BCDFGHJKMPQRTVWXY"[sum%17])
		sum /= 17
	}
	return string(fmt.Appendf(code, "%03d", crc32.ChecksumIEEE([]byte(slug))%1000))
}

// activityOf returns the activity of the kind about subject s, with its definition.
func activityOf(k kind, s int) activity {
	sub := subjects[s]
	d := &definition{}
	switch k {
	case pixCampaign:
		d.Type = activityTypes + "assessment"
		d.Name = languageMap{"fr": "Campagne Pix : " + sub.fr, "en": "Pix campaign: " + sub.en}
		d.Extensions = extensions{homePix + "/xapi/campaign-type": "ASSESSMENT", homePix + "/xapi/target-profile": "Profil " + sub.fr}
	case course:
		d.Type = activityTypes + "course"
		d.Name = languageMap{"fr": sub.fr, "en": sub.en}
		d.MoreInfo = activityID(k, s)
	case module:
		d.Type = activityTypes + "module"
		d.Name = languageMap{"fr-FR": "Module : " + sub.fr, "en-GB": "Module: " + sub.en}
		d.Description = languageMap{"fr-FR": "Vingt minutes pour " + strings.ToLower(sub.fr), "en-GB": "Twenty minutes on " + strings.ToLower(sub.en)}
	case session:
		d.Type = activityTypes + "meeting"
		d.Name = languageMap{"fr": "Atelier : " + sub.fr, "en": "Workshop: " + sub.en}
	default:
		d.Type = "https://campus.example/xapi/activity-types/programme"
		d.Name = languageMap{"fr": "Parcours de reconversion : " + sub.fr, "en": "Retraining programme: " + sub.en}
	}
	return activity{ObjectType: "Activity", ID: activityID(k, s), Definition: d}
}

// part returns an activity inside another one: a page of a module, a chapter of a course.
func part(whole activity, kindName string, n int, name languageMap) activity {
	return activity{
		ObjectType: "Activity",
		ID:         fmt.Sprintf("%s/%s/%d", whole.ID, kindName, n),
		Definition: &definition{Type: activityTypes + "interaction", Name: name},
	}
}

const adlVerbs = "http://adlnet.gov/expapi/verbs/"

// verbs of the campus: the first Verbs of them are those that Bench uses.
var verbs = []verb{
	{adlVerbs + "progressed", languageMap{"fr": "a progressé dans", "en": "progressed"}},
	{adlVerbs + "experienced", languageMap{"fr": "a parcouru", "en": "experienced"}},
	{adlVerbs + "initialized", languageMap{"fr": "a commencé", "en": "started"}},
	{adlVerbs + "answered", languageMap{"fr": "a répondu à", "en": "answered"}},
	{adlVerbs + "completed", languageMap{"fr": "a terminé", "en": "completed"}},
	{adlVerbs + "terminated", languageMap{"fr": "a quitté", "en": "left"}},
	{adlVerbs + "passed", languageMap{"fr": "a réussi", "en": "passed"}},
	{adlVerbs + "registered", languageMap{"fr": "s’est inscrit à", "en": "registered for"}},
	{adlVerbs + "attended", languageMap{"fr": "a assisté à", "en": "attended"}},
	{adlVerbs + "shared", languageMap{"fr": "a partagé ses résultats de", "en": "shared the results of"}},
	{adlVerbs + "failed", languageMap{"fr": "a échoué à", "en": "failed"}},
	{"http://id.tincanapi.com/verb/earned", languageMap{"fr": "a obtenu", "en": "earned"}},
	{adlVerbs + "commented", languageMap{"fr": "a commenté", "en": "commented on"}},
	{adlVerbs + "voided", languageMap{"fr": "a annulé", "en": "voided"}},
	{adlVerbs + "interacted", languageMap{"fr": "a accompagné", "en": "tutored"}},
	{"https://campus.example/xapi/verbs/planned", languageMap{"fr": "a prévu", "en": "planned"}},
}

// Verbs is how many verbs Bench uses.
const Verbs = 12

// VerbID returns the id of verb n of Bench; numbers beyond Verbs start again.
func (c *Campus) VerbID(n int) string {
	return verbs[n%Verbs].ID
}

// verbNamed finds a verb by the last segment of its id, which is written in this package's source.
func verbNamed(name string) verb {
	return verbs[slices.IndexFunc(verbs, func(v verb) bool { return strings.HasSuffix(v.ID, "/"+name) })]
}
