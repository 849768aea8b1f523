package completion

import (
	"slices"
	"strconv"

	"acquis/docstore"
	"acquis/hub"
	"acquis/lrs"
)

// Facts of one alias and item lie in leaves, each a document that holds those from one position to the
// next leaf's. The first is found by the item's id alone and knows where the others begin, so that nearly
// always one document is read. A leaf that grows beyond its bounds is split in the group that makes it grow.
var factDocs = docstore.Collection{
	Name: "completion_facts", Indexes: []string{"hour"},
	Class: docstore.PseudonymData, Subject: docstore.ByPartition,
}

// The bounds of a leaf. A fact has some 70 bytes, 400 at most besides what was earned (maxEarnedIRI); so a
// leaf stays below what a document may hold.
const (
	maxLeafFacts = 1000
	maxLeafHours = 60
)

// hourBits makes hours, of 71 minutes, of positions. By them the facts of an erased statement are found, whose
// alias nobody knows any more.
const hourBits = 32

func hourOf(stored lrs.Instant) lrs.Instant { return stored >> hourBits }

// leaf is some of the facts of an alias and item.
type leaf struct {
	from     lrs.Instant   // the first position that it is for, 0 for the first leaf
	others   []lrs.Instant // of the first leaf only: where the others begin, rising
	facts    []Fact        // by stored, rising
	kept     bool          // the document stays, even without facts (fence.go)
	revision lrs.Instant   // 0 when there is no document yet
	bytes    []byte        // of the document
}

// leafID is the id of a leaf's document.
func leafID(item hub.ItemID, from lrs.Instant) string {
	if from == 0 {
		return string(item)
	}
	return docstore.Tuple(string(item), docstore.Number(from))
}

// itemOfLeaf returns the item that a leaf belongs to.
func itemOfLeaf(id string) hub.ItemID {
	if parts, err := docstore.SplitTuple(id); err == nil && len(parts) == 2 {
		return hub.ItemID(parts[0])
	}
	return hub.ItemID(id)
}

func (l *leaf) find(stored lrs.Instant) (int, bool) {
	return slices.BinarySearchFunc(l.facts, stored, func(f Fact, at lrs.Instant) int {
		return int(min(max(f.Stored-at, -1), 1))
	})
}

// set puts a fact under its position, or takes away what is there.
func (l *leaf) set(stored lrs.Instant, f *Fact) {
	at, found := l.find(stored)
	switch {
	case f == nil && found:
		l.facts = slices.Delete(l.facts, at, at+1)
	case f != nil && found:
		l.facts[at] = *f
	case f != nil:
		l.facts = slices.Insert(l.facts, at, *f)
	}
}

// hours lists the hours of the facts, each once.
func (l *leaf) hours() (hours []lrs.Instant) {
	for i := range l.facts {
		if hour := hourOf(l.facts[i].Stored); len(hours) == 0 || hours[len(hours)-1] != hour {
			hours = append(hours, hour)
		}
	}
	return hours
}

// split parts a leaf that is beyond its bounds; the others are new.
func (l *leaf) split() (others []*leaf) {
	hour, hours, size := lrs.Instant(-1), 0, 0
	cuts := []int{}
	for i := range l.facts {
		if at := hourOf(l.facts[i].Stored); at != hour {
			hour, hours = at, hours+1
		}
		if size++; size > maxLeafFacts || hours > maxLeafHours {
			cuts, hours, size = append(cuts, i), 1, 1
		}
	}
	facts := l.facts
	for i, at := range cuts {
		end := len(facts)
		if i+1 < len(cuts) {
			end = cuts[i+1]
		}
		others = append(others, &leaf{from: facts[at].Stored, facts: slices.Clone(facts[at:end])})
	}
	if len(cuts) > 0 {
		l.facts = facts[:cuts[0]:cuts[0]]
	}
	return others
}

// write is what makes the leaf's document as the leaf is; false when it is so already.
func (l *leaf) write(item hub.ItemID) (docstore.Write, bool) {
	w := docstore.Write{Collection: factDocs.Name, ID: leafID(item, l.from), Expected: l.revision}
	if len(l.facts) == 0 && len(l.others) == 0 && !l.kept {
		w.Deleted = true
		return w, l.revision != 0
	}
	w.Bytes = encodeLeaf(l)
	if l.revision != 0 && string(w.Bytes) == string(l.bytes) {
		return w, false
	}
	for _, hour := range l.hours() {
		w.Keys = append(w.Keys, docstore.IndexKey{Index: "hour", Key: docstore.Number(hour)})
	}
	return w, true
}

// readLeaf makes a leaf of its document.
func readLeaf(doc docstore.Doc) (*leaf, error) {
	l, err := decodeLeaf(doc.Bytes)
	if err != nil {
		return nil, err
	}
	l.revision, l.bytes = doc.Revision, doc.Bytes
	l.from, err = leafBegin(doc.ID)
	return l, err
}

// leafBegin returns the position from which on a leaf is, by its document's id.
func leafBegin(id string) (lrs.Instant, error) {
	parts, err := docstore.SplitTuple(id)
	if err != nil || len(parts) != 2 {
		return 0, nil
	}
	n, err := strconv.ParseUint(parts[1], 16, 64)
	if err != nil {
		return 0, errDamaged
	}
	return lrs.Instant(n ^ 1<<63), nil // docstore.Number turned around
}
