package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"text/tabwriter"

	"github.com/alecthomas/kong"
)

// MongoCmd is about the store on MongoDB.
type MongoCmd struct {
	Plan mongoPlan `cmd:"" help:"Work out what a number of statements needs on MongoDB, and print the sharding commands. Connects to nothing."`
}

type mongoPlan struct {
	Statements int64  `required:"" placeholder:"N" help:"Statements to plan for."`
	Bytes      int64  `default:"1200" help:"Bytes of a statement as it is sent (${default})."`
	Terms      int64  `default:"13" help:"Index terms of a statement (${default}, as the demo campus has)."`
	Shards     int64  `default:"1" help:"Shards, each a replica set (${default})."`
	Daily      int64  `placeholder:"N" help:"Statements of the busiest day (a hundredth of all)."`
	Database   string `default:"acquis" help:"Database, as the connection string names it (${default})."`
}

// Validate is called by kong.
func (c *mongoPlan) Validate() error {
	const most = 1_000_000_000_000
	switch {
	case c.Statements < 1 || c.Statements > most || c.Daily < 0 || c.Daily > most:
		return errors.New("--statements goes from 1 to 1,000,000,000,000, --daily from 0")
	case c.Bytes < 100 || c.Bytes > 12<<20:
		return errors.New("--bytes goes from 100 to 12,582,912, the most that is kept on MongoDB")
	case c.Terms < 1 || c.Terms > 10_000:
		return errors.New("--terms goes from 1 to 10,000")
	case c.Shards < 1 || c.Shards > 1000:
		return errors.New("--shards goes from 1 to 1,000")
	case c.Statements > math.MaxInt64/10/c.size().document(): // the sums would not fit
		return errors.New("that is more than can be worked out: plan for fewer or smaller statements")
	}
	return nil
}

// Run prints the plan.
func (c *mongoPlan) Run(app *kong.Context) error {
	p := &planPrinter{out: app.Stdout, size: c.size(), database: c.Database}
	p.head()
	p.statement()
	p.indexes()
	p.nodes()
	p.sharding()
	return p.err
}

func (c *mongoPlan) size() mongoSize {
	daily := c.Daily
	if daily == 0 {
		daily = ceil(c.Statements, 100)
	}
	return mongoSize{Statements: c.Statements, Bytes: c.Bytes, Terms: c.Terms, Shards: c.Shards, Daily: daily}
}

// planPrinter writes the parts of a plan and remembers the first error.
type planPrinter struct {
	out      io.Writer
	size     mongoSize
	database string
	err      error
}

func (p *planPrinter) print(format string, args ...any) {
	if _, err := fmt.Fprintf(p.out, format, args...); p.err == nil {
		p.err = err
	}
}

// table writes rows whose cells are separated by tabs.
func (p *planPrinter) table(write func(row func(format string, args ...any))) {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	write(func(format string, args ...any) { _, _ = fmt.Fprintf(w, "  "+format+"\n", args...) }) // Flush says it
	if err := w.Flush(); p.err == nil {
		p.err = err
	}
}

func (p *planPrinter) head() {
	p.print("%s statements of %s bytes with %d terms each, %s on the busiest day, on %s.\n",
		grouped(p.size.Statements), grouped(p.size.Bytes), p.size.Terms, grouped(p.size.Daily), counted(p.size.Shards, "shard"))
	p.print("Worked out from the layout, not measured: fill a small part, compare with db.statements.stats(), then buy.\n")
}

func (p *planPrinter) statement() {
	m := p.size
	p.print("\nA statement's document: %s bytes\n\n", grouped(m.document()))
	p.table(func(row func(string, ...any)) {
		row("fields\t%d\tdocument 5, _id 46, s e l 33, src 18, heads of t and b 16", bsonFixed)
		row("terms\t%d\t%d x %d, one more for each beyond the tenth", m.document()-m.compressed()-bsonFixed, m.Terms, bsonTerm)
		row("bytes\t%d\t%d %% of %d + %d that the store assigns", m.compressed(), compressedShare, m.Bytes, sealedBytes)
	})
}

