package fakeserver

import (
	"bytes"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is something that goes wrong, or merely happens, at requests of a fake. The zero values of its
// actions do nothing, so that one fault can be as small as a moment to change the world at.
type Fault struct {
	// Path is what the path of a request must hold; "" holds for each.
	Path string
	// From is the first of the matching requests that it happens to, counted from 1; 0 is 1.
	From int
	// Times is how often it happens; 0 is once, less than 0 for ever.
	Times int

	// Before runs before the request is answered: a row that is inserted while pages are read, a clock that
	// is set back, tokens that are withdrawn.
	Before func()
	// Status answers with it instead of asking the fake; Body and Header go with it.
	Status int
	Body   string
	Header map[string]string
	// Truncate cuts the body of the answer in the middle, and lets its length say so, as of a document that
	// was written by half.
	Truncate bool
	// Cut drops the connection in the middle of the body.
	Cut bool
	// Repeat gives the last good answer at the same path once more, as a cache that ignores queries does.
	Repeat bool
	// Hang answers nothing until the client gives up.
	Hang bool
}

// Faults is a plan of faults. It may be added to while the fake runs.
type Faults struct {
	mu    sync.Mutex
	plan  []planned
	last  map[string][]byte
	asked int
}

type planned struct {
	Fault
	seen int
}

// Add plans a fault. The requests that it counts are those from now on.
func (f *Faults) Add(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = append(f.plan, planned{Fault: fault})
}

// Clear forgets what is planned.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = nil
}

// Requests returns how many requests have come.
func (f *Faults) Requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// TooMany is the fault of a limited client: 429, and the seconds to wait.
func TooMany(after time.Duration) Fault {
	return Fault{
		Status: http.StatusTooManyRequests, Body: `{"statusCode":429,"error":"Too Many Requests","message":"Rate limit exceeded"}`,
		Header: map[string]string{"Retry-After": strconv.Itoa(int(after / time.Second))},
	}
}

// Around returns the handler with the plan's faults.
func (f *Faults) Around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		due := f.due(r)
		for _, fault := range due {
			if fault.Before != nil {
				fault.Before()
			}
		}
		for _, fault := range due {
			if fault.Hang {
				<-r.Context().Done()
				return
			}
			if fault.Status != 0 {
				fault.refuse(w)
				return
			}
		}
		f.answer(w, r, next, due)
	})
}

// due returns the faults that happen to the request, and counts it.
func (f *Faults) due(r *http.Request) (due []Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	for i := range f.plan {
		p := &f.plan[i]
		if !strings.Contains(r.URL.Path, p.Path) {
			continue
		}
		p.seen++
		first, times := max(p.From, 1), p.Times
		if times == 0 {
			times = 1
		}
		if p.seen >= first && (times < 0 || p.seen < first+times) {
			due = append(due, p.Fault)
		}
	}
	return due
}

func (f *Fault) refuse(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	for name, value := range f.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(f.Body)) // a client that is gone needs no answer
}

// answer lets the fake answer, and spoils what it says as the faults demand.
func (f *Faults) answer(w http.ResponseWriter, r *http.Request, next http.Handler, due []Fault) {
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	next.ServeHTTP(rec, r)
	body := rec.body.Bytes()
	key := r.Method + " " + r.URL.Path
	cut := false
	f.mu.Lock()
	for _, fault := range due {
		if before := f.last[key]; fault.Repeat && before != nil {
			body = before
		}
	}
	if f.last == nil {
		f.last = map[string][]byte{}
	}
	if rec.status < 300 && r.Method == http.MethodGet && len(due) == 0 {
		f.last[key] = body
	}
	f.mu.Unlock()
	for _, fault := range due {
		if fault.Truncate {
			body = body[:len(body)/2]
		}
		cut = cut || fault.Cut
	}
	maps.Copy(w.Header(), rec.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(rec.status)
	if cut {
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush() // or the client takes the connection for an idle one, and asks again
		panic(http.ErrAbortHandler)               // net/http's own way to drop a connection
	}
	_, _ = w.Write(body)
}

// recorder holds an answer until it is known how to spoil it.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
