//go:build mutant

// The scanner shows the newest version of each key, whatever its timestamp is.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"bytes"
	"math"
)

func (s *Scanner) record(key []byte) (visible *Record, err error) {
	newest, err := s.reader.Visible(key, math.MaxUint64)
	if end := afterVersions(key); s.writes.Valid() && bytes.Compare(s.writes.Key(), end) < 0 {
		s.writes.Seek(end)
	}
	return newest, err
}
