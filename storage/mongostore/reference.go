package mongostore

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
)

// Linking gives a statement what others do to it: the terms that it inherits through its chain of
// targets, and whether it is voided. Whoever stores a statement makes it visible first and looks
// for the other end afterwards. Of two ends that arrive at the same time through two writers, the
// one that became visible last therefore finds the other.

// inlineLinks is how many statements are linked before a round is answered. The rest of a large
// fan-in is linked afterwards; the epoch's Done stays below the round until then.
const inlineLinks = 64

// noteReferences keeps the ids that drafts refer to, before these become visible. An id that is not
// kept has no referrer.
func (u *unit) noteReferences(ctx context.Context) error {
	var ids []any
	for record := range u.drafts {
		if record.Target != "" && u.holds(record) {
			ids = append(ids, byID(record.Target))
		}
	}
	return u.store.noteReferences(ctx, ids)
}

func (s *Store) noteReferences(ctx context.Context, ids []any) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := s.references.InsertMany(ctx, ids, options.InsertMany().SetOrdered(false))
	if onlyDuplicates(err) {
		return nil
	}
	return err
}

// holds reports whether a record still stands to be stored.
func (u *unit) holds(record *statementRecord) bool {
	for _, r := range u.group {
		if slices.Contains(r.records, record) {
			return true
		}
	}
	return false
}

// linkRound links what a visible round refers to and is referred to by. Small rounds are linked
// when it returns.
func (s *Store) linkRound(ctx context.Context, u *unit) error {
	roots, err := s.roots(ctx, u)
	l := &linking{store: s, queue: roots, budget: inlineLinks}
	if err == nil {
		err = l.run(ctx)
	}
	if err == nil && len(l.queue) == 0 {
		u.round.link()
		return nil
	}
	if err != nil {
		s.log.Error("linking references failed; it is tried again", "error", err)
	}
	s.work.Go(func() { s.linkLater(u, l, err != nil) })
	return unavailable(err)
}

// linkLater goes on linking until it is done. When the process ends first, another one does it.
func (s *Store) linkLater(u *unit, l *linking, again bool) {
	for s.life.Err() == nil {
		err := error(nil)
		if again {
			var roots []root
			if roots, err = s.roots(s.life, u); err == nil {
				l = &linking{store: s, queue: roots}
			}
		}
		if err == nil {
			l.budget = 0
			err = l.run(s.life)
		}
		if err == nil {
			u.round.link()
			return
		}
		again = true
		wait(s.life, time.Second)
	}
}

// roots lists the statements of a round that have to be linked: those that refer, what they void,
// and those that others may refer to.
func (s *Store) roots(ctx context.Context, u *unit) ([]root, error) {
	var foreign []string
	records := u.records()
	for _, r := range records {
		if !u.drafts[r].Fresh {
			foreign = append(foreign, r.ID)
		}
	}
	referred, err := idsAmong(ctx, s.references, foreign)
	if err != nil {
		return nil, err
	}
	var roots []root
	for _, r := range records {
		roots = append(roots, rootsOf(r, referred[r.ID])...)
	}
	return roots, nil
}

func rootsOf(r *statementRecord, referred bool) []root {
	var roots []root
	if r.Target != "" || referred {
		roots = append(roots, root{id: r.ID, referred: referred, top: true})
	}
	if r.Voids {
		roots = append(roots, root{id: r.Target, top: true})
	}
	return roots
}

// root is a statement to link; when it is referred to, its referrers follow.
type root struct {
	id       string
	referred bool
	top      bool // it is what was stored or erased, not what refers to that
	force    bool // the referrers follow even where nothing changes
}

// linking walks from statements to those that refer to them, as long as their terms change. It
// remembers what the statements of the chains pass on, which only erasures and redactions change.
type linking struct {
	store  *Store
	queue  []root
	budget int // statements that may still be linked; 0 for no bound
	seen   map[string]bool
	links  map[string]chained
	since  counters // when links was begun
}

// chained is what a statement passes on to those that refer to it.
type chained struct {
	terms  []string
	target string
}

func (l *linking) run(ctx context.Context) error {
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	bounded := l.budget > 0
	for len(l.queue) > 0 {
		if bounded && l.budget <= 0 {
			return nil
		}
		next := l.queue[0]
		changed, err := l.link(ctx, next)
		if err != nil {
			return err
		}
		l.budget--
		if next.referred && (changed || next.top || next.force) {
			if err := l.enqueueReferrers(ctx, next, changed); err != nil {
				return err
			}
		}
		l.seen[next.id] = true
		l.queue = l.queue[1:]
	}
	return nil
}

// enqueueReferrers adds the statements whose object refers to one, those that were linked already
// only when it has changed since.
func (l *linking) enqueueReferrers(ctx context.Context, to root, changed bool) error {
	id, err := uuid.Parse(to.id)
	if err != nil {
		return errDamaged
	}
	cursor, err := l.store.statements.Find(
		ctx, bson.D{{Key: "t", Value: termText(lrs.IDTerm(lrs.TermTarget, id))}},
		options.Find().SetHint(termIndex).SetProjection(bson.D{{Key: "_id", Value: 1}}),
	)
	if err != nil {
		return err
	}
	var found []statementRecord
	if err := cursor.All(ctx, &found); err != nil {
		return err
	}
	for _, f := range found {
		if changed || !l.seen[f.ID] {
			l.queue = append(l.queue, root{id: f.ID, referred: true, force: to.force})
		}
	}
	return nil
}

