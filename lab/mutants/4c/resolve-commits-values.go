//go:build mutant

// Every lock is committed as a Put. A key that was to be deleted then has a record
// without a value.
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
			w.PutRecord(key, &Record{StartTS: req.StartVersion, Kind: kvrpcpb.Op_Put, CommitTS: req.CommitVersion})
			w.DeleteLock(key)
		}
	}
	return &kvrpcpb.ResolveLockResponse{}, w.Ops(), nil
}
