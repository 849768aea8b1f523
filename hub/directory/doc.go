// Package directory knows who the agents are: the organisations and their tree, the people, and by
// which identities the platforms call them.
//
//	an actor of a statement -> Key -> AliasID -> Alias -> PersonID -> Person -> Organisation on a day
//
// Names, addresses, accounts and numbers live in the collections people and aliases, and nowhere else.
// Everything else holds a PersonID, which is random, or an AliasID, which is a keyed digest.
//
// An alias is linked to a person by rule, or by somebody. Every link says by which rule, when and how
// sure; what a rule cannot decide waits in a queue. Names never link: they are shown as a hint to the
// one who decides.
package directory
