//go:build mutant

// The lock is taken to be that of the primary key, whatever it says. So a key that
// decides nothing is rolled back, while the transaction commits at its primary.
//
//lab:mutant 4C kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func CheckTxnStatus(r *Reader, req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, []engine.Op, error) {
	if err := checkKey(req.GetPrimaryKey()); err != nil {
		return nil, nil, err
	}
	if err := checkStart(req.LockTs); err != nil {
		return nil, nil, err
	}
	var w Writer
	key := req.PrimaryKey
	lock, err := r.Lock(key)
	switch {
	case err != nil:
		return nil, nil, err
	case lock == nil || lock.StartTS != req.LockTs:
		return r.outcome(req)
	case !lock.Expired(req.CurrentTs):
		return &kvrpcpb.CheckTxnStatusResponse{LockTtl: lock.TTL}, nil, nil
	}
	w.rollBack(key, req.LockTs, lock)
	return &kvrpcpb.CheckTxnStatusResponse{Action: kvrpcpb.Action_TTLExpireRollback}, w.Ops(), nil
}
