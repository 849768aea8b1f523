package exchange

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"acquis/docstore"
	"acquis/lrs"
)

// follower runs one forward in this process.
type follower struct {
	o       *ForwarderOptions
	forward Forward
	end     context.CancelFunc
	ended   chan struct{}
	poked   chan struct{}

	sender  Sender
	matcher *matcher
	limiter *rate.Limiter
	held    bool
	seen    sign // of another holder
	saved   time.Time
	looked  time.Time // for letters to be sent once more
	unsaved bool      // the cursor moved in memory only

	mu      sync.Mutex
	row     docstore.Row[ForwardState]
	pending lrs.Instant // the position that is to be dealt with next, 0 for none known
}

// sign is what was seen last of another holder, by this process's own clock.
type sign struct {
	token, beat int64
	since       time.Time
}

// errDeposed says that another process runs the forward now.
var errDeposed = errors.New("exchange: another process has taken over the forward")

// The bounds of one message, and of one look at the log.
const (
	logPage   = 1000
	maxBytes  = 4 << 20
	maxInRow  = 1000 // statements refused one after the other, before a person is asked
	saveEvery = time.Second
)

func (w *follower) poke() {
	select {
	case w.poked <- struct{}{}:
	default:
	}
}

func (w *follower) status() ForwardStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := ForwardStatus{State: w.row.Value, Here: w.held, Behind: w.pending > w.row.Value.Cursor}
	if s.Behind {
		s.Lag = max(w.o.Now().Sub(w.pending.Time()), 0)
	}
	return s
}

// run forwards until ctx ends or another process takes over; then it waits for its turn.
func (w *follower) run(ctx context.Context) {
	defer w.release()
	for ctx.Err() == nil {
		pause, err := w.step(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errDeposed):
			w.o.Logger.Info("a forward was changed or taken over: taking it up anew, or waiting for it", "forward", w.forward.Name)
		case err != nil:
			w.o.Logger.Error("forwarding failed", "forward", w.forward.Name, "error", err)
		}
		if err != nil {
			w.lose()
			pause = w.o.First
		}
		if pause == 0 {
			continue
		}
		if !w.rest(ctx, pause) {
			return
		}
	}
}

func (w *follower) state() ForwardState {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.row.Value
}

func (w *follower) lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held, w.pending = false, 0
}

// step takes the next step and tells how long to wait before the one after it.
func (w *follower) step(ctx context.Context) (time.Duration, error) {
	if !w.held {
		if got, err := w.acquire(ctx); err != nil || !got {
			return w.o.Lease / 3, err
		}
	}
	if f := w.row.Value.Failure; f != nil {
		if f.Next.IsZero() {
			return w.o.Look, w.refresh(ctx)
		}
		if left := f.Next.Sub(w.o.Now()); left > 0 {
			return left, nil
		}
	}
	if w.o.Now().Sub(w.looked) >= saveEvery || w.looked.IsZero() {
		w.looked = w.o.Now()
		if pause, err := w.replay(ctx); err != nil || pause > 0 {
			return pause, err
		}
	}
	return w.forwardNext(ctx)
}

