package mongostore_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"acquis/docstore"
	"acquis/internal/mongotest"
	"acquis/lrs"
	"acquis/storage"
	"acquis/storage/mongostore"
	"acquis/storage/storagetest"
)

// TestDocs_processes runs the suite on three stores of one database that take turns, as processes
// behind a load balancer do. One of them follows the changes.
func TestDocs_processes(t *testing.T) {
	storagetest.Docs(t, func(t testing.TB) storagetest.Instance {
		uri := mongotest.Database(t)
		sites := make([]*site, 3)
		for i := range sites {
			sites[i] = &site{t: t, options: options(uri)}
			sites[i].options.Lease = 1500 * time.Millisecond // none is slow because it is dead
		}
		all := func(do func(*site) storage.Store) func() storage.Store {
			return func() storage.Store {
				p := &processes{}
				for _, s := range sites {
					do(s)
					p.stores = append(p.stores, s.store)
				}
				p.Store = sites[0].store
				return p
			}
		}
		return storagetest.Instance{
			Store:  all((*site).open)(),
			Reopen: all((*site).reopen),
			Crash:  all((*site).crash),
			Slow:   true,
		}
	})
}

// processes are several stores of one database.
type processes struct {
	storage.Store
	stores []*mongostore.Store
	calls  atomic.Int64
}

func (p *processes) next() *mongostore.Store {
	return p.stores[int(p.calls.Add(1))%len(p.stores)]
}

func (p *processes) DeclareCollections(ctx context.Context, collections ...docstore.Collection) error {
	for _, s := range p.stores {
		if err := s.DeclareCollections(ctx, collections...); err != nil {
			return err
		}
	}
	return nil
}

func (p *processes) GetDoc(ctx context.Context, key docstore.Key) (docstore.Doc, error) {
	return p.next().GetDoc(ctx, key)
}

func (p *processes) ApplyDocs(ctx context.Context, group docstore.Group) ([]lrs.Instant, error) {
	return p.next().ApplyDocs(ctx, group)
}

func (p *processes) ScanDocs(ctx context.Context, scan docstore.Scan) (docstore.Page, error) {
	return p.next().ScanDocs(ctx, scan)
}

func (p *processes) ReadChanges(ctx context.Context, collection string, after lrs.Instant, limit int) ([]docstore.Change, error) {
	return p.stores[0].ReadChanges(ctx, collection, after, limit)
}

func (p *processes) ChangesThrough(ctx context.Context) (lrs.Instant, error) {
	return p.stores[0].ChangesThrough(ctx)
}

func (p *processes) ForgetDeletions(ctx context.Context, collection string, through lrs.Instant) (int, error) {
	return p.next().ForgetDeletions(ctx, collection, through)
}
