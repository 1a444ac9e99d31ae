//go:build mutant

// A key that another transaction has locked cannot be rolled back: the error is that
// lock. The client of the rollback waits for a transaction that is none of its
// business.
//
//lab:mutant 4C kv/transaction
package transaction

import (
	"fmt"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) rollBack(w *Writer, key []byte, startTS uint64) (*kvrpcpb.KeyError, error) {
	lock, err := r.Lock(key)
	if err != nil {
		return nil, err
	}
	if lock != nil && lock.StartTS == startTS {
		w.rollBack(key, startTS, lock)
		return nil, nil
	}
	if lock != nil {
		return &kvrpcpb.KeyError{Locked: lock.Info(key)}, nil
	}
	record, err := r.RecordOf(key, startTS)
	switch {
	case err != nil:
		return nil, err
	case record == nil:
		w.rollBack(key, startTS, nil)
	case record.Kind != kvrpcpb.Op_Rollback:
		return &kvrpcpb.KeyError{Abort: fmt.Sprintf("key %q is committed at %d", key, record.CommitTS)}, nil
	}
	return nil, nil
}
