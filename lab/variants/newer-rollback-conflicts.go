//go:build variant

// A prewrite takes the rollback of a newer transaction for a conflict. The comment on
// Prewrite allows it: the client begins again with a newer timestamp, and loses no
// more than time.
//
//lab:variant kv/transaction 4B 4C
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
	for newest, err := range r.Records(key, maxTS) {
		switch {
		case err != nil:
			return nil, false, err
		case newest.CommitTS < req.StartVersion:
			return nil, false, nil
		case newest.StartTS == req.StartVersion && newest.Kind == kvrpcpb.Op_Rollback:
			return aborted(key, req.StartVersion), false, nil
		}
		return &kvrpcpb.KeyError{Conflict: &kvrpcpb.WriteConflict{
			StartTs: req.StartVersion, ConflictTs: newest.CommitTS, Key: key, Primary: req.PrimaryLock,
		}}, false, nil
	}
	return nil, false, nil
}
