package lrs_test

import (
	"testing"

	"acquis/internal/campus"
	"acquis/lrs"
)

// benchStatements are statements of the load generator, 1.2 kB each.
func benchStatements() [][]byte {
	world := campus.New(1)
	statements := make([][]byte, 256)
	for i := range statements {
		statements[i] = world.Bench(i*31, 0)
	}
	return statements
}

func benchDecoded(b *testing.B) []*lrs.Statement {
	b.Helper()
	var statements []*lrs.Statement
	for _, body := range benchStatements() {
		statements = append(statements, decoded(b, string(body), lrs.V103))
	}
	return statements
}

func BenchmarkDecode(b *testing.B) {
	statements := benchStatements()
	limits := lrs.Limits{Batch: 100, Statement: 1 << 20, Depth: 50}
	b.SetBytes(int64(len(statements[0])))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := lrs.DecodeStatement(statements[i%len(statements)], lrs.V103, limits); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAccept(b *testing.B) {
	statements, a := benchDecoded(b), assignment(b, lrs.V103)
	for name, known := range map[string]*lrs.TermCache{"terms known": lrs.NewTermCache(), "terms new": nil} {
		b.Run(name, func(b *testing.B) {
			a.Known = known
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				lrs.Accept(statements[i%len(statements)], a).Seal(someStored)
			}
		})
	}
}

func BenchmarkTerms(b *testing.B) {
	statements := benchDecoded(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		lrs.Terms(statements[i%len(statements)], "a source")
	}
}

func BenchmarkEqual(b *testing.B) {
	statements, again := benchDecoded(b), benchDecoded(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if !lrs.Equal(statements[i%len(statements)], again[i%len(statements)], lrs.V103) {
			b.Fatal("they differ")
		}
	}
}
