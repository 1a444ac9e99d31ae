//go:build mutant

// Close of a scanner drops the errors of its iterators: a disk that fails looks like
// the last key.
//
//lab:mutant 4A kv/transaction
package transaction

func (s *Scanner) Close() error {
	s.locks.Close()
	s.writes.Close()
	return s.err
}
