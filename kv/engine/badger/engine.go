//go:build cgo

package badger

import (
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/Connor1996/badger"
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
)

// An Engine implements engine.Engine on a directory that it has open.
type Engine struct {
	families []engine.CF
	// maxBatch and maxLen are the largest Size and Len of a batch. The
	// intent of a batch that reaches both takes at most half a table in
	// memory.
	maxBatch int
	maxLen   int
	lock     *os.File
	db       *database
	writer   writer
	syncer   *syncer

	// mu is held for reading by every operation, for writing by Close:
	// badger must not be used once it is closed.
	mu     sync.RWMutex
	closed bool
}

var _ engine.Engine = (*Engine)(nil)

// lockFile is locked while an engine is open. The file stays when the engine is
// closed.
const lockFile = "LOCK.engine"

// Open opens the engine in dir, and creates it if dir is absent or empty. The
// error is an *OpenError.
func Open(dir string, opt Options) (*Engine, error) {
	e, err := open(dir, opt)
	if err != nil {
		return nil, &OpenError{Dir: dir, Err: err}
	}
	return e, nil
}

func open(dir string, opt Options) (e *Engine, err error) {
	redirectLog()
	if err := opt.check(); err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, errors.NewNoStackError("not a directory")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	lockedFile, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			lockedFile.Close()
		}
	}()
	if err := lock(lockedFile); err != nil {
		return nil, err
	}
	used, err := prepareDir(dir, opt.Families)
	if err != nil {
		return nil, err
	}
	if used {
		if err := checkFiles(dir); err != nil {
			return nil, err
		}
	}
	db, err := openDatabase(opt.badger(dir))
	if err != nil {
		return nil, err
	}
	e = &Engine{
		families: slices.Clone(opt.Families),
		maxBatch: opt.maxBatchSize(),
		lock:     lockedFile,
		db:       db,
		syncer:   newSyncer(dir, db),
	}
	e.writer = writer{
		dir:       dir,
		db:        db,
		syncer:    e.syncer,
		prefix:    map[engine.CF][]byte{},
		size:      opt.MemTableSize,
		reserve:   opt.reserve(),
		freeSpace: freeSpace,
	}
	for _, cf := range opt.Families {
		e.writer.prefix[cf] = familyPrefix(cf)
		e.writer.overhead = max(e.writer.overhead, intentOverhead+len(e.writer.prefix[cf]))
	}
	e.maxLen = min(engine.MaxBatchLen, int(opt.MemTableSize)/4/e.writer.overhead)
	if err := e.recover(); err != nil {
		e.release()
		return nil, err
	}
	return e, nil
}

// checkFiles checks the files of a directory that was used before.
func checkFiles(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, badger.ManifestFilename)); os.IsNotExist(err) {
		// The manifest is the first file that badger writes. Without it
		// there must be no other file, or badger would delete that.
		for _, pattern := range []string{"*.sst", "*" + logSuffix} {
			files, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil {
				return err
			}
			if len(files) > 0 {
				return corrupt(badger.ManifestFilename, "is missing")
			}
		}
		return nil
	}
	// Badger lists here the large values that it keeps apart. This engine
	// has none.
	const blobs = "blob_change.log"
	if info, err := os.Stat(filepath.Join(dir, blobs)); err == nil && info.Size() > 0 {
		return corrupt(blobs, "is not empty")
	}
	start, err := checkManifest(dir)
	if err != nil {
		return err
	}
	return checkLog(dir, start)
}

// recover applies the intent, if there is one, and makes a first commit. The
// commit makes badger note where its log ends: without it the next replay would
// start over.
func (e *Engine) recover() error {
	last, err := e.db.readCommit()
	if err != nil {
		return err
	}
	e.writer.committed.Store(last.seq)
	e.syncer.begin(last.seq)
	intent, found, err := e.db.get(keyIntent)
	if err != nil {
		return err
	}
	if found {
		if e.writer.entries, err = decodeIntent(intent); err != nil {
			return err
		}
		e.writer.intended = true
	}
	if err := e.writer.commitEntries(); err != nil {
		return err
	}
	e.writer.entries = nil
	return nil
}

// Get implements engine.Reader.
func (e *Engine) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if err := e.check(cf); err != nil {
		return nil, false, err
	}
	if err := engine.CheckKey(key); err != nil {
		return nil, false, err
	}
	prefix := e.writer.prefix[cf]
	return e.db.get(append(prefix[:len(prefix):len(prefix)], key...))
}

