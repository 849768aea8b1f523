package mongostore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
)

var _ lrs.AttachmentStore = (*Store)(nil)

// attachmentRecord is a document of attachments. It is inserted when its file is complete, and is what
// makes the attachment be there. Who removes it does so only as it was read: a Put in between, which
// changes Revision, keeps it; and a file is never named twice.
type attachmentRecord struct {
	SHA2     string          `bson:"_id"`
	File     bson.ObjectID   `bson:"file"`
	Size     int64           `bson:"size"`
	Put      int64           `bson:"put"` // when it was last put, an lrs.Instant
	Revision int64           `bson:"rev"`
	Holds    []bson.ObjectID `bson:"holds"` // of the Puts whose statements are on their way, in any process
}

const (
	// longestPut bounds the time that one content may take to arrive; what is unfinished after twice
	// as long was left by a process that died.
	longestPut = time.Hour
	// holdTime is how long after the last Put of an attachment its holds count. Those of a killed
	// process, or of a request that was refused before its statements came, are never taken off.
	holdTime = time.Hour
	// mostHolds keeps the record small where many requests put the same attachment and are refused.
	mostHolds = 1000
)

var errRemoved = lrs.Errorf(lrs.KindUnavailable, "an attachment was removed while it was sent again; nothing was stored: send the request again")

// isDigest guards the ids: nothing but hexadecimal is kept as a digest.
func isDigest(sha2 string) bool {
	_, err := hex.DecodeString(sha2)
	return err == nil && len(sha2) >= 2 && sha2 == strings.ToLower(sha2)
}

// PutAttachment implements lrs.AttachmentStore.
func (s *Store) PutAttachment(ctx context.Context, sha2 string, content io.Reader) (int64, error) {
	if !isDigest(sha2) {
		return 0, lrs.Errorf(lrs.KindInvalid, "an attachment is kept under a digest in lower-case hexadecimal")
	}
	ctx, cancel := context.WithTimeout(ctx, longestPut)
	defer cancel()
	hold := bson.NewObjectIDFromTimestamp(s.now())
	known, err := s.holdAttachment(ctx, sha2, hold)
	if err != nil {
		return 0, unavailable(err)
	}
	put := s.putNew
	if known != nil {
		put = s.putAgain
	}
	size, err := put(ctx, sha2, hold, content)
	if err != nil {
		return 0, err
	}
	s.held.add(sha2, hold, s.now())
	return size, nil
}

// holdAttachment notes a Put in the record and returns it, nil when there is none. Doing it again
// renews it.
func (s *Store) holdAttachment(ctx context.Context, sha2 string, hold bson.ObjectID) (*attachmentRecord, error) {
	now := s.now()
	r := new(attachmentRecord)
	err := s.attachments.FindOneAndUpdate(ctx, byID(sha2), bson.D{
		{Key: "$set", Value: bson.D{{Key: "put", Value: int64(lrs.InstantOf(now))}}},
		{Key: "$inc", Value: bson.D{{Key: "rev", Value: int64(1)}}},
		{Key: "$addToSet", Value: bson.D{{Key: "holds", Value: hold}}},
	}, options.FindOneAndUpdate().SetReturnDocument(options.After)).Decode(r)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r, s.takeOff(ctx, []string{sha2}, r.stale(hold, now))
}

// stale lists the holds that count no more, never the one that was just made.
func (r *attachmentRecord) stale(made bson.ObjectID, now time.Time) []bson.ObjectID {
	var stale []bson.ObjectID
	for i, hold := range r.Holds {
		if hold != made && (len(r.Holds)-i > mostHolds || expired(hold, now)) {
			stale = append(stale, hold)
		}
	}
	return stale
}

func expired(hold bson.ObjectID, now time.Time) bool { return now.Sub(hold.Timestamp()) > holdTime }

// takeOff takes holds off attachments.
func (s *Store) takeOff(ctx context.Context, digests []string, holds []bson.ObjectID) error {
	if len(holds) == 0 {
		return nil
	}
	_, err := s.attachments.UpdateMany(
		ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: digests}}}},
		bson.D{{Key: "$pullAll", Value: bson.D{{Key: "holds", Value: holds}}}},
	)
	return err
}

