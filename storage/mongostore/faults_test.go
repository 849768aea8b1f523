package mongostore_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"acquis/internal/faultproxy"
	"acquis/internal/mongotest"
	"acquis/lrs"
	"acquis/storage/mongostore"
)

// hasty gives up soon, so that a test sees the end of patience.
func hasty(uri string) mongostore.Options {
	o := options(uri + "?serverSelectionTimeoutMS=300")
	o.Patience = 400 * time.Millisecond
	return o
}

// broken is a store behind a network that fails, and one beside it that does not.
type broken struct {
	t       *testing.T
	proxy   *faultproxy.Proxy
	store   *mongostore.Store
	witness *mongostore.Store
}

func newBroken(t *testing.T) *broken {
	uri := mongotest.Database(t)
	proxy := proxyTo(t, uri)
	return &broken{t: t, proxy: proxy, store: open(t, hasty(proxy.URI(uri))), witness: open(t, options(uri))}
}

// heal ends the fault and waits until the store has recovered by itself.
func (b *broken) heal() {
	b.t.Helper()
	b.proxy.Refuse(false)
	b.proxy.Swallow(false)
	b.proxy.Stall(false)
	b.proxy.CutAfter(faultproxy.FromClient, -1)
	b.proxy.CutAfter(faultproxy.FromServer, -1)
	eventually(b.t, "the store recovers", func() bool { return b.store.Ready(b.t.Context()) == nil })
}

// there counts how many of the statements are stored, and makes sure that no query tells otherwise.
func (b *broken) there(ids []lrs.ID) int {
	b.t.Helper()
	n := 0
	for _, id := range ids {
		if _, err := b.witness.StatementByID(b.t.Context(), id); err == nil {
			n++
		} else if lrs.KindOf(err) != lrs.KindNotFound {
			b.t.Fatal(err)
		}
	}
	return n
}

// repeated stores a batch whose first attempt ended with err, and makes sure that each of it is
// there once and that a success was one.
func (b *broken) repeated(ids []lrs.ID, err error) {
	b.t.Helper()
	if err != nil && lrs.KindOf(err) != lrs.KindUnavailable {
		b.t.Fatalf("a client is told %v", err)
	}
	n := b.there(ids)
	if err == nil && n != len(ids) || n != 0 && n != len(ids) {
		b.t.Fatalf("%d of %d statements are there; the first answer was %v", n, len(ids), err)
	}
	eventually(b.t, "the batch is taken when it is repeated", func() bool {
		return b.store.AppendStatements(b.t.Context(), draftsOf(b.t, ids)) == nil
	})
	if n := b.there(ids); n != len(ids) {
		b.t.Fatalf("%d of %d statements are there after a success", n, len(ids))
	}
	times := map[lrs.ID]int{}
	eventually(b.t, "the log tells all", func() bool {
		clear(times)
		for _, id := range readAll(b.t, b.witness) {
			times[id]++
		}
		return !slices.ContainsFunc(ids, func(id lrs.ID) bool { return times[id] == 0 })
	})
	for _, id := range ids {
		if times[id] != 1 {
			b.t.Fatalf("statement %s is %d times in the log", id, times[id])
		}
	}
}

func TestFaults_connection_dropped_in_the_middle_of_a_batch(t *testing.T) {
	b := newBroken(t)
	for _, way := range []faultproxy.Direction{faultproxy.FromClient, faultproxy.FromServer} {
		for _, bytes := range []int64{1, 200, 1500, 4000, 9000} {
			t.Run(fmt.Sprintf("after %d bytes on way %v", bytes, way), func(t *testing.T) {
				b.t = t
				ids, drafts := newBatch(t, 8)
				b.proxy.CutAfter(way, bytes)
				err := b.store.AppendStatements(t.Context(), drafts)
				b.heal()
				b.repeated(ids, err)
			})
		}
	}
}

func TestFaults_primary_gone(t *testing.T) {
	b := newBroken(t)
	ids, drafts := newBatch(t, 3)
	b.proxy.Refuse(true)
	b.proxy.Cut()
	if err := b.store.AppendStatements(t.Context(), drafts); lrs.KindOf(err) != lrs.KindUnavailable {
		t.Errorf("a batch gets %v", err)
	}
	if _, err := b.store.QueryStatements(t.Context(), lrs.StatementQuery{Limit: 1, Steps: 10}); lrs.KindOf(err) != lrs.KindUnavailable {
		t.Errorf("a query gets %v", err)
	}
	eventually(t, "the store says that it is not ready", func() bool { return b.store.Ready(t.Context()) != nil })
	if err := b.witness.AppendStatements(t.Context(), draftsOf(t, ids[:1])); err != nil {
		t.Errorf("the other process gets %v", err)
	}
	b.heal()
	b.repeated(ids[1:], lrs.ErrUnavailable)
	if err := b.store.AppendStatements(t.Context(), draftsOf(t, ids)); err != nil {
		t.Errorf("repeating all gets %v", err)
	}
}

