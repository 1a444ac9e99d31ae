//go:build mutant

// The scanner takes the newest record at or below its timestamp. If that is a
// rollback, it shows nothing of the key.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"bytes"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Scanner) record(key []byte) (visible *Record, err error) {
	for record, err := range s.reader.Records(key, s.ts) {
		if err != nil {
			return nil, err
		}
		if visible = record; record.Kind == kvrpcpb.Op_Rollback || record.Kind == kvrpcpb.Op_Lock {
			visible = nil
		}
		break
	}
	if end := afterVersions(key); s.writes.Valid() && bytes.Compare(s.writes.Key(), end) < 0 {
		s.writes.Seek(end)
	}
	return visible, nil
}
