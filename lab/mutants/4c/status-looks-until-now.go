//go:build mutant

// The record of the transaction is looked for among those up to the time of the
// question. The transaction may have committed later than that time, which is when the
// other client began to ask.
//
//lab:mutant 4C kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) outcome(req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, []engine.Op, error) {
	record, err := recordUpTo(r, req.PrimaryKey, req.LockTs, req.CurrentTs)
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

func recordUpTo(r *Reader, key []byte, startTS, now uint64) (*Record, error) {
	for record, err := range r.Records(key, now) {
		if err != nil || record.StartTS == startTS {
			return record, err
		}
	}
	return nil, nil
}
