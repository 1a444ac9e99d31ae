//go:build mutant

// The lock that is there is finished, whoever has it. Since its key was found, another
// transaction may have locked it.
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
		case lock == nil:
		case req.CommitVersion == 0:
			w.rollBack(key, req.StartVersion, lock)
		default:
			w.commit(key, lock, req.CommitVersion)
		}
	}
	return &kvrpcpb.ResolveLockResponse{}, w.Ops(), nil
}
