package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// LocksOf returns the first keys in the view that the transaction of startTS has locked,
// in ascending order: at most limit of them, which is above 0. It looks at locks of other
// transactions only as far as they are before those, and asks for no key outside the view.
//
//lab:implement 4C
func LocksOf(r *Reader, startTS uint64, limit int) ([][]byte, error) {
	it, err := r.view.Iterate(engine.CFLock, engine.Range{})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var keys [][]byte
	for it.Seek(nil); it.Valid() && len(keys) < limit; it.Next() {
		lock, err := DecodeLock(it.Value())
		if err != nil {
			return nil, err
		}
		if lock.StartTS != startTS {
			continue
		}
		key, _, err := DecodeKey(it.Key())
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, it.Close()
}

// ResolveLock finishes the transaction of req at keys, as its primary key was found to be:
// it commits them at req.CommitVersion, or rolls them back if that is 0, as Commit and
// BatchRollback would. Keys that the transaction no longer has locked are left as they are,
// whatever else is there: another client was faster. That is no error, and keeps no other
// key from being finished.
//
//lab:implement 4C
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
			w.commit(key, lock, req.CommitVersion)
		}
	}
	return &kvrpcpb.ResolveLockResponse{}, w.Ops(), nil
}

// CheckResolve returns a *RequestError unless req makes sense.
func CheckResolve(req *kvrpcpb.ResolveLockRequest) error {
	if req.GetCommitVersion() == 0 {
		return checkStart(req.GetStartVersion())
	}
	return checkCommit(req.GetStartVersion(), req.GetCommitVersion())
}