// Iterate implements engine.Reader.
func (e *Engine) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if err := e.check(cf); err != nil {
		return nil, err
	}
	return newIterator(newView(e), cf, r), nil
}

// Snapshot implements engine.Engine.
func (e *Engine) Snapshot() (engine.Snapshot, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return nil, engine.ErrClosed
	}
	return &snapshot{view: newView(e)}, nil
}

// Write implements engine.Engine.
func (e *Engine) Write(b *engine.Batch, sync bool) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return engine.ErrClosed
	}
	return e.write(b, sync)
}

// write is Write for callers that hold mu.
func (e *Engine) write(b *engine.Batch, sync bool) error {
	if err := b.Check(e.families); err != nil {
		return err
	}
	if b.Size() > e.maxBatch {
		return &engine.TooLargeError{What: "batch", Size: b.Size(), Limit: e.maxBatch}
	}
	if b.Len() > e.maxLen {
		return &engine.TooLargeError{What: "number of writes in a batch", Size: b.Len(), Limit: e.maxLen}
	}
	seq := e.writer.committed.Load()
	if b.Len() > 0 {
		var err error
		if seq, err = e.writer.write(b); err != nil {
			return err
		}
	}
	switch {
	case sync:
		return e.syncer.sync(seq, e.writer.committed.Load)
	case b.Len() == 0:
		return e.syncer.err()
	default:
		return nil
	}
}

// Sync implements engine.Engine.
func (e *Engine) Sync() error { return e.Write(&engine.Batch{}, true) }

// deleteChunk bounds the batches of DeleteRange, in keys and in bytes.
const (
	deleteChunk      = 1024
	deleteChunkBytes = 64 << 10
)

// DeleteRange implements engine.Engine.
func (e *Engine) DeleteRange(cf engine.CF, r engine.Range) error {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if err := e.check(cf); err != nil {
		return err
	}
	it := newIterator(newView(e), cf, r)
	defer it.release()
	var b engine.Batch
	for it.seek(nil); it.valid; it.next() {
		b.Delete(cf, slices.Clone(it.rawKey()))
		if b.Len() == deleteChunk || b.Size() > deleteChunkBytes {
			if err := e.write(&b, false); err != nil {
				return err
			}
			b.Reset()
		}
	}
	return e.write(&b, false)
}

// ApproximateSize implements engine.Engine. It reads all keys within r, and the
// sizes of their values, but not the values.
func (e *Engine) ApproximateSize(cf engine.CF, r engine.Range) (uint64, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if err := e.check(cf); err != nil {
		return 0, err
	}
	it := newIterator(newView(e), cf, r)
	defer it.release()
	var n uint64
	for it.seek(nil); it.valid; it.next() {
		n += uint64(len(it.rawKey()) + it.it.Item().ValueSize())
	}
	return n, nil
}

// check returns an error if cf cannot be read: engine.ErrClosed or an
// *engine.UnknownFamilyError. The caller holds mu.
func (e *Engine) check(cf engine.CF) error {
	if e.closed {
		return engine.ErrClosed
	}
	if engine.FamilyIndex(e.families, cf) < 0 {
		return &engine.UnknownFamilyError{CF: cf}
	}
	return nil
}

// Close implements engine.Engine. It waits for the operations that are under
// way, and until the tables in memory are written to disk.
func (e *Engine) Close() error {
	e.mu.Lock()
	before := e.closed
	e.closed = true
	e.mu.Unlock()
	if before {
		return nil
	}
	// From here on no operation uses badger, so mu need not be held.
	err := e.syncer.sync(e.writer.committed.Load(), e.writer.committed.Load)
	if closeErr := e.release(); err == nil {
		err = closeErr
	}
	return err
}

// release closes badger and unlocks the directory.
func (e *Engine) release() error {
	var err error
	if e.writer.dead {
		// Badger would wait forever for the goroutine that wrote its
		// log and has ended.
		err = errors.NewNoStackError("badger cannot be closed after a failed write: end this program to free the directory")
	} else {
		err = e.db.Close()
	}
	e.syncer.closeFile()
	if closeErr := e.lock.Close(); err == nil {
		err = closeErr
	}
	return err
}
