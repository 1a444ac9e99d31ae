package transaction

import (
	"fmt"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// Commit makes the writes of a transaction to keys visible at req.CommitVersion and
// unlocks them (paper §2.2, Commit): all of them, or none if one of the keys is not
// locked by the transaction. There it depends on the record of the transaction:
//
//   - It is committed already: that is in order, the request was sent twice, or another
//     client has finished the job. Nothing is written for that key.
//   - It was rolled back: the error is abort.
//   - There is no record: it was never prewritten. The error is retryable.
//
//lab:implement 4B
func Commit(r *Reader, req *kvrpcpb.CommitRequest) (*kvrpcpb.CommitResponse, []engine.Op, error) {
	if err := checkKeys(req.GetKeys()); err != nil {
		return nil, nil, err
	}
	if err := checkCommit(req.StartVersion, req.CommitVersion); err != nil {
		return nil, nil, err
	}
	var w Writer
	for _, key := range req.Keys {
		refusal, err := r.commit(&w, key, req.StartVersion, req.CommitVersion)
		if err != nil {
			return nil, nil, err
		}
		if refusal != nil {
			return &kvrpcpb.CommitResponse{Error: refusal}, nil, nil
		}
	}
	return &kvrpcpb.CommitResponse{}, w.Ops(), nil
}

// commit adds to w what commits key, or returns why it cannot be committed.
//
//lab:private
func (r *Reader) commit(w *Writer, key []byte, startTS, commitTS uint64) (*kvrpcpb.KeyError, error) {
	lock, err := r.Lock(key)
	if err != nil {
		return nil, err
	}
	if lock != nil && lock.StartTS == startTS {
		w.commit(key, lock, commitTS)
		return nil, nil
	}
	record, err := r.RecordOf(key, startTS)
	switch {
	case err != nil:
		return nil, err
	case record == nil:
		return &kvrpcpb.KeyError{Retryable: fmt.Sprintf("the transaction of %d has not locked key %q", startTS, key)}, nil
	case record.Kind == kvrpcpb.Op_Rollback:
		return aborted(key, startTS), nil
	}
	return nil, nil
}

// aborted is the error for a transaction that was rolled back at key.
func aborted(key []byte, startTS uint64) *kvrpcpb.KeyError {
	return &kvrpcpb.KeyError{Abort: fmt.Sprintf("the transaction of %d was rolled back at key %q", startTS, key)}
}
