package pebblestore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"acquis/lrs"
)

// attachmentFiles keeps attachments as files, named by their digest, in folders by its first byte.
type attachmentFiles struct {
	fs   vfs.FS
	dir  string
	now  func() time.Time
	lock *pebble.Lock // of the whole data directory

	// mu is held for reading while a file is put in place, for writing while one is removed.
	mu sync.RWMutex
	// pending counts the puts of a digest whose statements have not come yet, and when the last was.
	pendingMu sync.Mutex
	pending   map[string]pendingPut
}

// pendingPut keeps an attachment from being removed before the statement that refers to it comes.
type pendingPut struct {
	count int
	last  time.Time
}

const unfinished = "unfinished-"

func (a *attachmentFiles) open(fs vfs.FS, dir string, now func() time.Time) error {
	a.fs, a.dir, a.now, a.pending = fs, dir, now, map[string]pendingPut{}
	if err := makeDir(fs, dir); err != nil {
		return fmt.Errorf("make the attachment directory: %w", err)
	}
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names { // what a former process was writing when it died
		if strings.HasPrefix(name, unfinished) {
			err = errors.Join(err, fs.Remove(fs.PathJoin(dir, name)))
		}
	}
	return err
}

func (a *attachmentFiles) folder(sha2 string) string { return a.fs.PathJoin(a.dir, sha2[:2]) }

func (a *attachmentFiles) path(sha2 string) string { return a.fs.PathJoin(a.folder(sha2), sha2) }

// isDigest guards the file names: nothing but hexadecimal reaches the file system.
func isDigest(sha2 string) bool {
	_, err := hex.DecodeString(sha2)
	return err == nil && len(sha2) >= 2 && sha2 == strings.ToLower(sha2)
}

// PutAttachment implements lrs.AttachmentStore.
func (s *Store) PutAttachment(ctx context.Context, sha2 string, content io.Reader) (int64, error) {
	if !isDigest(sha2) {
		return 0, lrs.Errorf(lrs.KindInvalid, "an attachment is kept under a digest in lower-case hexadecimal")
	}
	a := &s.attachments
	temporary := a.fs.PathJoin(a.dir, fmt.Sprintf("%s%016x", unfinished, rand.Uint64()))
	size, err := a.write(ctx, temporary, content)
	if err != nil {
		return 0, errors.Join(err, a.removeIfThere(temporary))
	}
	return size, a.place(sha2, temporary)
}

func (a *attachmentFiles) write(ctx context.Context, path string, content io.Reader) (int64, error) {
	f, err := a.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return 0, err
	}
	size, err := io.Copy(f, contextReader{ctx, content})
	if err == nil {
		err = f.Sync()
	}
	return size, errors.Join(err, f.Close())
}

// contextReader stops reading when the context ends.
type contextReader struct {
	ctx     context.Context
	content io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.content.Read(p)
}

// place moves a finished file to its name, durably.
func (a *attachmentFiles) place(sha2, temporary string) error {
	a.mu.RLock()
	defer a.mu.RUnlock()
	a.pendingMu.Lock()
	a.pending[sha2] = pendingPut{a.pending[sha2].count + 1, a.now()}
	a.pendingMu.Unlock()
	if err := makeDir(a.fs, a.folder(sha2)); err != nil {
		return err
	}
	if err := a.fs.Rename(temporary, a.path(sha2)); err != nil {
		return err
	}
	return syncDir(a.fs, a.folder(sha2))
}

// arrived says that the statement for which each digest was put was stored, or refused.
func (a *attachmentFiles) arrived(digests []string) {
	a.pendingMu.Lock()
	defer a.pendingMu.Unlock()
	for _, sha2 := range digests {
		if put := a.pending[sha2]; put.count > 1 {
			a.pending[sha2] = pendingPut{put.count - 1, put.last}
		} else {
			delete(a.pending, sha2)
		}
	}
}

func (a *attachmentFiles) removeIfThere(path string) error {
	if err := a.fs.Remove(path); err != nil && !isNotExist(err) {
		return err
	}
	return nil
}

// OpenAttachment implements lrs.AttachmentStore.
func (s *Store) OpenAttachment(_ context.Context, sha2 string) (io.ReadCloser, int64, error) {
	if !isDigest(sha2) {
		return nil, 0, lrs.ErrNotFound
	}
	f, err := s.fs.Open(s.attachments.path(sha2))
	if isNotExist(err) {
		return nil, 0, lrs.ErrNotFound
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// SweepAttachments implements lrs.AttachmentStore.
func (s *Store) SweepAttachments(ctx context.Context, before time.Time) (removed int, err error) {
	a := &s.attachments
	folders, err := a.fs.List(a.dir)
	if err != nil {
		return 0, err
	}
	for _, folder := range folders {
		if strings.HasPrefix(folder, unfinished) {
			continue
		}
		names, err := a.fs.List(a.fs.PathJoin(a.dir, folder))
		if err != nil {
			return removed, err
		}
		for _, name := range names {
			gone, err := s.sweep(name, before)
			if err := errors.Join(err, ctx.Err()); err != nil {
				return removed, err
			}
			if gone {
				removed++
			}
		}
	}
	return removed, nil
}

// sweep removes one attachment unless a statement refers to it or it was put lately.
func (s *Store) sweep(sha2 string, before time.Time) (bool, error) {
	a := &s.attachments
	a.mu.Lock()
	defer a.mu.Unlock()
	info, err := a.fs.Stat(a.path(sha2))
	if err != nil {
		return false, err
	}
	if !info.ModTime().Before(before) || !a.lastPending(sha2).Before(before) {
		return false, nil
	}
	return a.removeUnlessReferred(s, sha2)
}

// lastPending is when a digest was last put whose statement has not come yet, zero without one.
func (a *attachmentFiles) lastPending(sha2 string) time.Time {
	a.pendingMu.Lock()
	defer a.pendingMu.Unlock()
	return a.pending[sha2].last
}

func (a *attachmentFiles) removeUnlessReferred(s *Store, sha2 string) (bool, error) {
	referred, err := s.hasPrefix(s.db, attachedPrefix(sha2))
	if err != nil || referred {
		return false, err
	}
	a.pendingMu.Lock()
	delete(a.pending, sha2)
	a.pendingMu.Unlock()
	if err := a.removeIfThere(a.path(sha2)); err != nil {
		return false, err
	}
	return true, nil
}

// removeUnreferenced removes those of the attachments that lost their last reference. One that was
// put for a statement on its way stays; SweepAttachments sees to it if that never comes.
func (a *attachmentFiles) removeUnreferenced(s *Store, digests []string) error {
	var errs []error
	for _, sha2 := range digests {
		if !isDigest(sha2) {
			continue
		}
		a.mu.Lock()
		if a.lastPending(sha2).IsZero() {
			_, err := a.removeUnlessReferred(s, sha2)
			errs = append(errs, err)
		}
		a.mu.Unlock()
	}
	return errors.Join(errs...)
}

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }
