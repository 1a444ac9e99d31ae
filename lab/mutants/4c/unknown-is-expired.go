//go:build mutant

// A transaction of which nothing is known is reported as one whose time was over.
//
//lab:mutant 4C kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) outcome(req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, []engine.Op, error) {
	record, err := r.RecordOf(req.PrimaryKey, req.LockTs)
	switch {
	case err != nil:
		return nil, nil, err
	case record == nil:
		var w Writer
		w.rollBack(req.PrimaryKey, req.LockTs, nil)
		return &kvrpcpb.CheckTxnStatusResponse{Action: kvrpcpb.Action_TTLExpireRollback}, w.Ops(), nil
	case record.Kind == kvrpcpb.Op_Rollback:
		return &kvrpcpb.CheckTxnStatusResponse{}, nil, nil
	}
	return &kvrpcpb.CheckTxnStatusResponse{CommitVersion: record.CommitTS}, nil, nil
}