// refresh reads the state again that somebody may have changed: a forward that waits for a person is resumed by
// taking its failure away.
func (w *follower) refresh(ctx context.Context) error {
	row, err := states.Find(ctx, w.o.Store, w.forward.Name, theState)
	if err != nil {
		return err
	}
	if row.Value.Holder != w.o.Process || row.Value.Token != w.row.Value.Token {
		return errDeposed
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.row = row
	return nil
}

// forwardNext sends the next message of the log.
func (w *follower) forwardNext(ctx context.Context) (time.Duration, error) {
	s := w.row.Value
	entries, err := w.o.Log.ReadLog(ctx, s.Cursor, logPage)
	if err != nil {
		return 0, err
	}
	if len(entries) == 0 {
		return w.idle(ctx)
	}
	w.note(entries[0].Position)
	if k := entries[0].Kind; k == lrs.LogErased || k == lrs.LogRedacted {
		return w.tell(ctx, entries[0])
	}
	message, through, passed, err := w.gather(ctx, entries)
	if err != nil {
		return 0, err
	}
	next := nextAfter(entries, through)
	if through == 0 { // what was planned is not there any more
		s.Sending = 0
		return 0, w.write(ctx, s)
	}
	s.Passed += int64(passed)
	if len(message.Statements) == 0 {
		err := w.moveTo(ctx, s, through)
		w.note(next)
		return 0, err
	}
	if w.sender.Numbered() && s.Sending != through {
		s.Sending, s.Passed = through, w.row.Value.Passed
		if err := w.write(ctx, s); err != nil {
			return 0, err
		}
		s.Passed += int64(passed)
	}
	var refused []Refused
	err = beating(ctx, w.o, w.sign, func(ctx context.Context) (err error) {
		if w.forward.Rate > 0 {
			if err := w.limiter.WaitN(ctx, min(len(message.Statements), w.limiter.Burst())); err != nil {
				return err
			}
		}
		refused, err = w.sender.Send(ctx, message)
		return err
	})
	if errors.Is(err, errDeposed) {
		return 0, err
	}
	if err != nil {
		return w.failed(ctx, message, through, passed, err)
	}
	pause, err := w.delivered(ctx, s, message, through, refused)
	w.note(next)
	return pause, err
}

// nextAfter is the position that comes after one in what was read of the log, 0 when nothing more is known.
func nextAfter(entries []lrs.LogEntry, through lrs.Instant) lrs.Instant {
	for _, e := range entries {
		if e.Position > through {
			return e.Position
		}
	}
	if len(entries) == logPage { // there is more
		return through + 1
	}
	return 0
}

// idle notes that there is nothing to do, and brings the cursor to disk that only moved in memory.
func (w *follower) idle(ctx context.Context) (time.Duration, error) {
	w.mu.Lock()
	w.pending = 0
	w.mu.Unlock()
	if w.unsaved && w.o.Now().Sub(w.saved) >= saveEvery {
		return w.o.Poll, w.write(ctx, w.row.Value)
	}
	return w.o.Poll, w.sign(ctx)
}

func (w *follower) note(position lrs.Instant) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = position
}

// moveTo passes over what is not sent. It is written now and then only: passing over it again does no harm.
func (w *follower) moveTo(ctx context.Context, s ForwardState, through lrs.Instant) error {
	s.Cursor, s.Sending = through, 0
	if w.o.Now().Sub(w.saved) >= saveEvery {
		return w.write(ctx, s)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.row.Value, w.unsaved = s, true
	return nil
}

// gather makes a message of what comes first in the log: it ends where it is full, and before an erasure or a
// redaction.
func (w *follower) gather(ctx context.Context, entries []lrs.LogEntry) (m Message, through lrs.Instant, passed int, err error) {
	size := 0
	planned := w.row.Value.Sending
	for _, e := range entries {
		if e.Kind != lrs.LogStored || planned != 0 && e.Position > planned ||
			planned == 0 && (len(m.Statements) >= w.batch() || size >= maxBytes) {
			break
		}
		through = e.Position
		if e.Entry.Bytes == nil { // erased since
			continue
		}
		selected, err := w.matcher.selects(ctx, w.o.Statements, e.Entry)
		if err != nil {
			return m, 0, 0, err
		}
		if !selected {
			passed++
			continue
		}
		m.Statements = append(m.Statements, e.Entry)
		size += len(e.Entry.Bytes)
	}
	m.ID = messageID(w.forward.Name, entries[0].Position, through)
	return m, through, passed, nil
}

// messageID is the same whenever a message is sent.
func messageID(forward string, from, through lrs.Instant) string {
	sum := sha256.New()
	sum.Write([]byte(forward + "\x00"))
	sum.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(from)), uint64(through)))
	return "msg_" + hex.EncodeToString(sum.Sum(nil)[:16])
}

