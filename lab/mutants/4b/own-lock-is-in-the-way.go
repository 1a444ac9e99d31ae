//go:build mutant

// A prewrite takes its own transaction's lock for another one's: a request that was
// sent twice fails.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) obstacle(req *kvrpcpb.PrewriteRequest, key []byte) (obstacle *kvrpcpb.KeyError, held bool, err error) {
	lock, err := r.Lock(key)
	if err != nil {
		return nil, false, err
	}

	for record, err := range r.Records(key, maxTS) {
		switch {
		case err != nil:
			return nil, false, err
		case record.CommitTS < req.StartVersion:

		case record.Kind != kvrpcpb.Op_Rollback:
			return &kvrpcpb.KeyError{Conflict: &kvrpcpb.WriteConflict{
				StartTs: req.StartVersion, ConflictTs: record.CommitTS, Key: key, Primary: req.PrimaryLock,
			}}, false, nil
		case record.StartTS == req.StartVersion:
			return aborted(key, req.StartVersion), false, nil
		default:
			continue // the rollback of another transaction
		}
		break // what follows is older
	}
	if lock != nil {
		return &kvrpcpb.KeyError{Locked: lock.Info(key)}, false, nil
	}
	return nil, false, nil
}
