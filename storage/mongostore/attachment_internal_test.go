package mongostore

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"acquis/internal/mongotest"
	"acquis/lrs"
)

// archive is a store under test whose attachments are looked at from inside.
type archive struct {
	testing.TB
	*Store
}

func openArchive(t testing.TB, uri string) archive {
	t.Helper()
	s, err := Open(t.Context(), Options{
		URI: uri, Heartbeat: 20 * time.Millisecond, Lease: 10 * time.Second, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	a := archive{t, s}
	t.Cleanup(func() { a.must(s.Close()) })
	return a
}

func (a archive) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatalf("unexpected error: %v", err)
	}
}

func digestOf(content string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(content))) }

func (a archive) put(content string) *attachmentRecord {
	a.Helper()
	_, err := a.PutAttachment(a.Context(), digestOf(content), strings.NewReader(content))
	a.must(err)
	return a.record(content)
}

func (a archive) record(content string) *attachmentRecord {
	a.Helper()
	r := new(attachmentRecord)
	a.must(a.attachments.FindOne(a.Context(), byID(digestOf(content))).Decode(r))
	return r
}

func (a archive) has(content string) bool {
	a.Helper()
	stream, _, err := a.OpenAttachment(a.Context(), digestOf(content))
	if errors.Is(err, lrs.ErrNotFound) {
		return false
	}
	a.must(err)
	got, err := io.ReadAll(stream)
	a.must(errors.Join(err, stream.Close()))
	if string(got) != content {
		a.Fatalf("the attachment is %.40q, want %.40q", got, content)
	}
	return true
}

// refer stores a bare document of statements that names the attachment.
func (a archive) refer(id, content string) {
	a.Helper()
	_, err := a.statements.InsertOne(a.Context(), statementRecord{ID: id, Attachments: []string{digestOf(content)}})
	a.must(err)
}

func (a archive) release(content string) {
	a.releaseAttachments([]*lrs.Draft{{Attachments: []string{digestOf(content)}}, {Attachments: []string{digestOf(content)}}})
}

// wantBucket fails the test unless the bucket holds so many chunks, files and notes of unfinished ones.
func (a archive) wantBucket(chunks, files, unfinished int64) {
	a.Helper()
	for _, c := range []struct {
		collection *mongo.Collection
		want       int64
	}{{a.bucket.chunks, chunks}, {a.bucket.files, files}, {a.bucket.unfinished, unfinished}} {
		n, err := c.collection.CountDocuments(a.Context(), bson.D{})
		a.must(err)
		if n != c.want {
			a.Fatalf("%s has %d documents, want %d", c.collection.Name(), n, c.want)
		}
	}
}

func TestAttachmentBucket(t *testing.T) {
	for _, c := range []struct {
		sentence string
		test     func(a archive)
	}{
		{"content is cut into chunks, and put again is not uploaded again", chunksOnce},
		{"nothing is left of content whose reading fails", failedUpload},
		{"reading content again that fails takes its hold off", failedRepeat},
		{"of two that put the same content at once, one file stays", putTwiceAtOnce},
		{"content put while its attachment is being removed is refused, not lost", removedMeanwhile},
		{"a Put keeps an attachment from who looked at it before", putBetween},
		{"what a killed process was writing goes with a sweep, what is being written stays", leftoversSwept},
		{"what a killed process had published stays", publishedLeftover},
		{"an attachment that lost a chunk can't be read to its end", lostChunk},
		{"an attachment that lost its file is no missing attachment", lostFile},
	} {
		t.Run(c.sentence, func(t *testing.T) { c.test(openArchive(t, mongotest.Database(t))) })
	}
}

func chunksOnce(a archive) {
	exact := strings.Repeat("x", 2*chunkSize)
	first := a.put(exact)
	a.wantBucket(2, 1, 0)
	if again := a.put(exact); again.File != first.File || again.Revision <= first.Revision || len(again.Holds) != 2 {
		a.Fatalf("put again: %+v after %+v", again, first)
	}
	a.put(exact + "y")
	a.wantBucket(5, 2, 0)
	if !a.has(exact) || !a.has(exact+"y") {
		a.Fatal("an attachment is missing")
	}
}

var errCut = errors.New("the sender went away")

func cut(content string) io.Reader {
	return io.MultiReader(strings.NewReader(content), iotest.ErrReader(errCut))
}

