// Package limit decides how much a client may ask: rates by address and by credential, a daily quota by
// source, and a wait after wrong secrets.
//
// All of it is counted in this process and forgotten with it. Several processes behind a balancer each
// allow the whole, so a client may get up to as many times a limit as there are processes.
//
// Nothing that a stranger chooses grows memory: what is remembered is bounded in number and size, and
// beyond it those that were silent longest are forgotten. What a client asks on the machine itself, past
// no proxy, is not limited but for wrong secrets.
package limit