// delivered writes down what the target has and what it refused.
func (w *follower) delivered(ctx context.Context, s ForwardState, m Message, through lrs.Instant, refused []Refused) (time.Duration, error) {
	now := w.o.Now().UTC()
	reasons := map[int]string{}
	for _, r := range refused {
		reasons[r.Index] = r.Reason
	}
	var sent []byte
	var writes []docstore.Write
	for i, e := range m.Statements {
		reason, not := reasons[i]
		if !not {
			s.InRow = 0
			sent = appendSent(sent, e)
			continue
		}
		s.InRow++
		put, err := w.letter(ctx, LetterStatement, e.ID, e.Stored, reason, now)
		if err != nil {
			return 0, err
		}
		writes = append(writes, put)
	}
	row, err := receipts.Find(ctx, w.o.Store, w.forward.Name, docstore.Number(m.Statements[0].Stored))
	if err != nil {
		return 0, err
	}
	row.Value.Sent = sent // an empty one takes what is sent once more
	put, err := receipts.Put(row)
	if err != nil {
		return 0, err
	}
	writes = append(writes, put)
	if len(sent) > 0 {
		s.LastSent = now
	}
	s.Sent += int64(len(m.Statements) - len(reasons))
	s.Refused += int64(len(reasons))
	s.Cursor, s.Sending, s.Failure = through, 0, nil
	if s.InRow >= maxInRow {
		s.InRow, s.Failure = 0, &Failure{
			Since: now, Last: now, Attempts: 1, Person: true,
			Sentence: "The target has refused a thousand statements one after the other, so nothing more is sent. See the dead letters for why, mend it, and resume the forward.",
		}
	}
	return 0, w.write(ctx, s, writes...)
}

func appendSent(b []byte, e lrs.Entry) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(e.Stored))
	return append(b, e.ID[:]...)
}

// maxReason bounds what is kept of a target's answer.
const maxReason = 2000

func shortened(reason string) string {
	return strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")
}

func (w *follower) letter(ctx context.Context, kind LetterKind, id lrs.ID, position lrs.Instant, reason string, now time.Time) (docstore.Write, error) {
	row, err := letters.Find(ctx, w.o.Store, w.forward.Name, docstore.Number(position))
	if err != nil {
		return docstore.Write{}, err
	}
	row.Value = DeadLetter{
		ID: row.ID, Forward: w.forward.Name, Kind: kind, State: LetterOpen, Statement: id, Position: position,
		Reason: shortened(reason), Attempts: 1, First: now, Last: now,
	}
	return letters.Put(row)
}

// failed waits for a target that takes nothing, or gives its message up when it has waited long enough.
func (w *follower) failed(ctx context.Context, m Message, through lrs.Instant, passed int, cause error) (time.Duration, error) {
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	s, now := w.row.Value, w.o.Now().UTC()
	f := w.o.Explain(cause)
	f.Since, f.Last = now, now
	if s.Failure != nil {
		f.Since, f.Attempts = s.Failure.Since, s.Failure.Attempts
	}
	if w.forward.Retry == RetryBrief && now.Sub(f.Since) >= w.o.Brief && m.Statements != nil {
		var all []Refused
		for i := range m.Statements {
			all = append(all, Refused{i, f.Sentence})
		}
		s.Passed += int64(passed)
		return w.delivered(ctx, s, m, through, all)
	}
	f.Attempts++
	pause := min(w.o.First<<min(f.Attempts-1, 20), w.o.Most)
	pause = max(pause, f.Delay)
	f.Next = now.Add(pause)
	s.Failure = &f
	if f.Attempts == 1 {
		w.o.Logger.Warn("a target takes nothing", "forward", w.forward.Name, "reason", f.Sentence, "detail", f.Detail)
	}
	return pause, w.write(ctx, s)
}
