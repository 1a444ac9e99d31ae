//go:build mutant

// The answer has the time that is left, instead of the time to live of the lock, which
// begins with the start of the transaction.
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
	case string(lock.Primary) != string(key):
		return &kvrpcpb.CheckTxnStatusResponse{Error: otherPrimary(key, lock)}, nil, nil
	case !lock.Expired(req.CurrentTs):
		age := max(Physical(req.CurrentTs)-Physical(req.LockTs), 0)
		return &kvrpcpb.CheckTxnStatusResponse{LockTtl: lock.TTL - uint64(age)}, nil, nil
	}
	w.rollBack(key, req.LockTs, lock)
	return &kvrpcpb.CheckTxnStatusResponse{Action: kvrpcpb.Action_TTLExpireRollback}, w.Ops(), nil
}
