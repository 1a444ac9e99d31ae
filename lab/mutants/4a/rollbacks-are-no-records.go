//go:build mutant

// RecordOf passes over rollbacks: the transaction seems never to have been here.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) RecordOf(key []byte, startTS uint64) (*Record, error) {
	record, err := r.RecordOf_original(key, startTS)
	if record != nil && record.Kind == kvrpcpb.Op_Rollback {
		return nil, err
	}
	return record, err
}
