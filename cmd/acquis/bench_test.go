package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"acquis/internal/campus"
)

// fakeLRS answers as much of xAPI as the load generator asks for, and is strict about it.
type fakeLRS struct {
	t      *testing.T
	key    string
	broken int // every so manieth POST is refused with 503

	mu         sync.Mutex
	posts      []int // how many statements each had
	queries    []url.Values
	ids        map[string]bool
	statements []fakeStatement // in stored order
}

type fakeStatement struct {
	surveyStatement
	raw map[string]any
}

func newFakeLRS(t *testing.T) (*fakeLRS, string) {
	t.Helper()
	f := &fakeLRS{t: t, key: "key", ids: map[string]bool{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, server.URL + "/xapi"
}

func (f *fakeLRS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, secret, _ := r.BasicAuth()
	switch {
	case key != f.key || secret != "secret":
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path != "/xapi/statements" || r.Header.Get("X-Experience-API-Version") == "":
		w.WriteHeader(http.StatusBadRequest)
	case r.Method == http.MethodPost:
		f.post(w, r)
	default:
		f.get(w, r.URL.Query())
	}
}

func (f *fakeLRS) post(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var batch []json.RawMessage
	var body json.RawMessage
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		f.t.Errorf("the body of a POST is not JSON: %v", err)
	}
	if json.Unmarshal(body, &batch) != nil {
		batch = []json.RawMessage{body}
	}
	f.posts = append(f.posts, len(batch))
	if f.broken > 0 && len(f.posts)%f.broken == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	for _, raw := range batch {
		var stmt fakeStatement
		if err := errorOf(json.Unmarshal(raw, &stmt.surveyStatement), json.Unmarshal(raw, &stmt.raw)); err != nil {
			f.t.Errorf("not a statement: %v", err)
		}
		if f.ids[stmt.ID] {
			f.t.Errorf("statement %s is sent twice", stmt.ID)
		}
		f.ids[stmt.ID] = true
		stmt.Stored = time.Unix(1_800_000_000, int64(len(f.statements))*1000)
		stmt.raw["stored"] = stmt.Stored.UTC().Format(time.RFC3339Nano)
		f.statements = append(f.statements, stmt)
	}
	fmt.Fprint(w, "[]")
}

func errorOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeLRS) get(w http.ResponseWriter, query url.Values) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queries = append(f.queries, query)
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil && !query.Has("statementId") {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	page := []map[string]any{}
	ordered := slices.Clone(f.statements)
	if query.Get("ascending") != "true" {
		slices.Reverse(ordered)
	}
	for _, stmt := range ordered {
		if stmt.ID == query.Get("statementId") {
			_ = json.NewEncoder(w).Encode(stmt.raw)
			return
		}
		if len(page) < limit && stmt.matches(query) {
			page = append(page, stmt.raw)
		}
	}
	if query.Has("statementId") {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"statements": page, "more": ""})
}

func (s fakeStatement) matches(query url.Values) bool {
	agent, activity := query.Get("agent"), query.Get("activity")
	agents, activities := []string{s.Actor.parameter()}, []string{s.activity()}
	if query.Get("related_agents") == "true" {
		agents = append(agents, s.Context.Instructor.parameter())
	}
	if query.Get("related_activities") == "true" {
		activities = append(activities, s.parent())
	}
	since, sinceErr := time.Parse(time.RFC3339Nano, query.Get("since"))
	until, untilErr := time.Parse(time.RFC3339Nano, query.Get("until"))
	return (agent == "" || slices.Contains(agents, agent)) &&
		(activity == "" || slices.Contains(activities, activity)) &&
		(query.Get("verb") == "" || query.Get("verb") == s.Verb.ID) &&
		(query.Get("registration") == "" || query.Get("registration") == s.Context.Registration) &&
		(sinceErr != nil || s.Stored.After(since)) && (untilErr != nil || !s.Stored.After(until))
}

// bench runs the command line as a person would give it, and returns what it prints.
func bench(t *testing.T, args ...string) (out, notes string, err error) {
	t.Helper()
	return benchContext(t.Context(), t, args...)
}

func benchContext(ctx context.Context, t *testing.T, args ...string) (out, notes string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	var cli struct {
		Bench BenchCmd `cmd:""`
	}
	parser, err := kong.New(&cli, kong.Writers(&stdout, &stderr), kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		t.Fatal(err)
	}
	command, err := parser.Parse(append([]string{"bench"}, args...))
	if err != nil {
		return "", "", err
	}
	err = command.Run()
	return stdout.String(), stderr.String(), err
}

func benchJSON(t *testing.T, args ...string) benchReport {
	t.Helper()
	out, _, err := bench(t, append(args, "--key=key", "--secret=secret", "--json")...)
	if err != nil {
		t.Fatal(err)
	}
	var report benchReport
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("the report is not JSON: %v\n%s", err, out)
	}
	return report
}

