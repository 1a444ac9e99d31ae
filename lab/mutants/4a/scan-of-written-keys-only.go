//go:build mutant

// The scanner walks the write family and looks at the locks of the keys there. It
// misses keys that are locked for the first time.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Scanner) first() (key []byte, found bool) { return s.at(s.writes, tsSize) }

func (s *Scanner) look(key []byte) (visible bool, err error) {
	s.key, s.value, s.lock = key, nil, nil
	lock, err := s.reader.Lock(key)
	if err != nil {
		return false, err
	}
	if lock != nil && lock.Blocks(s.ts) {
		s.lock = lock
	}
	record, err := s.record(key)
	switch {
	case err != nil:
		return false, err
	case s.lock != nil:
		return true, nil
	case record == nil || record.Kind == kvrpcpb.Op_Del:
		return false, nil
	}
	s.value, err = s.reader.valueOf(key, record)
	return true, err
}
