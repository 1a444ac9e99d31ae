//go:build mutant

// The newest record of the key is taken to decide: a key that anyone has committed
// since the start cannot be rolled back.
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
	record, err := r.RecordOf(key, startTS)
	switch {
	case err != nil:
		return nil, err
	case record == nil:
		if newest, err := r.Visible(key, maxTS); err != nil {
			return nil, err
		} else if newest != nil && newest.CommitTS > startTS {
			return &kvrpcpb.KeyError{Abort: fmt.Sprintf("key %q is committed at %d", key, newest.CommitTS)}, nil
		}
		w.rollBack(key, startTS, nil)
	case record.Kind != kvrpcpb.Op_Rollback:
		return &kvrpcpb.KeyError{Abort: fmt.Sprintf("the transaction of %d has committed key %q at %d", startTS, key, record.CommitTS)}, nil
	}
	return nil, nil
}
