// Package programme knows who is trained together, towards what, and how far they and their organisations
// are.
//
//	programme.go, member.go  made-to-measure programmes, retraining tracks, the directors' programme
//	progress.go              how far members and cohorts are, from completions
//	target.go                who has the basic digital skills, and by when all are to have them
//	figure.go, tally.go      agents, hours and shares by organisation and period
//	table.go                 where all of it is kept
package programme
