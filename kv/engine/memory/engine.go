package memory

import (
	"sync/atomic"

	"github.com/labkv/labkv/kv/engine"
)

// An Engine is one incarnation: a process that has a Disk open, until Close or
// a crash.
type Engine struct {
	disk  *Disk
	names []engine.CF

	// closed is set under disk.mu and never unset: by Close, or by a crash.
	closed atomic.Bool
	// failed is the error of the first sync that failed, or nil. It is
	// guarded by disk.mu; every later write returns it.
	failed error

	snapshots, iterators atomic.Int64
}

var _ engine.Engine = (*Engine)(nil)

// Open starts an incarnation on disk; see Disk.Open.
func Open(disk *Disk, families ...engine.CF) (*Engine, error) {
	return disk.Open(families...)
}

// OpenSnapshots returns the number of snapshots of e that are not closed.
func (e *Engine) OpenSnapshots() int { return int(e.snapshots.Load()) }

// OpenIterators returns the number of iterators of e and of its snapshots that
// are not closed.
func (e *Engine) OpenIterators() int { return int(e.iterators.Load()) }

// Get implements engine.Reader.
func (e *Engine) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	e.disk.mu.RLock()
	defer e.disk.mu.RUnlock()
	i, err := e.check(cf, key)
	if err != nil {
		return nil, false, err
	}
	value, found = get(e.disk.families[i].tree, key)
	return value, found, nil
}

// Iterate implements engine.Reader.
func (e *Engine) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	e.disk.mu.Lock()
	defer e.disk.mu.Unlock()
	i, err := e.family(cf)
	if err != nil {
		return nil, err
	}
	return newIterator(e, nil, e.disk.families[i].freeze(), r), nil
}

// Snapshot implements engine.Engine.
func (e *Engine) Snapshot() (engine.Snapshot, error) {
	e.disk.mu.Lock()
	defer e.disk.mu.Unlock()
	if e.closed.Load() {
		return nil, engine.ErrClosed
	}
	e.snapshots.Add(1)
	return &snapshot{engine: e, trees: e.disk.freeze()}, nil
}

// Write implements engine.Engine.
func (e *Engine) Write(b *engine.Batch, sync bool) error {
	if err := b.Check(e.names); err != nil {
		if e.closed.Load() {
			return engine.ErrClosed
		}
		return err
	}
	e.disk.mu.Lock()
	defer e.disk.mu.Unlock()
	return e.write(b, sync)
}

// Sync implements engine.Engine.
func (e *Engine) Sync() error {
	return e.Write(&engine.Batch{}, true)
}

// deleteBatch is the number of keys that DeleteRange removes in a batch: so few
// that even a short run can crash between two of its batches.
const deleteBatch = 16

// DeleteRange implements engine.Engine.
func (e *Engine) DeleteRange(cf engine.CF, r engine.Range) error {
	e.disk.mu.Lock()
	defer e.disk.mu.Unlock()
	i, err := e.family(cf)
	if err != nil {
		return err
	}
	end := string(r.End)
	var b engine.Batch
	for {
		b.Reset()
		e.disk.families[i].tree.Ascend(string(r.Start), func(key, _ string) bool {
			if end != "" && key >= end {
				return false
			}
			b.Delete(cf, []byte(key))
			return b.Len() < deleteBatch
		})
		if b.Len() == 0 {
			return nil
		}
		if err := e.write(&b, false); err != nil {
			return err
		}
	}
}

// ApproximateSize implements engine.Engine. It is exact, and takes time linear
// in the number of keys, unless r is the whole family.
func (e *Engine) ApproximateSize(cf engine.CF, r engine.Range) (uint64, error) {
	e.disk.mu.RLock()
	defer e.disk.mu.RUnlock()
	i, err := e.family(cf)
	if err != nil {
		return 0, err
	}
	return e.disk.families[i].size(r), nil
}

// Close implements engine.Engine. It frees the disk even if its sync fails.
func (e *Engine) Close() error {
	e.disk.mu.Lock()
	defer e.disk.mu.Unlock()
	if e.closed.Load() {
		return nil
	}
	err := e.failed
	if err == nil && len(e.disk.unsynced) > 0 {
		err = e.disk.write(e, &engine.Batch{}, true)
	}
	if !e.closed.Load() { // the sync may have met a crash
		e.disk.release()
	}
	return err
}

// write is Write for callers that hold disk.mu, without the check of b.
func (e *Engine) write(b *engine.Batch, sync bool) error {
	switch {
	case e.closed.Load():
		return engine.ErrClosed
	case e.failed != nil:
		return e.failed
	case b.Len() == 0 && !sync:
		return nil
	default:
		return e.disk.write(e, b, sync)
	}
}

// check returns the index of cf, or an error if cf or key cannot be read.
func (e *Engine) check(cf engine.CF, key []byte) (int, error) {
	i, err := e.family(cf)
	if err != nil {
		return 0, err
	}
	return i, engine.CheckKey(key)
}

// family returns the index of cf, or an error if there is no such family or e
// is closed.
func (e *Engine) family(cf engine.CF) (int, error) {
	if e.closed.Load() {
		return 0, engine.ErrClosed
	}
	i := engine.FamilyIndex(e.names, cf)
	if i < 0 {
		return 0, &engine.UnknownFamilyError{CF: cf}
	}
	return i, nil
}

// get returns a copy of the value of key.
func get(t *tree, key []byte) ([]byte, bool) {
	v, found := t.Get(string(key))
	if !found {
		return nil, false
	}
	return []byte(v), true
}
