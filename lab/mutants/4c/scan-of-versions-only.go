//go:build mutant

// Keys are taken from the write family. One that has a lock and no version yet is not
// seen, although its transaction may be committed.
//
//lab:mutant 4C kv/transaction
package transaction

func (s *Scanner) first() (key []byte, found bool) {
	for {
		locked, isLocked := s.at(s.locks, 0)
		written, isWritten := s.at(s.writes, tsSize)
		if isLocked && (!isWritten || string(locked) < string(written)) {
			s.locks.Next()
			continue
		}
		return written, isWritten
	}
}
