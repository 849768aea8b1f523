package storagetest

import (
	"errors"
	"strings"

	"acquis/docstore"
	"acquis/lrs"
	"acquis/storage"
)

// copyKilled kills at the first step, then at the second one of the next attempt, and so on, each going
// on with what the one before left.
func copyKilled(c *copies) {
	c.fill()
	kills, stride := 0, 1
	if c.from.Slow || c.to.Slow {
		stride = 4
	}
	for {
		_, err := c.try(atStep(kills*stride + 1))
		if !errors.Is(err, errKilled) {
			c.source.must(err)
			break
		}
		kills++
	}
	if kills < 8/stride {
		c.Fatalf("the copy was killed %d times only", kills)
	}
	c.to.Close()
	c.target = c.open(c.to, false)
	c.same()
	c.filled()
}

func copyUnfinished(c *copies) {
	c.fill()
	c.wantKilled(atFirst("log"))
	if _, err := c.to.Open(false); !errors.Is(err, storage.ErrUnfinished) {
		c.Fatalf("an unfinished copy is opened: %v", err)
	}
	c.copy()
	c.same()
}

func copyOccupied(c *copies) {
	c.fill()
	occupied := newPost()
	c.target = c.open(c.to, false)
	c.target.add(occupied)
	c.to.Close()
	c.wantOccupied()
	c.to.Close()
	c.target = c.open(c.to, false)
	c.target.wantIDs(c.target.all(lrs.StatementQuery{}), occupied.id)
}

func (c *copies) wantOccupied() {
	c.Helper()
	if _, err := c.try(never); !errors.Is(err, storage.ErrOccupied) {
		c.Fatalf("filling what is not to be filled ends with %v", err)
	}
}

func copyTwice(c *copies) {
	c.fill()
	c.copy()
	c.to.Close()
	c.wantOccupied()
	c.to.Close()
	c.target = c.open(c.to, false)
	c.same()
}

func copyOfAnother(c *copies) {
	c.fill()
	other := storage.Import{Source: "another", Through: 1}
	c.target = c.open(c.to, true)
	_, err := copyable(c.target).BeginImport(c.ctx, other)
	c.source.must(err)
	c.to.Close()
	c.wantOccupied()
	begun, err := copyable(c.target).BeginImport(c.ctx, other)
	c.source.must(err)
	c.source.wantSame(begun, other)
}

// copyDiffers erases a statement of the source that an unfinished copy holds already.
func copyDiffers(c *copies) {
	c.fill()
	c.wantKilled(atFirst("checking: log"))
	erased := c.source.get(nthID("statement", 1))
	c.source.must(c.source.Store.EraseStatement(c.ctx, erased.ID))
	_, err := c.try(never)
	var difference *storage.CopyDifference
	if !errors.As(err, &difference) || !strings.Contains(err.Error(), erased.Stored.String()) {
		c.Fatalf("a copy that holds what its source erased ends with %v", err)
	}
	c.to.Close()
	if _, err := c.to.Open(false); !errors.Is(err, storage.ErrUnfinished) {
		c.Fatalf("a copy that differs is opened: %v", err)
	}
}

func copyUnknownCollection(c *copies) {
	c.fill()
	c.target = c.open(c.to, true)
	known := []docstore.Collection{moves}
	_, err := storage.Copy(c.ctx, copyable(c.source), copyable(c.target), storage.CopyOptions{Collections: known})
	if err == nil || !strings.Contains(err.Error(), seats.Name) {
		c.Fatalf("leaving documents of %s behind ends with %v", seats.Name, err)
	}
}
