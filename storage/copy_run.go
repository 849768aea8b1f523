package storage

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"acquis/docstore"
	"acquis/lrs"
)

// CopyOptions say how Copy works.
type CopyOptions struct {
	// Collections are those of the hub; a copy of a store that has documents of others is refused.
	Collections []docstore.Collection
	// Progress, when not nil, is told what Copy is at, again and again; total is 0 when not known.
	Progress func(what string, done, total int64)
}

// CopiedPart tells what a copy holds of one kind.
type CopiedPart struct {
	Name   string
	Count  int64
	Digest string // of everything, in hexadecimal; equal parts have the same in any backend
}

// CopyDifference says that a copy is not like its source. It stays unfinished.
type CopyDifference struct{ Parts []string }

func (d *CopyDifference) Error() string {
	return "the copy is not like its source, so it stays unfinished; was the source in use since the copy was begun? " +
		"Remove the copy and begin anew. What differs:\n  " + strings.Join(d.Parts, "\n  ")
}

// Copy makes an empty store a copy of another: everything a reader can see, to the microsecond of
// stored and the byte, and what he can't, such as keys, so that links and secrets live on. Documents
// of the hub keep their order and get new revisions. It compares both stores at the end, and only
// then is the copy a store that can be used. When it is broken off, by anything, the same call goes
// on where it was.
func Copy(ctx context.Context, from, to Copyable, o CopyOptions) ([]CopiedPart, error) {
	c := &copying{from: from, to: to, options: o}
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"keys", c.keys},
		{"attachments", c.attachments},
		{"log", c.log},
		{"erased ids", func(ctx context.Context) error {
			return moved(c, "erased ids", from.ExportTombstones(ctx), func(some []Tombstone) error { return to.ImportTombstones(ctx, some) })
		}},
		{"definitions", func(ctx context.Context) error {
			return moved(c, "definitions", from.ExportDefinitions(ctx), func(some []CanonicalDefinition) error { return to.ImportDefinitions(ctx, some) })
		}},
		{"documents", func(ctx context.Context) error {
			return moved(c, "documents", from.ExportDocuments(ctx), func(some []KeptDocument) error { return to.ImportDocuments(ctx, some) })
		}},
		{"documents of the hub", c.hub},
		{"inherited terms", to.Settle},
	} {
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("copy the %s: %w", step.what, err)
		}
	}
	copied, err := c.verify(ctx)
	if err != nil {
		return copied, err
	}
	return copied, to.FinishImport(ctx)
}

// copying is a Copy under way.
type copying struct {
	from, to Copyable
	options  CopyOptions
	done     lrs.Instant // of the log
	newest   lrs.Instant // about where the log ends
}

func (c *copying) tell(what string, done, total int64) {
	if c.options.Progress != nil {
		c.options.Progress(what, done, total)
	}
}

// identityPurpose makes the identity of a source of its key, without telling that.
const identityPurpose = "acquis copy: identity of the source"

func (c *copying) begin(ctx context.Context) error {
	if err := c.from.Alone(ctx); err != nil {
		return fmt.Errorf("the store to copy from: %w", err)
	}
	if err := c.to.Alone(ctx); err != nil {
		return fmt.Errorf("the store to copy to: %w", err)
	}
	if err := c.checkCollections(ctx); err != nil {
		return err
	}
	if err := c.from.Settle(ctx); err != nil {
		return err
	}
	key, err := c.from.Key(ctx, "erasure")
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(identityPurpose))
	through, err := c.from.ConsistentThrough(ctx)
	if err != nil {
		return err
	}
	newest, err := c.from.QueryStatements(ctx, lrs.StatementQuery{Limit: 1, Steps: 1000})
	if err != nil {
		return err
	}
	c.newest = through
	for _, e := range newest.Entries {
		c.newest = e.Stored
		through = max(through, e.Stored)
	}
	begun, err := c.to.BeginImport(ctx, Import{Source: hex.EncodeToString(mac.Sum(nil)), Through: through})
	c.done = begun.Done
	return err
}

// checkCollections refuses to leave documents of the hub behind.
func (c *copying) checkCollections(ctx context.Context) error {
	names, err := c.from.ExportCollections(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.ContainsFunc(c.options.Collections, func(known docstore.Collection) bool { return known.Name == name }) {
			return fmt.Errorf("the store to copy from holds documents of a collection %q that this acquis does not know: use the version that wrote them", name)
		}
	}
	for _, s := range []Copyable{c.from, c.to} {
		if err := s.DeclareCollections(ctx, c.options.Collections...); err != nil {
			return err
		}
	}
	return nil
}

// movedAtOnce is how many things are imported at a time, and how many bytes of documents about.
const movedAtOnce = 200

