package transaction

import (
	"fmt"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// BatchRollback makes sure that a transaction never commits any of keys: all of them,
// or none if one of them is committed, which is the error abort.
//
//   - A lock of the transaction goes, with its value.
//   - Where the transaction has no lock, a prewrite may still be on its way. So a
//     record of the rollback stays in either case: it makes that prewrite fail.
//   - The lock of another transaction stays.
//   - Where the transaction was rolled back before, nothing is written.
//
//lab:implement 4C
func BatchRollback(r *Reader, req *kvrpcpb.BatchRollbackRequest) (*kvrpcpb.BatchRollbackResponse, []engine.Op, error) {
	if err := checkKeys(req.GetKeys()); err != nil {
		return nil, nil, err
	}
	if err := checkStart(req.StartVersion); err != nil {
		return nil, nil, err
	}
	var w Writer
	for _, key := range req.Keys {
		refusal, err := r.rollBack(&w, key, req.StartVersion)
		if err != nil {
			return nil, nil, err
		}
		if refusal != nil {
			return &kvrpcpb.BatchRollbackResponse{Error: refusal}, nil, nil
		}
	}
	return &kvrpcpb.BatchRollbackResponse{}, w.Ops(), nil
}

// rollBack adds to w what rolls key back, or returns why it cannot be rolled back.
//
//lab:private
func (r *Reader) rollBack(w *Writer, key []byte, startTS uint64) (*kvrpcpb.KeyError, error) {
	lock, err := r.Lock(key)
	if err != nil {
		return nil, err
	}
	if lock != nil && lock.StartTS == startTS {
		w.rollBack(key, startTS, lock)
		return nil, nil
	}
	record, err := r.RecordOf(key, startTS)
	switch {
	case err != nil:
		return nil, err
	case record == nil:
		w.rollBack(key, startTS, nil)
	case record.Kind != kvrpcpb.Op_Rollback:
		return &kvrpcpb.KeyError{Abort: fmt.Sprintf("the transaction of %d has committed key %q at %d", startTS, key, record.CommitTS)}, nil
	}
	return nil, nil
}
