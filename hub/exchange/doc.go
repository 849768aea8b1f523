// Package exchange moves statements between this store and others: where those that came from elsewhere
// come from, what is forwarded to whom, what is pulled from whom.
package exchange
