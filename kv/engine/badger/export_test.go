//go:build cgo

package badger

import (
	"os"
	"sync/atomic"
)

// LogEnd returns the number of the newest file of the log and the offset at
// which its content ends.
func (e *Engine) LogEnd() (file, offset uint32) {
	end := e.syncer.end()
	return end.file, end.offset
}

// SyncedEnd returns a position up to which the log was synced.
func (e *Engine) SyncedEnd() (file, offset uint32) {
	end, _ := e.syncer.position()
	return end.file, end.offset
}

// FailSync makes the next sync fail with err.
func (e *Engine) FailSync(err error) {
	e.syncer.fdatasync = func(f *os.File) error {
		e.syncer.fdatasync = fdatasync
		return err
	}
}

// CountSyncs returns a counter of the syncs from now on.
func (e *Engine) CountSyncs() *atomic.Int64 {
	var n atomic.Int64
	e.syncer.fdatasync = func(f *os.File) error {
		n.Add(1)
		return fdatasync(f)
	}
	return &n
}

// SetFree makes the disk report free bytes of free space, or the truth if free
// is negative.
func (e *Engine) SetFree(free int64) {
	e.writer.full = true // so that the next write looks
	e.writer.freeSpace = freeSpace
	if free >= 0 {
		e.writer.freeSpace = func(string) (uint64, error) { return uint64(free), nil }
	}
}

// Intended reports whether the last commit was written with an intent.
func (e *Engine) Intended() bool { return e.writer.intended }

// LogPath returns the path of a file of the log.
var LogPath = logPath
