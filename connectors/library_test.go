package connectors_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"acquis/connectors"
	"acquis/connectors/connectortest"
	"acquis/storage/pebblestore"
)

// library is a provider made up for the tests of the machinery: readers have seats, and loans are what they
// learn by. A loan that was given back has an end.
type library struct {
	mu      sync.Mutex
	tokens  int // how many were handed out
	revoked int // those up to this are not taken
	readers []reader
	loans   []loan
	next    int
}

type reader struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	State string `json:"state"`
}

type loan struct {
	ID      int        `json:"id"`
	Reader  string     `json:"reader"` // "" when it was made anonymous
	Book    string     `json:"book"`
	Changed time.Time  `json:"changed"`
	Ended   *time.Time `json:"ended"`
	Pages   int        `json:"pages"`
}

const shelf = 3 // loans or readers on a page

var opened = time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC)

func newLibrary() *library {
	l := &library{}
	for n := range 5 {
		l.readers = append(l.readers, reader{ID: fmt.Sprintf("reader-%d", n), Email: fmt.Sprintf("r%d@example.org", n), State: "active"})
	}
	for range 7 {
		l.lend()
	}
	l.giveBack(2)
	l.giveBack(4)
	return l
}

func (l *library) lend() {
	l.next++
	l.loans = append([]loan{{
		ID: l.next, Reader: fmt.Sprintf("reader-%d", l.next%5), Book: fmt.Sprintf("book-%d", l.next%3), Changed: opened.Add(time.Duration(l.next) * time.Hour),
	}}, l.loans...)
}

func (l *library) giveBack(id int) {
	i := slices.IndexFunc(l.loans, func(x loan) bool { return x.ID == id })
	at := opened.Add(time.Duration(100+id) * time.Hour)
	l.loans[i].Ended, l.loans[i].Changed, l.loans[i].Pages = &at, at, 100*id
}

func (l *library) Learn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lend()
	at := opened.Add(300 * time.Hour)
	for i := range l.loans {
		if l.loans[i].Ended == nil {
			l.loans[i].Ended, l.loans[i].Changed, l.loans[i].Pages = &at, at, 7
			break
		}
	}
	l.loans[len(l.loans)-2].Pages++ // a correction, of an ended one
	l.loans[len(l.loans)-2].Changed = at
}

func (l *library) Shift() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readers = append([]reader{{ID: "reader-new", Email: "new@example.org", State: "invited"}}, l.readers...)
	l.lend()
	l.loans[0].Changed = opened.Add(400 * time.Hour)
}

func (l *library) Revoke() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revoked = l.tokens
}

func (l *library) Settings(address string) jsontext.Value {
	return jsontext.Value(fmt.Sprintf(`{"url":%q,"secret":"env:CONNECT_LIBRARY"}`, address))
}

func (l *library) Variables() map[string]string {
	return map[string]string{"CONNECT_LIBRARY": "librarysecret"}
}

func (l *library) Data(r *http.Request) bool { return r.URL.Path != "/token" }

func (l *library) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.URL.Path == "/token" {
		if r.FormValue("secret") != "librarysecret" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		l.tokens++
		answer(w, map[string]any{"token": fmt.Sprintf("token-%d", l.tokens)})
		return
	}
	var token int
	if _, err := fmt.Sscanf(r.Header.Get("Authorization"), "Bearer token-%d", &token); err != nil || token <= l.revoked {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	page, _ := strconv.Atoi(r.FormValue("page"))
	since, _ := time.Parse(time.RFC3339, r.FormValue("since"))
	switch r.URL.Path {
	case "/readers":
		answer(w, map[string]any{"readers": pageOf(l.readers, page), "total": len(l.readers)})
	case "/loans":
		changed := slices.DeleteFunc(slices.Clone(l.loans), func(x loan) bool { return x.Changed.Before(since) })
		answer(w, map[string]any{"loans": pageOf(changed, page), "total": len(changed)})
	}
}

