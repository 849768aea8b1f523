// Package ops is what operators and their machines ask: is the process alive (/healthz), may it
// have traffic (/readyz), how is it doing (/metrics), what is it (/version). None needs a
// credential, and none shows more than names, so errors of checks go to the log only.
package ops
