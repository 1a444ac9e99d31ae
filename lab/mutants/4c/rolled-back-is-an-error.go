//go:build mutant

// A rollback that is sent twice is refused the second time, as if the transaction was
// committed.
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
		w.rollBack(key, startTS, nil)
	default:
		return &kvrpcpb.KeyError{Abort: fmt.Sprintf("the transaction of %d is over at key %q", startTS, key)}, nil
	}
	return nil, nil
}
