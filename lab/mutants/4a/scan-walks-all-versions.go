//go:build mutant

// The scanner walks through all versions of a key to come to the next key, instead of
// seeking.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"bytes"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (s *Scanner) record(key []byte) (visible *Record, err error) {
	end := afterVersions(key)

	for ; s.writes.Valid() && bytes.Compare(s.writes.Key(), end) < 0; s.writes.Next() {
		_, ts, err := DecodeVersion(s.writes.Key())
		if err != nil {
			return nil, err
		}
		record, err := DecodeRecord(s.writes.Value(), ts)
		if err != nil {
			return nil, err
		}
		if visible == nil && ts <= s.ts && (record.Kind == kvrpcpb.Op_Put || record.Kind == kvrpcpb.Op_Del) {
			visible = record
		}
	}
	return visible, nil
}
