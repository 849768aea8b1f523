package storagetest

import (
	"context"

	"acquis/lrs"
	"acquis/storage"
)

// The methods of storage.Docs that Faults can disturb.
const (
	DeclareCollections Method = "DeclareCollections"
	GetDoc             Method = "GetDoc"
	ApplyDocs          Method = "ApplyDocs"
	ScanDocs           Method = "ScanDocs"
	ReadChanges        Method = "ReadChanges"
	ChangesThrough     Method = "ChangesThrough"
	ForgetDeletions    Method = "ForgetDeletions"
)

var _ storage.Docs = (*Faults)(nil)

func (f *Faults) docs() storage.Docs { return f.store.(storage.Docs) }

func (f *Faults) DeclareCollections(ctx context.Context, collections ...storage.Collection) error {
	return faultyError(f, ctx, DeclareCollections, func(ctx context.Context) error { return f.docs().DeclareCollections(ctx, collections...) })
}

func (f *Faults) GetDoc(ctx context.Context, key storage.DocKey) (storage.Doc, error) {
	return faulty(f, ctx, GetDoc, func(ctx context.Context) (storage.Doc, error) { return f.docs().GetDoc(ctx, key) })
}

func (f *Faults) ApplyDocs(ctx context.Context, group storage.DocGroup) ([]lrs.Instant, error) {
	return faulty(f, ctx, ApplyDocs, func(ctx context.Context) ([]lrs.Instant, error) { return f.docs().ApplyDocs(ctx, group) })
}

func (f *Faults) ScanDocs(ctx context.Context, scan storage.DocScan) (storage.DocPage, error) {
	return faulty(f, ctx, ScanDocs, func(ctx context.Context) (storage.DocPage, error) { return f.docs().ScanDocs(ctx, scan) })
}

func (f *Faults) ReadChanges(ctx context.Context, collection string, after lrs.Instant, limit int) ([]storage.DocChange, error) {
	return faulty(f, ctx, ReadChanges, func(ctx context.Context) ([]storage.DocChange, error) {
		return f.docs().ReadChanges(ctx, collection, after, limit)
	})
}

func (f *Faults) ChangesThrough(ctx context.Context) (lrs.Instant, error) {
	return faulty(f, ctx, ChangesThrough, f.docs().ChangesThrough)
}

func (f *Faults) ForgetDeletions(ctx context.Context, collection string, through lrs.Instant) (int, error) {
	return faulty(f, ctx, ForgetDeletions, func(ctx context.Context) (int, error) { return f.docs().ForgetDeletions(ctx, collection, through) })
}
