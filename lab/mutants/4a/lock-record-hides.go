//go:build mutant

// Visible passes over rollbacks, but not over records of transactions that have only
// locked the key.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) Visible(key []byte, ts uint64) (*Record, error) {
	for record, err := range r.Records(key, ts) {
		if err != nil || record.Kind != kvrpcpb.Op_Rollback {
			return record, err
		}
	}
	return nil, nil
}

func (r *Reader) Value(key []byte, ts uint64) (value []byte, found bool, err error) {
	record, err := r.Visible(key, ts)
	if err != nil || record == nil || record.Kind != kvrpcpb.Op_Put {
		return nil, false, err
	}
	value, err = r.valueOf(key, record)
	return value, err == nil, err
}
