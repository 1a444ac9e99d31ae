//go:build variant

// The scanner uses its iterators to find the next key, and asks the reader about it,
// with Lock and Value. That costs some reads more for each key, but not more for more
// versions.
//
//lab:variant kv/transaction 4A 4C
package transaction

import (
	"bytes"

	"github.com/labkv/labkv/kv/engine"
)

func (s *Scanner) look(key []byte) (visible bool, err error) {
	s.key, s.value, s.lock = key, nil, nil
	for _, it := range []engine.Iterator{s.locks, s.writes} {
		if end := append(afterVersions(key), 0); it.Valid() && bytes.Compare(it.Key(), end) < 0 {
			it.Seek(end)
		}
	}
	lock, err := s.reader.Lock(key)
	if err != nil {
		return false, err
	}
	if lock != nil && lock.Blocks(s.ts) {
		s.lock = lock
		return true, nil
	}
	s.value, visible, err = s.reader.Value(key, s.ts)
	return visible, err
}
