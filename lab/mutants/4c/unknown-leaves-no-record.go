//go:build mutant

// Where nothing is known of the transaction, the answer says that it is rolled back,
// and no record makes that true. The prewrite that is still on its way succeeds.
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
		return &kvrpcpb.CheckTxnStatusResponse{Action: kvrpcpb.Action_LockNotExistRollback}, nil, nil
	case record.Kind == kvrpcpb.Op_Rollback:
		return &kvrpcpb.CheckTxnStatusResponse{}, nil, nil
	}
	return &kvrpcpb.CheckTxnStatusResponse{CommitVersion: record.CommitTS}, nil, nil
}
