//go:build cgo

package badger

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/Connor1996/badger"

	"github.com/labkv/labkv/kv/engine"
)

// A view shows the data at one moment. The snapshot and the iterators that
// share it may be closed in any order: the last one ends the transaction.
type view struct {
	engine *Engine
	txn    *badger.Txn
	users  atomic.Int32
	// closed is set when the snapshot is closed: its iterators then return
	// engine.ErrClosed.
	closed atomic.Bool
}

// newView returns a view of the present data, with one user. The caller holds
// e.mu.
func newView(e *Engine) *view {
	v := &view{engine: e, txn: e.db.begin(false)}
	v.users.Store(1)
	return v
}

func (v *view) release() {
	if v.users.Add(-1) == 0 {
		v.txn.Discard()
	}
}

// A snapshot implements engine.Snapshot.
type snapshot struct {
	view *view

	// mu guards the fields below.
	mu sync.Mutex
	// lookup is Get's iterator over all keys. It is nil before the first
	// Get.
	lookup *badger.Iterator
	// key is Get's buffer.
	key []byte
}

// Get implements engine.Reader.
func (s *snapshot) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	e := s.view.engine
	e.mu.RLock()
	defer e.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(cf); err != nil {
		return nil, false, err
	}
	if err := engine.CheckKey(key); err != nil {
		return nil, false, err
	}
	// The package comment says why badger's own lookup does not serve here.
	// With AllVersions, Seek stops at the newest version that the snapshot
	// may see, deleted or not, instead of going on to a key that is not
	// deleted.
	if s.lookup == nil {
		s.lookup = s.view.txn.NewIterator(badger.IteratorOptions{AllVersions: true})
	}
	s.key = append(append(s.key[:0], e.writer.prefix[cf]...), key...)
	s.lookup.Seek(s.key)
	if !s.lookup.Valid() {
		return nil, false, nil
	}
	item := s.lookup.Item()
	if item.IsDeleted() || !bytes.Equal(item.Key(), s.key) {
		return nil, false, nil
	}
	value, err = item.ValueCopy([]byte{})
	return value, err == nil, err
}

// Iterate implements engine.Reader.
func (s *snapshot) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	e := s.view.engine
	e.mu.RLock()
	defer e.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(cf); err != nil {
		return nil, err
	}
	s.view.users.Add(1)
	return newIterator(s.view, cf, r), nil
}

// check returns an error if cf cannot be read. The caller holds both locks.
func (s *snapshot) check(cf engine.CF) error {
	if s.view.closed.Load() {
		return engine.ErrClosed
	}
	return s.view.engine.check(cf)
}

// Close implements engine.Snapshot.
func (s *snapshot) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view.closed.CompareAndSwap(false, true) {
		if s.lookup != nil {
			s.lookup.Close()
			s.lookup = nil
		}
		s.view.release()
	}
	return nil
}