func TestFaults_answers_lost(t *testing.T) {
	b := newBroken(t)
	ids, drafts := newBatch(t, 3)
	b.proxy.Swallow(true)
	err := b.store.AppendStatements(t.Context(), drafts)
	b.proxy.Cut()
	b.heal()
	b.repeated(ids, err)
}

func TestFaults_connection_dropped_between_pages(t *testing.T) {
	b := newBroken(t)
	ids, drafts := newBatch(t, 9)
	if err := b.witness.AppendStatements(t.Context(), drafts); err != nil {
		t.Fatal(err)
	}
	q := lrs.StatementQuery{Terms: []lrs.Term{lrs.SourceTerm("pix")}, Limit: 2, Steps: 1000}
	var got []lrs.ID
	for {
		page, err := b.store.QueryStatements(t.Context(), q)
		if err != nil {
			if lrs.KindOf(err) != lrs.KindUnavailable {
				t.Fatal(err)
			}
			continue // the client asks for the page again
		}
		for _, e := range page.Entries {
			got = append(got, e.ID)
		}
		if page.Next == 0 {
			break
		}
		q.Until = page.Next - 1
		b.proxy.Cut()
	}
	if len(got) != len(ids) {
		t.Errorf("the pages hold %d of %d statements: %v", len(got), len(ids), got)
	}
}

// TestFaults_write_concern_timeout lets inserts happen and says that a majority did not confirm
// them in time: they may be rolled back, so the answer must not be a success until one is confirmed.
func TestFaults_write_concern_timeout(t *testing.T) {
	uri := mongotest.Database(t)
	wire := newWire(t, uri)
	store, witness := open(t, hasty(wire.uri)), open(t, options(uri))
	b := &broken{t: t, store: store, witness: witness}
	ids, drafts := newBatch(t, 3)
	wire.unconfirmed.Store(true)
	err := store.AppendStatements(t.Context(), drafts)
	if lrs.KindOf(err) != lrs.KindUnavailable {
		t.Fatalf("a batch that no majority confirms gets %v", err)
	}
	if n := b.there(ids); n != 0 {
		t.Errorf("%d unconfirmed statements are there", n)
	}
	wire.unconfirmed.Store(false)
	eventually(t, "the store recovers", func() bool { return store.Ready(t.Context()) == nil })
	b.repeated(ids, err)
}

// wire passes MongoDB's messages on and changes answers.
type wire struct {
	t           *testing.T
	target      string
	uri         string
	unconfirmed atomic.Bool // inserts are answered with a write concern error
}

func newWire(t *testing.T, uri string) *wire {
	parsed, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, target: parsed.Host}
	parsed.Host = listener.Addr().String()
	w.uri = parsed.String()
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go w.serve(client)
		}
	}()
	return w
}

func (w *wire) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.target)
	if err != nil {
		return
	}
	defer server.Close()
	for { // the driver waits for each answer before it asks again
		request, err := readMessage(client)
		if err != nil {
			return
		}
		if _, err := server.Write(request); err != nil {
			return
		}
		answer, err := readMessage(server)
		if err != nil {
			return
		}
		if w.unconfirmed.Load() && command(request) == "insert" {
			answer = withConcernError(answer)
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

// readMessage reads one message: its length, four bytes in little-endian order, is part of it.
func readMessage(from io.Reader) ([]byte, error) {
	length := make([]byte, 4)
	if _, err := io.ReadFull(from, length); err != nil {
		return nil, err
	}
	message := make([]byte, binary.LittleEndian.Uint32(length))
	copy(message, length)
	_, err := io.ReadFull(from, message[4:])
	return message, err
}

// bodyAt is where the document of an OP_MSG begins: after header, flags and the kind of its section.
const bodyAt = 16 + 4 + 1

func command(message []byte) string {
	if binary.LittleEndian.Uint32(message[12:]) != 2013 { // OP_MSG
		return ""
	}
	elements, err := bson.Raw(message[bodyAt:]).Elements()
	if err != nil || len(elements) == 0 {
		// The body is followed by other sections.
		length := binary.LittleEndian.Uint32(message[bodyAt:])
		elements, err = bson.Raw(message[bodyAt : bodyAt+length]).Elements()
		if err != nil || len(elements) == 0 {
			return ""
		}
	}
	return elements[0].Key()
}

func withConcernError(message []byte) []byte {
	var body bson.D
	if err := bson.Unmarshal(message[bodyAt:], &body); err != nil {
		return message
	}
	body = append(body, bson.E{Key: "writeConcernError", Value: bson.D{
		{Key: "code", Value: int32(64)},
		{Key: "codeName", Value: "WriteConcernFailed"},
		{Key: "errmsg", Value: "waiting for replication timed out"},
	}})
	changed, err := bson.Marshal(body)
	if err != nil {
		return message
	}
	out := append(append([]byte(nil), message[:bodyAt]...), changed...)
	binary.LittleEndian.PutUint32(out, uint32(len(out)))
	return out
}
