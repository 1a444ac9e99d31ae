//go:build cgo

package badger

import (
	"os"
	"sync"

	"github.com/labkv/labkv/kv/engine"
)

// A syncer makes the log durable, with one sync for all callers that wait.
type syncer struct {
	dir string
	db  *database
	// fdatasync is a field so that tests can make it fail.
	fdatasync func(f *os.File) error

	mu   sync.Mutex
	done sync.Cond
	// running is set while a caller syncs, without holding mu.
	running bool
	// synced is the number of the last commit that is known to be durable,
	// upTo the end of the log at that time, and fileSize the size of its
	// newest file, in bytes.
	synced   uint64
	upTo     logPosition
	fileSize uint32
	// failed is the *engine.SyncError that ended all writing, or nil.
	failed error

	// file is the open file of the log that was synced last. It belongs to
	// the caller that has set running.
	file   *os.File
	fileID uint32
}

func newSyncer(dir string, db *database) *syncer {
	s := &syncer{dir: dir, db: db, fdatasync: fdatasync}
	s.done.L = &s.mu
	return s
}

// begin tells s that the log is durable up to its end, with commit number seq:
// checkLog has synced it.
func (s *syncer) begin(seq uint64) {
	s.synced, s.upTo = seq, s.end()
	if info, err := os.Stat(logPath(s.dir, s.upTo.file)); err == nil {
		s.fileSize = uint32(info.Size())
	}
}

// sync returns once commit number seq and all before it are durable. committed
// must return the number of the last commit that is in the log; a sync that
// starts after the call makes it durable.
func (s *syncer) sync(seq uint64, committed func() uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.failed != nil:
			return s.failed
		case s.synced >= seq:
			return nil
		case s.running:
			s.done.Wait() // that sync may have begun before commit seq
		default:
			s.running = true
			s.mu.Unlock()
			target, upTo := committed(), s.end()
			size, err := s.syncLog(upTo.file)
			s.mu.Lock()
			s.running = false
			if err != nil {
				s.failed = &engine.SyncError{Err: err}
			} else {
				s.synced, s.upTo, s.fileSize = target, upTo, size
			}
			s.done.Broadcast()
		}
	}
}

// end returns the end of the log.
func (s *syncer) end() logPosition {
	off := s.db.GetVLogOffset()
	return logPosition{file: uint32(off >> 32), offset: uint32(off)}
}

// syncLog syncs the file of the log with the number id, which was the newest a
// moment ago, and returns its size. Badger synced the older files before it
// started this one. It creates a file only a moment after it has announced the
// number, so a file that is not there is empty.
func (s *syncer) syncLog(id uint32) (size uint32, err error) {
	if s.file == nil || s.fileID != id {
		f, err := os.OpenFile(logPath(s.dir, id), os.O_RDWR, 0)
		if os.IsNotExist(err) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		s.closeFile()
		s.file, s.fileID = f, id
	}
	if err := s.fdatasync(s.file); err != nil {
		return 0, err
	}
	info, err := s.file.Stat()
	if err != nil {
		return 0, err
	}
	return uint32(info.Size()), nil
}

// position returns a position up to which the log is durable, and the size of
// the file that it names, in bytes.
func (s *syncer) position() (upTo logPosition, fileSize uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.upTo, s.fileSize
}

// fail ends all writing: it returns a *engine.SyncError, which every later
// write and sync returns, too.
func (s *syncer) fail(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = &engine.SyncError{Err: err}
	}
	return s.failed
}

// err returns the error that ended all writing, or nil.
func (s *syncer) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// closeFile closes the file that was synced last. The error of Close does not
// matter: the sync has reported every failure.
func (s *syncer) closeFile() {
	if s.file != nil {
		s.file.Close()
		s.file = nil
	}
}
