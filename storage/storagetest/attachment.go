package storagetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"acquis/lrs"
)

// Attachments tests lrs.AttachmentStore.
func Attachments(t *testing.T, f Factory) {
	check(t, f, []rule{
		{"an attachment comes back as it was put (XAPI-00025)", attachmentComesBack},
		{"an unknown attachment is not found", unknownAttachment},
		{"putting an attachment again changes nothing", attachmentTwice},
		{"several megabytes are streamed in and out", largeAttachment},
		{"nothing is kept when reading fails", failingAttachment},
		{"nothing is kept when the context ends while reading", cancelledAttachment},
		{"concurrent puts of one attachment all succeed", contendedAttachment},
		{"an attachment can be read while others are put and swept", attachmentReadWhileSwept},
		{"a sweep spares what a statement refers to and what is recent", sweepSpares},
		{"attachments survive reopening", attachmentsReopen},
	})
}

// keep puts attachments.
func (s *subject) keep(store lrs.AttachmentStore, contents ...string) {
	s.Helper()
	for _, content := range contents {
		size, err := store.PutAttachment(s.ctx, sha2(content), strings.NewReader(content))
		s.must(err)
		if size != int64(len(content)) {
			s.Fatalf("an attachment of %d bytes was put as %d", len(content), size)
		}
	}
}

// has reports whether an attachment is there, and fails the test when it is another.
func (s *subject) has(store lrs.AttachmentStore, want string) bool {
	s.Helper()
	content, size, err := store.OpenAttachment(s.ctx, sha2(want))
	if lrs.KindOf(err) == lrs.KindNotFound {
		return false
	}
	s.must(err)
	got, err := io.ReadAll(content)
	s.must(errors.Join(err, content.Close()))
	if string(got) != want || size != int64(len(want)) {
		s.Fatalf("the attachment is %d bytes, said to be %d, want %d", len(got), size, len(want))
	}
	return true
}

func (s *subject) wantContents(contents ...string) {
	s.Helper()
	for _, content := range contents {
		if !s.has(s.Store, content) {
			s.Fatalf("the attachment %.40q is not there", content)
		}
	}
}

func (s *subject) wantNoContents(contents ...string) {
	s.Helper()
	for _, content := range contents {
		if s.has(s.Store, content) {
			s.Fatalf("the attachment %.40q is still there", content)
		}
	}
}

// tomorrow is after everything that a test puts: a sweep before it spares only what is referred to.
func tomorrow() time.Time { return time.Now().Add(24 * time.Hour) }

func (s *subject) sweep(before time.Time) int {
	s.Helper()
	removed, err := s.Store.SweepAttachments(s.ctx, before)
	s.must(err)
	return removed
}

func attachmentComesBack(s *subject) {
	s.keep(s.Store, "", "a", "binary \x00\xff\r\n")
	s.wantContents("", "a", "binary \x00\xff\r\n")
	sum := hex.EncodeToString(make([]byte, 64)) // SHA-512 names are longer
	_, err := s.Store.PutAttachment(s.ctx, sum, strings.NewReader("long name"))
	s.must(err)
	content, _, err := s.Store.OpenAttachment(s.ctx, sum)
	s.must(err)
	got, err := io.ReadAll(content)
	s.must(errors.Join(err, content.Close()))
	s.wantSame(string(got), "long name")
}

func unknownAttachment(s *subject) {
	s.wantNoContents("never put")
	s.keep(s.Store, "something else")
	s.wantNoContents("never put")
}

func attachmentTwice(s *subject) {
	s.keep(s.Store, "twice")
	s.keep(s.Store, "twice")
	s.wantContents("twice")
	if removed := s.sweep(tomorrow()); removed != 1 {
		s.Fatalf("a sweep removed %d attachments, want 1", removed)
	}
	s.wantNoContents("twice")
	s.keep(s.Store, "twice")
	s.wantContents("twice")
}

// noise is a reader of n random bytes that remembers nothing of them.
func noise(n int64) io.Reader { return io.LimitReader(rand.NewChaCha8([32]byte{}), n) }

func largeAttachment(s *subject) {
	const size = 5<<20 + 17
	digest := sha256.New()
	if _, err := io.Copy(digest, noise(size)); err != nil {
		s.Fatal(err)
	}
	sum := hex.EncodeToString(digest.Sum(nil))
	kept, err := s.Store.PutAttachment(s.ctx, sum, noise(size))
	s.must(err)
	s.reopen()
	content, opened, err := s.Store.OpenAttachment(s.ctx, sum)
	s.must(err)
	digest.Reset()
	read, err := io.Copy(digest, content)
	s.must(errors.Join(err, content.Close()))
	if kept != size || opened != size || read != size {
		s.Fatalf("put %d bytes: %d kept, %d announced, %d read", size, kept, opened, read)
	}
	s.wantSame(hex.EncodeToString(digest.Sum(nil)), sum)
}

// errCut is what a reader fails with whose sender went away.
var errCut = errors.New("the sender went away")

func failingAttachment(s *subject) {
	for _, n := range []int64{0, 10, 1 << 20} {
		var content bytes.Buffer
		if _, err := content.ReadFrom(noise(n)); err != nil {
			s.Fatal(err)
		}
		whole := content.String()
		broken := io.MultiReader(strings.NewReader(whole), failingReader{errCut})
		if _, err := s.Store.PutAttachment(s.ctx, sha2(whole), broken); !errors.Is(err, errCut) {
			s.Fatalf("reading failed after %d bytes and the store answered %v", n, err)
		}
		s.wantNoContents(whole)
		s.keep(s.Store, whole)
		s.wantContents(whole)
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// cancellingReader cancels a context when it is read.
type cancellingReader struct{ cancel context.CancelFunc }

func (r cancellingReader) Read([]byte) (int, error) {
	r.cancel()
	return 0, context.Canceled
}

func cancelledAttachment(s *subject) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	content := strings.Repeat("x", 100_000)
	if _, err := s.Store.PutAttachment(ctx, sha2(content), io.MultiReader(strings.NewReader(content), cancellingReader{cancel})); err == nil {
		s.Fatalf("a cancelled put succeeded")
	}
	s.wantNoContents(content)
}

func contendedAttachment(s *subject) {
	content := strings.Repeat("attestation ", 10_000)
	var writers errgroup.Group
	for range 6 {
		writers.Go(func() error {
			_, err := s.Store.PutAttachment(s.ctx, sha2(content), strings.NewReader(content))
			return err
		})
	}
	s.must(writers.Wait())
	s.wantContents(content)
}

func attachmentReadWhileSwept(s *subject) {
	large := strings.Repeat("attestation ", 100_000)
	p := attached(large)
	s.add(p)
	content, _, err := s.Store.OpenAttachment(s.ctx, sha2(large))
	s.must(err)
	s.keep(s.Store, "other")
	s.sweep(tomorrow())
	got, err := io.ReadAll(content)
	s.must(errors.Join(err, content.Close()))
	if string(got) != large {
		s.Fatalf("an attachment of %d bytes was read as %d", len(large), len(got))
	}
}

func sweepSpares(s *subject) {
	p := attached("referred")
	s.add(p)
	s.keep(s.Store, "loose", "forlorn")
	if removed := s.sweep(time.Now().Add(-24 * time.Hour)); removed != 0 {
		s.Fatalf("a sweep of what is older than a day removed %d attachments", removed)
	}
	s.wantContents("referred", "loose", "forlorn")
	s.reopen()
	if removed := s.sweep(tomorrow()); removed != 2 {
		s.Fatalf("a sweep removed %d attachments, want 2", removed)
	}
	s.wantContents("referred")
	s.wantNoContents("loose", "forlorn")
	if removed := s.sweep(tomorrow()); removed != 0 {
		s.Fatalf("a second sweep removed %d attachments", removed)
	}
}

func attachmentsReopen(s *subject) {
	s.keep(s.Store, "", "survivor")
	s.restart()
	s.wantContents("", "survivor")
}
