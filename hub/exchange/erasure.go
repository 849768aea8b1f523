package exchange

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"acquis/docstore"
	"acquis/lrs"
)

const sentWidth = 24

// findReceipt finds the receipt that says whether the target has got the statement stored at a position, and
// where in it. -1 when it has not.
func (w *follower) findReceipt(ctx context.Context, position lrs.Instant) (docstore.Row[receipt], int, error) {
	found, _, err := receipts.Scan(ctx, w.o.Store, docstore.Scan{
		Prefix: docstore.Tuple(w.forward.Name), Until: docstore.Tuple(w.forward.Name, docstore.Number(position+1)), Descending: true, Limit: 1,
	})
	if err != nil || len(found) == 0 {
		return docstore.Row[receipt]{}, -1, err
	}
	row := found[0].Row
	for at := 0; at+sentWidth <= len(row.Value.Sent); at += sentWidth {
		if lrs.Instant(binary.BigEndian.Uint64(row.Value.Sent[at:])) == position {
			return row, at, nil
		}
	}
	return row, -1, nil
}

// tell passes on that a statement was erased or redacted, if the target has it, or lists that it cannot be told.
func (w *follower) tell(ctx context.Context, e lrs.LogEntry) (time.Duration, error) {
	row, at, err := w.findReceipt(ctx, e.Target)
	if err != nil {
		return 0, err
	}
	var writes []docstore.Write
	kind := LetterRedaction
	if e.Kind == lrs.LogErased {
		kind = LetterErasure
		if writes, err = w.dropLetter(ctx, e.Target); err != nil {
			return 0, err
		}
	}
	s := w.row.Value
	if at >= 0 {
		change := Change{ID: messageID(w.forward.Name, e.Position, e.Position), Kind: kind, Statement: lrs.ID(row.Value.Sent[at+8 : at+sentWidth]), At: e.Position}
		told, err := w.sender.Tell(ctx, change)
		if err != nil {
			return w.failed(ctx, Message{}, 0, 0, err)
		}
		if !told {
			put, err := w.letter(ctx, kind, change.Statement, e.Position, "the target cannot be told: have it done there, then settle this", w.o.Now().UTC())
			if err != nil {
				return 0, err
			}
			writes = append(writes, put)
			s.Refused++
		}
		if kind == LetterErasure {
			forgotten, err := forgetSent(row, at)
			if err != nil {
				return 0, err
			}
			writes = append(writes, forgotten)
		}
	}
	s.Cursor, s.Failure = e.Position, nil
	return 0, w.write(ctx, s, writes...)
}

// forgetSent takes a statement out of a receipt.
func forgetSent(row docstore.Row[receipt], at int) (docstore.Write, error) {
	row.Value.Sent = slices.Delete(row.Value.Sent, at, at+sentWidth)
	return receipts.Put(row)
}

// dropLetter takes away the dead letter of a statement that was erased.
func (w *follower) dropLetter(ctx context.Context, position lrs.Instant) ([]docstore.Write, error) {
	row, err := letters.Get(ctx, w.o.Store, w.forward.Name, docstore.Number(position))
	if errors.Is(err, lrs.ErrNotFound) {
		return nil, nil
	}
	return []docstore.Write{letters.Drop(row)}, err
}

// replayAtOnce is how many letters are sent once more before the log goes on.
const replayAtOnce = 100

func (w *follower) toReplay(limit int) docstore.Scan {
	return docstore.Scan{Index: byState, Prefix: docstore.Tuple(string(LetterReplay), w.forward.Name), Limit: limit}
}

func (w *follower) replayWaits(ctx context.Context) bool {
	found, _, err := letters.Scan(ctx, w.o.Store, w.toReplay(1))
	return err == nil && len(found) > 0 && w.held && (w.row.Value.Failure == nil || !w.row.Value.Failure.Next.IsZero())
}

// replay sends letters once more that somebody wants sent.
func (w *follower) replay(ctx context.Context) (time.Duration, error) {
	found, _, err := letters.Scan(ctx, w.o.Store, w.toReplay(replayAtOnce))
	if err != nil {
		return 0, err
	}
	for _, f := range found {
		if pause, err := w.replayOne(ctx, f.Row); err != nil || pause > 0 {
			return pause, err
		}
	}
	if len(found) == replayAtOnce {
		w.looked = time.Time{} // there may be more
	}
	return 0, nil
}

func (w *follower) replayOne(ctx context.Context, row docstore.Row[DeadLetter]) (time.Duration, error) {
	letter, s := row.Value, w.row.Value
	reason, err := "", error(nil)
	var sent []docstore.Write
	if letter.Kind == LetterStatement {
		reason, sent, err = w.sendAgain(ctx, letter)
	} else {
		var told bool
		told, err = w.sender.Tell(ctx, Change{ID: messageID(w.forward.Name, letter.Position, letter.Position), Kind: letter.Kind, Statement: letter.Statement, At: letter.Position})
		if !told {
			reason = letter.Reason
		}
	}
	if err != nil {
		return w.failed(ctx, Message{}, 0, 0, err)
	}
	writes := append(sent, letters.Drop(row))
	if reason != "" {
		row.Value.State, row.Value.Reason, row.Value.Last = LetterOpen, shortened(reason), w.o.Now().UTC()
		row.Value.Attempts++
		put, err := letters.Put(row)
		if err != nil {
			return 0, err
		}
		writes = []docstore.Write{put}
	}
	s.Sent += int64(len(sent))
	s.Failure = nil
	err = w.write(ctx, s, writes...)
	if lrs.KindOf(err) == lrs.KindConflict { // somebody changed the letter meanwhile
		return 0, nil
	}
	return 0, err
}

// sendAgain sends the statement of a letter, as it is now. The reason says why it is refused again.
func (w *follower) sendAgain(ctx context.Context, letter DeadLetter) (reason string, writes []docstore.Write, err error) {
	entry, err := w.o.Statements.StatementByID(ctx, letter.Statement)
	if errors.Is(err, lrs.ErrNotFound) { // it was erased: nothing is left to send
		return "", nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	refused, err := w.sender.Send(ctx, Message{ID: messageID(w.forward.Name, letter.Position, letter.Position), Statements: []lrs.Entry{entry}})
	if err != nil || len(refused) > 0 {
		if len(refused) > 0 {
			reason = refused[0].Reason
		}
		return reason, nil, err
	}
	row, _, err := w.findReceipt(ctx, entry.Stored)
	if err != nil {
		return "", nil, err
	}
	if row.ID == "" { // there is none before it: those after it begin later
		row.Key = docstore.Key{Partition: w.forward.Name, ID: docstore.Number(entry.Stored)}
	}
	row.Value.Sent = appendSent(row.Value.Sent, entry)
	put, err := receipts.Put(row)
	return "", []docstore.Write{put}, err
}