func pageOf[T any](all []T, page int) []T {
	from := min(page*shelf, len(all))
	return all[from:min(from+shelf, len(all))]
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

// borrower is the connector of a library.
type borrower struct {
	url    string
	secret connectors.SecretRef
}

var borrowing = connectors.Provider{
	Kind: "library", Title: "Library", Defaults: jsontext.Value(`{}`),
	Open: func(settings jsontext.Value) (connectors.Connector, error) {
		var s struct {
			URL    string               `json:"url"`
			Secret connectors.SecretRef `json:"secret"`
		}
		if err := json.Unmarshal(settings, &s); err != nil {
			return nil, err
		}
		return &borrower{s.URL, s.Secret}, s.Secret.Judge()
	},
}

func (b *borrower) Hosts() []string {
	u, err := url.Parse(b.url)
	if err != nil {
		return nil
	}
	return []string{u.Host}
}

func (b *borrower) Check(ctx context.Context, r connectors.Request) (connectors.Check, error) {
	var got struct{ Total *int }
	if err := b.get(ctx, b.session(r), "/readers", 0, "", &got); err != nil {
		return connectors.Check{}, err
	}
	return connectors.Check{Says: []string{fmt.Sprintf("%d readers can be seen.", *got.Total)}, Calls: *got.Total/shelf + 2}, nil
}

func (b *borrower) Probe(context.Context, connectors.Request) (connectors.Probe, error) {
	return connectors.Probe{Says: []string{"A library's fields are fixed."}}, nil
}

func (b *borrower) session(r connectors.Request) *connectors.Session {
	return connectors.NewSession(r.Client, func() time.Time { return r.Now }, func(ctx context.Context) (connectors.Token, error) {
		secret, err := r.Secrets.Secret(b.secret)
		if err != nil {
			return connectors.Token{}, err
		}
		ask, err := http.NewRequestWithContext(ctx, "GET", b.url+"/token?secret="+url.QueryEscape(secret), nil)
		if err != nil {
			return connectors.Token{}, err
		}
		a, err := r.Client.Do(ctx, ask)
		if err != nil {
			return connectors.Token{}, err
		}
		var got struct{ Token string }
		if a.Status != 200 || json.Unmarshal(a.Body, &got) != nil || got.Token == "" {
			return connectors.Token{}, connectors.Faultf(connectors.NeedsPerson, "The library does not let us in.", "token: %d", a.Status)
		}
		return connectors.Token{Value: got.Token}, nil
	})
}

func (b *borrower) get(ctx context.Context, s *connectors.Session, path string, page int, since string, into any) error {
	ask, err := http.NewRequestWithContext(ctx, "GET", fmt.Sprintf("%s%s?page=%d&since=%s", b.url, path, page, url.QueryEscape(since)), nil)
	if err != nil {
		return err
	}
	a, err := s.Do(ctx, ask)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.Body, into); err != nil || a.Status != 200 {
		return connectors.Faultf(connectors.GiveUp, "The library answers nonsense.", "%s: %d is not what was asked for", path, a.Status)
	}
	return nil
}

func (b *borrower) Pull(ctx context.Context, r connectors.Request, yield func(connectors.Page) error) (jsontext.Value, error) {
	s := b.session(r)
	if err := b.pullReaders(ctx, s, yield); err != nil {
		return nil, err
	}
	var mark struct {
		Changed time.Time `json:"changed"`
	}
	since := ""
	if len(r.Watermark) > 0 {
		if err := json.Unmarshal(r.Watermark, &mark); err != nil {
			return nil, err
		}
		if !r.Full {
			since = mark.Changed.Format(time.RFC3339)
		}
	}
	seen := 0
	for page := 0; ; page++ {
		var got struct {
			Loans []loan
			Total *int
		}
		if err := b.get(ctx, s, "/loans", page, since, &got); err != nil {
			return nil, err
		}
		if got.Total == nil {
			return nil, connectors.Faultf(connectors.GiveUp, "The library answers nonsense.", "/loans: no total")
		}
		p := connectors.Page{Items: len(got.Loans), Expected: *got.Total}
		for _, l := range got.Loans {
			p.Observations = append(p.Observations, l.seen())
			if l.Changed.After(mark.Changed) {
				mark.Changed = l.Changed
			}
		}
		seen += len(got.Loans)
		if len(got.Loans) < shelf && r.Full && seen >= *got.Total {
			p.Observations = append(p.Observations, connectors.SetEnd{Of: connectors.Rows, Set: "loans"})
		}
		if err := yield(p); err != nil {
			return nil, err
		}
		if len(got.Loans) < shelf {
			break
		}
	}
	watermark, err := json.Marshal(mark)
	return watermark, err
}

