// Package problem writes the error answers of every HTTP surface: one table from kinds of
// error to statuses, one document, RFC 9457 (application/problem+json).
//
// The types are URNs, urn:acquis:problem:<name>: an installation has no address that all the
// others know, a relative reference would change its meaning with the base path, and nobody
// needs to fetch them. A client decides by type or status; title and detail are for people.
//
//	type                      status  when
//	invalid                   400     the request breaks a rule; violations says which
//	broken-body               400     the body ended or broke off before its end
//	unauthenticated           401     no credential or an unknown one; WWW-Authenticate
//	forbidden                 403     the credential lacks the scope
//	not-found                 404     nothing there, or not visible to the caller
//	method-not-allowed        405     the resource does not know the method; Allow
//	slow-body                 408     the body made no progress; the connection is closed
//	conflict                  409     another content under the same identity
//	precondition-failed       412     If-Match or If-None-Match does not hold
//	too-large                 413     a limit on size is passed
//	unsupported-media-type    415     a content type or encoding that is not taken
//	too-many-requests         429     a rate, a quota or a wait after wrong secrets; Retry-After
//	client-closed             499     the client went away; only logs and metrics see it
//	internal                  500     a fault of ours, in the log under the request id
//	unavailable               503     not now; Retry-After
package problem
