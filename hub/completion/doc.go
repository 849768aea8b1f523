// Package completion turns statements into completions: one record for each person and item of the
// catalogue.
//
//	statement -> Interpret -> Fact                  interpret.go, verb.go, value.go
//	facts by alias and item, a set                  fact.go, code.go, leaf.go
//	facts of a person's aliases -> Sum -> Completion  sum.go
//	the one writer that follows the log and what people change  consolidator.go and the files step_*.go
//	folding everything again                        rebuild.go
//	reading                                         query.go
//
// A completion depends on what is stored and linked alone: not on the order in which it came, nor on how
// often, nor on when somebody looks.
package completion
