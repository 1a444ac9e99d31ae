//go:build mutant

// A deleted key is a pair with an empty value.
//
//lab:mutant 4C kv/transaction
package transaction

func (s *Scanner) look(key []byte) (visible bool, err error) {
	visible, err = s.look_original(key)
	if visible || err != nil {
		return visible, err
	}
	record, err := s.reader.Visible(key, s.ts)
	return record != nil, err
}
