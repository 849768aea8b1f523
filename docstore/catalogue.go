package docstore

import (
	"fmt"
	"regexp"
	"slices"
	"sync"

	"acquis/lrs"
)

// Catalogue knows the declared collections and judges what is asked of Store, so that every backend
// refuses the same. The zero value knows none.
type Catalogue struct {
	mu          sync.RWMutex
	collections map[string]Collection
}

var collectionName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

// Declare makes collections known, all or none.
func (c *Catalogue) Declare(collections ...Collection) error {
	for _, declared := range collections {
		if err := declared.judge(); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.collections == nil {
		c.collections = map[string]Collection{}
	}
	for _, declared := range collections {
		c.collections[declared.Name] = declared
	}
	return nil
}

func (c Collection) judge() error {
	for i, index := range c.Indexes {
		if !collectionName.MatchString(index) || index == ByPartition || slices.Contains(c.Indexes[:i], index) {
			return fmt.Errorf("docstore: collection %s: the index %q is declared twice or has no proper name", c.Name, index)
		}
	}
	switch {
	case !collectionName.MatchString(c.Name):
		return fmt.Errorf("docstore: a collection cannot be named %q: use lower-case letters, digits and _", c.Name)
	case c.Class < ImpersonalData || c.Class > IdentifyingData:
		return fmt.Errorf("docstore: collection %s: declare its data class", c.Name)
	case c.Class == ImpersonalData && c.Subject == "":
	case c.Subject != ByPartition && !slices.Contains(c.Indexes, c.Subject):
		return fmt.Errorf("docstore: collection %s: the subject %q is none of its indexes: declare by which one the documents about a person are found", c.Name, c.Subject)
	}
	if c.RetainedFrom != "" && !slices.Contains(c.Indexes, c.RetainedFrom) {
		return fmt.Errorf("docstore: collection %s: the date %q that its documents are retained from is none of its indexes", c.Name, c.RetainedFrom)
	}
	return nil
}

// Collection returns a declared collection.
func (c *Catalogue) Collection(name string) (Collection, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	declared, ok := c.collections[name]
	if !ok {
		return declared, fmt.Errorf("docstore: the collection %q is not declared", name)
	}
	return declared, nil
}

// JudgeKey refuses the key of a document that cannot be.
func (c *Catalogue) JudgeKey(key Key) error {
	if _, err := c.Collection(key.Collection); err != nil {
		return err
	}
	return key.judge()
}

// JudgeScan refuses a scan that cannot be answered.
func (c *Catalogue) JudgeScan(s Scan) error {
	declared, err := c.Collection(s.Collection)
	if err != nil {
		return err
	}
	if s.Index != "" && !slices.Contains(declared.Indexes, s.Index) {
		return fmt.Errorf("docstore: collection %s has no index %q", s.Collection, s.Index)
	}
	if s.Limit < 1 {
		return fmt.Errorf("docstore: a scan of %s wants %d entries, at least 1 must be wanted", s.Collection, s.Limit)
	}
	return judgeText("bound of a scan", s.Prefix+s.From+s.Until+s.After)
}

// JudgeGroup refuses a group that cannot be written.
func (c *Catalogue) JudgeGroup(g Group) error {
	if len(g.Writes) > MaxWrites {
		return fmt.Errorf("docstore: a group has %d writes, at most %d are allowed", len(g.Writes), MaxWrites)
	}
	seen := make(map[Key]bool, len(g.Writes))
	size := 0
	for _, w := range g.Writes {
		key := g.Key(w)
		if seen[key] {
			return fmt.Errorf("docstore: a group writes the document %s/%s twice", w.Collection, w.ID)
		}
		seen[key] = true
		if err := c.JudgeKey(key); err != nil {
			return err
		}
		if err := c.judgeWrite(w); err != nil {
			return err
		}
		size += len(w.Bytes)
	}
	if size > MaxGroup {
		return tooLarge("a group of documents", size, MaxGroup)
	}
	return nil
}

func (c *Catalogue) judgeWrite(w Write) error {
	declared, err := c.Collection(w.Collection)
	switch {
	case err != nil:
		return err
	case w.Expected < 0:
		return fmt.Errorf("docstore: the document %s/%s is expected at the revision %d, which cannot be", w.Collection, w.ID, w.Expected)
	case w.Deleted && (w.Expected == 0 || len(w.Keys)+len(w.Bytes) > 0):
		return fmt.Errorf("docstore: the deletion of %s/%s must name the revision it expects, and hold nothing", w.Collection, w.ID)
	case len(w.Bytes) > MaxDoc:
		return tooLarge("a document of "+w.Collection, len(w.Bytes), MaxDoc)
	case len(w.Keys) > MaxKeys:
		return fmt.Errorf("docstore: the document %s/%s has %d index keys, at most %d are allowed", w.Collection, w.ID, len(w.Keys), MaxKeys)
	}
	seen := make(map[IndexKey]bool, len(w.Keys))
	for _, k := range w.Keys {
		if !slices.Contains(declared.Indexes, k.Index) || seen[k] {
			return fmt.Errorf("docstore: the document %s/%s has a key in %q, which is no index of its collection, or has it twice", w.Collection, w.ID, k.Index)
		}
		seen[k] = true
		if err := judgeKey("key in "+k.Index, k.Key); err != nil {
			return err
		}
	}
	return nil
}

// Expect returns the conflict when a document that a group writes has another revision than the
// write expects; found is 0 when there is no document.
func (g Group) Expect(w Write, found lrs.Instant) error {
	if found == w.Expected {
		return nil
	}
	return &Conflict{Key: g.Key(w), Expected: w.Expected, Found: found}
}
