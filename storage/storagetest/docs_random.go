package storagetest

import (
	"errors"

	"pgregory.net/rapid"

	"acquis/docstore"
	"acquis/lrs"
)

// The world of the property tests: few names, of texts that are easily confused.
var (
	docTexts      = []string{"a", "a\x01", "a\x02", "a\x01b", "ab", "b", "é", "\U0010FFFF", "\uD7FF"}
	docIndexTexts = append([]string{""}, docTexts...)
)

// drawWrites draws what a group writes; right tells which writes are to expect the revision that is
// there.
func drawWrites(rt *rapid.T) (partition string, writes []docstore.Write, right []bool) {
	partition = rapid.SampledFrom(docTexts[:4]).Draw(rt, "partition")
	for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom(docTexts[:5]), 1, 3, rapid.ID).Draw(rt, "ids") {
		w := docstore.Write{Collection: seats.Name, ID: id, Deleted: rapid.IntRange(0, 3).Draw(rt, "deleted") == 0}
		if rapid.IntRange(0, 4).Draw(rt, "collection") == 0 {
			w.Collection = moves.Name
		}
		if !w.Deleted {
			w.Bytes = []byte(rapid.SampledFrom(docTexts).Draw(rt, "content"))
		}
		if !w.Deleted && w.Collection == seats.Name {
			w.Keys = rapid.SliceOfNDistinct(rapid.Custom(func(rt *rapid.T) docstore.IndexKey {
				return docstore.IndexKey{
					Index: rapid.SampledFrom(seats.Indexes).Draw(rt, "index"),
					Key:   rapid.SampledFrom(docIndexTexts).Draw(rt, "key"),
				}
			}), 0, 4, rapid.ID).Draw(rt, "keys")
		}
		if len(w.Keys) == 0 {
			w.Keys = nil
		}
		writes = append(writes, w)
		right = append(right, rapid.IntRange(0, 9).Draw(rt, "right") > 0)
	}
	return partition, writes, right
}

// both is the store under test beside the model.
type both struct{ store, model *subject }

func besideModel(s *subject) both {
	return both{s, &subject{s.TB, Instance{Store: NewModel()}, s.ctx}}
}

// write applies a random group to both and compares what they say.
func (b both) write(rt *rapid.T) {
	partition, writes, right := drawWrites(rt)
	var kinds []lrs.Kind
	for _, on := range []*subject{b.store, b.model} {
		group := docstore.Group{Partition: partition}
		for i, w := range writes {
			d, err := on.hub().GetDoc(on.ctx, docstore.Key{Collection: w.Collection, Partition: partition, ID: w.ID})
			if !errors.Is(err, lrs.ErrNotFound) {
				on.must(err)
			}
			w.Expected = d.Revision
			if !right[i] || w.Deleted && w.Expected == 0 {
				w.Expected++
			}
			group.Writes = append(group.Writes, w)
		}
		_, err := on.hub().ApplyDocs(on.ctx, group)
		kinds = append(kinds, lrs.KindOf(err))
		if lrs.KindOf(err) != lrs.KindConflict {
			on.must(err)
		}
	}
	if kinds[0] != kinds[1] {
		b.store.Fatalf("a group ends with kind %d, the model's with %d", kinds[0], kinds[1])
	}
}

func (b both) fill(rt *rapid.T, most int) {
	for range rapid.IntRange(1, most).Draw(rt, "groups") {
		b.write(rt)
	}
}

func docsAsModel(rt *rapid.T, s *subject) {
	b := besideModel(s)
	b.fill(rt, 12)
	if rapid.Bool().Draw(rt, "restart") {
		s.restart()
	}
	b.fill(rt, 6)
	for _, partition := range docTexts[:4] {
		for _, id := range docTexts[:5] {
			for _, collection := range []string{seats.Name, moves.Name} {
				key := docstore.Key{Collection: collection, Partition: partition, ID: id}
				want, wantErr := b.model.hub().GetDoc(s.ctx, key)
				got, err := s.hub().GetDoc(s.ctx, key)
				s.wantKind(err, lrs.KindOf(wantErr))
				s.wantSame(timeless(got), timeless(want))
			}
		}
	}
}

// timeless is a document without what differs between stores.
func timeless(d docstore.Doc) docstore.Doc {
	d.Revision = 0
	return d
}
