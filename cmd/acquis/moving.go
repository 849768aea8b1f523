package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/google/uuid"

	"acquis/access"
	"acquis/config"
	"acquis/connectors"
	"acquis/connectors/webhook"
	"acquis/connectors/xapi"
	"acquis/hub/exchange"
	"acquis/lrs"
	"acquis/server/api"
	"acquis/server/limit"
	"acquis/server/problem"
)

// moving is what moves statements between this store and others.
type moving struct {
	provenance *exchange.Provenance
	forwarder  *exchange.Forwarder
	puller     *exchange.Puller
	admin      *exchange.Admin
	egress     *connectors.Egress
	vault      connectors.Vault
	store      backend
}

func openMoving(ctx context.Context, cfg config.Config, store backend, service *lrs.Service, audit access.Store, logger *slog.Logger) (*moving, error) {
	if err := store.DeclareCollections(ctx, exchange.Collections()...); err != nil {
		return nil, err
	}
	egress, err := newEgress(cfg.Connect)
	if err != nil {
		return nil, err
	}
	m := &moving{
		provenance: exchange.NewProvenance(store, store), store: store,
		egress: egress,
		vault:  connectors.Vault{Dir: cfg.Connect.Secrets, Lookup: os.LookupEnv},
	}
	m.forwarder = exchange.NewForwarder(exchange.ForwarderOptions{
		Store: store, Log: store, Statements: store, Open: m.sender, Explain: explainFault,
		Process: uuid.NewString(), Alone: cfg.Store.URI == "", Logger: logger,
	})
	m.puller = exchange.NewPuller(exchange.PullerOptions{
		Store: store, Mover: service, Attachments: store, Provenance: m.provenance, Open: m.reader, Explain: explainFault,
		Process: uuid.NewString(), Alone: cfg.Store.URI == "", Logger: logger,
	})
	m.admin = exchange.NewAdmin(exchange.AdminOptions{
		Store: store, Log: store, Judge: m.judge, JudgePull: m.judgePull, Audit: hubAudit{audit},
		Wake: func() {
			m.forwarder.Wake()
			m.puller.Wake()
		},
	})
	return m, nil
}

// judge refuses what the installation does not permit, and secrets that are no references.
func (m *moving) judge(f exchange.Forward) error {
	if err := m.permit("the forward", f.Endpoint, "/secrets", f.Secrets...); err != nil {
		return err
	}
	_, err := m.sender(f)
	return err
}

// judgePull does so for a pull.
func (m *moving) judgePull(p exchange.Pull) error {
	if err := m.permit("the pull", p.Endpoint, "/secret", p.Secret); err != nil {
		return err
	}
	_, err := m.reader(p)
	return err
}

func (m *moving) permit(what, endpoint, pointer string, secrets ...string) error {
	var found []lrs.Violation
	for _, secret := range secrets {
		if err := connectors.SecretRef(secret).Judge(); err != nil {
			found = append(found, lrs.Violation{Pointer: pointer, Rule: "secret-reference", Detail: err.Error()})
		}
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
	if err := m.egress.JudgeHosts([]string{u.Host}); err != nil {
		var refused *lrs.Error
		if !errors.As(err, &refused) {
			return err
		}
		for _, v := range refused.Violations {
			v.Pointer = "/endpoint"
			found = append(found, v)
		}
	}
	if len(found) > 0 {
		return &lrs.Error{Kind: lrs.KindInvalid, Detail: what + " is not valid", Violations: found}
	}
	return nil
}

// reader makes what reads for a pull.
func (m *moving) reader(p exchange.Pull) (exchange.Reader, error) {
	u, err := url.Parse(p.Endpoint)
	if err != nil {
		return nil, err
	}
	c, err := xapi.New(xapi.Options{
		Endpoint: p.Endpoint, Key: p.Key, Secret: func() (string, error) { return m.vault.Secret(connectors.SecretRef(p.Secret)) },
		Version: p.Version, HTTP: m.egress.Stream([]string{u.Host}),
	})
	if err != nil {
		return nil, err
	}
	return xapi.NewReader(c), nil
}

// sender makes what delivers for a forward.
func (m *moving) sender(f exchange.Forward) (exchange.Sender, error) {
	u, err := url.Parse(f.Endpoint)
	if err != nil {
		return nil, err
	}
	way := m.egress.Stream([]string{u.Host})
	secret := func(ref string) func() (string, error) {
		return func() (string, error) { return m.vault.Secret(connectors.SecretRef(ref)) }
	}
	if f.Kind == exchange.TargetWebhook {
		o := webhook.Options{URL: f.Endpoint, HTTP: withoutRedirects(way)}
		for _, ref := range f.Secrets {
			o.Secrets = append(o.Secrets, secret(ref))
		}
		return webhook.New(o), nil
	}
	c, err := xapi.New(xapi.Options{Endpoint: f.Endpoint, Key: f.Key, Secret: secret(f.Secrets[0]), Version: f.Version, HTTP: way, Timeout: sendTimeout})
	if err != nil {
		return nil, err
	}
	if f.WithoutAttachments {
		return xapi.NewSender(c, nil), nil
	}
	return xapi.NewSender(c, m.store), nil
}

// sendTimeout bounds one request to a target, attachments included.
const sendTimeout = 5 * time.Minute

// withoutRedirects takes a redirect for an answer: a message is not sent where nobody said that it goes.
func withoutRedirects(c *http.Client) *http.Client {
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

// explainFault puts a fault into words.
func explainFault(err error) exchange.Failure {
	f := connectors.FaultOf(err)
	return exchange.Failure{Sentence: f.Sentence, Detail: f.Detail, Person: f.Class == connectors.NeedsPerson, Delay: f.Delay}
}

// movingSurface is what they are moved by.
func (p *process) movingSurface(guard *limit.Guard, problems *problem.Writer) *api.Moving {
	return api.NewMoving(guard.Over(p.house.directory), p.service, p.moving.provenance, p.moving.admin, problems, api.MovingOptions{
		Version: lrs.Version(p.config.XAPI.Versions[0]), BodyBytes: int64(p.config.Limits.Body), RequestBytes: int64(p.config.Limits.Request),
		AttachmentBytes: int64(p.config.Limits.Attachment), Quota: guard,
	})
}
