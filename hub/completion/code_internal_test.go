package completion

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"acquis/lrs"
)

// drawFact draws any fact that can be.
func drawFact(t *rapid.T, stored lrs.Instant) Fact {
	real := rapid.Ptr(rapid.Float64Range(-1, 100), true)
	f := Fact{
		Stored: stored, At: stored - lrs.Instant(rapid.Int64Range(0, 1<<50).Draw(t, "age")),
		Source: rapid.SampledFrom([]string{"", "pix", "moodle"}).Draw(t, "source"),
		Does:   Milestones(rapid.Byte().Draw(t, "does")) & (Validated<<1 - 1), Notes: Notes(rapid.Byte().Draw(t, "notes")) & (ByThreshold<<1 - 1),
		Attempt: rapid.SampledFrom([]uint64{0, 1, 1 << 63}).Draw(t, "attempt"), Progress: real.Draw(t, "progress"),
		Measured: rapid.Int64Range(0, 1<<40).Draw(t, "measured"), Announced: rapid.Int64Range(0, 1<<40).Draw(t, "announced"),
		Stage:  Stage{rapid.IntRange(0, 4).Draw(t, "reached"), rapid.IntRange(0, 4).Draw(t, "of")},
		Earned: rapid.SampledFrom([]string{"", "https://pix.fr/xapi/badges/SOCLE", "pix"}).Draw(t, "earned"),
	}
	f.Statement = uuid.NewSHA1(uuid.Nil, []byte{byte(stored), byte(stored >> 8)})
	f.Content[3] = rapid.Byte().Draw(t, "content")
	if rapid.Bool().Draw(t, "scored") {
		f.Score = &Score{real.Draw(t, "scaled"), real.Draw(t, "raw"), real.Draw(t, "min"), real.Draw(t, "max")}
	}
	return f
}

func TestLeaf_code(t *testing.T) {
	t.Run("a leaf is read as it was written", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			want := &leaf{kept: rapid.Bool().Draw(t, "kept"), facts: []Fact{}}
			for i := range rapid.IntRange(0, 5).Draw(t, "facts") {
				want.facts = append(want.facts, drawFact(t, lrs.Instant(1<<50+i*7)))
			}
			for i := range rapid.IntRange(0, 3).Draw(t, "others") {
				want.others = append(want.others, lrs.Instant(1<<51+i))
			}
			got, err := decodeLeaf(encodeLeaf(want))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(leaf{})); diff != "" {
				t.Fatal(diff)
			}
		})
	})
	t.Run("another form is refused, not guessed", func(t *testing.T) {
		b := encodeLeaf(&leaf{})
		b[0]++
		if _, err := decodeLeaf(b); err == nil {
			t.Fatal("it was read")
		}
	})
}

// FuzzDecodeLeaf reads anything: what can be read is written as it was.
func FuzzDecodeLeaf(f *testing.F) {
	f.Add(encodeLeaf(&leaf{facts: []Fact{{Stored: 1 << 50, At: 1 << 49, Source: "pix", Does: Completed}}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := decodeLeaf(b)
		if err != nil {
			return
		}
		again, err := decodeLeaf(encodeLeaf(l))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(encodeLeaf(l), encodeLeaf(again)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestLeaf_split(t *testing.T) {
	t.Run("a leaf beyond its bounds is parted in order, each within the bounds, nothing lost", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			step := rapid.SampledFrom([]lrs.Instant{1, 1 << (hourBits - 2), 1 << hourBits}).Draw(t, "step")
			n := rapid.IntRange(0, 5*maxLeafFacts).Draw(t, "facts")
			whole := &leaf{}
			for i := range n {
				whole.facts = append(whole.facts, Fact{Stored: 1<<50 + lrs.Instant(i)*step})
			}
			leaves := append([]*leaf{whole}, whole.split()...)
			next := 0
			for i, l := range leaves {
				if len(l.facts) > maxLeafFacts || len(l.hours()) > maxLeafHours {
					t.Fatalf("leaf %d has %d facts of %d hours", i, len(l.facts), len(l.hours()))
				}
				if i > 0 && (len(l.facts) == 0 || l.from != l.facts[0].Stored) {
					t.Fatalf("leaf %d begins at %d", i, l.from)
				}
				for _, f := range l.facts {
					if f.Stored != 1<<50+lrs.Instant(next)*step {
						t.Fatalf("fact %d is %d", next, f.Stored)
					}
					next++
				}
				if begin, err := leafBegin(leafID("a", l.from)); err != nil || begin != l.from {
					t.Fatalf("the leaf from %d is read as from %d, %v", l.from, begin, err)
				}
			}
			if next != n {
				t.Fatalf("%d of %d facts are left", next, n)
			}
		})
	})
}
