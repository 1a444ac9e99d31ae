//go:build mutant

// A prewrite looks for locks alone. Of two transactions that have read the same
// version the later one to commit undoes the other.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) obstacle(req *kvrpcpb.PrewriteRequest, key []byte) (obstacle *kvrpcpb.KeyError, held bool, err error) {
	lock, err := r.Lock(key)
	switch {
	case err != nil:
		return nil, false, err
	case lock != nil && lock.StartTS == req.StartVersion:
		return nil, true, nil
	case lock != nil:
		return &kvrpcpb.KeyError{Locked: lock.Info(key)}, false, nil
	}
	record, err := r.RecordOf(key, req.StartVersion)
	switch {
	case err != nil:
		return nil, false, err
	case record != nil:
		return aborted(key, req.StartVersion), false, nil
	}
	return nil, false, nil
}
