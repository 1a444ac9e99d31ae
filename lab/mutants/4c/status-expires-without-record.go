//go:build mutant

// A transaction whose time is over loses its lock, and no record says so. Its prewrite,
// sent once more, locks the key again, after clients were told that it is rolled back.
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
		return &kvrpcpb.CheckTxnStatusResponse{LockTtl: lock.TTL}, nil, nil
	}
	w.DeleteLock(key)
	w.DeleteValue(key, req.LockTs)
	return &kvrpcpb.CheckTxnStatusResponse{Action: kvrpcpb.Action_TTLExpireRollback}, w.Ops(), nil
}
