package accessstore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"acquis/access"
	"acquis/docstore"
	"acquis/lrs"
)

func tokenKey(id string) docstore.Key {
	return docstore.Key{Collection: tokens.Name, Partition: id, ID: "token"}
}

// PutToken implements access.Store.
func (s *Store) PutToken(ctx context.Context, t access.Token) error {
	bytes, err := json.Marshal(t)
	if err != nil {
		return err
	}
	subject := t.Credential
	if t.Launch != nil {
		if subject, err = learner(t.Launch); err != nil {
			return err
		}
	}
	_, err = s.backend.ApplyDocs(ctx, docstore.Group{Partition: t.ID, Writes: []docstore.Write{{
		Collection: tokens.Name, ID: "token", Bytes: bytes,
		Keys: append(keyed("subject", subject), docstore.IndexKey{Index: "expires", Key: docstore.Number(lrs.InstantOf(t.Expires))}),
	}}})
	return err
}

// learner is whom a launch token is about, as its documents are found.
func learner(b *access.LaunchBinding) (string, error) {
	actor, err := lrs.DecodeAgent(b.Actor)
	if err != nil {
		return "", err
	}
	return docstore.Tuple(actor.IFI.HomePage, actor.IFI.Value), nil
}

// Token implements access.Store.
func (s *Store) Token(ctx context.Context, id string) (access.Token, error) {
	doc, err := s.backend.GetDoc(ctx, tokenKey(id))
	if err != nil {
		return access.Token{}, err
	}
	var t access.Token
	return t, json.Unmarshal(doc.Bytes, &t)
}

// DeleteToken implements access.Store.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	return s.retry(func() error {
		doc, err := s.find(ctx, tokenKey(id))
		if err != nil || doc.Revision == 0 {
			return err
		}
		return s.delete(ctx, doc)
	})
}

func (s *Store) delete(ctx context.Context, doc docstore.Doc) error {
	_, err := s.backend.ApplyDocs(ctx, docstore.Group{Partition: doc.Partition, Writes: []docstore.Write{
		{Collection: doc.Collection, ID: doc.ID, Expected: doc.Revision, Deleted: true},
	}})
	return err
}

// sweepPage is how many expired tokens are looked at together.
const sweepPage = 200

// SweepTokens implements access.Store. Nobody follows the changes of tokens, so what is kept about
// those that are gone goes too.
func (s *Store) SweepTokens(ctx context.Context, before time.Time) (removed int, err error) {
	through, err := s.backend.ChangesThrough(ctx)
	if err != nil {
		return 0, err
	}
	scan := docstore.Scan{Collection: tokens.Name, Index: "expires", Until: docstore.Number(lrs.InstantOf(before)), Limit: sweepPage}
	for {
		page, err := s.backend.ScanDocs(ctx, scan)
		if err != nil {
			return removed, err
		}
		for _, e := range page.Entries {
			switch err := s.delete(ctx, e.Doc); {
			case err == nil:
				removed++
			case !errors.Is(err, lrs.ErrConflict): // a conflict: another process was first
				return removed, err
			}
		}
		if page.Next == "" {
			_, err = s.backend.ForgetDeletions(ctx, tokens.Name, through)
			return removed, err
		}
		scan.After = page.Next
	}
}

// find returns a document, or one of revision 0 when there is none.
func (s *Store) find(ctx context.Context, key docstore.Key) (docstore.Doc, error) {
	doc, err := s.backend.GetDoc(ctx, key)
	if errors.Is(err, lrs.ErrNotFound) {
		return docstore.Doc{Key: key}, nil
	}
	return doc, err
}

// tries is how often something is begun anew that others keep changing meanwhile.
const tries = 5

// retry begins anew when somebody else changed what was read.
func (s *Store) retry(do func() error) (err error) {
	for range tries {
		if err = do(); !errors.Is(err, lrs.ErrConflict) {
			return err
		}
	}
	return err
}

// cut makes text fit to be an index key.
func cut(text string) string {
	const most = 500
	if len(text) > most {
		text = text[:most]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}