func failedUpload(a archive) {
	content := strings.Repeat("x", 2*chunkSize+1)
	for _, reader := range []io.Reader{cut(content), iotest.DataErrReader(cut(content)), cut(content[:chunkSize])} {
		if _, err := a.PutAttachment(a.Context(), digestOf(content), reader); !errors.Is(err, errCut) {
			a.Fatalf("the store answered %v", err)
		}
		a.wantBucket(0, 0, 0)
	}
}

func failedRepeat(a archive) {
	before := a.put("certificat")
	if _, err := a.PutAttachment(a.Context(), digestOf("certificat"), cut("certi")); !errors.Is(err, errCut) {
		a.Fatalf("the store answered %v", err)
	}
	if after := a.record("certificat"); !cmp.Equal(before.Holds, after.Holds) {
		a.Fatalf("holds %v, before %v", after.Holds, before.Holds)
	}
}

// meanwhile is content in the middle of which something happens.
func meanwhile(content string, happens func()) io.Reader {
	return io.MultiReader(strings.NewReader(content[:1]), readerFunc(func([]byte) (int, error) {
		happens()
		return 0, io.EOF
	}), strings.NewReader(content[1:]))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func putTwiceAtOnce(a archive) {
	const content = "certificat"
	size, err := a.PutAttachment(a.Context(), digestOf(content), meanwhile(content, func() { a.put(content) }))
	a.must(err)
	if size != int64(len(content)) || len(a.record(content).Holds) != 2 || !a.has(content) {
		a.Fatalf("%d bytes, record %+v", size, a.record(content))
	}
	a.wantBucket(1, 1, 0)
}

func removedMeanwhile(a archive) {
	const content = "certificat"
	a.put(content)
	sweep := func() {
		_, err := a.SweepAttachments(a.Context(), time.Now().Add(time.Hour))
		a.must(err)
	}
	if _, err := a.PutAttachment(a.Context(), digestOf(content), meanwhile(content, sweep)); lrs.KindOf(err) != lrs.KindUnavailable {
		a.Fatalf("the store answered %v", err)
	}
	a.put(content)
	if !a.has(content) {
		a.Fatal("the attachment is missing")
	}
}

func putBetween(a archive) {
	const content = "certificat"
	seen := a.put(content)
	a.put(content)
	gone, err := a.removeUnlessReferred(a.Context(), seen)
	a.must(err)
	if gone || !a.has(content) {
		a.Fatal("an attachment was removed that had just been put")
	}
	seen = a.record(content)
	for _, want := range []bool{true, false} { // the second time as another process that looked as well
		gone, err := a.removeUnlessReferred(a.Context(), seen)
		a.must(err)
		if gone != want {
			a.Fatalf("removed: %v, want %v", gone, want)
		}
	}
	again := a.put(content)
	if gone, err := a.removeUnlessReferred(a.Context(), &attachmentRecord{SHA2: seen.SHA2, File: seen.File, Revision: again.Revision}); gone || err != nil {
		a.Fatalf("an attachment made anew passed for its predecessor: %v, %v", gone, err)
	}
}

func leftoversSwept(a archive) {
	for i, age := range []time.Duration{48 * time.Hour, 3 * time.Hour, 0} {
		file, at := bson.NewObjectID(), time.Now().Add(-age)
		a.must(a.bucket.begin(a.Context(), file, digestOf("lost"), at))
		_, err := a.bucket.chunks.InsertOne(a.Context(), chunkRecord{bson.NewObjectID(), file, int32(i), []byte("lost")})
		a.must(err)
	}
	for _, sweep := range []struct {
		before time.Time
		left   int64
	}{{time.Now().Add(-24 * time.Hour), 2}, {time.Now(), 1}, {time.Now().Add(24 * time.Hour), 1}} {
		removed, err := a.SweepAttachments(a.Context(), sweep.before)
		a.must(err)
		if removed != 0 {
			a.Fatalf("%d attachments were removed", removed)
		}
		a.wantBucket(sweep.left, 0, sweep.left)
	}
}

func publishedLeftover(a archive) {
	r := a.put("certificat")
	a.must(a.bucket.begin(a.Context(), r.File, r.SHA2, time.Now().Add(-48*time.Hour)))
	a.must(a.sweepUnfinished(a.Context(), time.Now()))
	a.wantBucket(1, 1, 0)
	if !a.has("certificat") {
		a.Fatal("the attachment is missing")
	}
}

func lostChunk(a archive) {
	content := strings.Repeat("x", chunkSize+1)
	r := a.put(content)
	_, err := a.bucket.chunks.DeleteOne(a.Context(), bson.D{{Key: "files_id", Value: r.File}, {Key: "n", Value: 1}})
	a.must(err)
	stream, _, err := a.OpenAttachment(a.Context(), r.SHA2)
	a.must(err)
	if n, err := io.Copy(io.Discard, stream); err == nil {
		a.Fatalf("%d bytes of %d were read as the whole", n, len(content))
	}
	a.must(stream.Close())
}

func lostFile(a archive) {
	r := a.put("certificat")
	a.must(a.bucket.remove(a.Context(), r.File))
	if _, _, err := a.OpenAttachment(a.Context(), r.SHA2); !errors.Is(err, errDamaged) {
		a.Fatalf("the store answered %v", err)
	}
}

func TestAttachmentHolds(t *testing.T) {
	const content = "certificat"
	remove := func(a archive) {
		a.must(a.removeUnreferenced(a.Context(), []string{digestOf(content), digestOf("never put")}))
	}

	t.Run("an attachment goes at once with its last reference, and not before", func(t *testing.T) {
		a := openArchive(t, mongotest.Database(t))
		a.put(content)
		a.refer("first", content)
		a.release(content)
		if holds := a.record(content).Holds; len(holds) != 0 {
			t.Fatalf("the holds %v are left", holds)
		}
		remove(a)
		if !a.has(content) {
			t.Fatal("an attachment was removed that a statement refers to")
		}
		_, err := a.statements.DeleteOne(a.Context(), byID("first"))
		a.must(err)
		remove(a)
		if a.has(content) {
			t.Fatal("the attachment is still there")
		}
		a.wantBucket(0, 0, 0)
	})

	t.Run("an attachment that another process put for a statement on its way stays", func(t *testing.T) {
		uri := mongotest.Database(t)
		a, other := openArchive(t, uri), openArchive(t, uri)
		a.put(content)
		other.put(content)
		a.release(content)
		a.release(content) // has none left, and must not take off the other's
		remove(a)
		if !a.has(content) {
			t.Fatal("an attachment was removed that another process had put")
		}
		other.release(content)
		remove(a)
		if a.has(content) {
			t.Fatal("the attachment is still there")
		}
	})

	t.Run("one call takes off one hold of each attachment", func(t *testing.T) {
		a := openArchive(t, mongotest.Database(t))
		a.put(content)
		a.put(content)
		a.release(content)
		if holds := a.record(content).Holds; len(holds) != 1 {
			t.Fatalf("the holds %v are left, want 1", holds)
		}
	})

	t.Run("the holds of a killed process do not count for ever", func(t *testing.T) {
		a := openArchive(t, mongotest.Database(t))
		a.put(content)
		old := lrs.InstantOf(time.Now().Add(-holdTime - time.Minute))
		_, err := a.attachments.UpdateOne(a.Context(), byID(digestOf(content)), bson.D{{Key: "$set", Value: bson.D{{Key: "put", Value: int64(old)}}}})
		a.must(err)
		remove(a)
		if a.has(content) {
			t.Fatal("the attachment is still there")
		}
	})

	t.Run("holds that count no more are taken off by the next Put", func(t *testing.T) {
		a := openArchive(t, mongotest.Database(t))
		a.put(content)
		lost := bson.NewObjectIDFromTimestamp(time.Now().Add(-2 * holdTime))
		_, err := a.holdAttachment(a.Context(), digestOf(content), lost)
		a.must(err)
		r := a.put(content)
		if len(r.Holds) != 2 {
			t.Fatalf("the holds are %v, want those of the two Puts", r.Holds)
		}
	})
}

func TestStaleHolds(t *testing.T) {
	now := time.Now()
	made := bson.NewObjectIDFromTimestamp(now)
	old := bson.NewObjectIDFromTimestamp(now.Add(-holdTime - 2*time.Second))
	many := make([]bson.ObjectID, mostHolds+1)
	for i := range many {
		many[i] = bson.NewObjectIDFromTimestamp(now)
	}
	for _, c := range []struct {
		sentence    string
		made        bson.ObjectID
		holds, want []bson.ObjectID
	}{
		{"one that was just made is not", made, []bson.ObjectID{made}, nil},
		{"one that is too old is", made, []bson.ObjectID{old, made}, []bson.ObjectID{old}},
		{"one that was renewed is not, how old it may be", old, []bson.ObjectID{old}, nil},
		{"the oldest of too many is", made, append(many[:mostHolds:mostHolds], made), many[:1]},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			r := &attachmentRecord{Holds: c.holds}
			if diff := cmp.Diff(c.want, r.stale(c.made, now)); diff != "" {
				t.Errorf("stale holds (-want +got):\n%s", diff)
			}
		})
	}
}