// link gives one statement what it inherits now, and says whether it is voided now. It writes even
// when nothing changes: a link made from an older view, still on its way, then fails and is made
// anew.
func (l *linking) link(ctx context.Context, to root) (changed bool, err error) {
	for ctx.Err() == nil {
		r, state, err := l.store.examine(ctx, to.id)
		if err != nil || state != complete {
			return false, err
		}
		own := slices.DeleteFunc(slices.Clone(r.Terms), func(t string) bool { return slices.Contains(r.Inherited, t) })
		wanted, err := l.inherited(ctx, r)
		if err != nil {
			return false, err
		}
		wanted = slices.DeleteFunc(wanted, func(t string) bool { return slices.Contains(own, t) })
		voided := r.Voided
		if to.top {
			if voided, err = l.store.isVoided(ctx, r); err != nil {
				return false, err
			}
		}
		result, err := l.store.statements.UpdateOne(
			ctx, bson.D{{Key: "_id", Value: r.ID}, {Key: "l", Value: r.Link}},
			bson.D{{Key: "$set", Value: bson.D{
				{Key: "t", Value: append(own, wanted...)},
				{Key: "i", Value: wanted},
				{Key: "v", Value: voided},
				{Key: "l", Value: r.Link + 1},
			}}},
		)
		if err != nil {
			return false, err
		}
		stale, err := l.stale(ctx)
		if err != nil {
			return false, err
		}
		if result.MatchedCount == 1 && !stale {
			slices.Sort(r.Inherited)
			return !slices.Equal(wanted, r.Inherited), nil
		}
	}
	return false, ctx.Err()
}

// stale forgets what was remembered, and says so, when a statement was erased or redacted since. An
// erasure counts first and links afterwards: whoever finds the count unchanged after writing wrote
// before that.
func (l *linking) stale(ctx context.Context) (bool, error) {
	now, err := l.store.readCounters(ctx)
	if err != nil {
		return false, err
	}
	if now.Erasures == l.since.Erasures && now.Redactions == l.since.Redactions {
		return false, nil
	}
	l.links = nil
	return true, nil
}

// inherited gathers the filter terms of the chain of targets, sorted.
func (l *linking) inherited(ctx context.Context, r *statementRecord) (terms []string, err error) {
	if l.links == nil {
		l.links = map[string]chained{}
		if l.since, err = l.store.readCounters(ctx); err != nil {
			return nil, err
		}
	}
	terms = []string{}
	visited := map[string]bool{r.ID: true}
	target := r.Target
	for range lrs.MaxInheritance {
		if target == "" || visited[target] {
			break
		}
		visited[target] = true
		next, err := l.chained(ctx, target)
		if err != nil {
			return nil, err
		}
		if next == nil {
			break
		}
		terms, target = append(terms, next.terms...), next.target
	}
	slices.Sort(terms)
	return slices.Compact(terms), nil
}

// chained reads what a statement passes on, nil when it is not there.
func (l *linking) chained(ctx context.Context, id string) (*chained, error) {
	if c, ok := l.links[id]; ok {
		return &c, nil
	}
	r, state, err := l.store.examine(ctx, id)
	if err != nil || state != complete {
		return nil, err
	}
	c := chained{target: r.Target}
	for _, t := range r.Terms {
		if !slices.Contains(r.Inherited, t) && inheritable(t) {
			c.terms = append(c.terms, t)
		}
	}
	l.links[id] = c
	return &c, nil
}

func inheritable(text string) bool {
	t, err := parseTerm(text)
	return err == nil && t.Inheritable()
}

// isVoided reports whether a visible statement voids this one, which must not be voiding itself
// (Data 2.3.2).
func (s *Store) isVoided(ctx context.Context, r *statementRecord) (bool, error) {
	if r.Voids {
		return false, nil
	}
	id, err := uuid.Parse(r.ID)
	if err != nil {
		return false, errDamaged
	}
	cursor, err := s.statements.Find(
		ctx, bson.D{{Key: "t", Value: termText(lrs.IDTerm(lrs.TermTarget, id))}, {Key: "w", Value: true}},
		options.Find().SetHint(termIndex).SetProjection(bson.D{{Key: "_id", Value: 1}}),
	)
	if err != nil {
		return false, err
	}
	var voiding []statementRecord
	if err := cursor.All(ctx, &voiding); err != nil {
		return false, err
	}
	for _, v := range voiding {
		if _, state, err := s.examine(ctx, v.ID); err != nil || state == complete {
			return err == nil, err
		}
	}
	return false, nil
}

// onlyDuplicates reports whether a bulk insert failed on ids that were there already and on nothing else.
func onlyDuplicates(err error) bool {
	bulk, ok := asBulk(err)
	if !ok || bulk.WriteConcernError != nil {
		return false
	}
	return !slices.ContainsFunc(bulk.WriteErrors, func(e mongo.BulkWriteError) bool { return e.Code != codeDuplicate })
}
