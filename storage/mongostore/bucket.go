package mongostore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"acquis/lrs"
)

// bucket keeps the contents of attachments as GridFS lays files out, so that its tools can read them:
// https://github.com/mongodb/specifications/blob/master/source/gridfs/gridfs-spec.md.
//
// It writes them itself: the driver's upload stream takes a buffer of 16 MiB for every file.
type bucket struct {
	gridfs *mongo.GridFSBucket
	chunks *mongo.Collection
	files  *mongo.Collection
	// unfinished lists the files that are being written or removed. What a killed process leaves is
	// found here, and not by a search through all chunks.
	unfinished *mongo.Collection
}

func newBucket(db *mongo.Database, name string) *bucket {
	b := &bucket{gridfs: db.GridFSBucket(options.GridFSBucket().SetName(name)), unfinished: db.Collection(name + ".unfinished")}
	b.chunks, b.files = b.gridfs.GetChunksCollection(), b.gridfs.GetFilesCollection()
	return b
}

// chunkSize is the most bytes of a chunk, and the most of a file that is in memory while it is written.
const chunkSize = int(mongo.DefaultGridFSChunkSize)

// fileRecord is a document of the bucket's files.
type fileRecord struct {
	ID         bson.ObjectID `bson:"_id"`
	Length     int64         `bson:"length"`
	ChunkSize  int32         `bson:"chunkSize"`
	UploadDate time.Time     `bson:"uploadDate"`
	Name       string        `bson:"filename"` // the attachment's SHA-2
}

// chunkRecord is a document of the bucket's chunks.
type chunkRecord struct {
	ID   bson.ObjectID `bson:"_id"`
	File bson.ObjectID `bson:"files_id"`
	N    int32         `bson:"n"`
	Data []byte        `bson:"data"`
}

// unfinishedRecord is a document of the bucket's unfinished.
type unfinishedRecord struct {
	File  bson.ObjectID `bson:"_id"`
	SHA2  string        `bson:"sha2"`
	Since int64         `bson:"since"` // an lrs.Instant
}

// begin notes that a file will be written or removed, until finish or remove.
func (b *bucket) begin(ctx context.Context, file bson.ObjectID, sha2 string, now time.Time) error {
	_, err := b.unfinished.InsertOne(ctx, unfinishedRecord{file, sha2, int64(lrs.InstantOf(now))})
	if isDuplicate(err) {
		return nil
	}
	return err
}

func (b *bucket) finish(ctx context.Context, file bson.ObjectID) error {
	_, err := b.unfinished.DeleteOne(ctx, byID(file))
	return err
}

// write reads content to its end into a file. What it has written when it fails is the caller's to
// remove.
func (b *bucket) write(ctx context.Context, file bson.ObjectID, sha2 string, content io.Reader, now time.Time) (size int64, err error) {
	buffer := make([]byte, chunkSize)
	for n := int32(0); ; n++ {
		length, end := fill(buffer, content)
		if end != nil && !errors.Is(end, io.EOF) {
			return 0, end
		}
		if length > 0 {
			if _, err := b.chunks.InsertOne(ctx, chunkRecord{bson.NewObjectID(), file, n, buffer[:length]}); err != nil {
				return 0, unavailable(err)
			}
		}
		size += int64(length)
		if end != nil {
			_, err := b.files.InsertOne(ctx, fileRecord{file, size, int32(chunkSize), now, sha2})
			return size, unavailable(err)
		}
	}
}

// fill reads until the buffer is full or reading fails; io.EOF is such a failure. Unlike io.ReadFull it
// keeps an error that comes with the last bytes.
func fill(buffer []byte, content io.Reader) (n int, err error) {
	for n < len(buffer) && err == nil {
		var more int
		more, err = content.Read(buffer[n:])
		n += more
	}
	return n, err
}

// open streams a file. The error is mongo.ErrFileNotFound when there is none.
func (b *bucket) open(ctx context.Context, file bson.ObjectID) (io.ReadCloser, error) {
	stream, err := b.gridfs.OpenDownloadStream(ctx, file)
	if err != nil {
		return nil, err
	}
	return download{stream}, nil
}

// download is the content of a file.
type download struct{ *mongo.GridFSDownloadStream }

// Read is as io.Reader says. It fails when the content is not there to its end.
func (d download) Read(p []byte) (int, error) {
	n, err := d.GridFSDownloadStream.Read(p)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	return n, fmt.Errorf("read an attachment: %w", unavailable(err))
}

// remove removes a file, whether it is whole or not, and then the note that begin made: when the
// process dies in between, a sweep finds it again.
func (b *bucket) remove(ctx context.Context, file bson.ObjectID) error {
	if _, err := b.chunks.DeleteMany(ctx, bson.D{{Key: "files_id", Value: file}}); err != nil {
		return err
	}
	if _, err := b.files.DeleteOne(ctx, byID(file)); err != nil {
		return err
	}
	return b.finish(ctx, file)
}

// leftovers lists the files that were begun before the instant and are not finished.
func (b *bucket) leftovers(ctx context.Context, before lrs.Instant) ([]unfinishedRecord, error) {
	cursor, err := b.unfinished.Find(ctx, bson.D{{Key: "since", Value: bson.D{{Key: "$lt", Value: int64(before)}}}})
	if err != nil {
		return nil, err
	}
	var found []unfinishedRecord
	err = cursor.All(ctx, &found)
	return found, err
}
