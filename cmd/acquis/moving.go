package main

import (
	"context"
	"slices"

	"acquis/docstore"
	"acquis/hub/exchange"
	"acquis/lrs"
	"acquis/server/api"
	"acquis/server/limit"
	"acquis/server/problem"
	"acquis/storage/accessstore"
)

// moving is what moves statements between this store and others.
type moving struct {
	provenance *exchange.Provenance
}

func openMoving(ctx context.Context, store backend) (*moving, error) {
	if err := store.DeclareCollections(ctx, exchange.Collections()...); err != nil {
		return nil, err
	}
	return &moving{provenance: exchange.NewProvenance(store, store)}, nil
}

// movingSurface is what they are moved by.
func (p *process) movingSurface(guard *limit.Guard, problems *problem.Writer) *api.Moving {
	return api.NewMoving(guard.Over(p.house.directory), p.service, p.moving.provenance, problems, api.MovingOptions{
		Version: lrs.Version(p.config.XAPI.Versions[0]), BodyBytes: int64(p.config.Limits.Body), RequestBytes: int64(p.config.Limits.Request),
		AttachmentBytes: int64(p.config.Limits.Attachment), Quota: guard,
	})
}

// collections are all that are kept besides statements.
func collections() []docstore.Collection {
	return slices.Concat(accessstore.Collections(), exchange.Collections())
}
