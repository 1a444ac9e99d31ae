//go:build mutant

// The scanner goes on with the next key where data is corrupt, and says nothing.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"bytes"

	"github.com/labkv/labkv/kv/engine"
)

func (s *Scanner) Next() bool {
	for s.err == nil {
		key, found := s.first()
		if !found {
			break
		}
		if visible, err := s.look(key); err == nil && visible {
			return true
		}
		for _, it := range []engine.Iterator{s.locks, s.writes} {
			if end := afterVersions(key); it.Valid() && bytes.Compare(it.Key(), end) < 0 {
				it.Seek(end)
			}
		}
	}
	s.key, s.value, s.lock = nil, nil, nil
	return false
}
