//go:build mutant

// A scanner looks at 16 records of a key. A key that has more Rollback and Lock
// records above its version is missing in scans, and Get finds it.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"bytes"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Scanner) record(key []byte) (visible *Record, err error) {
	end := afterVersions(key)
	if s.lock == nil {
		s.writes.Seek(VersionKey(key, s.ts))
		for n := 0; n < 16 && visible == nil && s.writes.Valid() && bytes.Compare(s.writes.Key(), end) < 0; s.writes.Next() {
			n++
			_, ts, err := DecodeVersion(s.writes.Key())
			if err != nil {
				return nil, err
			}
			record, err := DecodeRecord(s.writes.Value(), ts)
			if err != nil {
				return nil, err
			}
			if record.Kind == kvrpcpb.Op_Put || record.Kind == kvrpcpb.Op_Del {
				visible = record
			}
		}
	}
	if s.writes.Valid() && bytes.Compare(s.writes.Key(), end) < 0 {
		s.writes.Seek(end)
	}
	return visible, nil
}
