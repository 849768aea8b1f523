package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"acquis/hub"
	"acquis/hub/exchange"
	"acquis/lrs"
	"acquis/storage/pebblestore"
)

// target is the other end of a forward, as a test wants it.
type target struct {
	mu       sync.Mutex
	numbered bool
	tells    bool
	messages []exchange.Message
	got      []lrs.ID
	told     []exchange.Change
	answer   func(m exchange.Message) ([]exchange.Refused, error) // nil: takes everything
	changed  chan struct{}
}

func newTarget() *target { return &target{changed: make(chan struct{}, 1)} }

func (t *target) Send(_ context.Context, m exchange.Message) (refused []exchange.Refused, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.note()
	t.messages = append(t.messages, m)
	if t.answer != nil {
		if refused, err = t.answer(m); err != nil {
			return nil, err
		}
	}
	for i, e := range m.Statements {
		if !slices.ContainsFunc(refused, func(r exchange.Refused) bool { return r.Index == i }) {
			t.got = append(t.got, e.ID)
		}
	}
	return refused, nil
}

func (t *target) note() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

func (t *target) Numbered() bool { return t.numbered }

func (t *target) Tell(_ context.Context, c exchange.Change) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.note()
	t.told = append(t.told, c)
	return t.tells, nil
}

func (t *target) set(answer func(m exchange.Message) ([]exchange.Refused, error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answer = answer
}

func (t *target) received() []lrs.ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.got)
}

type noAudit struct{ acts []hub.Act }

func (a *noAudit) Record(_ context.Context, _ hub.Caller, act hub.Act) error {
	a.acts = append(a.acts, act)
	return nil
}

// house is a store, what administers its forwards, and their target.
type house struct {
	*testing.T
	store  *pebblestore.Store
	lrs    *lrs.Service
	admin  *exchange.Admin
	target *target
	audit  *noAudit
	boss   hub.Caller
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, store: openStore(t), target: newTarget(), audit: &noAudit{}}
	var err error
	if h.lrs, err = lrs.NewService(t.Context(), h.store, lrs.ServiceOptions{PageDefault: 1, PageMax: 1, Steps: 1000}); err != nil {
		t.Fatal(err)
	}
	h.boss = hub.Caller{Principal: lrs.Principal{Name: "boss", Roles: lrs.RoleOperator}}
	h.admin = exchange.NewAdmin(exchange.AdminOptions{Store: h.store, Log: h.store, Judge: func(exchange.Forward) error { return nil }, JudgePull: func(exchange.Pull) error { return nil }, Audit: h.audit})
	return h
}

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// make makes a forward from the beginning, with changes.
func (h *house) make(change func(*exchange.Forward)) {
	h.Helper()
	f := exchange.Forward{Name: "other", Kind: exchange.TargetLRS, Endpoint: "https://lrs.example.org/xapi", Key: "k", Secrets: []string{"env:CONNECT_X"}, From: exchange.FromBeginning, Batch: 10}
	if change != nil {
		change(&f)
	}
	_, err := h.admin.PutForward(h.Context(), h.boss, f)
	h.must(err)
}

// add stores statements of a source and returns their ids.
func (h *house) add(source, verb string, n int) (ids []lrs.ID) {
	h.Helper()
	r := lrs.MoveRequest{Version: lrs.V103}
	for range n {
		id := uuid.New()
		ids = append(ids, id)
		r.Statements = append(r.Statements, fmt.Appendf(nil, `{"id":%q,"actor":{"mbox":"mailto:a@example.org"},"verb":{"id":%q},"object":{"id":"https://a.example/1"}}`, id, verb))
	}
	h.move(source, r)
	return ids
}

func (h *house) move(source string, r lrs.MoveRequest) {
	h.Helper()
	a, err := lrs.NewAuthority([]byte(`{"mbox":"mailto:here@example.org"}`))
	h.must(err)
	moved, err := h.lrs.MoveStatements(h.Context(), lrs.Principal{Source: source, Authority: a, Scopes: lrs.ScopeStatementsWrite}, r)
	h.must(err)
	for _, m := range moved {
		if m.Refusal != nil {
			h.Fatal(m.Refusal)
		}
	}
}

func (h *house) void(source string, id lrs.ID) lrs.ID {
	h.Helper()
	voiding := uuid.New()
	h.move(source, lrs.MoveRequest{Version: lrs.V103, Statements: [][]byte{fmt.Appendf(nil, `{"id":%q,"actor":{"mbox":"mailto:a@example.org"},"verb":{"id":%q},"object":{"objectType":"StatementRef","id":%q}}`, voiding, lrs.VerbVoided, id)}})
	return voiding
}

