//go:build mutant

// The newest record of a key decides, also if it is that of a rollback: the key then
// seems not to be there.
//
//lab:mutant 4C kv/transaction
package transaction

import "github.com/labkv/labkv/proto/kvrpcpb"

func (s *Scanner) record(key []byte) (visible *Record, err error) {
	for record, err := range s.reader.Records(key, s.ts) {
		if err != nil {
			return nil, err
		}
		if record.Kind == kvrpcpb.Op_Rollback {
			if _, err := s.record_original(key); err != nil {
				return nil, err
			}
			return nil, nil
		}
		break
	}
	return s.record_original(key)
}
