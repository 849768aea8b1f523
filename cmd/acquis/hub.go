package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"acquis/access"
	"acquis/config"
	"acquis/hub"
	"acquis/hub/catalogue"
	"acquis/hub/completion"
	"acquis/hub/directory"
	"acquis/hub/programme"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/hubapi"
	"acquis/server/problem"
)

// hubParts are the parts of the hub, over one store and in one calendar.
type hubParts struct {
	store        backend
	directory    *directory.Directory
	catalogue    *catalogue.Catalogue
	consolidator *completion.Consolidator
	completions  *completion.Reader
	programmes   *programme.Service
}

func openHub(ctx context.Context, cfg config.Config, store backend, audit access.Store, logger *slog.Logger) (*hubParts, error) {
	calendar, err := hub.NewCalendar(cfg.Hub.TimeZone)
	if err != nil {
		return nil, err
	}
	h, recorded := &hubParts{store: store}, hubAudit{audit}
	h.directory, err = directory.New(ctx, store, directory.Options{
		Audit: recorded, Calendar: calendar, Logger: logger,
		Unmatched: time.Duration(cfg.Hub.UnmatchedDays) * 24 * time.Hour, EndShare: cfg.Hub.ImportEndShare,
	})
	if err != nil {
		return nil, err
	}
	h.catalogue, err = catalogue.New(ctx, store, catalogue.Options{Audit: recorded, Calendar: calendar, Logger: logger})
	if err != nil {
		return nil, err
	}
	if err := store.DeclareCollections(ctx, completion.Collections()...); err != nil {
		return nil, err
	}
	h.consolidator, err = completion.New(ctx, store, h.directory, completion.Options{
		Name: uuid.NewString(), Sole: cfg.Store.URI == "", Calendar: calendar, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	h.completions = completion.NewReader(store, h.directory, recorded, calendar, nil)
	h.programmes, err = programme.New(ctx, store, programme.Options{
		Directory: h.directory, Catalogue: h.catalogue, Audit: recorded, Calendar: calendar, Keep: cfg.Hub.FiguresAge,
	})
	return h, err
}

// run does what goes on beside requests, until ctx ends.
func (h *hubParts) run(ctx context.Context, group *errgroup.Group) {
	for _, run := range []func(context.Context){h.directory.Run, h.catalogue.Run, h.consolidator.Run} {
		group.Go(func() error {
			run(ctx)
			return nil
		})
	}
}

// mounts are the surfaces of the hub.
func (h *hubParts) mounts(who server.Authenticator, problems *problem.Writer) []server.Mount {
	return []server.Mount{
		{Path: "/api", Surface: hubapi.NewDirectory(who, h.directory, problems)},
		{Path: "/api", Surface: hubapi.NewCompletions(who, h.completions, problems)},
		{Path: "/api", Surface: hubapi.NewCatalogue(who, h.catalogue, h.store, problems)},
		{Path: "/api", Surface: hubapi.NewProgrammes(who, h.programmes, problems)},
	}
}

// loadDemo takes the made-up people and the starter catalogue in, and says by what the people are taken to have the
// basic skills.
// Doing it again changes nothing.
func (h *hubParts) loadDemo(ctx context.Context) error {
	demo := hub.Caller{Principal: lrs.Principal{Name: demoKey, Roles: lrs.RoleAdministrator}, Reason: "serve --demo"}
	if err := loadPeople(ctx, h.directory, demo); err != nil {
		return err
	}
	if _, err := h.catalogue.ImportStarter(ctx, demo); err != nil {
		return err
	}
	aims, err := h.programmes.Targets(ctx, demo)
	if err != nil || len(aims.Value.Socle) > 0 {
		return err
	}
	aims.Value.Socle = []programme.Condition{{Provider: "pix", Mastery: 0.6}}
	_, err = h.programmes.PutTargets(ctx, demo, aims.Value, &aims.Revision)
	return err
}
