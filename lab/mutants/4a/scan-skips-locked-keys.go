//go:build mutant

// The scanner leaves out keys whose lock is in the way, as if they were not there.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"bytes"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Scanner) look(key []byte) (visible bool, err error) {
	s.key, s.value, s.lock = key, nil, nil
	if locked, ok := s.at(s.locks, 0); ok && bytes.Equal(locked, key) {
		lock, err := DecodeLock(s.locks.Value())
		if err != nil {
			return false, err
		}
		s.locks.Next()
		if lock.Blocks(s.ts) {
			s.lock = lock
		}
	}
	record, err := s.record(key)
	switch {
	case err != nil:
		return false, err
	case s.lock != nil || record == nil || record.Kind == kvrpcpb.Op_Del:
		return false, nil
	}
	s.value, err = s.reader.valueOf(key, record)
	return true, err
}
