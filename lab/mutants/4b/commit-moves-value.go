//go:build mutant

// Commit stores the value at the commit timestamp, where it expects readers to look
// for it, and removes it from the start timestamp.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"fmt"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func (r *Reader) commit(w *Writer, key []byte, startTS, commitTS uint64) (*kvrpcpb.KeyError, error) {
	lock, err := r.Lock(key)
	if err != nil {
		return nil, err
	}
	if lock != nil && lock.StartTS == startTS {
		w.commit(key, lock, commitTS)
		value, found, err := r.view.Get(engine.CFDefault, VersionKey(key, startTS))
		if err != nil {
			return nil, err
		}
		if found {
			w.DeleteValue(key, startTS)
			w.PutValue(key, commitTS, value)
		}
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
