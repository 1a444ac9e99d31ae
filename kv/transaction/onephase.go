package transaction

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// CommitAtOnce commits a transaction all of whose keys are in one request, in one step:
// where Prewrite would lock the keys, it writes what Commit would write for them. The
// errors are the errors of Prewrite. A transaction that has committed already is in order, the
// request was sent twice: the response has the timestamp at which it has committed.
//
// If the transaction has locked one of the keys before, CommitAtOnce is Prewrite: an earlier
// request went the long way, and its client goes on from there. It may roll back as well as
// commit, so this request, which may come late, must not decide.
//
// A transaction without locks needs more of its caller than a prewrite does. A reader whose
// timestamp is above commitTS must not have read the keys before: it would have seen the
// versions below. So commitTS has to come from the oracle after the last such reader has
// been let in; server.OnePhase sees to that.
func CommitAtOnce(r *Reader, req *kvrpcpb.PrewriteRequest, commitTS uint64) (*kvrpcpb.PrewriteResponse, []engine.Op, error) {
	if err := checkPrewrite(req); err != nil {
		return nil, nil, err
	}
	if err := checkCommit(req.StartVersion, commitTS); err != nil {
		return nil, nil, err
	}
	// It was committed at all keys, or at none.
	done, err := r.RecordOf(req.Mutations[0].Key, req.StartVersion)
	switch {
	case err != nil:
		return nil, nil, err
	case done != nil && done.Kind != kvrpcpb.Op_Rollback:
		return &kvrpcpb.PrewriteResponse{CommitVersion: done.CommitTS}, nil, nil
	}
	resp, locks, err := Prewrite(r, req)
	if err != nil || len(resp.Errors) > 0 {
		return resp, nil, err
	}
	var w Writer
	for _, m := range req.Mutations {
		lock, err := r.Lock(m.Key)
		if err != nil {
			return nil, nil, err
		}
		if lock != nil {
			return resp, locks, nil // its own
		}
		if m.Op == kvrpcpb.Op_Put {
			w.PutValue(m.Key, req.StartVersion, m.Value)
		}
		w.PutRecord(m.Key, &Record{StartTS: req.StartVersion, Kind: m.Op, CommitTS: commitTS})
	}
	return &kvrpcpb.PrewriteResponse{CommitVersion: commitTS}, w.Ops(), nil
}
