package main

import (
	"net/http"
	"slices"

	"acquis/config"
	"acquis/lrs"
	"acquis/server"
	"acquis/server/api"
	"acquis/server/hubapi"
	"acquis/server/limit"
	"acquis/server/oauth"
	"acquis/server/problem"
	"acquis/server/xapi"
)

// recordOptions are those of the record store at a path under the base path.
func recordOptions(cfg config.Config, path string, quota xapi.Quota) xapi.Options {
	versions := make([]lrs.Version, len(cfg.XAPI.Versions))
	for i, v := range cfg.XAPI.Versions {
		versions[i] = lrs.Version(v)
	}
	return xapi.Options{
		Versions: versions, Path: cfg.BasePath + path,
		BodyBytes: int64(cfg.Limits.Body), RequestBytes: int64(cfg.Limits.Request),
		AttachmentBytes: int64(cfg.Limits.Attachment), DocumentBytes: int64(cfg.Limits.Document),
		Quota: quota,
	}
}

// records are the doors to the record store: the strict one for all, and a lenient one for each source.
func (p *process) records(guard *limit.Guard, problems *problem.Writer) []server.Mount {
	const main, lenient = "/xapi", "/partners/:source/xapi"
	who := guard.Over(p.house.directory)
	strict := xapi.New(p.service, who, problems, recordOptions(p.config, main, guard))
	o := recordOptions(p.config, lenient, guard)
	o.DefaultVersion = func(name string) lrs.Version {
		s, _ := p.house.directory.Source(name)
		if !slices.Contains(o.Versions, s.DefaultVersion) { // it was turned off since
			return ""
		}
		return s.DefaultVersion
	}
	return []server.Mount{
		{Path: main, Surface: strict, CrossOrigin: true},
		{Path: lenient, Surface: xapi.New(p.service, who, problems, o)},
	}
}

// administration is what partners get in by, and what that is administered by.
func (p *process) administration(guard *limit.Guard, problems *problem.Writer) ([]server.Mount, error) {
	who := guard.Over(p.house.directory)
	o := recordOptions(p.config, "", guard)
	trial := api.NewPartners(who, p.service, problems, api.PartnersOptions{Versions: o.Versions, BodyBytes: o.BodyBytes})
	admin := api.New(who, p.house.admin, p.house.tokens, problems)
	if err := admin.Describe(append(hubapi.DirectoryDocuments(), hubapi.CompletionDocument, hubapi.CatalogueDocument)...); err != nil {
		return nil, err
	}
	return append([]server.Mount{
		{Path: "/api", Surface: admin},
		{Path: "/api", Surface: p.movingSurface(guard, problems)},
		{Path: "/api", Surface: p.connectionSurface(guard, problems)},
		{Path: "/partners", Surface: trial},
		{Path: "", Surface: oauth.New(who, p.house.tokens, p.publicURL, problems)},
	}, p.hub.mounts(who, problems)...), nil
}

// publicURL is the address under which the client of a request reaches the base path.
func (p *process) publicURL(r *http.Request) string {
	if at := p.config.PublicURL; at != "" {
		return at + p.config.BasePath
	}
	return server.ClientOf(r.Context()).Origin() + p.config.BasePath
}