func (b *borrower) pullReaders(ctx context.Context, s *connectors.Session, yield func(connectors.Page) error) error {
	seen := map[string]bool{}
	for page := 0; ; page++ {
		var got struct {
			Readers []reader
			Total   *int
		}
		if err := b.get(ctx, s, "/readers", page, "", &got); err != nil {
			return err
		}
		if got.Total == nil {
			return connectors.Faultf(connectors.GiveUp, "The library answers nonsense.", "/readers: no total")
		}
		p := connectors.Page{Items: len(got.Readers)}
		for _, x := range got.Readers {
			seen[x.ID] = true
			account := connectors.Account{HomePage: "https://library.example", Name: x.ID}
			mail := connectors.Key{Kind: connectors.KeyMbox, Value: x.Email}
			p.Observations = append(
				p.Observations,
				connectors.IdentitySeen{Account: account, Related: []connectors.Key{mail}},
				connectors.SeatSeen{Set: "readers", ID: x.ID, Account: account, Holder: []connectors.Key{mail}, State: connectors.SeatState(x.State)},
				connectors.ItemSeen{ID: "reading", Activity: "https://library.example/reading", Title: map[string]string{"en": "Reading"}, Live: true},
			)
		}
		last := len(got.Readers) < shelf
		if last && len(seen) == *got.Total {
			p.Observations = append(p.Observations, connectors.SetEnd{Of: connectors.Seats, Set: "readers"}, connectors.SetEnd{Of: connectors.Items})
		}
		if err := yield(p); err != nil || last {
			return err
		}
	}
}

func (l loan) seen() connectors.ProgressSeen {
	s := connectors.ProgressSeen{Set: "loans", ID: strconv.Itoa(l.ID), Account: connectors.Account{HomePage: "https://library.example", Name: l.Reader}}
	if l.Reader == "" {
		s.Anonymised = true
		return s
	}
	book := connectors.Activity{ID: "https://library.example/books/" + l.Book, Name: map[string]string{"en": l.Book}}
	s.Milestones = append(s.Milestones, connectors.Milestone{
		Name: "lent", Verb: connectors.Verb{ID: "http://adlnet.gov/expapi/verbs/initialized"}, Object: book, // undated
		Context: connectors.Context{Platform: "Library"},
	})
	if l.Ended != nil {
		raw := float64(l.Pages)
		s.Milestones = append(s.Milestones, connectors.Milestone{
			Name: "read", Verb: connectors.Verb{ID: "http://adlnet.gov/expapi/verbs/completed", Display: map[string]string{"en": "completed"}},
			Object: book, At: *l.Ended, Result: connectors.Result{Raw: &raw}, Withdrawn: l.Pages < 0,
		})
	}
	return s
}

// librarySubject is the library for the suite.
func librarySubject(fake *library) connectortest.Subject {
	return connectortest.Subject{
		Provider: borrowing, Store: openStore,
		Fake: func(func() time.Time) connectortest.Fake {
			if fake != nil {
				return fake
			}
			return newLibrary()
		},
	}
}

func openStore(t testing.TB) connectortest.Store {
	t.Helper()
	store, err := pebblestore.Open(pebblestore.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func TestSuite(t *testing.T) { connectortest.Run(t, librarySubject(nil)) }
