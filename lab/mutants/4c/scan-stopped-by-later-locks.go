//go:build mutant

// Every lock is in the way, also that of a transaction that started after the timestamp
// of the reader. It cannot commit below that.
//
//lab:mutant 4C kv/transaction
package transaction

func (s *Scanner) look(key []byte) (visible bool, err error) {
	var later *Lock
	if locked, ok := s.at(s.locks, 0); ok && string(locked) == string(key) {
		if later, err = DecodeLock(s.locks.Value()); err != nil {
			return false, err
		}
	}
	visible, err = s.look_original(key)
	if err == nil && later != nil && s.lock == nil && later.StartTS > s.ts {
		s.lock, s.value, visible = later, nil, true
	}
	return visible, err
}
