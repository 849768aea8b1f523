package xapi_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"acquis/lrs"
	"acquis/server/problem"
)

// allowance is a quota of statements over all.
type allowance struct {
	most   int64
	stored atomic.Int64
}

func (a *allowance) MayStore(context.Context, lrs.Principal) error {
	if a.stored.Load() >= a.most {
		return &problem.TooManyRequests{After: time.Minute, Detail: "Enough."}
	}
	return nil
}

func (a *allowance) Stored(_ lrs.Principal, statements int) { a.stored.Add(int64(statements)) }

func TestQuota(t *testing.T) {
	quota := &allowance{most: 3}
	s := startWith(t, func(o *setting) { o.surface.Quota = quota })
	t.Run("what is refused counts nothing", func(t *testing.T) {
		s.post(t, `{"actor":1}`).want(t, 400, "")
		s.post(t, statement(uuid.New()), "Key: reader").want(t, 403, "")
		if n := quota.stored.Load(); n != 0 {
			t.Errorf("%d statements were counted", n)
		}
	})
	id := uuid.New()
	t.Run("every statement of a batch counts, and one that is put", func(t *testing.T) {
		s.post(t, "["+statement(uuid.New())+","+statement(uuid.New())+"]").want(t, 200, "")
		s.send(t, "PUT", "/statements?statementId="+id.String(), statement(id), "Content-Type: application/json").want(t, 204, "")
		if n := quota.stored.Load(); n != 3 {
			t.Errorf("%d statements were counted", n)
		}
	})
	t.Run("then nothing is stored, and the answer says for how long", func(t *testing.T) {
		a := s.post(t, statement(uuid.New())).want(t, 429, "too-many-requests")
		if got := a.header.Get("Retry-After"); got != "60" {
			t.Errorf("Retry-After %q", got)
		}
		s.send(t, "PUT", "/statements?statementId="+id.String(), statement(id), "Content-Type: application/json").want(t, 429, "")
		s.stays(t, 3)
	})
}
