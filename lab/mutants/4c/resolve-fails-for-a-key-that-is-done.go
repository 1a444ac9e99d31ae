//go:build mutant

// A key that another client has finished meanwhile is an error, and nothing is written.
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
			return &kvrpcpb.ResolveLockResponse{Error: &kvrpcpb.KeyError{Retryable: "the lock is gone"}}, nil, nil
		case req.CommitVersion == 0:
			w.rollBack(key, req.StartVersion, lock)
		default:
			w.commit(key, lock, req.CommitVersion)
		}
	}
	return &kvrpcpb.ResolveLockResponse{}, w.Ops(), nil
}
