//go:build mutant

// Keys are unlocked, and get no record: a committed transaction has lost some of its
// writes.
//
//lab:mutant 4C kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func ResolveLock(r *Reader, req *kvrpcpb.ResolveLockRequest, keys [][]byte) (*kvrpcpb.ResolveLockResponse, []engine.Op, error) {
	var w Writer
	for _, key := range keys {
		lock, err := r.Lock(key)
		switch {
		case err != nil:
			return nil, nil, err
		case lock == nil || lock.StartTS != req.StartVersion:
		case req.CommitVersion == 0:
			w.rollBack(key, req.StartVersion, lock)
		default:
			w.DeleteLock(key)
		}
	}
	return &kvrpcpb.ResolveLockResponse{}, w.Ops(), nil
}