const soon = "--duration=150ms"

func TestBench_load(t *testing.T) {
	t.Run("inserts exactly the number of statements asked for", func(t *testing.T) {
		lrs, endpoint := newFakeLRS(t)
		report := benchJSON(t, "load", "--endpoint", endpoint, "--count=130", "--batch=50")
		if len(lrs.statements) != 130 || report.Rows[0].Statements != 130 || report.Rows[0].Requests != 3 {
			t.Errorf("%d statements stored, report %+v", len(lrs.statements), report.Rows[0])
		}
	})

	t.Run("inserts new statements when it runs again with the same seed", func(t *testing.T) {
		lrs, endpoint := newFakeLRS(t) // which complains about an id that it knows
		for range 2 {
			benchJSON(t, "load", "--endpoint", endpoint, "--count=100")
		}
		if len(lrs.statements) != 200 {
			t.Errorf("%d statements stored, want 200", len(lrs.statements))
		}
	})

	t.Run("counts refusals by status", func(t *testing.T) {
		lrs, endpoint := newFakeLRS(t)
		lrs.broken = 4
		row := benchJSON(t, "load", "--endpoint", endpoint, "--count=400").Rows[0]
		if diff := cmp.Diff(map[string]int64{"503": 2}, row.Errors); diff != "" || row.Requests != 6 || row.Statements != 300 {
			t.Errorf("errors (-want +got):\n%s\n%+v", diff, row)
		}
	})
}

func TestBench_post(t *testing.T) {
	t.Run("batch sends arrays of the size asked for, each statement under an id of its own", func(t *testing.T) {
		lrs, endpoint := newFakeLRS(t)
		row := benchJSON(t, "batch", "--endpoint", endpoint, soon, "--warmup=0s", "--batch=7", "--connections=3").Rows[0]
		if sizes := slices.Compact(slices.Clone(lrs.posts)); !slices.Equal(sizes, []int{7}) {
			t.Errorf("POSTs have %v statements, want 7", sizes)
		}
		if row.Requests == 0 || row.Statements != 7*row.Requests || row.Requests != int64(len(lrs.posts)) {
			t.Errorf("%d POSTs arrived, counted are %+v", len(lrs.posts), row)
		}
	})

	t.Run("what is sent to warm up is not counted", func(t *testing.T) {
		lrs, endpoint := newFakeLRS(t)
		row := benchJSON(t, "batch", "--endpoint", endpoint, "--duration=1ms", "--warmup=100ms", "--connections=1").Rows[0]
		if row.Requests == 0 || row.Requests >= int64(len(lrs.posts)) {
			t.Errorf("%d POSTs arrived, counted are %+v", len(lrs.posts), row)
		}
	})

	t.Run("single sends statements outside of an array", func(t *testing.T) {
		lrs, endpoint := newFakeLRS(t)
		row := benchJSON(t, "single", "--endpoint", endpoint, soon, "--warmup=0s", "--connections=2").Rows[0]
		if row.Requests != int64(len(lrs.statements)) || row.Requests == 0 {
			t.Errorf("%d statements arrived, counted are %+v", len(lrs.statements), row)
		}
		if row.P50 <= 0 || row.P50 > row.P95 || row.P95 > row.P99 || row.P99 > row.Max*1.01 {
			t.Errorf("latencies are not in order: %+v", row)
		}
	})

	t.Run("ids stay different when the prepared statements are sent again", func(t *testing.T) {
		target, err := newBenchTarget("http://lrs.example/xapi", "", "", "1.0.3")
		if err != nil {
			t.Fatal(err)
		}
		b := &bencher{benchFlags: benchFlags{Connections: 2}, target: target, campus: campus.New(1)}
		posts, ids := b.preparePosts(8, 2), map[string]bool{}
		for worker := range 2 {
			own := posts.of(worker, 2, 1)
			for range 10 {
				request := own.next(0)
				_, body, _ := bytes.Cut(request.bytes, []byte("\r\n\r\n"))
				var batch []surveyStatement
				if err := json.Unmarshal(body, &batch); err != nil {
					t.Fatal(err)
				}
				for _, stmt := range batch {
					ids[stmt.ID] = true
				}
			}
		}
		if len(ids) != 40 {
			t.Errorf("%d ids in 40 statements", len(ids))
		}
	})
}

