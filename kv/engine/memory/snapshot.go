package memory

import (
	"sync/atomic"

	"github.com/labkv/labkv/kv/engine"
)

// A snapshot shares the nodes of the trees with the disk. Shared nodes never
// change, so reading takes no lock.
type snapshot struct {
	engine *Engine
	trees  []*tree
	closed atomic.Bool
}

// Get implements engine.Reader.
func (s *snapshot) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	if s.closed.Load() {
		return nil, false, engine.ErrClosed
	}
	i, err := s.engine.check(cf, key)
	if err != nil {
		return nil, false, err
	}
	value, found = get(s.trees[i], key)
	return value, found, nil
}

// Iterate implements engine.Reader.
func (s *snapshot) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	if s.closed.Load() {
		return nil, engine.ErrClosed
	}
	i, err := s.engine.family(cf)
	if err != nil {
		return nil, err
	}
	return newIterator(s.engine, s, s.trees[i], r), nil
}

// Close implements engine.Snapshot.
func (s *snapshot) Close() error {
	if s.closed.CompareAndSwap(false, true) {
		s.engine.snapshots.Add(-1)
	}
	return nil
}