// putAgain reads the content of an attachment that is there already and held.
func (s *Store) putAgain(ctx context.Context, sha2 string, hold bson.ObjectID, content io.Reader) (int64, error) {
	size, err := io.Copy(io.Discard, content)
	if err != nil {
		s.cleanUp(func(ctx context.Context) error { return s.takeOff(ctx, []string{sha2}, []bson.ObjectID{hold}) })
		return 0, err
	}
	known, err := s.holdAttachment(ctx, sha2, hold)
	if err != nil {
		return 0, unavailable(err)
	}
	if known == nil { // a sweep or an erasure did not see the hold, or it came too slowly
		return 0, errRemoved
	}
	return size, nil
}

// putNew keeps content in a file of its own and publishes that.
func (s *Store) putNew(ctx context.Context, sha2 string, hold bson.ObjectID, content io.Reader) (int64, error) {
	file := bson.NewObjectIDFromTimestamp(s.now())
	if err := s.bucket.begin(ctx, file, sha2, s.now()); err != nil {
		return 0, unavailable(err)
	}
	size, err := s.bucket.write(ctx, file, sha2, content, s.now())
	if err != nil {
		s.cleanUp(func(ctx context.Context) error { return s.bucket.remove(ctx, file) })
		return 0, err
	}
	r := &attachmentRecord{SHA2: sha2, File: file, Size: size, Holds: []bson.ObjectID{hold}}
	published, err := s.publish(ctx, r)
	if err != nil {
		return 0, unavailable(err) // it may be published all the same; a sweep finds out
	}
	if published {
		s.cleanUp(func(ctx context.Context) error { return s.bucket.finish(ctx, file) })
	} else {
		s.cleanUp(func(ctx context.Context) error { return s.bucket.remove(ctx, file) })
	}
	return size, nil
}

// publish inserts a record, unless the attachment is there already, in another file, which is as good.
func (s *Store) publish(ctx context.Context, r *attachmentRecord) (published bool, err error) {
	for {
		r.Put = int64(lrs.InstantOf(s.now()))
		_, err := s.attachments.InsertOne(ctx, r)
		if err == nil {
			return true, nil
		}
		if !isDuplicate(err) {
			return false, err
		}
		known, err := s.holdAttachment(ctx, r.SHA2, r.Holds[0])
		if err != nil {
			return false, err
		}
		if known != nil {
			return known.File == r.File, nil
		}
	}
}

// cleanUp cleans up, also when the request's context has ended. What it can't do is done by a sweep.
func (s *Store) cleanUp(clean func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(s.life, s.options.Patience)
	defer cancel()
	if err := clean(ctx); err != nil {
		s.log.Warn("cleaning up after an attachment failed; a sweep does it later", "error", err)
	}
}

// held knows the holds that this process has made and not taken off.
type held struct {
	mu     sync.Mutex
	byPuts map[string][]bson.ObjectID // by digest
}

func (h *held) add(sha2 string, hold bson.ObjectID, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byPuts == nil {
		h.byPuts = map[string][]bson.ObjectID{}
	}
	alive := slices.DeleteFunc(h.byPuts[sha2], func(old bson.ObjectID) bool { return expired(old, now) })
	h.byPuts[sha2] = append(alive, hold)
}

// take takes out one hold, the latest, of each attachment of the drafts.
func (h *held) take(drafts []*lrs.Draft) (digests []string, holds []bson.ObjectID) {
	for _, d := range drafts {
		digests = append(digests, d.Attachments...)
	}
	slices.Sort(digests)
	digests = slices.Compact(digests)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, sha2 := range digests {
		list := h.byPuts[sha2]
		switch len(list) {
		case 0:
			continue
		case 1:
			delete(h.byPuts, sha2)
		default:
			h.byPuts[sha2] = list[:len(list)-1]
		}
		holds = append(holds, list[len(list)-1])
	}
	return digests, holds
}

// releaseAttachments takes off the holds under which the drafts' attachments were put, one of each: the
// statements that refer to them are stored now, or will not be.
func (s *Store) releaseAttachments(drafts []*lrs.Draft) {
	digests, holds := s.held.take(drafts)
	if len(holds) == 0 {
		return
	}
	s.cleanUp(func(ctx context.Context) error { return s.takeOff(ctx, digests, holds) })
}

