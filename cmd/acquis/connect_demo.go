package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/config"
	"acquis/connectors"
	"acquis/connectors/connectortest/fakeserver"
	"acquis/connectors/connectortest/openclassroomsfake"
	"acquis/connectors/connectortest/pixfake"
	"acquis/hub"
	"acquis/internal/campus"
	"acquis/lrs"
)

// demoProviders are made-up providers for the demo to pull from. They listen on this machine alone.
type demoProviders struct{ pix, openclassrooms *fakeserver.Server }

// demoSpan is over how long the rows of the made-up providers spread, so that something happens every day.
const demoSpan = 3 * 365 * 24 * time.Hour

// startDemoProviders starts them, with the people of the campus, and lets the configuration permit to ask them.
func startDemoProviders(cfg *config.Config) (*demoProviders, error) {
	world := campus.New(demoSeed)
	pix, err := fakeserver.Start(pixfake.New(pixfake.Options{
		Participations: 120, People: 120, Span: demoSpan,
		Person: func(n int) (p pixfake.Person) {
			p.Given, p.Family, p.Mail = world.Person(n)
			return p
		},
	}).Handler())
	if err != nil {
		return nil, err
	}
	openclassrooms, err := fakeserver.Start(openclassroomsfake.New(openclassroomsfake.Options{
		Members: 25,
		Person: func(n int) (p openclassroomsfake.Person) {
			p.Given, p.Family, p.Mail = world.Person(n)
			return p
		},
	}).Handler())
	if err != nil {
		return nil, errors.Join(err, pix.Close())
	}
	for _, s := range []*fakeserver.Server{pix, openclassrooms} {
		at, err := url.Parse(s.URL)
		if err != nil {
			return nil, err
		}
		cfg.Connect.Private = append(cfg.Connect.Private, at.Host)
	}
	cfg.Connect.Jitter = 0
	return &demoProviders{pix, openclassrooms}, nil
}

func (d *demoProviders) close() error { return errors.Join(d.pix.Close(), d.openclassrooms.Close()) }

// demoSecrets are the secrets of the made-up providers. They are none.
func demoSecrets(name string) (string, bool) {
	return "secret", name == "CONNECT_PIX_SECRET" || name == "CONNECT_OPENCLASSROOMS_SECRET"
}

// connect makes the demo's connections, or lets those of the start before lead to where the providers listen now.
func (d *demoProviders) connect(ctx context.Context, c *connecting) error {
	c.vault.Lookup = demoSecrets
	caller := hub.Caller{Principal: lrs.Principal{Name: demoKey, Roles: lrs.RoleAdministrator}}
	for _, wanted := range []connectors.Connection{
		{
			Name: "demo-pix", Kind: "pix", Title: "Pix (made up)",
			Settings: jsontext.Value(fmt.Sprintf(`{"baseUrl":%q,"clientId":"hub-campus","externalId":"mail"}`, d.pix.URL)),
		},
		{
			Name: "demo-openclassrooms", Kind: "openclassrooms", Title: "OpenClassrooms (made up)",
			Settings: jsontext.Value(fmt.Sprintf(`{"baseUrl":%q,"organisation":"campus","auth":{"clientId":"hub-campus"}}`, d.openclassrooms.URL)),
		},
	} {
		wanted.Schedule, wanted.Sweep = "* * * * *", "@daily"
		now, err := c.service.Get(ctx, caller, wanted.Name)
		if err != nil && !errors.Is(err, lrs.ErrNotFound) {
			return err
		}
		if _, err := c.service.Put(ctx, caller, wanted, now.Revision); err != nil {
			return err
		}
	}
	return nil
}
