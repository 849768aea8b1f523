package storagetest

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sync/errgroup"

	"acquis/lrs"
	"acquis/storage"
)

// Peers tests what several processes on one database owe each other. A backend for one process has
// no Instance.Peer and does not run it.
func Peers(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"what one process answered, the others read at once", peersRead},
		{"of different statements with one id that come through several processes one wins, whole batches with it", peersContend},
		{"a voiding statement and its target may come through two processes at once", peersVoid},
		{"references inherit, whichever processes they come through at once", peersRefer},
		{"of definitions that come through several processes at once the last in stored order wins", peersDefine},
		{"a reader that follows the log through one process misses nothing of the others", peersFollow},
		{"stored times are never the same, whichever process gave them", peersOrder},
		{"a document changed through several processes loses no change", peersDocument},
		{"what was erased through one process can't be stored through another", peersErase},
	})
}

// peers are three processes on the subject's data, the subject's store the first.
func (s *subject) peers() []storage.Store {
	return []storage.Store{s.Store, s.Peer(), s.Peer()}
}

// at is the subject with another process's store.
func (s *subject) at(store storage.Store) *subject {
	other := *s
	other.Store = store
	return &other
}

// together runs one call at each of the stores at the same time.
func together(stores []storage.Store, call func(i int, store storage.Store) error) error {
	var calls errgroup.Group
	for i, store := range stores {
		calls.Go(func() error { return call(i, store) })
	}
	return calls.Wait()
}

func peersRead(s *subject) {
	peers := s.peers()
	for i := range 9 {
		p := newPost(registeredAs(nthID("peer", i)))
		s.at(peers[i%3]).add(p)
		for _, peer := range peers {
			s.at(peer).wantPost(p)
			s.at(peer).wantFound(lrs.IDTerm(lrs.TermRegistration, nthID("peer", i)), []post{p})
		}
	}
}

func peersContend(s *subject) {
	peers := s.peers()
	for range 5 {
		shared := newPost()
		batches := make([][]post, len(peers))
		list := make([][]*lrs.Draft, len(peers))
		for i := range batches {
			batches[i] = []post{newPost(), shared.with(did(verbs[i])), newPost()}
			list[i] = drafts(s, batches[i])
		}
		errs := make([]error, len(peers))
		s.must(together(peers, func(i int, store storage.Store) error {
			errs[i] = store.AppendStatements(s.ctx, list[i])
			return nil
		}))
		winners := 0
		for i, batch := range batches {
			if errs[i] != nil {
				s.wantConflict(errs[i], 1)
				s.wantNothing(batch[0].id)
				s.wantNothing(batch[2].id)
				continue
			}
			winners++
			for _, p := range batch {
				s.wantPost(p)
			}
		}
		if winners != 1 {
			s.Fatalf("%d of the batches that share an id were stored", winners)
		}
	}
}

func peersVoid(s *subject) {
	peers := s.peers()
	for range 5 {
		target, voiding := targetAndVoiding()
		list := [][]*lrs.Draft{drafts(s, []post{target}), drafts(s, []post{voiding})}
		s.must(together(peers[:2], func(i int, store storage.Store) error { return store.AppendStatements(s.ctx, list[i]) }))
		s.at(peers[2]).wantVoided(target, true)
	}
}

func peersRefer(s *subject) {
	peers := s.peers()
	for range 5 {
		posts := chain(3)
		registration := newPost().id
		posts[2] = posts[2].with(registeredAs(registration))
		list := make([][]*lrs.Draft, len(posts))
		for i, p := range posts {
			list[i] = drafts(s, []post{p})
		}
		s.must(together(peers, func(i int, store storage.Store) error { return store.AppendStatements(s.ctx, list[i]) }))
		s.settle()
		for _, peer := range peers {
			s.at(peer).wantFound(lrs.IDTerm(lrs.TermRegistration, registration), posts)
		}
	}
}

func peersDefine(s *subject) {
	peers := s.peers()
	for range 5 {
		posts := make([]post, len(peers))
		list := make([][]*lrs.Draft, len(peers))
		for i := range posts {
			posts[i] = newPost(defining(activity, fields{"name": fields{"fr": fmt.Sprintf("Nom %d", i)}}))
			list[i] = drafts(s, posts[i:i+1])
		}
		s.must(together(peers, func(i int, store storage.Store) error { return store.AppendStatements(s.ctx, list[i]) }))
		last := 0
		for i, p := range posts {
			if s.get(p.id).Stored > s.get(posts[last].id).Stored {
				last = i
			}
		}
		for _, peer := range peers {
			s.at(peer).wantDefinition(activity, fmt.Sprintf(`{"name":{"fr":"Nom %d"}}`, last))
		}
	}
}

func peersFollow(s *subject) {
	peers := s.peers()
	const batches, size = 10, 3
	list := make([][][]*lrs.Draft, len(peers))
	for i := range peers {
		for range batches {
			list[i] = append(list[i], drafts(s, newPosts(size)))
		}
	}
	written := make(chan error, 1)
	go func() {
		written <- together(peers, func(i int, store storage.Store) error {
			for _, batch := range list[i] {
				if err := store.AppendStatements(s.ctx, batch); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	reader := s.at(s.Peer())
	var followed []lrs.LogEntry
	after := lrs.Instant(0)
	err := eventually(s.ctx, func() (bool, error) {
		some, err := readLog(s.ctx, reader.Store, after, 7)
		if len(some) > 0 {
			after = some[len(some)-1].Position
			followed = append(followed, some...)
		}
		return len(followed) >= len(peers)*batches*size, err
	})
	s.must(<-written)
	if err != nil {
		s.Fatalf("following the log showed %d of %d statements: %v", len(followed), len(peers)*batches*size, err)
	}
	s.wantSame(logIDs(followed), logIDs(s.history()))
}

func peersOrder(s *subject) {
	peers := s.peers()
	posts := make([][]post, len(peers))
	list := make([][]*lrs.Draft, len(peers))
	for i := range peers {
		posts[i] = newPosts(40)
		list[i] = drafts(s, posts[i])
	}
	s.must(together(peers, func(i int, store storage.Store) error { return store.AppendStatements(s.ctx, list[i]) }))
	seen := map[lrs.Instant]bool{}
	for _, p := range slices.Concat(posts...) {
		stored := s.get(p.id).Stored
		if seen[stored] {
			s.Fatalf("two statements are stored at %s", stored)
		}
		seen[stored] = true
	}
}

func peersDocument(s *subject) {
	peers := s.peers()
	key := activityKey(0, "counter")
	const each = 8
	s.must(together(peers, func(_ int, store storage.Store) error {
		for range each {
			err := store.UpdateDocument(s.ctx, key, func(current *lrs.Document) (lrs.Document, error) {
				n := 0
				if current != nil {
					var err error
					if n, err = strconv.Atoi(string(current.Content)); err != nil {
						return lrs.Document{}, err
					}
				}
				return lrs.Document{ContentType: "text/plain", Content: []byte(strconv.Itoa(n + 1))}, nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
	for _, peer := range peers {
		d, err := peer.Document(s.ctx, key)
		s.must(err)
		if string(d.Content) != strconv.Itoa(each*len(peers)) {
			s.Fatalf("%d changes were made, the document counts %s", each*len(peers), d.Content)
		}
	}
}

func peersErase(s *subject) {
	peers := s.peers()
	p := richTarget()
	s.add(p)
	s.must(peers[1].EraseStatement(s.ctx, p.id))
	for _, peer := range peers {
		s.at(peer).add(p)
		s.at(peer).wantNowhere(p)
	}
}
