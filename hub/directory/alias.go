package directory

import (
	"time"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// State says what is known of an alias.
type State string

// The states of an alias.
const (
	Linked    State = "linked"    // to Person
	Waiting   State = "waiting"   // no rule knows whose it is
	Ambiguous State = "ambiguous" // a rule finds several: Candidates
	Ignored   State = "ignored"   // somebody decided that it is nobody's: a test account, a kiosk
)

// Rule is why an alias is linked.
type Rule string

// The rules, in the order in which they are tried. The first that finds somebody decides.
const (
	ByAccount Rule = "account"     // the account, OpenID or number stands in the person's file
	BySubject Rule = "sso-subject" // the sub of an identity provider stands in the person's file
	ByMail    Rule = "mail"        // an address at which the person was invited or is known, valid at the time
	ByAltMail Rule = "mail-alias"  // another address of the person, valid at the time
	ByDigest  Rule = "mail-digest" // the digest of an address of the person, valid at the time
	ByRelated Rule = "related"     // the provider says that another key, which is the person's, is of the same holder
	ByHand    Rule = "manual"      // somebody decided
)

// Confidence says how sure a link is.
type Confidence string

// The degrees of confidence.
const (
	Certain Confidence = "certain" // a key that only one can hold, or a person's decision
	High    Confidence = "high"    // a mail address
	Medium  Confidence = "medium"  // what follows from another key
)

// Sighting is an identity seen at a platform.
type Sighting struct {
	Key  Key
	Name string      // what the platform calls its holder, "" when it does not say; never used to link
	At   lrs.Instant // when the holder was called so
	// Related are keys that the provider itself says belong to the same holder: a member's mail address
	// beside the account.
	Related []Key
}

// Alias is an identity: what is known of the holder of a key.
type Alias struct {
	ID  hub.AliasID `json:"id"`
	Key Key         `json:"key"`
	Standing
	Names     []string    `json:"names,omitempty"`   // as platforms wrote them, at most maxNames
	Related   []Key       `json:"related,omitempty"` // as providers said, at most maxRelated
	FirstSeen lrs.Instant `json:"firstSeen"`         // of the holder's doings, to the day
	LastSeen  lrs.Instant `json:"lastSeen"`
	Updated   time.Time   `json:"updated"`           // when the document was written for the last time
	History   []Link      `json:"history,omitempty"` // what was decided, the oldest first, at most maxHistory
	// Matches are digests of the keys by which a person is found, as they are compared.
	Matches []string `json:"matches,omitempty"`
}

// Standing is whose an alias is, and why.
type Standing struct {
	State      State          `json:"state"`
	Person     hub.PersonID   `json:"person,omitempty"` // for Linked
	Rule       Rule           `json:"rule,omitempty"`
	Confidence Confidence     `json:"confidence,omitempty"`
	LinkedAt   time.Time      `json:"linkedAt,omitzero"`
	Candidates []hub.PersonID `json:"candidates,omitempty"` // whom a rule finds when it can't decide; for Linked, who else claims it; sorted
	Refused    []hub.PersonID `json:"refused,omitempty"`    // to whom no rule may link it: somebody unlinked it, sorted
	Moves      []Move         `json:"moves,omitempty"`      // by merges that count still, the oldest first
}

// Move is how a merge took an alias from one person to another.
type Move struct {
	Merge MergeID      `json:"merge"`
	From  hub.PersonID `json:"from"`
}

// MergeID names a merge of two people.
type MergeID string

// Link is a change of an alias's standing.
type Link struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"` // a credential, or ByRules
	Action Decision  `json:"action"`
	Reason string    `json:"reason,omitempty"` // in the words of who did it
	Before Standing  `json:"before"`           // State is "" for the first
	After  Standing  `json:"after"`
	Undone bool      `json:"undone,omitempty"` // it was taken back later
}

// ByRules is who decides when nobody does.
const ByRules = "rules"

// Decision names what changes an alias's standing.
type Decision string

// The decisions. Those of somebody (link, unlink, ignore) can be undone, the last one first.
const (
	DecideByRule Decision = "resolve" // rules found what the directory knows now
	DecideLink   Decision = "link"
	DecideUnlink Decision = "unlink"
	DecideIgnore Decision = "ignore"
	DecideUndo   Decision = "undo"
	DecideMove   Decision = "move" // two people were merged, or separated again
)

// Aliases are the identities, each in the partition of its id. Index keys: person; state, with the day
// last seen; match, by which a person's keys find it; candidate; unmatched, when it was last heard of
// what belongs to nobody; contested, of what is linked and claimed by others.
var Aliases = docstore.Table[Alias]{
	Collection: docstore.Collection{
		Name: "hub_aliases", Indexes: []string{"person", "state", "match", "candidate", "unmatched", "contested"},
		Class: docstore.IdentifyingData, Subject: "person", RetainedFrom: "unmatched",
	},
	Keys: aliasKeys,
}

func aliasKeys(a *Alias) (keys []docstore.IndexKey) {
	keys = append(keys, docstore.IndexKey{Index: "state", Key: docstore.Tuple(string(a.State), docstore.Number(a.LastSeen))})
	if a.Person != "" {
		keys = append(keys, docstore.IndexKey{Index: "person", Key: string(a.Person)})
	}
	if a.unmatched() {
		keys = append(keys, docstore.IndexKey{Index: "unmatched", Key: docstore.Number(lrs.InstantOf(a.Updated))})
	}
	if a.contested() {
		keys = append(keys, docstore.IndexKey{Index: "contested", Key: docstore.Number(a.LastSeen)})
	}
	for _, m := range a.Matches {
		keys = append(keys, docstore.IndexKey{Index: "match", Key: m})
	}
	for _, c := range a.Candidates {
		keys = append(keys, docstore.IndexKey{Index: "candidate", Key: string(c)})
	}
	return keys
}

// unmatched reports whether the alias is nobody's, so that it is not kept for long.
func (s Standing) unmatched() bool { return s.State == Waiting || s.State == Ambiguous }
