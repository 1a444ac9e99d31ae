//go:build cgo

package badger

import (
	"bytes"

	"github.com/Connor1996/badger"

	"github.com/labkv/labkv/kv/engine"
)

// An iterator implements engine.Iterator. Its exported methods lock the engine;
// the engine itself calls the others while it holds the lock.
type iterator struct {
	view *view
	it   *badger.Iterator
	// lower and upper bound the keys as badger has them, with the name of
	// the family in the first prefix bytes.
	lower, upper []byte
	prefix       int
	// empty is set if lower is not below upper. The field it is nil then.
	empty bool
	// valid is set while the iterator is at a key within the bounds.
	valid bool

	seekKey    []byte // reused
	key, value []byte
	// keyLent and valueLent are set if key and value hold the present key
	// and value.
	keyLent, valueLent bool

	closed bool
	err    error
}

// newIterator returns an iterator over v. It takes over one user of v, which
// the caller has counted.
func newIterator(v *view, cf engine.CF, r engine.Range) *iterator {
	prefix := v.engine.writer.prefix[cf]
	it := &iterator{view: v, prefix: len(prefix)}
	it.lower = append(prefix[:len(prefix):len(prefix)], r.Start...)
	if len(r.End) > 0 {
		it.upper = append(prefix[:len(prefix):len(prefix)], r.End...)
	} else {
		it.upper = afterFamily(cf)
	}
	it.empty = bytes.Compare(it.lower, it.upper) >= 0
	if !it.empty {
		// Badger uses the bounds only to skip tables.
		it.it = v.txn.NewIterator(badger.IteratorOptions{StartKey: it.lower, EndKey: it.upper})
	}
	return it
}

func (it *iterator) seek(key []byte) {
	if it.empty {
		return
	}
	it.seekKey = append(append(it.seekKey[:0], it.lower[:it.prefix]...), key...)
	if bytes.Compare(it.seekKey, it.lower) < 0 {
		it.it.Seek(it.lower)
	} else {
		it.it.Seek(it.seekKey)
	}
	it.settle()
}

func (it *iterator) next() {
	it.it.Next()
	it.settle()
}

func (it *iterator) settle() {
	it.valid = it.it.Valid() && bytes.Compare(it.it.Item().Key(), it.upper) < 0
	it.keyLent, it.valueLent = false, false
}

// rawKey returns the present key. The slice changes with the next step.
func (it *iterator) rawKey() []byte { return it.it.Item().Key()[it.prefix:] }

// release closes badger's iterator and releases the view.
func (it *iterator) release() {
	if it.it != nil {
		it.it.Close()
		it.it = nil
	}
	it.view.release()
}

// Seek implements engine.Iterator.
func (it *iterator) Seek(key []byte) {
	it.view.engine.mu.RLock()
	defer it.view.engine.mu.RUnlock()
	if it.alive() {
		it.seek(key)
	}
}

// Valid implements engine.Iterator.
func (it *iterator) Valid() bool {
	if !it.valid {
		return false
	}
	it.view.engine.mu.RLock()
	defer it.view.engine.mu.RUnlock()
	return it.alive()
}

// Next implements engine.Iterator.
func (it *iterator) Next() {
	it.view.engine.mu.RLock()
	defer it.view.engine.mu.RUnlock()
	if it.alive() && it.valid {
		it.next()
	}
}

// Key implements engine.Iterator.
func (it *iterator) Key() []byte {
	it.view.engine.mu.RLock()
	defer it.view.engine.mu.RUnlock()
	if !it.alive() || !it.valid {
		return nil
	}
	if !it.keyLent {
		it.key = append(it.key[:0], it.rawKey()...)
		it.keyLent = true
	}
	return it.key
}

// Value implements engine.Iterator.
func (it *iterator) Value() []byte {
	it.view.engine.mu.RLock()
	defer it.view.engine.mu.RUnlock()
	if !it.alive() || !it.valid {
		return nil
	}
	if !it.valueLent {
		if it.value == nil {
			it.value = []byte{} // an empty value is not an absent one
		}
		value, err := it.it.Item().ValueCopy(it.value)
		if err != nil {
			it.err, it.valid = err, false
			return nil
		}
		it.value, it.valueLent = value, true
	}
	return it.value
}

// Close implements engine.Iterator.
func (it *iterator) Close() error {
	it.view.engine.mu.RLock()
	defer it.view.engine.mu.RUnlock()
	if !it.closed {
		it.alive() // sets err if the engine or the snapshot is closed
		it.closed, it.valid = true, false
		it.release()
	}
	return it.err
}

// alive reports whether the iterator, its engine and its snapshot are open. If
// only the iterator is open, it sets err. The caller holds the lock.
func (it *iterator) alive() bool {
	if it.closed {
		return false
	}
	if it.view.engine.closed || it.view.closed.Load() {
		it.err, it.valid = engine.ErrClosed, false
		return false
	}
	return true
}
