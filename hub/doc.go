// Package hub holds the nouns that everything about people and learning shares: ids, days, spans and
// periods. What is done with them stands below: directory (organisations, people, identities), catalogue
// (what can be learned), completion (the fold of statements), programme (cohorts, targets, figures).
//
// No package of the hub does I/O. They keep documents through docstore, read the log through lrs, and
// are given clock and ids.
package hub

// PersonID names a person of the directory. It is random and tells nothing about them; names,
// addresses and accounts stay in the directory.
type PersonID string

// OrganisationID names an organisation of the directory, as whoever imports it calls it.
type OrganisationID string

// ItemID names something of the catalogue that can be completed: a module or a parcours.
type ItemID string

// AliasID stands for one identity by which a platform calls somebody. It is a keyed digest, so that
// whoever reads it cannot guess the address or account behind it.
type AliasID string
