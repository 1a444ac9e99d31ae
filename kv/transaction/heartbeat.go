package transaction

import (
	"fmt"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// TxnHeartBeat makes the lock of a transaction's primary key live for at least
// req.AdviseLockTtl. The error is retryable if the transaction does not hold the lock,
// and abort if another key is its primary key.
func TxnHeartBeat(r *Reader, req *kvrpcpb.TxnHeartBeatRequest) (*kvrpcpb.TxnHeartBeatResponse, []engine.Op, error) {
	if err := checkKey(req.GetPrimaryLock()); err != nil {
		return nil, nil, err
	}
	if err := checkStart(req.StartVersion); err != nil {
		return nil, nil, err
	}
	key := req.PrimaryLock
	lock, err := r.Lock(key)
	switch {
	case err != nil:
		return nil, nil, err
	case lock == nil || lock.StartTS != req.StartVersion:
		return &kvrpcpb.TxnHeartBeatResponse{Error: &kvrpcpb.KeyError{
			Retryable: fmt.Sprintf("the transaction of %d has not locked key %q", req.StartVersion, key),
		}}, nil, nil
	case string(lock.Primary) != string(key):
		return &kvrpcpb.TxnHeartBeatResponse{Error: otherPrimary(key, lock)}, nil, nil
	case lock.TTL >= req.AdviseLockTtl:
		return &kvrpcpb.TxnHeartBeatResponse{LockTtl: lock.TTL}, nil, nil
	}
	lock.TTL = req.AdviseLockTtl
	var w Writer
	w.PutLock(key, lock)
	return &kvrpcpb.TxnHeartBeatResponse{LockTtl: lock.TTL}, w.Ops(), nil
}
