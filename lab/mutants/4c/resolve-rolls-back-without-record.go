//go:build mutant

// ResolveLock that rolls back removes lock and value, and leaves no record. A prewrite
// that comes once more locks the key again.
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
			w.DeleteLock(key)
			w.DeleteValue(key, req.StartVersion)
		default:
			w.commit(key, lock, req.CommitVersion)
		}
	}
	return &kvrpcpb.ResolveLockResponse{}, w.Ops(), nil
}
