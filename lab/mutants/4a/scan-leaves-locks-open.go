//go:build mutant

// Close of a scanner closes the iterator over records and forgets the one over locks.
//
//lab:mutant 4A kv/transaction
package transaction

func (s *Scanner) Close() error {
	if err := s.writes.Close(); s.err == nil {
		s.err = err
	}
	return s.err
}
