//go:build variant

// A prewrite of a key that its own transaction has committed already succeeds and
// writes nothing, as one of a key that the transaction has locked does. The comment
// on Prewrite leaves free what such a late request is told.
//
//lab:variant kv/transaction 4B 4C
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) obstacle(req *kvrpcpb.PrewriteRequest, key []byte) (obstacle *kvrpcpb.KeyError, held bool, err error) {
	record, err := r.RecordOf(key, req.StartVersion)
	switch {
	case err != nil:
		return nil, false, err
	case record != nil && record.Kind == kvrpcpb.Op_Rollback:
		return aborted(key, req.StartVersion), false, nil
	case record != nil:
		return nil, true, nil
	}
	return r.obstacle_original(req, key)
}
