package storagetest

import (
	"context"

	"acquis/docstore"
	"acquis/lrs"
)

// The methods of docstore.Store that Faults can disturb.
const (
	DeclareCollections Method = "DeclareCollections"
	GetDoc             Method = "GetDoc"
	ApplyDocs          Method = "ApplyDocs"
	ScanDocs           Method = "ScanDocs"
	ReadChanges        Method = "ReadChanges"
	ChangesThrough     Method = "ChangesThrough"
	ForgetDeletions    Method = "ForgetDeletions"
)

func (f *Faults) DeclareCollections(ctx context.Context, collections ...docstore.Collection) error {
	return faultyError(f, ctx, DeclareCollections, func(ctx context.Context) error { return f.store.DeclareCollections(ctx, collections...) })
}

func (f *Faults) GetDoc(ctx context.Context, key docstore.Key) (docstore.Doc, error) {
	return faulty(f, ctx, GetDoc, func(ctx context.Context) (docstore.Doc, error) { return f.store.GetDoc(ctx, key) })
}

func (f *Faults) ApplyDocs(ctx context.Context, group docstore.Group) ([]lrs.Instant, error) {
	return faulty(f, ctx, ApplyDocs, func(ctx context.Context) ([]lrs.Instant, error) { return f.store.ApplyDocs(ctx, group) })
}

func (f *Faults) ScanDocs(ctx context.Context, scan docstore.Scan) (docstore.Page, error) {
	return faulty(f, ctx, ScanDocs, func(ctx context.Context) (docstore.Page, error) { return f.store.ScanDocs(ctx, scan) })
}

func (f *Faults) ReadChanges(ctx context.Context, collection string, after lrs.Instant, limit int) ([]docstore.Change, error) {
	return faulty(f, ctx, ReadChanges, func(ctx context.Context) ([]docstore.Change, error) {
		return f.store.ReadChanges(ctx, collection, after, limit)
	})
}

func (f *Faults) ChangesThrough(ctx context.Context) (lrs.Instant, error) {
	return faulty(f, ctx, ChangesThrough, f.store.ChangesThrough)
}

func (f *Faults) ForgetDeletions(ctx context.Context, collection string, through lrs.Instant) (int, error) {
	return faulty(f, ctx, ForgetDeletions, func(ctx context.Context) (int, error) { return f.store.ForgetDeletions(ctx, collection, through) })
}