// moved imports what a list yields, some at a time.
func moved[T any](c *copying, what string, list iter.Seq2[T, error], take func([]T) error) error {
	var some []T
	n := int64(0)
	flush := func() error {
		if len(some) == 0 {
			return nil
		}
		n += int64(len(some))
		err := take(some)
		some = some[:0]
		c.tell(what, n, 0)
		return err
	}
	for thing, err := range list {
		if err != nil {
			return err
		}
		if some = append(some, thing); len(some) == movedAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (c *copying) keys(ctx context.Context) error {
	return moved(c, "keys", c.from.ExportKeys(ctx), func(some []NamedKey) error { return c.to.ImportKeys(ctx, some) })
}

// attachments come before the statements that refer to them. One that is there has come whole.
func (c *copying) attachments(ctx context.Context) error {
	n := int64(0)
	for sha2, err := range c.from.ExportAttachments(ctx) {
		if err == nil {
			err = c.attachment(ctx, sha2)
		}
		if err != nil {
			return err
		}
		n++
		c.tell("attachments", n, 0)
	}
	return nil
}

func (c *copying) attachment(ctx context.Context, sha2 string) (err error) {
	there, _, err := c.to.OpenAttachment(ctx, sha2)
	if err == nil {
		return there.Close()
	}
	if !errors.Is(err, lrs.ErrNotFound) {
		return err
	}
	content, _, err := c.from.OpenAttachment(ctx, sha2)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	_, err = c.to.PutAttachment(ctx, sha2, content)
	return err
}

func (c *copying) log(ctx context.Context) error {
	var first lrs.Instant
	for page, err := range logPages(ctx, c.from, c.done) {
		if err != nil {
			return err
		}
		if first == 0 {
			first = page[0].Position
		}
		if err := c.to.ImportLog(ctx, page); err != nil {
			return err
		}
		at := page[len(page)-1].Position
		c.tell("log", int64(at-first), int64(max(c.newest, at)-first))
	}
	return nil
}

func (c *copying) hub(ctx context.Context) error {
	n := int64(0)
	for _, collection := range c.options.Collections {
		for page, err := range docPages(ctx, c.from, collection.Name) {
			if err != nil {
				return err
			}
			if err := c.docs(ctx, page); err != nil {
				return err
			}
			n += int64(len(page))
			c.tell("documents of the hub", n, 0)
		}
	}
	return nil
}

// docs puts documents in their order, those of a partition that follow each other together. Those
// that are there came with an attempt before.
func (c *copying) docs(ctx context.Context, page []docstore.Doc) error {
	for len(page) > 0 {
		n := 1
		for n < len(page) && page[n].Partition == page[0].Partition && n < docsAtOnce {
			n++
		}
		if err := putDocs(ctx, c.to, page[:n]); err != nil {
			return err
		}
		page = page[n:]
	}
	return nil
}

// docsAtOnce is how many documents of the hub are put in a group. Each holds 4 MiB at most, a group 16.
const docsAtOnce = docstore.MaxGroup / docstore.MaxDoc

func putDocs(ctx context.Context, docs docstore.Store, some []docstore.Doc) error {
	group := docstore.Group{Partition: some[0].Partition}
	for _, d := range some {
		group.Writes = append(group.Writes, docstore.Write{Collection: d.Collection, ID: d.ID, Keys: d.Keys, Bytes: d.Bytes})
	}
	_, err := docs.ApplyDocs(ctx, group)
	var there *docstore.Conflict
	if !errors.As(err, &there) {
		return err
	}
	if len(some) == 1 {
		return nil
	}
	for i := range some {
		if err := putDocs(ctx, docs, some[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// verify digests all parts of both stores.
func (c *copying) verify(ctx context.Context) ([]CopiedPart, error) {
	var copied []CopiedPart
	var differences CopyDifference
	for _, p := range parts(c.options.Collections) {
		source, err := c.digest(ctx, p, c.from)
		if err != nil {
			return nil, fmt.Errorf("check the %s of the source: %w", p.name, err)
		}
		target, err := c.digest(ctx, p, c.to)
		if err != nil {
			return nil, fmt.Errorf("check the %s of the copy: %w", p.name, err)
		}
		copied = append(copied, CopiedPart{p.name, target.count, target.text()})
		if apart := source.apart(target); len(apart) > 0 || source.count != target.count {
			names, err := c.differing(ctx, p, apart)
			if err != nil {
				return copied, err
			}
			differences.Parts = append(differences.Parts,
				fmt.Sprintf("%s: %d in the source, %d in the copy; %s", p.name, source.count, target.count, names))
		}
	}
	if len(differences.Parts) > 0 {
		return copied, &differences
	}
	return copied, nil
}

// toldEvery is after how many digested items progress is told.
const toldEvery = 1000

func (c *copying) digest(ctx context.Context, p part, s Copyable) (*digest, error) {
	d := new(digest)
	for i, err := range p.list(ctx, s) {
		if err != nil {
			return nil, err
		}
		if d.add(i); d.count%toldEvery == 0 {
			c.tell("checking: "+p.name, d.count, 0)
		}
	}
	c.tell("checking: "+p.name, d.count, 0)
	return d, nil
}

// named is how many things that differ are told by name.
const named = 5

// differing names the first things in the buckets that differ.
func (c *copying) differing(ctx context.Context, p part, apart map[int]bool) (string, error) {
	sums := map[string][sha256.Size]byte{}
	for i, err := range p.list(ctx, c.from) {
		if err != nil {
			return "", err
		}
		if apart[bucketOf(i.name)] {
			sums[i.name] = i.sum
		}
	}
	var differing []string
	for i, err := range p.list(ctx, c.to) {
		if err != nil {
			return "", err
		}
		sum, known := sums[i.name]
		if apart[bucketOf(i.name)] && (!known || sum != i.sum) {
			differing = append(differing, i.name)
		}
		delete(sums, i.name)
	}
	for name := range sums {
		differing = append(differing, name)
	}
	slices.Sort(differing)
	return "such as " + strings.Join(differing[:min(named, len(differing))], "; "), nil
}
