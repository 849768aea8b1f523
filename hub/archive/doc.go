// Package archive reads and writes files of statements: what `acquis export` makes, and what other record
// stores give. It does no I/O of its own beyond the readers and writers that it is given.
package archive
