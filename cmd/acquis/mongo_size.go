package main

// mongoSize works out what N statements take on MongoDB. It is a model of storage/mongostore's layout and of how
// WiredTiger keeps it, with every figure rounded up; no MongoDB was measured.
type mongoSize struct {
	Statements int64
	Bytes      int64 // of a statement as it is sent
	Terms      int64 // of a statement, inherited ones included
	Shards     int64
	Daily      int64 // statements a day, at the peak of the year
}

// A statement's document, in bytes of BSON (https://bsonspec.org/spec.html): each field has a type byte, its
// name with a NUL, and its value.
const (
	sealedBytes     = 154                        // id, stored, authority and version, which the store assigns
	compressedShare = 57                         // % that zstd leaves of a statement: campus statements of 1.2 kB
	bsonFixed       = 5 + 46 + 3*11 + 18 + 8 + 8 // document, _id, s e l, src (8 letters), head of t, head of b
	bsonTerm        = 1 + 2 + 4 + 22 + 1         // a term in t: type, name of one digit, length, text, NUL
	shortNames      = 10                         // terms whose name in the array has one digit; the others have two
	recordBytes     = 5                          // WiredTiger's record id in an index entry
	cellBytes       = 3                          // WiredTiger's own, for an entry
	instantBytes    = 8                          // a position in microseconds as an index key
	termBytes       = 24                         // a term as an index key: type, 22 letters, end
	idBytes         = 38                         // an id as an index key: type, 36 letters, end
	entryEnd        = 1                          // of every index key
	restBytes       = entryEnd + recordBytes + cellBytes
	oplogHead       = 200 // what an insert takes in the oplog beside the document
)

// stored is the length of a statement's bytes with what the store assigns, compressed is what is kept of it.
func (m mongoSize) stored() int64     { return m.Bytes + sealedBytes }
func (m mongoSize) compressed() int64 { return ceil(m.stored()*compressedShare, 100) }

// document is the length of a statement's document.
func (m mongoSize) document() int64 {
	return bsonFixed + m.Terms*bsonTerm + max(0, m.Terms-shortNames) + m.compressed()
}

// mongoIndex is an index whose size grows with the statements.
type mongoIndex struct {
	collection, name string
	each             int64 // entries of a statement
	entry            int64 // bytes of an entry on a full page
	made             string
	serves           string
}

// bytes is what the index takes for n statements: pages that grow in their middle are two thirds full.
func (x mongoIndex) bytes(n int64) int64 { return ceil(n*x.each*x.entry*3, 2) }

// indexes lists those of the statements. One entry in ten is the first of its term and holds the term; the
// others share it with their neighbour, as WiredTiger keeps what two keys have in common once.
func (m mongoSize) indexes() []mongoIndex {
	all := []mongoIndex{
		{"statements", "_id_", 1, idBytes + restBytes, "38 id + 9", "an id; that an id is taken once"},
		{"statements", "t_1_s_-1", m.Terms, termBytes/10 + 1 + instantBytes + restBytes, "24 term / 10 + 8 position + 9, rounded up", "every filter"},
		{"statements", "s_-1", 1, instantBytes + restBytes, "8 position + 9", "no filter, the log"},
		{"statements", "a_1", 0, 0, "none without attachments", "which statement an attachment belongs to"},
	}
	if m.Shards > 1 {
		all = append(all, mongoIndex{"statements", "_id_hashed", 1, instantBytes + 1 + restBytes, "9 hash + 9", "which shard has an id"})
	}
	return all
}

// need is what a cluster must have. All but Data and Indexes is for each node of each shard.
type mongoNeed struct {
	Data, Indexes   int64
	Least, Enough   int64 // cache: below Least, writing waits for the disk
	LeastRAM        int64
	EnoughRAM       int64
	Oplog, Disk     int64
	StatementsShard int64
}

const gib = 1 << 30

// need: an id is random and a term may be any, so the entries that a statement adds are all over these indexes.
func (m mongoSize) need() mongoNeed {
	n := mongoNeed{Data: m.Statements * m.document(), StatementsShard: ceil(m.Statements, m.Shards)}
	var least int64
	for _, x := range m.indexes() {
		bytes := x.bytes(m.Statements)
		n.Indexes += bytes
		if x.name == "t_1_s_-1" {
			bytes = ceil(bytes, 4)
		}
		least += bytes
	}
	recent := ceil(n.Data, 20)
	n.Least, n.Enough = ceil(least+recent, m.Shards), ceil(n.Indexes+recent, m.Shards)
	// WiredTiger's cache is half of the memory without its first GiB.
	n.LeastRAM, n.EnoughRAM = 2*n.Least+gib, 2*n.Enough+gib
	n.Oplog = ceil(3*m.Daily*(m.document()+oplogHead), m.Shards)
	n.Disk = ceil((n.Data+n.Indexes)*3, 2*m.Shards) + n.Oplog
	return n
}

// ceil divides and rounds up.
func ceil(a, b int64) int64 { return (a + b - 1) / b }
