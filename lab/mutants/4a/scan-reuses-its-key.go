//go:build mutant

// The scanner has one buffer for keys. What a caller has kept changes with each Next.
//
//lab:mutant 4A kv/transaction
package transaction

func (s *Scanner) look(key []byte) (visible bool, err error) {
	buffer := s.key
	visible, err = s.look_original(key)
	s.key = append(buffer[:0], key...)
	return visible, err
}

func (s *Scanner) Next() bool {
	for s.err == nil {
		key, found := s.first()
		if !found {
			return false
		}
		visible, err := s.look(key)
		if err != nil {
			s.err = err
		} else if visible {
			return true
		}
	}
	return false
}
