// Package connectortest holds the suite that every connector passes, and the fakes of the providers: real HTTP
// handlers with the shapes and the traps of the real ones.
package connectortest
