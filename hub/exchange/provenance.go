package exchange

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/docstore"
	"acquis/lrs"
)

// Trace tells where a statement that was moved here comes from.
type Trace struct {
	Statement lrs.ID         `json:"statement"`
	Source    string         `json:"source"`              // the source that it counts as here
	Origin    string         `json:"origin,omitempty"`    // the import or pull that brought it
	Stored    string         `json:"stored,omitempty"`    // when the store it comes from had stored it, as written there
	Authority jsontext.Value `json:"authority,omitempty"` // the authority that it had there, as written there
}

// provenance is about up to provenanceSize statements that came together.
type provenance struct {
	Origin      string           `json:"origin,omitempty"`
	Authorities []jsontext.Value `json:"authorities,omitempty"`
	Statements  []provenant      `json:"statements"`
}

type provenant struct {
	ID        lrs.ID `json:"id"`
	Stored    string `json:"stored,omitempty"`
	Authority int    `json:"authority,omitempty"` // from 1; 0: none
}

// provenanceSize is as many as a document may have keys.
const provenanceSize = docstore.MaxKeys

const byStatement = "statement"

// provenances has the source as its partition. It is found by statement, also when one is to be forgotten.
var provenances = docstore.Table[provenance]{
	Collection: docstore.Collection{Name: "provenance", Class: docstore.IdentifyingData, Indexes: []string{byStatement}, Subject: byStatement},
	Keys: func(p *provenance) []docstore.IndexKey {
		keys := make([]docstore.IndexKey, len(p.Statements))
		for i, s := range p.Statements {
			keys[i] = docstore.IndexKey{Index: byStatement, Key: statementKey(s.ID)}
		}
		return keys
	},
}

func statementKey(id lrs.ID) string { return hex.EncodeToString(id[:]) }

// Statements is what the package asks of the record store.
type Statements interface {
	StatementByID(ctx context.Context, id lrs.ID) (lrs.Entry, error)
}

// Provenance keeps where moved statements come from. The statements themselves stay as they came, so that they
// equal what they were and their signatures hold.
type Provenance struct {
	store      docstore.Store
	statements Statements
}

// NewProvenance returns what is kept in a store. Its collections are declared already.
func NewProvenance(store docstore.Store, statements Statements) *Provenance {
	return &Provenance{store, statements}
}

// Note writes down where statements come from that were moved in as a source. What is known already is left
// alone, so it may be told again after a fault; a statement that was here before as another source's is not
// taken for one that came from there.
func (p *Provenance) Note(ctx context.Context, source, origin string, moved []lrs.Moved) error {
	var wanted []lrs.Moved
	told := map[lrs.ID]bool{} // what came together was written together, and is found together
	for _, m := range moved {
		if m.Refusal != nil || told[m.ID] {
			continue
		}
		if m.Stored == 0 {
			lacks, err := p.lacks(ctx, source, m.ID, told)
			if err != nil {
				return err
			}
			if !lacks {
				continue
			}
		}
		wanted = append(wanted, m)
	}
	for group := range slices.Chunk(wanted, 4*provenanceSize) {
		if err := p.write(ctx, source, origin, group); err != nil {
			return err
		}
	}
	return nil
}

// lacks reports whether a statement that is here already came as the source, and nobody wrote down from where.
// It notes which others are written down together with one that is.
func (p *Provenance) lacks(ctx context.Context, source string, id lrs.ID, told map[lrs.ID]bool) (bool, error) {
	found, _, err := provenances.Scan(ctx, p.store, docstore.Scan{Index: byStatement, Prefix: statementKey(id), Limit: 1})
	if err != nil {
		return false, err
	}
	if len(found) > 0 {
		for _, s := range found[0].Row.Value.Statements {
			told[s.ID] = true
		}
		return false, nil
	}
	entry, err := p.statements.StatementByID(ctx, id)
	if errors.Is(err, lrs.ErrNotFound) { // it was erased
		return false, nil
	}
	return entry.Source == source, err
}

func (p *Provenance) write(ctx context.Context, source, origin string, moved []lrs.Moved) error {
	group := docstore.Group{Partition: partitionOf(source)}
	for some := range slices.Chunk(moved, provenanceSize) {
		row := docstore.Row[provenance]{Key: docstore.Key{Partition: group.Partition, ID: some[0].ID.String()}, Value: provenance{Origin: origin}}
		for _, m := range some {
			row.Value.Statements = append(row.Value.Statements, provenant{m.ID, m.Origin.Stored, row.Value.authority(m.Origin.Authority)})
		}
		w, err := provenances.Put(row)
		if err != nil {
			return err
		}
		group.Writes = append(group.Writes, w)
	}
	_, err := p.store.ApplyDocs(ctx, group)
	if len(group.Writes) > 1 && lrs.KindOf(err) == lrs.KindConflict { // part of it was told before
		for some := range slices.Chunk(moved, provenanceSize) {
			if err := p.write(ctx, source, origin, some); err != nil {
				return err
			}
		}
		return nil
	}
	if lrs.KindOf(err) == lrs.KindConflict {
		return nil
	}
	return err
}

// partitionOf is never empty: a credential of the installation has no source.
func partitionOf(source string) string {
	if source == "" {
		return "-"
	}
	return source
}

// authority returns the number of an authority in the list, which it may lengthen.
func (p *provenance) authority(json lrs.RawJSON) int {
	if len(json) == 0 {
		return 0
	}
	for i, known := range p.Authorities {
		if string(known) == string(json) {
			return i + 1
		}
	}
	p.Authorities = append(p.Authorities, jsontext.Value(json))
	return len(p.Authorities)
}

// Of tells where a statement comes from: nothing when it was not moved here, several when more than one
// store brought it. Reading it needs a role, for an authority may name a person.
func (p *Provenance) Of(ctx context.Context, caller lrs.Principal, id lrs.ID) ([]Trace, error) {
	if err := caller.Has(lrs.RoleAdministrator|lrs.RoleOperator|lrs.RoleAuditor, "read where a statement comes from"); err != nil {
		return nil, err
	}
	traces := []Trace{}
	for row, err := range provenances.Rows(ctx, p.store, docstore.Scan{Index: byStatement, Prefix: statementKey(id)}) {
		if err != nil {
			return nil, err
		}
		for _, s := range row.Value.Statements {
			if s.ID != id {
				continue
			}
			t := Trace{Statement: id, Source: row.Partition, Origin: row.Value.Origin, Stored: s.Stored}
			if s.Authority > 0 && s.Authority <= len(row.Value.Authorities) {
				t.Authority = row.Value.Authorities[s.Authority-1]
			}
			traces = append(traces, t)
		}
	}
	return traces, nil
}

// Forget destroys what is kept about a statement, as erasing it asks.
func (p *Provenance) Forget(ctx context.Context, id lrs.ID) error {
	return docstore.Retry(func() error {
		for row, err := range provenances.Rows(ctx, p.store, docstore.Scan{Index: byStatement, Prefix: statementKey(id)}) {
			if err != nil {
				return err
			}
			row.Value.Statements = slices.DeleteFunc(row.Value.Statements, func(s provenant) bool { return s.ID == id })
			w, err := provenances.Put(row)
			if len(row.Value.Statements) == 0 {
				w, err = provenances.Drop(row), nil
			}
			if err != nil {
				return err
			}
			if _, err := p.store.ApplyDocs(ctx, docstore.Group{Partition: row.Partition, Writes: []docstore.Write{w}}); err != nil {
				return err
			}
		}
		return nil
	})
}