func (p *planPrinter) indexes() {
	m := p.size
	p.print("\nIndexes of statements: bytes of an entry, times 3/2 for pages that are two thirds full\n\n")
	p.table(func(row func(string, ...any)) {
		row("index\tentries each\tbytes\tfrom\tin all\tserves")
		for _, x := range m.indexes() {
			row("%s\t%d\t%d\t%s\t%s\t%s", x.name, x.each, x.entry, x.made, gigabytes(x.bytes(m.Statements)), x.serves)
		}
	})
	p.print("\nAn entry's 9 are its end 1, record id 5 and cell 3. Not counted: state and profile documents,\nattachments, activities; and what block compression saves.\n")
}

func (p *planPrinter) nodes() {
	n := p.size.need()
	p.print("\nIn all: documents %s, indexes %s. Of each node, three to a shard:\n\n", gigabytes(n.Data), gigabytes(n.Indexes))
	p.table(func(row func(string, ...any)) {
		row("statements\t%s", grouped(n.StatementsShard))
		row("memory, least\t%s\tcache %s: _id, s, a quarter of t, a twentieth of the documents; half of the memory above 1 GiB is cache", gigabytes(n.LeastRAM), gigabytes(n.Least))
		row("memory, enough\t%s\tcache %s: every index, a twentieth of the documents", gigabytes(n.EnoughRAM), gigabytes(n.Enough))
		row("oplog\t%s\tthree of the busiest days: document + %d each", gigabytes(n.Oplog), oplogHead)
		row("disk\t%s\tdocuments and indexes and half as much again for growth and resync, oplog", gigabytes(n.Disk))
	})
}

func (p *planPrinter) sharding() {
	p.print("\nSharding, in mongosh on a mongos, before the first start of acquis:\n\n")
	p.print("  sh.enableSharding(%q)\n", p.database)
	for _, c := range shardedCollections {
		p.print("  sh.shardCollection(%q, %s)  // %s\n", p.database+"."+c.name, c.key, c.why)
	}
	p.print("\nNot sharded, all of them on the database's primary shard:\n\n")
	p.table(func(row func(string, ...any)) {
		for _, c := range unshardedCollections {
			row("%s\t%s", c.name, c.why)
		}
	})
	p.print("%s", shardingAdvice)
	if p.size.Shards == 1 {
		p.print("\nOne shard needs none of this: a replica set is simpler, and can become the first shard later.\n")
	}
}

// collectionPlan says how a collection is spread.
type collectionPlan struct{ name, key, why string }

var shardedCollections = []collectionPlan{
	{"statements", `{_id: "hashed"}`, "writes spread; equal ids meet on one shard, where _id keeps them unique"},
	{"documents", `{_id: "hashed"}`, "only where state documents are many"},
	{"attachments.chunks", `{files_id: "hashed"}`, "only where attachments are many; a file stays whole on its shard"},
}

var unshardedCollections = []collectionPlan{
	{"writers, slots, meta", "", "a few small documents that every commit compares and swaps: one place decides"},
	{"changes", "", "erasures and redactions only; readers of the log want them in order"},
	{"erasures, tombstones", "", "a few; looked up by id"},
	{"references", "", "an id for each statement that another one refers to; looked up by id"},
	{"activities", "", "one for each activity, not for each statement"},
	{"attachments, .files, .unfinished", "", "one small document for each attachment"},
	{"hub.*", "", "small beside the statements"},
}

const shardingAdvice = `
Chunks  An empty collection with a hashed key is split evenly when it is sharded; a full one needs
        createIndex({_id: "hashed"}) first and is then moved chunk by chunk: do that while little is written.
Zones   None for statements: a hash says nothing about a person or a date. movePrimary chooses the shard of the rest.
Cost    By id, one shard is asked. A filter asks all of them, and each reads up to a whole page.
`

// grouped writes a number with commas.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func gigabytes(n int64) string {
	if n > 0 && n < 1e8 {
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}