func (h *house) forwarder(process string) *exchange.Forwarder {
	return exchange.NewForwarder(exchange.ForwarderOptions{
		Store: h.store, Log: h.store, Statements: h.store, Process: process, Alone: true,
		Open:    func(exchange.Forward) (exchange.Sender, error) { return h.target, nil },
		Explain: func(err error) exchange.Failure { return exchange.Failure{Sentence: err.Error()} },
		Poll:    time.Millisecond, Look: time.Millisecond, First: time.Millisecond, Most: time.Millisecond,
	})
}

// runUntil forwards until something holds. What is waited for comes with a change of the target, or with time.
func (h *house) runUntil(holds func() bool) {
	h.Helper()
	ctx, cancel := context.WithCancel(h.Context())
	f := h.forwarder("here")
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx)
	}()
	defer func() {
		cancel()
		<-done
	}()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(deadline) {
			h.Fatalf("it does not come to pass; %d received, state %+v", len(h.target.received()), h.state())
		}
		select {
		case <-h.target.changed:
		case <-ticker.C:
		}
	}
}

func (h *house) state() exchange.ForwardState {
	h.Helper()
	v, err := h.admin.Forward(h.Context(), h.boss, "other")
	h.must(err)
	return v.State
}

// caughtUp tells that everything that is stored was dealt with.
func (h *house) caughtUp() bool {
	left, err := h.store.ReadLog(h.Context(), h.state().Cursor, 1)
	h.must(err)
	return len(left) == 0
}

func (h *house) letters(state exchange.LetterState) []exchange.DeadLetter {
	h.Helper()
	list, _, err := h.admin.Letters(h.Context(), h.boss, exchange.LetterQuery{Forward: "other", State: state, Limit: 100})
	h.must(err)
	return list
}

