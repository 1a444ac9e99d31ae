//go:build mutant

// A key that was only locked is unlocked without a record, since nothing has changed.
// A commit that comes again finds nothing, and a conflict is not seen.
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
		if lock.Kind != kvrpcpb.Op_Lock {
			w.PutRecord(key, &Record{StartTS: startTS, Kind: lock.Kind, CommitTS: commitTS})
		}
		w.DeleteLock(key)
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
