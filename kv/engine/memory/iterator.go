package memory

import (
	"github.com/tidwall/btree"

	"github.com/labkv/labkv/kv/engine"
)

// An iterator walks a frozen tree. It lends its key and value from buffers that
// it reuses at each step, as an engine on disk does: a caller that wrongly
// keeps a slice after Next finds it changed here, too.
type iterator struct {
	engine   *Engine
	snapshot *snapshot // nil if made from the engine
	it       btree.MapIter[string, string]

	start, end string // end is empty if there is no bound

	valid      bool
	key, value []byte
	// keyLent and valueLent are set if key and value hold the present key
	// and value.
	keyLent, valueLent bool

	closed bool
	err    error
}

func newIterator(e *Engine, s *snapshot, t *tree, r engine.Range) *iterator {
	e.iterators.Add(1)
	return &iterator{
		engine:   e,
		snapshot: s,
		it:       t.Iter(),
		start:    string(r.Start),
		end:      string(r.End),
	}
}

// Seek implements engine.Iterator.
func (it *iterator) Seek(key []byte) {
	if !it.alive() {
		return
	}
	// The compiler does not allocate a string that only a comparison uses.
	if string(key) <= it.start {
		it.settle(it.it.Seek(it.start))
		return
	}
	it.settle(it.it.Seek(string(key)))
}

// Valid implements engine.Iterator.
func (it *iterator) Valid() bool { return it.valid && it.alive() }

// Next implements engine.Iterator.
func (it *iterator) Next() {
	if it.Valid() {
		it.settle(it.it.Next())
	}
}

// Key implements engine.Iterator.
func (it *iterator) Key() []byte {
	if !it.Valid() {
		return nil
	}
	if !it.keyLent {
		it.key = append(it.key[:0], it.it.Key()...)
		it.keyLent = true
	}
	return it.key
}

// Value implements engine.Iterator.
func (it *iterator) Value() []byte {
	if !it.Valid() {
		return nil
	}
	if !it.valueLent {
		if it.value == nil {
			it.value = []byte{} // an empty value is not an absent one
		}
		it.value = append(it.value[:0], it.it.Value()...)
		it.valueLent = true
	}
	return it.value
}

// Close implements engine.Iterator.
func (it *iterator) Close() error {
	if !it.closed {
		it.alive() // sets err if the engine or the snapshot is closed
		it.closed, it.valid = true, false
		it.it = btree.MapIter[string, string]{}
		it.engine.iterators.Add(-1)
	}
	return it.err
}

// settle updates the fields after the tree's iterator has moved; ok is whether
// it is at a key.
func (it *iterator) settle(ok bool) {
	it.valid = ok && (it.end == "" || it.it.Key() < it.end)
	it.keyLent, it.valueLent = false, false
}

// alive reports whether the iterator, its engine and its snapshot are open. If
// only the iterator is open, it sets err.
func (it *iterator) alive() bool {
	if it.closed {
		return false
	}
	if it.engine.closed.Load() || it.snapshot != nil && it.snapshot.closed.Load() {
		it.err, it.valid = engine.ErrClosed, false
		return false
	}
	return true
}
