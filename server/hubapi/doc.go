// Package hubapi is how the hub is read and looked after over HTTP, below /api: organisations, people, identities, the
// catalogue, what activities mean, programmes, targets and figures. Each file answers for one noun; what it answers is
// laid down in the part of the OpenAPI document that stands beside it.
package hubapi
