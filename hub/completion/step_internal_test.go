package completion

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"acquis/docstore"
)

func TestJoined(t *testing.T) {
	t.Run("groups are within their bounds, hold all writes in their order, and part no folder", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			var parts [][]docstore.Write
			owner := map[string]int{}
			for p := range rapid.IntRange(0, 40).Draw(t, "parts") {
				size := rapid.SampledFrom([]int{0, 100, 1 << 20}).Draw(t, "size")
				var part []docstore.Write
				for range rapid.IntRange(0, 60).Draw(t, "writes") {
					id := strconv.Itoa(len(owner))
					owner[id] = p
					part = append(part, docstore.Write{ID: id, Bytes: make([]byte, size/60)})
				}
				parts = append(parts, part)
			}
			next, in := 0, map[int]int{}
			for n, g := range joined("a", parts) {
				bytes := 0
				for _, w := range g.Writes {
					if w.ID != strconv.Itoa(next) || g.Partition != "a" {
						t.Fatalf("%s of %s where %d should be", w.ID, g.Partition, next)
					}
					if first, seen := in[owner[w.ID]]; seen && first != n {
						t.Fatalf("part %d is in the groups %d and %d", owner[w.ID], first, n)
					}
					in[owner[w.ID]] = n
					next, bytes = next+1, bytes+len(w.Bytes)
				}
				if len(g.Writes) == 0 || len(g.Writes) > docstore.MaxWrites/2 || bytes > docstore.MaxGroup/2 {
					t.Fatalf("group %d has %d writes and %d bytes", n, len(g.Writes), bytes)
				}
			}
			if next != len(owner) {
				t.Fatalf("%d of %d writes", next, len(owner))
			}
		})
	})
}
