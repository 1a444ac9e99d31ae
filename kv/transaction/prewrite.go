package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// Prewrite locks the keys of req.Mutations for the transaction and stores its values
// (paper §2.2, Prewrite): all of them, or none if one cannot be locked. Then the
// response has an error for each key that cannot be:
//
//   - abort if the transaction was rolled back at the key: this prewrite comes late;
//   - conflict if another transaction has committed the key at or after StartVersion, be
//     it only as Lock: the snapshot that this one has read is no longer the newest.
//     Rollbacks of other transactions need not be a conflict: they have written nothing.
//     Below StartVersion they must not be one. It is a conflict for a mutation of any
//     kind: a transaction that only locks a key depends on what it has read there;
//   - locked if another transaction has a lock there, whatever its timestamp, kind and
//     time to live.
//
// If there are several reasons at a key, any of them will do. A conflict names the commit
// timestamp of a record that is in the way.
//
// A key that the transaction has locked before is in order: the request was sent twice.
// Nothing is written for it. Neither is anything where the transaction has committed
// the key already: it does not matter whether such a late request succeeds or which error it
// is told, as its client waits for no answer.
//
// Records below StartVersion decide nothing, and a key may have thousands of them: they
// are not walked.
//
//lab:implement 4B
func Prewrite(r *Reader, req *kvrpcpb.PrewriteRequest) (*kvrpcpb.PrewriteResponse, []engine.Op, error) {
	if err := checkPrewrite(req); err != nil {
		return nil, nil, err
	}
	var (
		w    Writer
		resp kvrpcpb.PrewriteResponse
	)
	for _, m := range req.Mutations {
		obstacle, held, err := r.obstacle(req, m.Key)
		switch {
		case err != nil:
			return nil, nil, err
		case obstacle != nil:
			resp.Errors = append(resp.Errors, obstacle)
		case !held:
			w.PutLock(m.Key, &Lock{Primary: req.PrimaryLock, StartTS: req.StartVersion, TTL: req.LockTtl, Kind: m.Op})
			if m.Op == kvrpcpb.Op_Put {
				w.PutValue(m.Key, req.StartVersion, m.Value)
			}
		}
	}
	if len(resp.Errors) > 0 {
		return &resp, nil, nil
	}
	return &resp, w.Ops(), nil
}

// obstacle returns why the transaction of req cannot lock key, or nil. held is true if it
// has the lock already.
//
//lab:private
func (r *Reader) obstacle(req *kvrpcpb.PrewriteRequest, key []byte) (obstacle *kvrpcpb.KeyError, held bool, err error) {
	lock, err := r.Lock(key)
	if err != nil {
		return nil, false, err
	}
	if lock != nil && lock.StartTS == req.StartVersion {
		return nil, true, nil
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
