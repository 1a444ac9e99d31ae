//go:build mutant

// A lock of a transaction that does not write the key is in the way of readers.
//
//lab:mutant 4C kv/transaction
package transaction

import "github.com/labkv/labkv/proto/kvrpcpb"

func (s *Scanner) look(key []byte) (visible bool, err error) {
	var idle *Lock
	if locked, ok := s.at(s.locks, 0); ok && string(locked) == string(key) {
		if idle, err = DecodeLock(s.locks.Value()); err != nil {
			return false, err
		}
	}
	visible, err = s.look_original(key)
	if err == nil && idle != nil && idle.Kind == kvrpcpb.Op_Lock && idle.StartTS <= s.ts {
		s.lock, s.value, visible = idle, nil, true
	}
	return visible, err
}
