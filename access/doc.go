// Package access says who may do what: partner platforms (sources), the credentials and tokens that
// they and service accounts present, the JSON Schemas that a source's statements are held to, and the
// log of who changed any of it.
//
// A Directory answers the hot path from memory: Authenticate turns what a request presents into an
// lrs.Principal, which the services judge by. Tokens issues what content and OAuth clients hold. Admin
// changes things, one role and one audit entry at a time. All is kept through Store, which knows no
// permission.
package access