// OpenAttachment implements lrs.AttachmentStore.
func (s *Store) OpenAttachment(ctx context.Context, sha2 string) (io.ReadCloser, int64, error) {
	for range 3 { // it may be removed, and put again, after its record was read
		r := new(attachmentRecord)
		if err := s.attachments.FindOne(ctx, byID(sha2)).Decode(r); err != nil {
			return nil, 0, notFound(err)
		}
		content, err := s.bucket.open(ctx, r.File)
		if err == nil {
			return content, r.Size, nil
		}
		if !errors.Is(err, mongo.ErrFileNotFound) {
			return nil, 0, unavailable(err)
		}
	}
	return nil, 0, fmt.Errorf("%w: attachment %s has lost its file", errDamaged, sha2)
}

// SweepAttachments implements lrs.AttachmentStore. It also removes what killed processes left.
func (s *Store) SweepAttachments(ctx context.Context, before time.Time) (removed int, err error) {
	cursor, err := s.attachments.Find(
		ctx, bson.D{{Key: "put", Value: bson.D{{Key: "$lt", Value: int64(lrs.InstantOf(before))}}}},
		options.Find().SetProjection(bson.D{{Key: "holds", Value: 0}}).SetBatchSize(500),
	)
	if err != nil {
		return 0, unavailable(err)
	}
	defer func() { err = errors.Join(err, cursor.Close(context.WithoutCancel(ctx))) }()
	for cursor.Next(ctx) {
		var r attachmentRecord
		if err := cursor.Decode(&r); err != nil {
			return removed, err
		}
		gone, err := s.removeUnlessReferred(ctx, &r)
		if err != nil {
			return removed, unavailable(err)
		}
		if gone {
			removed++
		}
	}
	if err := cursor.Err(); err != nil {
		return removed, unavailable(err)
	}
	return removed, unavailable(s.sweepUnfinished(ctx, before))
}

// sweepUnfinished removes the files that processes were writing or removing when they died.
func (s *Store) sweepUnfinished(ctx context.Context, before time.Time) error {
	dead := s.now().Add(-2 * longestPut)
	if before.Before(dead) {
		dead = before
	}
	leftovers, err := s.bucket.leftovers(ctx, lrs.InstantOf(dead))
	if err != nil {
		return err
	}
	for _, u := range leftovers {
		err := s.attachments.FindOne(ctx, bson.D{{Key: "_id", Value: u.SHA2}, {Key: "file", Value: u.File}}).Err()
		switch {
		case err == nil:
			err = s.bucket.finish(ctx, u.File)
		case errors.Is(err, mongo.ErrNoDocuments):
			err = s.bucket.remove(ctx, u.File)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeUnlessReferred removes an attachment if no statement refers to it, one on its way to becoming
// visible included, and if it has not been put since its record was read.
func (s *Store) removeUnlessReferred(ctx context.Context, r *attachmentRecord) (bool, error) {
	err := s.statements.FindOne(ctx, bson.D{{Key: "a", Value: r.SHA2}}, options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err()
	if !errors.Is(err, mongo.ErrNoDocuments) {
		return false, err
	}
	if err := s.bucket.begin(ctx, r.File, r.SHA2, s.now()); err != nil {
		return false, err
	}
	result, err := s.attachments.DeleteOne(ctx, bson.D{
		{Key: "_id", Value: r.SHA2}, {Key: "file", Value: r.File}, {Key: "rev", Value: r.Revision},
	})
	if err != nil || result.DeletedCount == 0 {
		return false, err // the note that was begun stays: somebody else may be removing the file
	}
	return true, s.bucket.remove(ctx, r.File)
}

// removeUnreferenced removes those of the attachments that lost their last reference. One that was put
// for a statement on its way stays; SweepAttachments sees to it if that never comes.
//
// Holds are read before references are looked for: a hold is taken off only after its statement can
// be found.
func (s *Store) removeUnreferenced(ctx context.Context, digests []string) error {
	for _, sha2 := range digests {
		r := new(attachmentRecord)
		err := s.attachments.FindOne(ctx, byID(sha2)).Decode(r)
		if errors.Is(err, mongo.ErrNoDocuments) || err == nil && r.heldAt(s.now()) {
			continue
		}
		if err == nil {
			_, err = s.removeUnlessReferred(ctx, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// heldAt reports whether a statement that refers to the attachment may be on its way.
func (r *attachmentRecord) heldAt(now time.Time) bool {
	return len(r.Holds) > 0 && now.Sub(lrs.Instant(r.Put).Time()) <= holdTime
}
