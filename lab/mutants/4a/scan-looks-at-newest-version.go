//go:build mutant

// The scanner looks at the newest version of each key. If that is too new, it leaves
// the key out, although an older version is visible.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"bytes"
	"math"
)

func (s *Scanner) record(key []byte) (visible *Record, err error) {
	newest, err := s.reader.Visible(key, math.MaxUint64)
	if newest != nil && newest.CommitTS > s.ts {
		newest = nil
	}
	if end := afterVersions(key); s.writes.Valid() && bytes.Compare(s.writes.Key(), end) < 0 {
		s.writes.Seek(end)
	}
	return newest, err
}
