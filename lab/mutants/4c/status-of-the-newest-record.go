//go:build mutant

// The newest record of the key is taken for that of the transaction in question.
//
//lab:mutant 4C kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) outcome(req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, []engine.Op, error) {
	record, err := newestRecord(r, req.PrimaryKey)
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

func newestRecord(r *Reader, key []byte) (*Record, error) {
	for record, err := range r.Records(key, maxTS) {
		return record, err
	}
	return nil, nil
}
