package main

import (
	"context"
	"fmt"
	"io"
	"net"

	"acquis/access"
	"acquis/internal/campus"
	"acquis/lrs"
)

// The development credential of serve --demo. It is no secret.
const (
	demoKey    = "demo"
	demoSecret = "demo-secret"
)

// welcome makes the first credential, loads the demo and says how the store is reached.
func (p *process) welcome(ctx context.Context, out io.Writer, at net.Addr, demo bool) error {
	address := p.address(at)
	text := fmt.Sprintf("\nAcquis serves xAPI %s\n\n  xAPI       %s/xapi/\n  readiness  %s/readyz\n", p.config.XAPI.Versions, address, address)
	if p.config.Ops.Listen == "" {
		text += fmt.Sprintf("  metrics    %s/metrics\n", address)
	}
	made, err := p.firstCredential(ctx, demo)
	if err != nil {
		return err
	}
	if made != nil {
		text += fmt.Sprintf("\n%s\n\n  key     %s\n  secret  %s\n", made.title, made.key, made.secret)
	}
	if demo {
		if err := p.hub.loadDemo(ctx); err != nil {
			return fmt.Errorf("load the demo's catalogue: %w", err)
		}
		if err := p.loadDemo(ctx); err != nil {
			return fmt.Errorf("load the demo: %w", err)
		}
		if err := p.demo.connect(ctx, p.connecting); err != nil {
			return fmt.Errorf("connect the demo: %w", err)
		}
		text += fmt.Sprintf("\nTry it:\n\n  curl -u %s:%s -H 'X-Experience-API-Version: %s' '%s/xapi/statements?limit=2'\n",
			demoKey, demoSecret, p.config.XAPI.Versions[0], address)
	}
	_, err = fmt.Fprintln(out, text)
	return err
}

// madeCredential is a credential to print.
type madeCredential struct{ title, key, secret string }

// firstCredential makes sure that somebody can come in: the credential of the configuration and the
// demo's, which live no longer than the process, or at the very first start one that is kept and
// printed once. nil when nothing is to be printed.
func (p *process) firstCredential(ctx context.Context, demo bool) (*madeCredential, error) {
	if key := p.config.Root.Key; key != "" {
		err := p.house.directory.Pin(rootCredential(key), p.config.Root.Secret.Reveal())
		if err != nil || !demo {
			return nil, err
		}
	}
	if demo {
		made := &madeCredential{"The development credential (everybody knows it: not for production):", demoKey, demoSecret}
		return made, p.house.directory.Pin(rootCredential(demoKey), demoSecret)
	}
	secret, err := p.house.admin.FirstCredential(ctx, rootKey)
	if secret == "" || err != nil {
		return nil, err
	}
	return &madeCredential{"The first credential, with every scope, of an administrator. It is shown this once: keep it.", rootKey, secret}, nil
}

// rootKey is the key of the first credential.
const rootKey = "root"

// rootCredential is an administrator's credential with every scope.
func rootCredential(key string) access.Credential {
	return access.Credential{Key: key, Kind: access.OfAccount, Account: key, Scopes: lrs.ScopeAll, Roles: lrs.RoleAdministrator}
}

// demoSeed makes the demo the same at every start, so that loading it again changes nothing.
const demoSeed = 1

// loadDemo stores the made-up campus through the same door as any partner's statements.
func (p *process) loadDemo(ctx context.Context) error {
	principal, err := p.house.directory.Authenticate(ctx, access.Presented{Key: demoKey, Secret: demoSecret})
	if err != nil {
		return err
	}
	byVersion := map[string][]byte{}
	for _, s := range campus.New(demoSeed).Demo() {
		separator := byte(',')
		if byVersion[s.Version] == nil {
			separator = '['
		}
		byVersion[s.Version] = append(append(byVersion[s.Version], separator), s.JSON...)
	}
	for version, statements := range byVersion {
		r := lrs.StoreRequest{Version: lrs.Version(version), Body: append(statements, ']')}
		if _, err := p.service.StoreStatements(ctx, principal, r); err != nil {
			return err
		}
	}
	return nil
}
