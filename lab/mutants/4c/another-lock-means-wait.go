//go:build mutant

// The key is locked by another transaction, and so nothing is done: the answer reads as
// "rolled back", but no record keeps the prewrite from succeeding once that lock is
// gone.
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
	case lock == nil:
		return r.outcome(req)
	case lock.StartTS != req.LockTs:
		return &kvrpcpb.CheckTxnStatusResponse{}, nil, nil
	case string(lock.Primary) != string(key):
		return &kvrpcpb.CheckTxnStatusResponse{Error: otherPrimary(key, lock)}, nil, nil
	case !lock.Expired(req.CurrentTs):
		return &kvrpcpb.CheckTxnStatusResponse{LockTtl: lock.TTL}, nil, nil
	}
	w.rollBack(key, req.LockTs, lock)
	return &kvrpcpb.CheckTxnStatusResponse{Action: kvrpcpb.Action_TTLExpireRollback}, w.Ops(), nil
}
