//go:build mutant

// Commit takes any record of the transaction for a commit. The client is told that a
// transaction is committed which was rolled back.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"fmt"

	"github.com/labkv/labkv/proto/kvrpcpb"
)

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
		return nil, nil
	}
	return nil, nil
}
