package lrs_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"acquis/internal/campus"
	"acquis/lrs"
)

func TestTermCache(t *testing.T) {
	t.Run("drafts get the terms that they get without, from many goroutines at once", func(t *testing.T) {
		a, world := assignment(t, lrs.V103), campus.New(1)
		a.Known = lrs.NewTermCache()
		var working sync.WaitGroup
		for range 4 {
			working.Go(func() {
				for i := range 300 {
					s, err := lrs.DecodeStatement(world.Bench(i*31, 0), lrs.V103, lrs.Limits{})
					if err != nil {
						t.Error(err)
						return
					}
					d := lrs.Accept(s, a)
					if diff := cmp.Diff(lrs.Terms(d.Statement, a.Source), d.Terms); diff != "" {
						t.Errorf("statement %d: %s", i, diff)
					}
				}
			})
		}
		working.Wait()
	})
	t.Run("more values than it holds, and values longer than it holds, get their terms too", func(t *testing.T) {
		a := assignment(t, lrs.V103)
		a.Known = lrs.NewTermCache()
		s := decoded(t, string(benchStatements()[0]), lrs.V103)
		for i := range 1 << 15 {
			a.Source = strings.Repeat("x", i%400) + strconv.Itoa(i)
			if d := lrs.Accept(s, a); d.Terms[len(d.Terms)-1] != lrs.SourceTerm(a.Source) {
				t.Fatalf("the source %q has the term of another", a.Source)
			}
		}
	})
}
