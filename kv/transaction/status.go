package transaction

import (
	"fmt"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// CheckTxnStatus says what became of the transaction that has started at req.LockTs and
// has the primary key req.PrimaryKey (paper §2.2, on failed clients).
//
//   - It holds the lock of its primary key, and is alive: the response has the time to
//     live of the lock. If that is over at req.CurrentTs (Lock.Expired), the transaction
//     is rolled back at the key, with the action TTLExpireRollback.
//   - It is committed: the response has the commit timestamp.
//   - It was rolled back: the response has neither.
//   - There is nothing: its prewrite was never carried out, or is still on its way. A
//     record of a rollback keeps it from succeeding, with the action
//     LockNotExistRollback.
//
// A lock of the transaction that names another primary key is the error abort, and
// nothing is changed: only the primary decides.
//
//lab:implement 4C
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
	w.rollBack(key, req.LockTs, lock)
	return &kvrpcpb.CheckTxnStatusResponse{Action: kvrpcpb.Action_TTLExpireRollback}, w.Ops(), nil
}

// outcome answers req for a transaction that does not hold the lock of its primary key.
//
//lab:private
func (r *Reader) outcome(req *kvrpcpb.CheckTxnStatusRequest) (*kvrpcpb.CheckTxnStatusResponse, []engine.Op, error) {
	record, err := r.RecordOf(req.PrimaryKey, req.LockTs)
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

func otherPrimary(key []byte, lock *Lock) *kvrpcpb.KeyError {
	return &kvrpcpb.KeyError{Abort: fmt.Sprintf("key %q is not the primary key of the transaction of %d, which is %q", key, lock.StartTS, lock.Primary)}
}