func TestForward(t *testing.T) {
	const read, ate = "https://v.example/read", "https://v.example/ate"
	t.Run("everything is sent, in its order, and once", func(t *testing.T) {
		h := newHouse(t)
		h.make(nil)
		want := append(h.add("a", read, 25), h.add("b", ate, 7)...)
		h.runUntil(h.caughtUp)
		if diff := cmp.Diff(want, h.target.received()); diff != "" {
			t.Error(diff)
		}
		if s := h.state(); s.Sent != 32 || s.Failure != nil {
			t.Errorf("%+v", s)
		}
	})
	t.Run("what is selected is sent, what came from the target does not go back, a voiding follows what it voids", func(t *testing.T) {
		h := newHouse(t)
		h.make(func(f *exchange.Forward) {
			f.Filter = exchange.Filter{Verbs: []string{read}, Agents: nil, ExceptSources: []string{"theirs"}}
		})
		one, other := h.add("a", read, 2), h.add("a", ate, 2)
		h.add("theirs", read, 2)
		h.void("a", other[0])
		want := append(one, h.void("a", one[0]))
		h.runUntil(h.caughtUp)
		if diff := cmp.Diff(want, h.target.received()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("what is pulled from the target does not go back to it", func(t *testing.T) {
		h := newHouse(t)
		_, err := h.admin.PutPull(t.Context(), h.boss, exchange.Pull{Name: "theirs", Endpoint: "https://LRS.example.org/xapi/", Key: "k", Secret: "env:CONNECT_X"})
		h.must(err)
		h.make(nil)
		h.add("theirs", read, 3)
		want := h.add("a", read, 2)
		h.runUntil(h.caughtUp)
		if diff := cmp.Diff(want, h.target.received()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a new forward begins where it is told", func(t *testing.T) {
		h := newHouse(t)
		h.add("a", read, 3)
		h.make(func(f *exchange.Forward) { f.From = "" })
		want := h.add("a", read, 2)
		h.runUntil(h.caughtUp)
		if diff := cmp.Diff(want, h.target.received()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a target that is away costs nothing but time", func(t *testing.T) {
		h := newHouse(t)
		h.make(nil)
		away := 0
		h.target.set(func(exchange.Message) ([]exchange.Refused, error) {
			away++
			return nil, errors.New("it is away")
		})
		want := h.add("a", read, 15)
		h.runUntil(func() bool { f := h.state().Failure; return f != nil && f.Attempts >= 5 })
		if f := h.state().Failure; f.Sentence != "it is away" || len(h.target.received()) != 0 {
			t.Errorf("%+v", f)
		}
		want = append(want, h.add("a", read, 500)...)
		h.target.set(nil)
		h.runUntil(h.caughtUp)
		if diff := cmp.Diff(want, h.target.received()); diff != "" {
			t.Error(diff)
		}
		if h.state().Failure != nil {
			t.Error("it still fails")
		}
	})
	t.Run("a run that is cut at any point goes on, and a numbered message is the same each time", func(t *testing.T) {
		for _, numbered := range []bool{false, true} {
			h := newHouse(t)
			h.target.numbered = numbered
			h.make(nil)
			want := h.add("a", read, 60)
			sent := 0
			h.target.set(func(exchange.Message) ([]exchange.Refused, error) {
				sent++
				if sent%2 == 0 { // it was taken, and the answer was lost
					for _, e := range h.target.messages[len(h.target.messages)-1].Statements {
						h.target.got = append(h.target.got, e.ID)
					}
					return nil, errors.New("lost")
				}
				return nil, nil
			})
			for range 3 {
				before := len(h.target.messages)
				h.runUntil(func() bool {
					h.target.mu.Lock()
					defer h.target.mu.Unlock()
					return len(h.target.messages) > before
				})
				h.add("a", read, 5) // so that the next message would be another
			}
			h.runUntil(h.caughtUp)
			byID := map[string][]lrs.ID{}
			for _, m := range h.target.messages {
				var ids []lrs.ID
				for _, e := range m.Statements {
					ids = append(ids, e.ID)
				}
				if known := byID[m.ID]; known != nil && !slices.Equal(known, ids) {
					t.Error("a message of the same number holds something else")
				}
				byID[m.ID] = ids
			}
			var once []lrs.ID
			seen := map[lrs.ID]bool{}
			for _, id := range h.target.got {
				if !seen[id] {
					once = append(once, id)
				}
				seen[id] = true
			}
			if !slices.Equal(once[:60], want) || len(once) != 75 {
				t.Errorf("numbered %v: %d statements arrived", numbered, len(once))
			}
		}
	})
}

func TestDeadLetters(t *testing.T) {
	h := newHouse(t)
	h.make(nil)
	ids := h.add("a", "https://v.example/read", 12)
	bad := []lrs.ID{ids[3], ids[10]}
	h.target.set(func(m exchange.Message) (refused []exchange.Refused, _ error) {
		for i, e := range m.Statements {
			if slices.Contains(bad, e.ID) {
				refused = append(refused, exchange.Refused{Index: i, Reason: "the verb is not known"})
			}
		}
		return refused, nil
	})
	h.runUntil(h.caughtUp)
	t.Run("what is refused is listed with its reason, and does not hold the rest up", func(t *testing.T) {
		open := h.letters("")
		if len(open) != 2 || open[0].Statement != ids[3] || open[0].Reason != "the verb is not known" || len(h.target.received()) != 10 {
			t.Fatalf("%+v", open)
		}
	})
	replay := func(ids ...string) {
		t.Helper()
		_, err := h.admin.ReplayLetters(t.Context(), h.boss, exchange.LetterOrder{Forward: "other", IDs: ids})
		h.must(err)
	}
	t.Run("what is refused again stays, and what is taken is gone", func(t *testing.T) {
		bad = bad[:1]
		replay()
		h.runUntil(func() bool { return len(h.letters(exchange.LetterReplay)) == 0 })
		open := h.letters("")
		if len(open) != 1 || open[0].Statement != ids[3] || open[0].Attempts != 2 || h.target.received()[10] != ids[10] {
			t.Fatalf("%+v", open)
		}
	})
	t.Run("what was dealt with otherwise is settled", func(t *testing.T) {
		letter := h.letters("")[0]
		n, err := h.admin.SettleLetters(t.Context(), h.boss, exchange.LetterOrder{Forward: "other", IDs: []string{letter.ID}, Note: "entered by hand"})
		h.must(err)
		settled := h.letters(exchange.LetterSettled)
		if n != 1 || len(h.letters("")) != 0 || settled[0].Note != "entered by hand" || settled[0].By != "boss" {
			t.Errorf("%d %+v", n, settled)
		}
	})
	t.Run("who may not is refused, and that is on record", func(t *testing.T) {
		nobody := hub.Caller{Principal: lrs.Principal{Name: "x", Scopes: lrs.ScopeAll}}
		if _, err := h.admin.ReplayLetters(t.Context(), nobody, exchange.LetterOrder{Forward: "other"}); lrs.KindOf(err) != lrs.KindForbidden {
			t.Error(err)
		}
		if last := h.audit.acts[len(h.audit.acts)-1]; last.Outcome != hub.Denied || last.Action != "dead-letter.replay" {
			t.Errorf("%+v", last)
		}
	})
	t.Run("a letter that is not there is told", func(t *testing.T) {
		if _, err := h.admin.ReplayLetters(t.Context(), h.boss, exchange.LetterOrder{Forward: "other", IDs: []string{"x"}}); lrs.KindOf(err) != lrs.KindNotFound {
			t.Error(err)
		}
	})
}

func TestErasuresAreForwarded(t *testing.T) {
	for _, tells := range []bool{true, false} {
		t.Run(fmt.Sprintf("to a target that can be told: %v", tells), func(t *testing.T) {
			h := newHouse(t)
			h.target.tells = tells
			h.make(nil)
			ids := h.add("a", "https://v.example/read", 30)
			h.target.set(func(m exchange.Message) ([]exchange.Refused, error) {
				if m.Statements[0].ID == ids[0] {
					return []exchange.Refused{{Index: 1, Reason: "no"}}, nil
				}
				return nil, nil
			})
			h.runUntil(h.caughtUp)
			unsent := h.add("a", "https://v.example/read", 1)[0]
			for _, id := range []lrs.ID{ids[1], ids[17], unsent} {
				h.must(h.store.EraseStatement(t.Context(), id))
			}
			h.runUntil(h.caughtUp)
			if len(h.target.told) != 1 || h.target.told[0].Statement != ids[17] || h.target.told[0].Kind != exchange.LetterErasure {
				t.Errorf("told: %+v", h.target.told)
			}
			open := h.letters("")
			if tells && len(open) != 0 || !tells && (len(open) != 1 || open[0].Statement != ids[17] || open[0].Kind != exchange.LetterErasure) {
				t.Errorf("letters: %+v", open)
			}
		})
	}
}

func TestPutForward(t *testing.T) {
	h := newHouse(t)
	_, err := h.admin.PutForward(t.Context(), h.boss, exchange.Forward{Name: "X", Kind: "fax", Endpoint: "x", Version: "3", Rate: -1, Batch: 1e6, Retry: "never", From: "then", Filter: exchange.Filter{Verbs: []string{"x"}, Agents: nil}})
	var e *lrs.Error
	if !errors.As(err, &e) || len(e.Violations) != 10 {
		t.Fatalf("%v", err)
	}
	h.make(nil)
	t.Run("one of the same name is a conflict", func(t *testing.T) {
		_, err := h.admin.PutForward(t.Context(), h.boss, exchange.Forward{Name: "other", Kind: exchange.TargetWebhook, Endpoint: "https://x.example", Secrets: []string{"env:CONNECT_X"}})
		if lrs.KindOf(err) != lrs.KindConflict {
			t.Error(err)
		}
	})
	t.Run("it rests, goes on, and goes", func(t *testing.T) {
		h.must(h.admin.PauseForward(t.Context(), h.boss, "other", true))
		v, err := h.admin.Forward(t.Context(), h.boss, "other")
		h.must(err)
		if !v.Paused {
			t.Error("it does not rest")
		}
		h.must(h.admin.PauseForward(t.Context(), h.boss, "other", false))
		h.must(h.admin.DeleteForward(t.Context(), h.boss, "other"))
		if _, err := h.admin.Forward(t.Context(), h.boss, "other"); lrs.KindOf(err) != lrs.KindNotFound {
			t.Error(err)
		}
	})
}

func TestStatus(t *testing.T) {
	h := newHouse(t)
	h.make(nil)
	h.add("a", "https://v.example/read", 25)
	ctx, cancel := context.WithCancel(t.Context())
	f := h.forwarder("here")
	sending, goOn := make(chan exchange.ForwardStatus), make(chan struct{})
	var first []exchange.ForwardStatus
	h.target.set(func(exchange.Message) ([]exchange.Refused, error) {
		select {
		case sending <- exchange.ForwardStatus{}:
			<-goOn
		case <-ctx.Done():
		}
		return nil, nil
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx)
	}()
	for range 3 { // before each message something waits, however far the one before went
		<-sending
		first = append(first, f.Status()...)
		goOn <- struct{}{}
	}
	for _, s := range first {
		if !s.Behind || s.Name != "other" {
			t.Errorf("%+v", s)
		}
	}
	if len(first) != 3 {
		t.Errorf("%d states", len(first))
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if s := f.Status(); len(s) == 1 && !s[0].Behind && s[0].Lag == 0 && s[0].State.Sent == 25 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it never catches up: %+v", f.Status())
		}
	}
	cancel()
	<-done
}
