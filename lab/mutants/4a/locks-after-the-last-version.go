//go:build mutant

// The scanner ends with the last key that has a version. Keys after it that are only
// locked are left out.
//
//lab:mutant 4A kv/transaction
package transaction

func (s *Scanner) first() (key []byte, found bool) {
	if _, isWritten := s.at(s.writes, tsSize); !isWritten {
		return nil, false
	}
	return s.first_original()
}
