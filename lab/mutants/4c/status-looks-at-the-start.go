//go:build mutant

// The record of the transaction is looked for at its start timestamp. A rollback is
// stored there, but a commit is not: what is committed is rolled back.
//
//lab:mutant 4C kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) outcome(req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, []engine.Op, error) {
	record, err := recordAt(r, req.PrimaryKey, req.LockTs)
	switch {
	case err != nil:
		return nil, nil, err
	case record == nil:
		var w Writer
		w.rollBack(req.PrimaryKey, req.LockTs, nil)
		return &kvrpcpb.CheckTxnStatusResponse{Action: kvrpcpb.Action_LockNotExistRollback}, w.Ops(), nil
	case record.Kind == kvrpcpb.Op_Rollback:
		return &kvrpcpb.CheckTxnStatusResponse{}, nil, nil
	}
	return &kvrpcpb.CheckTxnStatusResponse{CommitVersion: record.CommitTS}, nil, nil
}

func recordAt(r *Reader, key []byte, ts uint64) (*Record, error) {
	for record, err := range r.Records(key, ts) {
		if err != nil || record.CommitTS != ts {
			return nil, err
		}
		return record, nil
	}
	return nil, nil
}
