package main

import (
	"context"
	"time"

	"acquis/access"
	"acquis/hub"
)

// hubAudit puts what was done to the hub into the one audit log.
type hubAudit struct{ store access.Store }

// Record implements hub.Audit.
func (a hubAudit) Record(ctx context.Context, c hub.Caller, act hub.Act) error {
	return a.store.AppendAudit(ctx, access.Entry{
		Time: time.Now().UTC(), Actor: c.Name, Action: act.Action, Target: act.Target, Address: c.Address,
		Outcome: access.Outcome(act.Outcome), Detail: act.Detail, Count: act.Count,
	})
}
