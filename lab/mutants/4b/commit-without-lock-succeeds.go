//go:build mutant

// Commit takes a key without a lock and without a record for one that is done. It was
// never prewritten, and its value is lost.
//
//lab:mutant 4B kv/transaction
package transaction

import (
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
		return nil, nil
	case record.Kind == kvrpcpb.Op_Rollback:
		return aborted(key, startTS), nil
	}
	return nil, nil
}