func TestBench_read(t *testing.T) {
	t.Run("get asks for statements that exist", func(t *testing.T) {
		_, endpoint := newFakeLRS(t)
		row := benchJSON(t, "get", "--endpoint", endpoint, soon, "--warmup=0s", "--count=600").Rows[0]
		if row.Requests == 0 || row.Statements != row.Requests || len(row.Errors) != 0 {
			t.Errorf("%+v", row)
		}
	})

	t.Run("query has a row for each filter, all of which find something but the empty intersection", func(t *testing.T) {
		_, endpoint := newFakeLRS(t)
		report := benchJSON(t, "query", "--endpoint", endpoint, "--duration=80ms", "--warmup=0s", "--count=600", "--limit=20")
		var names []string
		for _, row := range report.Rows {
			names = append(names, row.Name)
			empty := row.Name == "verb+activity, empty"
			if row.Requests == 0 || len(row.Errors) != 0 || empty != (row.Statements == 0) {
				t.Errorf("%+v", row)
			}
		}
		want := []string{
			"no filter", "verb", "agent", "activity", "registration", "related_agents", "related_activities",
			"agent+verb", "activity+since", "verb+activity, empty",
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("rows (-want +got):\n%s", diff)
		}
	})

	t.Run("query measures only the rows asked for", func(t *testing.T) {
		_, endpoint := newFakeLRS(t)
		report := benchJSON(t, "query", "--endpoint", endpoint, soon, "--warmup=0s", "--count=100", "--only=agent")
		if len(report.Rows) != 1 || report.Rows[0].Name != "agent" {
			t.Errorf("%+v", report.Rows)
		}
	})

	t.Run("a store that holds enough gets nothing inserted", func(t *testing.T) {
		lrs, endpoint := newFakeLRS(t)
		benchJSON(t, "load", "--endpoint", endpoint, "--count=600")
		benchJSON(t, "get", "--endpoint", endpoint, soon, "--warmup=0s")
		if len(lrs.statements) != 600 {
			t.Errorf("%d statements, want the 600 of before", len(lrs.statements))
		}
	})
}

func TestBench_mixed(t *testing.T) {
	t.Run("all requests are answered", func(t *testing.T) {
		_, endpoint := newFakeLRS(t)
		report := benchJSON(t, "mixed", "--endpoint", endpoint, soon, "--warmup=0s", "--count=100", "--connections=4")
		if len(report.Rows) != len(mixedShares) {
			t.Errorf("%d rows, want %d", len(report.Rows), len(mixedShares))
		}
		for _, row := range report.Rows {
			if len(row.Errors) != 0 {
				t.Errorf("%+v", row)
			}
		}
	})

	t.Run("each kind of request gets its share", func(t *testing.T) {
		random, drawn := rand.New(rand.NewPCG(1, 1)), make([]int, len(mixedShares))
		for range 100_000 {
			drawn[drawMixed(random)]++
		}
		for row, entry := range mixedShares {
			if share := float64(drawn[row]) / 1000; share < float64(entry.share)-1 || share > float64(entry.share)+1 {
				t.Errorf("%s gets %.1f %%, want %d", entry.name, share, entry.share)
			}
		}
	})
}

func TestBench_table(t *testing.T) {
	_, endpoint := newFakeLRS(t)
	out, _, err := bench(t, "load", "--endpoint", endpoint, "--key=key", "--secret=secret", "--count=50")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"statements/s", "p99 ms", "POST of 50", "none"} {
		if !strings.Contains(out, want) {
			t.Errorf("the table does not say %q:\n%s", want, out)
		}
	}
}

func TestBench_faults(t *testing.T) {
	_, endpoint := newFakeLRS(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"a refused credential says how to give another", []string{"single", "--endpoint", endpoint, "--key=nobody"}, "--key and --secret"},
		{"an LRS that is not there is named", []string{"single", "--endpoint", closed.URL}, "does not answer"},
		{"an address that is none is refused", []string{"single", "--endpoint", "lrs.example"}, "not an http or https address"},
		{"no connections are refused", []string{"single", "--connections=0"}, "at least one"},
		{"an empty batch is refused", []string{"batch", "--batch=0"}, "at least one statement"},
		{"no time is refused", []string{"get", "--duration=0s"}, "--duration"},
		{"an empty page is refused", []string{"query", "--limit=0"}, "--limit"},
		{"an empty page is refused in mixed traffic too", []string{"mixed", "--limit=0"}, "--limit"},
		{
			"an unknown row is answered with those that exist",
			[]string{"query", "--endpoint", endpoint, "--key=key", "--secret=secret", "--count=60", "--only=colour"},
			`"agent+verb"`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := bench(t, c.args...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not say %q", err, c.want)
			}
		})
	}
}

func TestBench_cancel(t *testing.T) {
	// The first answer is whole, so that the check passes; the others never come.
	var asked sync.WaitGroup
	asked.Add(2)
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `{"statements":[]}`)
			return
		}
		asked.Done()
		<-release
	}))
	defer server.Close()
	defer close(release)

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		asked.Wait()
		cancel()
	}()
	_, _, err := benchContext(ctx, t, "single", "--endpoint", server.URL, "--duration=1h", "--connections=2")
	if err == nil || !strings.Contains(err.Error(), "cancel") {
		t.Errorf("a run that is interrupted while it waits for answers ends with %v", err)
	}
}
