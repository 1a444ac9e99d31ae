//go:build mutant

// The scanner goes from version to version with Next, also where a Seek would do. A
// counter that was written a thousand times costs a thousand reads.
//
//lab:mutant 4C kv/transaction
package transaction

import "github.com/labkv/labkv/proto/kvrpcpb"

func (s *Scanner) record(key []byte) (visible *Record, err error) {
	end := afterVersions(key)
	for ; s.writes.Valid() && string(s.writes.Key()) < string(end); s.writes.Next() {
		_, ts, err := DecodeVersion(s.writes.Key())
		if err != nil {
			return nil, err
		}
		if s.lock != nil || visible != nil || ts > s.ts {
			continue
		}
		record, err := DecodeRecord(s.writes.Value(), ts)
		if err != nil {
			return nil, err
		}
		if record.Kind == kvrpcpb.Op_Put || record.Kind == kvrpcpb.Op_Del {
			visible = record
		}
	}
	return visible, nil
}
