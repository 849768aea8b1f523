package exchange

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"

	"github.com/google/uuid"

	"acquis/docstore"
	"acquis/lrs"
)

// keep stores attachments as they come in. One that is not what it says is left out, and its statement refused.
func (w *pulling) keep(ctx context.Context) KeepAttachment {
	if w.pull.WithoutAttachments {
		return nil
	}
	return func(sha2 string, content io.Reader) error {
		sum, err := lrs.NewSHA2(sha2)
		if err != nil {
			return nil
		}
		_, err = w.p.Attachments.PutAttachment(ctx, sha2, &digested{content, sum, sha2})
		switch {
		case errors.Is(err, errDigest):
			return nil
		case err == nil:
			w.kept = append(w.kept, sha2)
		}
		return err
	}
}

var errDigest = errors.New("exchange: an attachment has another digest than it says")

// digested fails at its end when the content is not what it says.
type digested struct {
	io.Reader
	sum  hash.Hash
	want string
}

func (d *digested) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	d.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(d.sum.Sum(nil)) != d.want {
		return n, errDigest
	}
	return n, err
}

// movedAtOnce is how many statements are taken in together.
const movedAtOnce = 500

// takeIn stores the statements of a page, those that are voided before those that void them, and notes how far
// the run has come.
func (w *pulling) takeIn(ctx context.Context, page PulledPage, run *PullRun) error {
	if run.Pages == 0 {
		run.Through = page.Through
	}
	run.Pages++
	run.note(page.Odd)
	var statements [][]byte
	for _, statement := range page.Statements {
		hidden, err := w.hiddenBy(ctx, statement)
		if err != nil {
			return err
		}
		if hidden != nil {
			statements = append(statements, hidden)
		}
		statements = append(statements, statement)
	}
	var writes []docstore.Write
	for len(statements) > 0 {
		some := statements[:min(len(statements), movedAtOnce)]
		statements = statements[len(some):]
		refusals, err := w.move(ctx, some, run)
		if err != nil {
			return err
		}
		writes = append(writes, refusals...)
		for len(writes) > maxWrites { // with the rest of a page of bad statements
			if err := w.write(ctx, w.row.Value, writes[:maxWrites]...); err != nil {
				return err
			}
			writes = writes[maxWrites:]
		}
	}
	run.More = page.More
	s := w.row.Value
	s.Run = run
	return w.write(ctx, s, writes...)
}

const maxWrites = 200

// hiddenBy fetches the statement that another voids: the other store does not list it.
func (w *pulling) hiddenBy(ctx context.Context, statement []byte) ([]byte, error) {
	if !bytes.Contains(statement, []byte(lrs.VerbVoided)) {
		return nil, nil
	}
	decoded, err := lrs.DecodeStored(statement)
	if err != nil || decoded.Verb.ID != lrs.VerbVoided || lrs.TargetOf(decoded) == uuid.Nil {
		return nil, nil
	}
	hidden, ok, err := w.reader.Voided(ctx, lrs.TargetOf(decoded), w.keep(ctx))
	if !ok {
		return nil, err
	}
	return hidden, err
}

// move takes statements in, with the attachments that are kept already.
func (w *pulling) move(ctx context.Context, statements [][]byte, run *PullRun) ([]docstore.Write, error) {
	version := w.pull.Version
	if version == "" {
		version = lrs.V103
	}
	r := lrs.MoveRequest{Version: version, Statements: statements}
	r.Kept = w.kept
	moved, err := w.p.Mover.MoveStatements(ctx, w.who, r)
	if err != nil {
		return nil, err
	}
	if err := w.p.Provenance.Note(ctx, w.pull.Name, w.pull.Endpoint, moved); err != nil {
		return nil, err
	}
	var refusals []docstore.Write
	for i, m := range moved {
		if at, err := lrs.ParseTimestamp(m.Origin.Stored, lrs.V103); err == nil {
			run.Newest = max(run.Newest, lrs.InstantOf(at))
		}
		switch {
		case m.Refusal != nil:
			refusal, err := w.refusal(ctx, statements[i], m)
			if err != nil {
				return nil, err
			}
			if refusal != nil {
				run.Refused++
				refusals = append(refusals, *refusal)
			}
		case m.Stored == 0:
			run.Repeated++
		default:
			run.Stored++
		}
	}
	return refusals, nil
}

// refusal lists a statement that was not taken in, once however often it comes.
func (w *pulling) refusal(ctx context.Context, statement []byte, m lrs.Moved) (*docstore.Write, error) {
	sum := sha256.Sum256(bytes.TrimSpace(statement))
	row, err := pullRefusals.Find(ctx, w.p.Store, w.pull.Name, hex.EncodeToString(sum[:16]))
	if err != nil || row.Revision != 0 {
		return nil, err
	}
	row.Value = PullRefusal{ID: row.ID, Pull: w.pull.Name, At: w.o.Now().UTC(), Detail: m.Refusal.Detail, Violations: m.Refusal.Violations}
	if m.ID != uuid.Nil {
		row.Value.Statement = m.ID.String()
	}
	put, err := pullRefusals.Put(row)
	return &put, err
}
