//go:build variant

// A scan takes from the scanner's iterators only which keys there are, and asks the Reader
// for the lock and the version of each. What a reader sees is the same, and the number of
// records that it reads is bounded for each key, as the comment on Scanner wants it.
//
//lab:variant kv/transaction 4C
package transaction

func (s *Scanner) look(key []byte) (visible bool, err error) {
	s.key, s.value, s.lock = key, nil, nil
	lock, err := s.reader.Lock(key)
	if err != nil {
		return false, err
	}
	if locked, ok := s.at(s.locks, 0); ok && string(locked) == string(key) {
		s.locks.Next()
	}
	s.writes.Seek(afterVersions(key))
	if lock != nil && lock.Blocks(s.ts) {
		s.lock = lock
		return true, nil
	}
	s.value, visible, err = s.reader.Value(key, s.ts)
	return visible, err
}
